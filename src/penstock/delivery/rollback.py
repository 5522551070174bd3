"""The way back: production shows what it showed before, the code follows, and a statement says who and why."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from penstock.author.documentation import ARCHITECTURE_FILE, architecture_page
from penstock.delivery.pages.incident import Incident, incident_page
from penstock.delivery.rollout import follow_production
from penstock.delivery.sealing import Sealing, find_statement, write_statement
from penstock.delivery.stages import ROLLING_BACK
from penstock.delivery.tools import close_trees, on_base_branch, project_at, project_in
from penstock.evidence.canonical import digest
from penstock.evidence.statements import RESTORED, Link, Subject
from penstock.ledger.facts import ChangeRolledBack, RollbackBegun
from penstock.ledger.removals import refuse_removed
from penstock.model.errors import InputError
from penstock.model.findings import Finding, Place

if TYPE_CHECKING:
    from penstock.delivery.changes import Change
    from penstock.delivery.tools import Tools
    from penstock.model.findings import Verdict

INCIDENT = "incident.md"


def roll_back(
    change: Change, *, by: str, reason: str, tools: Tools, verdicts: tuple[Verdict, ...] = ()
) -> dict[str, str]:
    """Undo a change's promotion; returns what production shows now. One that was broken off is finished by a second.

    Raises:
        InputError: the change is not in production, a later change builds on it, or what was shown before was removed.
    """
    if change.promotion is None or change.previous is None or change.state == "rolled_back":
        raise InputError(_not_promoted(change))
    on_base_branch(change, tools)
    mapping = mapping_before(change, tools)
    if change.state != ROLLING_BACK:
        refuse_removed(tools.journal, mapping)
        _refuse_lost_work(change, tools)
        tools.journal.append(RollbackBegun(change=change.id, reason=reason, by=by))
    promotion = tools.runtime.promote(mapping, f"roll back {change.id}")
    follow_production(tools)
    incident = _incident(change, by, reason, verdicts, tools)
    restored, removed = _restore_files(change, tools)
    if find_statement(change, Link.ROLLBACK, tools.root, tools) is None:
        path = f"{change.folder}/{INCIDENT}"
        tools.folder.write(tools.root, path, incident_page(incident).encode())
        facts = {
            "reason": reason,
            "by": by,
            "promotion": promotion,
            "removed": sorted(removed),
            "seconds_seen": incident.seconds_seen,
        }
        things = tuple(
            Subject(name=f"{RESTORED}{path}", sha256=digest(tools.folder.read(tools.root, path) or b""))
            for path in restored
        )
        sealing = Sealing(files=(path,), things=things, verdicts=verdicts, facts=facts)
        write_statement(change, Link.ROLLBACK, sealing, tools.root, tools, signer=change.author)
    message = f"{change.id}: roll back\n\n{reason}\n\nPenstock-Change: {change.id}"
    paths = [change.folder, *restored, *removed]
    tools.repository.commit(tools.root, message, paths, change.author, at=tools.now())
    tools.tell(project_at(tools, change.merge_commit or "HEAD"), incident.to_json())
    rolled = ChangeRolledBack(change=change.id, promotion=promotion, reason=reason, by=by)
    tools.journal.append(rolled)
    close_trees(change, tools)
    return mapping


def decision(change: Change, tools: Tools) -> RollbackBegun:
    """Who decided that a change is rolled back, and why."""
    begun = (entry.fact for entry in tools.journal.entries() if entry.kind == RollbackBegun.__name__)
    return [fact for fact in begun if isinstance(fact, RollbackBegun) and fact.change == change.id][-1]


def mapping_before(change: Change, tools: Tools) -> dict[str, str]:
    """What production must show for the change to be gone, with later changes elsewhere left alone.

    Raises:
        InputError: a later change moved the same datasets, or reads them.
    """
    previous = change.previous or {}
    row = tools.journal.rows("promotions", promotion=change.promotion)[0]
    promoted = json.loads(str(row["mapping"]))
    touched = {name for name in {*promoted, *previous} if promoted.get(name) != previous.get(name)}
    now = tools.runtime.production()
    later = {name for name in touched if now.get(name) not in {promoted.get(name), previous.get(name)}}
    if change.state != ROLLING_BACK:
        readers = project_at(tools, tools.repository.head()).downstream(*touched)
        # a reader that is what it was then needs nothing of the change: its version does not rest on what moved
        later |= {name for name in readers if name in now and name not in touched and now[name] != promoted.get(name)}
    if later:
        raise InputError(_built_upon(change, sorted(later)))
    kept = {name: version for name, version in now.items() if name not in touched}
    return {**kept, **{name: previous[name] for name in touched if name in previous}}


def _refuse_lost_work(change: Change, tools: Tools) -> None:
    """Stop before a rollback would overwrite what somebody has edited since, committed or not.

    Raises:
        InputError: naming the files.
    """
    merge = change.merge_commit or "HEAD"
    written = {path for path in _written(change, tools) if path != ARCHITECTURE_FILE}
    edited = written & {*tools.repository.dirty(), *tools.repository.changed_between(merge, "HEAD")}
    if edited:
        raise InputError(
            Finding(
                code="change.edited_since",
                message=f"{change.id} wrote files that were edited since: {', '.join(sorted(edited))}",
                place=Place(file=min(edited)),
                expected="the files as the change left them",
                remedy="commit and undo those edits first, or roll back the change that made them",
            )
        )


def _written(change: Change, tools: Tools) -> tuple[str, ...]:
    """The project files that the change's merge brought; artefacts and keys apart."""
    paths = tools.repository.changed_between(_before(change, tools), change.merge_commit or "HEAD")
    return tuple(path for path in paths if not path.startswith(("changes/", "keys/")))


