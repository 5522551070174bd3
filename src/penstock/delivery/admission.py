"""May these commits go in? Every file that decides what is built must stand as a reviewed and approved change left it.

Invariants: nothing but git and files is asked, so that it can be done wherever the repository is; policy and keys are
those from before the commits; what cannot be verified vouches for nothing, and neither does what was in before: a
change answers for files once, and its records stay as they came in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.delivery.sealing import ENVELOPE_SUFFIX
from penstock.delivery.tools import settings_policy
from penstock.delivery.verification import peek, verify_change
from penstock.evidence.canonical import digest
from penstock.evidence.keys import KEYS, from_text
from penstock.evidence.statements import REMOVED, RESTORED, Link
from penstock.model.errors import InputError
from penstock.model.findings import Finding, Place, Severity, blocking
from penstock.project.layout import SETTINGS_FILE, is_project_file

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

    from penstock.delivery.ports import Folder, Repository
    from penstock.evidence.chain import ChainReport
    from penstock.evidence.keys import PublicKey
    from penstock.evidence.quorum import Quorum
    from penstock.evidence.statements import Statement
    from penstock.policy.rules import Policy

DOSSIER, PEOPLES_OWN = "dossier.md", ("keys/", ".github/")
"""What people change by commits of their own: it is told, and nobody's review vouches for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """A change whose evidence is among the commits: how far it came, who approved, and what is wrong with it."""

    id: str
    furthest: str
    approvers: tuple[str, ...]
    findings: tuple[Finding, ...]
    dossier: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """The answer: the changes among the commits, how many files they answer for, and what keeps them out."""

    base: str
    head: str
    changes: tuple[Admitted, ...]
    files: int
    findings: tuple[Finding, ...]

    @property
    def granted(self) -> bool:
        """Whether nothing is in the way."""
        return not blocking((*self.findings, *(finding for one in self.changes for finding in one.findings)))


def admission(base: str, root: Path, folder: Folder, repository: Repository) -> Admission:
    """Judge what the checked-out commit has that `base` (a commit) has not. `root` is the project, checked out."""
    head = repository.head()
    changed = repository.changed_between(base, head)
    policy = settings_policy(repository, base)
    before = frozenset(name for name in repository.files(base) if _is_record(name))
    changes = []
    vouched: dict[str, set[str | None]] = {}
    for change in _recorded(changed, before):
        if rewritten := sorted(before & {path for path in changed if path.startswith(f"changes/{change}/")}):
            changes.append(Admitted(id=change, furthest="", approvers=(), findings=tuple(map(_rewritten, rewritten))))
            continue
        report = verify_change(change, root, folder, repository)
        name, review = _last(change, {Link.REVIEW}, root, folder)
        broken = (*report.findings, *_foreign_bases(change, base, root, folder, repository))
        if name not in before:  # whoever is asked today was not asked when it came in
            lacking = _lacking(_asked(policy, review), report.approvers, base, repository)
            broken += tuple(_unapproved(change, report.furthest, lacking))
        one = _admitted(change, report, broken, root, folder)
        changes.append(one)
        if not blocking(one.findings):
            for path, sha256 in _claims(change, base, before, root, folder, repository):
                vouched.setdefault(path, set()).add(sha256)
    governed = [path for path in changed if is_project_file(path)]
    findings = [
        *(_unreviewed(path) for path in governed if path != SETTINGS_FILE and not _stands(path, vouched, root, folder)),
        *(_by_hand(path) for path in changed if path == SETTINGS_FILE or _is_peoples_own(path, vouched, root, folder)),
    ]
    return Admission(base=base, head=head, changes=tuple(changes), files=len(governed), findings=tuple(findings))


def _is_record(path: str) -> bool:
    return path.startswith("changes/") and path.count("/") > 2 and path.endswith(ENVELOPE_SUFFIX)


def _recorded(changed: Iterable[str], before: Iterable[str]) -> tuple[str, ...]:
    """The changes of whose records something is otherwise than it was."""
    known = {path.split("/")[1] for path in before}
    places = [path.split("/") for path in changed if path.startswith("changes/") and path.count("/") > 1]
    return tuple(sorted({parts[1] for parts in places if parts[1] in known or "evidence" in parts[2:-1]}))


def _asked(policy: Policy, review: Statement | None) -> tuple[Quorum, ...]:
    """Who must have approved a change with the labels of its review."""
    labels = review.facts.get("labels") if review is not None else None
    return policy.quorums([str(label) for label in labels] if isinstance(labels, list) else [])


