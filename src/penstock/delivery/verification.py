"""Checks a change's evidence from story to observation with public keys alone: no warehouse, no network.

A ledger is not needed; where there is one, it knows how far the chain must reach.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from penstock.delivery.changes import find_change
from penstock.delivery.stages import Stage
from penstock.evidence.canonical import digest
from penstock.evidence.chain import ChainRules, LinkReport, verify_chain
from penstock.evidence.envelope import read_envelope, read_statement
from penstock.evidence.keys import KEYS, Role, from_text, key_ring, with_revocations
from penstock.evidence.statements import REMOVED, RESTORED, Link
from penstock.model.errors import InputError
from penstock.model.findings import Finding, Place
from penstock.policy.rules import Label, Policy
from penstock.project.layout import SETTINGS_FILE
from penstock.project.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from penstock.delivery.ports import Folder, Repository
    from penstock.evidence.chain import ChainReport
    from penstock.evidence.git_objects import History
    from penstock.evidence.keys import PublicKey
    from penstock.evidence.statements import Statement
    from penstock.ledger.journal import Journal


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What a ledger knows of a chain: the statement that it reached, and the last one's digest once it is done."""

    reach: Link | None = None
    head: str | None = None


def recorded(change: str, journal: Journal) -> Recorded:
    """How far a change's statements must reach; nothing if the ledger does not know the change."""
    if not journal.rows("changes", change=change):
        return Recorded()
    known = find_change(journal, change)
    if known.state == "rolled_back":
        return Recorded(reach=Link.ROLLBACK)
    if Stage.DEPLOYMENT in known.passed:
        head = known.passed[Stage.DEPLOYMENT] if known.state == "done" else None
        return Recorded(reach=Link.OBSERVATION, head=head)
    if known.observations:
        return Recorded(reach=Link.DEPLOYMENT)
    review = known.passed.get(Stage.REVIEW)
    if review is not None and journal.rows("approvals", change=change, envelope_sha256=review):
        return Recorded(reach=Link.APPROVAL)
    return Recorded(reach=next((Link(stage) for stage in reversed(Stage) if stage in known.passed), None))


def verify_change(
    change: str, root: Path, folder: Folder, repository: Repository, ledger: Recorded = Recorded()
) -> ChainReport:
    """The report on a change's chain, as its files stand under `root`.

    `ledger` is what a ledger recorded: without one, missing last links cannot be told.

    Raises:
        InputError: there is no evidence of that change.
    """
    with repository.history() as history:
        found = evidence_of(change, root, folder, history)
        return judge(found, ledger, also=keys_here(root, folder))


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a chain is judged by: envelopes in order as name and bytes, the bytes of subjects, and the commits named."""

    change: str
    envelopes: tuple[tuple[str, bytes], ...]
    read: Callable[[str], bytes | None]
    history: History

    @property
    def last(self) -> Statement | None:
        """The last statement that can be read, not verified yet: the keys and policy of its base revision count.

        A waiver chooses neither, unless nothing else was said yet.
        """
        peeked = [said for each in reversed(self.envelopes) if (said := peek(*each)) is not None]
        steps = (said for said in peeked if said.stage is not Link.WAIVER)
        return next(steps, peeked[0] if peeked else None)


def evidence_of(change: str, root: Path, folder: Folder, history: History) -> Evidence:
    """A change's evidence as its files stand under `root`.

    Raises:
        InputError: there is none.
    """
    files = _envelopes(change, root, folder)
    if not files:
        raise InputError(_no_evidence(change))
    statements = [statement for name, data in files if (statement := peek(name, data)) is not None]
    claims = _Claims(change, root, folder, history, statements)
    return Evidence(change=change, envelopes=tuple(files), read=claims.read, history=history)


def judge(
    found: Evidence,
    ledger: Recorded = Recorded(),
    also: Sequence[PublicKey] = (),
    ends: Sequence[PublicKey] = (),
) -> ChainReport:
    """Judge a chain by the keys and the policy of its base revision; the rule `keys` says whether those can be read.

    `also` are the keys of the project as it is: they may sign stages, never approvals, and what they revoke is revoked.
    Of `ends` that alone is taken: what they revoke, or end earlier.
    """
    findings: tuple[Finding, ...] = ()
    keys: Mapping[str, PublicKey] = {}
    policy = Policy()
    try:
        keys = trusted_keys(found, also, ends)
        policy = _policy_of(found)
    except InputError as error:
        findings = error.findings
    quorums = tuple(each for each in policy.quorums(tuple(Label)) if each.words)
    rules = ChainRules(
        change=found.change, approvals=policy.approvals, quorums=quorums, reach=ledger.reach, head=ledger.head
    )
    report = verify_chain(found.envelopes, keys, found.read, rules, found.history)
    return replace(report, links=(LinkReport(name="keys", findings=findings), *report.links))


def trusted_keys(
    found: Evidence, also: Sequence[PublicKey] = (), ends: Sequence[PublicKey] = ()
) -> Mapping[str, PublicKey]:
    """Keys by id: approvers from the base revision alone; authors also from the commit that the last statement names.

    None of them counts for longer than `also` and `ends` say.

    Raises:
        InputError: a revision is not there, or its keys or settings are broken.
    """
    last = found.last
    then = _keys_at(last.base_commit, found.history) if last and last.base_commit else []
    later = _keys_at(last.commit, found.history) if last and last.commit else []
    known = {key.key_id for key in then}
    more: dict[str, PublicKey] = {}
    for key in (*later, *also):
        if key.role is not Role.APPROVER and key.key_id not in known:
            more.setdefault(key.key_id, key)
    return key_ring(with_revocations(with_revocations([*then, *more.values()], also), ends))


class _Claims:
    """Reads the bytes a statement speaks of: as they stand now, or as they stood when this change was merged if a later
    statement in the project answers for what stands there now.
    """

    def __init__(self, change: str, root: Path, folder: Folder, history: History, statements: list[Statement]) -> None:
        self._root, self._folder, self._history = root, folder, history
        self._claimed: dict[str, set[str | None]] = {}
        after = {Link.OBSERVATION, Link.ROLLBACK}  # others may have gone live while the window was watched
        moments = [statement.at for statement in statements if statement.stage not in after]
        latest = max(moments, default="")
        self._commit = next((s.commit for s in reversed(statements) if s.stage is Link.REVIEW and s.commit), None)
        self._read_claims(change, statements, latest)

    def _read_claims(self, change: str, own: list[Statement], latest: str) -> None:
        """What answers for files now: this change's own rollback, what its deployment drew anew, and later changes that
        were approved and deployed.
        """
        claims = [statement for statement in own if statement.stage in {Link.DEPLOYMENT, Link.ROLLBACK}]
        for other in self._others(change):
            claims += [s for s in _deployed(other, self._root, self._folder, self._history) if s.at >= latest]
        for statement in claims:
            for subject in statement.subjects:
                path = subject.file or subject.name.removeprefix(RESTORED)
                if subject.name.startswith(REMOVED):
                    self._claimed.setdefault(subject.name.removeprefix(REMOVED), set()).add(None)
                elif ":" not in path:
                    self._claimed.setdefault(path, set()).add(subject.sha256)
            for path in statement.facts.get("removed", ()) if statement.stage is Link.ROLLBACK else ():
                self._claimed.setdefault(str(path), set()).add(None)

    def _others(self, change: str) -> list[str]:
        names = {name.split("/")[1] for name in self._folder.list(self._root, "changes") if name.count("/") > 1}
        return sorted(names - {change})

    def read(self, path: str) -> bytes | None:
        """The bytes this change's statements are held against."""
        now = self._folder.read(self._root, path)
        if path not in self._claimed:
            return now
        standing = None if now is None else digest(now)
        if standing not in self._claimed[path] or self._commit is None:
            return now
        return self._history.file(self._commit, path) or now


