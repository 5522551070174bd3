"""A change begins anew from the base as it is: what was planned, reviewed and approved on the old one no longer counts.

Invariants: what the change agreed on in discovery stays; its statements stay too, so that evidence shows what was void
from then on; the old branch is set aside, never rewritten; one that was broken off is finished by whoever comes next.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from penstock.author.documentation import ARCHITECTURE_FILE
from penstock.delivery.authoring import authored
from penstock.delivery.changes import find_change
from penstock.delivery.lost_edits import lost_edits
from penstock.delivery.stages import ENDED, REBASING, Stage
from penstock.delivery.storybook import story_of
from penstock.delivery.tools import close_trees, on_base_branch
from penstock.evidence.keys import KEYS
from penstock.ledger.facts import ChangeRebased, StagePassed
from penstock.model.authors import AuthorKind
from penstock.model.errors import InputError
from penstock.model.findings import Finding, Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.delivery.changes import Change
    from penstock.delivery.tools import Tools


def rebase(change: Change, by: str, tools: Tools) -> Change:
    """Put a change on the base as it is now; its stages from design on are then to be done again.

    Raises:
        InputError: it has ended, is merged, is not agreed on yet, its base has not moved, or its author's files would
            undo what the base has got since; nothing was changed.
    """
    if change.state == REBASING:
        return finish(change, tools)
    _refuse(change)
    on_base_branch(change, tools)
    base = tools.repository.head()
    head = tools.repository.head(tools.worktree(change))
    if base == change.base_commit:
        raise InputError(_not_moved(change))
    lost = tuple(_lost_work(change, base, tools))
    if lost:
        raise InputError(lost)
    rebased = ChangeRebased(change=change.id, base_commit=base, before=change.base_commit, head=head, by=by)
    tools.journal.append(rebased)
    return finish(find_change(tools.journal, change.id), tools)


def finish(change: Change, tools: Tools) -> Change:
    """Make the branch anew from the new base, with the change's own artefacts on it, and record that it is there."""
    begun = _begun(change, tools)
    close_trees(change, tools)
    if tools.repository.branch_head(change.branch) == begun.head:
        tools.repository.retire(change.branch, tools.root / ".penstock" / "worktrees" / change.id)
    root = tools.worktree(change)
    tools.repository.reset(root, change.base_commit)
    names = [name for name in tools.repository.files(begun.head) if _is_own(name, change)]
    for path, data in tools.repository.contents(begun.head, names).items():
        if path.startswith(f"{change.folder}/") or tools.folder.read(root, path) is None:
            tools.folder.write(root, path, data)
    message = f"{change.id}: begin again from {change.base_commit[:12]}\n\nPenstock-Change: {change.id}"
    commit = tools.repository.commit(root, message, names, change.author, at=tools.now())
    passed = StagePassed(
        change=change.id,
        stage=Stage.DISCOVERY,
        commit=commit,
        envelope_sha256=change.passed[Stage.DISCOVERY],
    )
    tools.journal.append(passed)
    return find_change(tools.journal, change.id)


def _is_own(path: str, change: Change) -> bool:
    return path.startswith(f"{change.folder}/") or path == f"{KEYS}/{change.author}.yaml"


def _begun(change: Change, tools: Tools) -> ChangeRebased:
    facts = (entry.fact for entry in tools.journal.entries() if entry.kind == ChangeRebased.__name__)
    return [fact for fact in facts if isinstance(fact, ChangeRebased) and fact.change == change.id][-1]


def _lost_work(change: Change, base: str, tools: Tools) -> Iterator[Finding]:
    """Edits of the base that the files as their author has them would undo.

    Whoever writes anew from the base that is given undoes nothing: the deterministic author, and programs. Patches and
    branches are applied to it, or do not fit.
    """
    later, root = replace(change, base_commit=base), tools.worktree(change)
    story = story_of(later, root, tools)
    if story.author.kind in {AuthorKind.DETERMINISTIC, AuthorKind.COMMAND}:
        return
    files = authored(story, later, root, tools).files
    if story.author.kind is not AuthorKind.FILES:
        return
    moved = set(tools.repository.changed_between(change.base_commit, base)) - {ARCHITECTURE_FILE}
    for file in files:
        if file.path not in moved:
            continue
        older, newer = (tools.repository.show(commit, file.path) for commit in (change.base_commit, base))
        if newer is None:
            yield _removed(change, file.path)
            continue
        for lost in lost_edits((older or b"").decode(), newer.decode(), file.text):
            what = "both edited these lines" if lost.conflict else "it lacks an edit of the base"
            yield Finding(
                code="change.rebase_conflict",
                message=f"{file.path} of {change.id} would undo what the base has got since: {what}",
                place=Place(file=file.path, line=lost.line),
                found="the file as its author has it",
                expected=f"{lost.text or 'these lines gone'} (line {lost.base_line} of {file.path} on the base)",
                remedy="take the base's edit into the author's file, then run this again",
            )


def _refuse(change: Change) -> None:
    if change.state in ENDED or change.merge_commit is not None:
        how = change.state.replace("_", " ") if change.state in ENDED else "merged"
        raise InputError(
            Finding(
                code="change.not_open",
                message=f"{change.id} cannot be rebased: it is {how}",
                expected="a change that is not in production yet",
                remedy=f"`penstock change show {change.id}` says what comes next",
            )
        )
    if Stage.DISCOVERY not in change.passed:
        raise InputError(
            Finding(
                code="change.not_agreed",
                message=f"{change.id} has not passed its discovery: nothing was made on the old base",
                expected="a change that is planned, or further",
                remedy=f"penstock change resume {change.id}; or deliver {change.story} again after an edit",
            )
        )


def _not_moved(change: Change) -> Finding:
    return Finding(
        code="change.base_not_moved",
        message=f"{change.id} already begins from {change.base_branch} as it is",
        found=change.base_commit[:12],
        expected="a base with commits that the change does not have",
        remedy=f"go on: penstock change resume {change.id}",
    )


def _removed(change: Change, path: str) -> Finding:
    return Finding(
        code="change.rebase_conflict",
        message=f"{path}, which {change.id} writes, was removed on the base",
        place=Place(file=path),
        expected="a file that is still there, or that the change no longer writes",
        remedy="take the file out of the change, or bring it back on the base, then run this again",
    )