def _before(change: Change, tools: Tools) -> str:
    """The base as it was before the change came in: a branch that was only moved up to has no merge to look at."""
    merge = change.merge_commit or "HEAD"
    return f"{merge}^1" if tools.repository.is_merge(merge) else change.base_commit


def _restore_files(change: Change, tools: Tools) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Bring the files the change wrote back to what they were before its merge; artefacts under changes/ stay."""
    merge = change.merge_commit or "HEAD"
    restored, removed = [], []
    for path in _written(change, tools):
        before = tools.repository.show(_before(change, tools), path)
        if before is None:
            tools.folder.remove(tools.root, path)
            removed.append(path)
        elif path != ARCHITECTURE_FILE:
            tools.folder.write(tools.root, path, before)
            restored.append(path)
    brought = f"{merge}^2" if tools.repository.is_merge(merge) else merge
    drew = ARCHITECTURE_FILE in tools.repository.changed_between(change.base_commit, brought)
    if drew and ARCHITECTURE_FILE not in removed:
        page = architecture_page(project_in(tools, tools.root))
        tools.folder.write(tools.root, ARCHITECTURE_FILE, page.encode())
        restored.append(ARCHITECTURE_FILE)
    return tuple(restored), tuple(removed)


def _incident(change: Change, by: str, reason: str, verdicts: tuple[Verdict, ...], tools: Tools) -> Incident:
    failed = [interval for interval, state in change.observations.items() if state == "failed"]
    shown = tools.journal.rows("promotions", promotion=change.promotion)
    review = json.loads(tools.folder.read(tools.root, f"{change.folder}/review.json") or b"{}")
    return Incident(
        change=change.id,
        title=change.title,
        step="observation window" if verdicts else "asked for",
        by=by,
        reason=reason,
        at=tools.now(),
        interval=failed[0] if failed and verdicts else "",
        readers="production",
        since=str(shown[0]["at"]),
        rehearsed_ms=(review.get("rehearsal") or {}).get("rollback_ms"),
        verdicts=verdicts,
    )


def _not_promoted(change: Change) -> Finding:
    return Finding(
        code="change.not_promoted",
        message=f"{change.id} is not in production ({change.state.replace('_', ' ')})",
        expected="a change that was promoted and not rolled back",
        remedy=f"`penstock change reject {change.id} --reason …` ends a change that is still under way",
    )


def _built_upon(change: Change, later: list[str]) -> Finding:
    return Finding(
        code="change.built_upon",
        message=f"a later change moved what {change.id} promoted: {', '.join(later)}",
        expected="the newest change of these datasets",
        remedy="roll the later change back first (penstock change list)",
    )