def _deployed(change: str, root: Path, folder: Folder, history: History) -> list[Statement]:
    """Another change's statements, if its own chain stands: signed, in order, approved and deployed.

    Whether the files still are what it vouches for is its own verification's question.
    """
    files = _envelopes(change, root, folder)
    statements = [statement for name, data in files if (statement := peek(name, data)) is not None]
    if Link.DEPLOYMENT not in {statement.stage for statement in statements}:
        return []
    found = Evidence(change=change, envelopes=tuple(files), read=lambda _path: None, history=history)
    report = judge(found, also=keys_here(root, folder))
    return statements if all(link.ok for link in report.links if link.name not in {"subjects", "tree"}) else []


def _envelopes(change: str, root: Path, folder: Folder) -> list[tuple[str, bytes]]:
    names = sorted(name for name in folder.list(root, f"changes/{change}/evidence") if name.endswith(".dsse.json"))
    return [(name, folder.read(root, name) or b"") for name in names]


def peek(name: str, data: bytes) -> Statement | None:
    """An envelope's statement without asking whether it is true; verification does."""
    try:
        return read_statement(read_envelope(data, name), name)
    except InputError:
        return None


def keys_here(root: Path, folder: Folder) -> list[PublicKey]:
    """The keys of the project as it is, for what may sign stages, and for what was revoked since."""
    return [_key(name, folder.read(root, name) or b"") for name in folder.list(root, KEYS) if name.endswith(".yaml")]


def _keys_at(commit: str, history: History) -> list[PublicKey]:
    return [_key(name, data) for name, data in history.folder(commit, KEYS).items() if name.endswith(".yaml")]


def _key(name: str, data: bytes) -> PublicKey:
    return from_text(data.decode(errors="replace"), name)


def _policy_of(found: Evidence) -> Policy:
    """Who must approve, as the base revision's settings say.

    Raises:
        InputError: they cannot be read.
    """
    last = found.last
    if last is None or last.base_commit is None:
        return Policy()
    data = found.history.file(last.base_commit, SETTINGS_FILE)
    if data is None:
        return Policy()
    findings: list[Finding] = []
    settings = read_settings(data.decode(errors="replace"), findings)
    if settings is None and findings:
        raise InputError(tuple(findings))
    return Policy.of(settings) if settings else Policy()


def _no_evidence(change: str) -> Finding:
    return Finding(
        code="evidence.none",
        message=f"there is no evidence of {change}",
        place=Place(file=f"changes/{change}/evidence"),
        expected="sealed statements of a change that was delivered",
        remedy="`penstock change list` shows the changes of this project",
    )