def _lacking(
    asked: Iterable[Quorum], approvers: Iterable[str], base: str, repository: Repository
) -> tuple[tuple[int, Quorum, tuple[str, ...]], ...]:
    """What is asked for and not there, how many of those who approved count for it, and whose keys `base` no longer
    has in force; groups are those of `base` too.
    """
    keys = {name: _key(name, base, repository) for name in approvers}
    ended = tuple(name for name, key in keys.items() if key is None or key.revoked is not None)
    groups = {name: key.groups for name, key in keys.items() if key is not None and name not in ended}
    counted = ((each, sum(each.admits(name, groups[name]) for name in groups)) for each in asked)
    return tuple((count, each, ended) for each, count in counted if count < each.count)


def _key(name: str, base: str, repository: Repository) -> PublicKey | None:
    """An approver's key; None if it is not there or cannot be read."""
    file = f"{KEYS}/{name}.yaml"
    try:
        return from_text((repository.show(base, file) or b"").decode(errors="replace"), file)
    except InputError:
        return None


def _last(change: str, links: Collection[Link], root: Path, folder: Folder) -> tuple[str, Statement | None]:
    """The file of the last of a change's statements of these kinds, and what it says."""
    found = ((name, said) for name, said in reversed(_statements(change, root, folder)) if said.stage in links)
    return next(found, ("", None))


def _unapproved(
    change: str, furthest: Link | None, lacking: Iterable[tuple[int, Quorum, tuple[str, ...]]]
) -> Iterator[Finding]:
    """Who has not approved; nobody is asked once a change was taken back."""
    if furthest is None or furthest.rank < Link.APPROVAL.rank:
        yield _not_approved(change, str(furthest or "nothing"))
    elif furthest is not Link.ROLLBACK:
        yield from (_too_few(change, *each) for each in lacking)


def _admitted(change: str, report: ChainReport, findings: tuple[Finding, ...], root: Path, folder: Folder) -> Admitted:
    page = folder.read(root, f"changes/{change}/{DOSSIER}") or b""
    return Admitted(
        id=change,
        furthest=str(report.furthest or ""),
        approvers=report.approvers,
        findings=findings,
        dossier=page.decode(errors="replace"),
    )


def _claims(
    change: str, base: str, before: Collection[str], root: Path, folder: Folder, repository: Repository
) -> Iterator[tuple[str, str | None]]:
    """Paths and digests (None: taken away) that a verified change answers for: its last review, or its rollback.

    One that was in `before` has answered already: what it said then could bring back what others have replaced since.
    """
    name, last = _last(change, {Link.REVIEW, Link.ROLLBACK}, root, folder)
    if last is None or name in before:
        return
    if last.stage is Link.REVIEW:
        yield from _named(last)
        return
    _, review = _last(change, {Link.REVIEW}, root, folder)
    if review is not None and review.base_commit is not None and repository.is_ancestor(review.base_commit, base):
        yield from _taken_back(review, last, base, repository)


def _taken_back(
    review: Statement, rollback: Statement, base: str, repository: Repository
) -> Iterator[tuple[str, str | None]]:
    """What a rollback brings back. Nobody approves it: it takes files from what the review left to what was before."""
    left = dict(_named(review))
    for path, sha256 in _named(rollback):
        first, now = (repository.show(commit, path) for commit in (str(review.base_commit), base))
        if path in left and left[path] == _digest(now) and sha256 == _digest(first):
            yield path, sha256


def _named(statement: Statement) -> Iterator[tuple[str, str | None]]:
    for subject in statement.subjects:
        name = subject.name
        if name.startswith(REMOVED):
            yield name.removeprefix(REMOVED), None
        elif subject.file or name.startswith(RESTORED):
            yield name.removeprefix(RESTORED), subject.sha256
    removed = statement.facts.get("removed", ()) if statement.stage is Link.ROLLBACK else ()
    yield from ((str(path), None) for path in removed if isinstance(path, str))


def _digest(data: bytes | None) -> str | None:
    return None if data is None else digest(data)


def _statements(change: str, root: Path, folder: Folder) -> tuple[tuple[str, Statement], ...]:
    names = sorted(folder.list(root, f"changes/{change}/evidence"))
    peeked = ((name, peek(name, folder.read(root, name) or b"")) for name in names if name.endswith(ENVELOPE_SUFFIX))
    return tuple((name, statement) for name, statement in peeked if statement is not None)


def _foreign_bases(change: str, base: str, root: Path, folder: Folder, repository: Repository) -> Iterator[Finding]:
    """What a change was judged by must be what held before these commits, else they could bring their own approver."""
    began = {said.base_commit for _, said in _statements(change, root, folder) if said.base_commit}
    for commit in sorted(began):
        if not repository.is_ancestor(commit, base) and _trusted(commit, repository) != _trusted(base, repository):
            yield _foreign_base(change, commit, base)


def _trusted(commit: str, repository: Repository) -> dict[str, bytes]:
    """The policy and the keys of a commit."""
    names = [name for name in repository.files(commit) if name == SETTINGS_FILE or name.startswith(f"{KEYS}/")]
    return repository.contents(commit, names)


def _stands(path: str, vouched: dict[str, set[str | None]], root: Path, folder: Folder) -> bool:
    return _digest(folder.read(root, path)) in vouched.get(path, set())


def _is_peoples_own(path: str, vouched: dict[str, set[str | None]], root: Path, folder: Folder) -> bool:
    return path.startswith(PEOPLES_OWN) and not _stands(path, vouched, root, folder)


def summary(admitted: Admission) -> str:
    """What a reviewer reads where the commits wait: the answer, what is in the way, and every dossier, as Markdown."""
    return "\n\n".join(_summary(admitted)) + "\n"


def _summary(admitted: Admission) -> Iterator[str]:
    answer = "may go in" if admitted.granted else "**may not go in**"
    files = f"{admitted.files} file(s) that decide what is built"
    yield f"# These commits {answer}"
    yield f"`{admitted.base[:12]}` to `{admitted.head[:12]}`: {len(admitted.changes)} change(s), {files}."
    findings = [*admitted.findings, *(finding for one in admitted.changes for finding in one.findings)]
    if findings:
        yield "\n".join(_lines(findings))
    for one in admitted.changes:
        by = ", ".join(one.approvers) or "nobody"
        yield f"<details><summary>{one.id}: {one.furthest}, approved by {by}</summary>"
        yield one.dossier.strip() or "There is no dossier."
        yield "</details>"


def _lines(findings: Iterable[Finding]) -> Iterator[str]:
    for finding in findings:
        where = f" (`{finding.place.file}`)" if finding.place.file else ""
        yield f"- **{finding.severity}** {finding.message}{where}" + (f": {finding.remedy}" if finding.remedy else "")


def _unreviewed(path: str) -> Finding:
    return Finding(
        code="admit.unreviewed_file",
        message=f"{path} is otherwise than any reviewed and approved change leaves it",
        place=Place(file=path),
        found="bytes that no verified review names",
        expected="a change of it that was delivered: reviewed on data, approved, with its evidence among the commits",
        remedy="deliver it: a story with `author: {kind: branch, branch: …}`, then penstock deliver STORY",
    )


def _by_hand(path: str) -> Finding:
    return Finding(
        code="admit.peoples_own",
        message=f"{path} decides about changes and comes in by a person's own commit",
        severity=Severity.WARNING,
        place=Place(file=path),
        remedy="have it looked at by those who answer for it (CODEOWNERS)",
    )


def _rewritten(path: str) -> Finding:
    return Finding(
        code="admit.rewritten_record",
        message=f"{path} was in already, and these commits change it or take it away",
        place=Place(file=path),
        found="other bytes than before these commits, or none",
        expected="statements of changes as they came in; new ones only follow them",
        remedy=f"put it back as it was: git checkout BASE -- {path}",
    )


def _foreign_base(change: str, commit: str, base: str) -> Finding:
    return Finding(
        code="admit.foreign_base",
        message=f"{change} was judged by other keys or another policy than held before these commits",
        place=Place(file=f"changes/{change}"),
        found=f"evidence that begins from {commit[:12]}",
        expected=f"a base that {base[:12]} holds, or one with the same penstock.yaml and keys/",
        remedy="bring keys and policy in first, by a person's own commit; then rebase the change",
    )


def _not_approved(change: str, furthest: str) -> Finding:
    return Finding(
        code="admit.not_approved",
        message=f"{change} is not approved",
        place=Place(file=f"changes/{change}"),
        found=f"its evidence ends with {furthest}",
        expected="a review and its approvals",
        remedy=f"penstock change show {change}; penstock change approve {change} --as NAME, and commit what it writes",
    )


def _too_few(change: str, count: int, quorum: Quorum, ended: tuple[str, ...]) -> Finding:
    gone = f"; before these commits the key of {', '.join(ended)} was revoked or taken out" if ended else ""
    return Finding(
        code="admit.too_few_approvals",
        message=f"{change} has {count} of {quorum.count} approvals{quorum.words}",
        place=Place(file=f"changes/{change}"),
        found=f"{count}{gone}",
        expected=f"{quorum.count} different people{quorum.words}, as the base revision's policy says",
        remedy=f"penstock change approve {change} --as NAME, and commit what it writes",
    )
