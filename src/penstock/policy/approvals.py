"""Which approvals count, and how many different people they come from.

An approval counts if its signature is good, it was given with an approver's key for exactly the reviewed bytes, neither
its name nor its key is the author's, and neither it nor its key has ended. Approvals that share a name or a key come
from one person.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from penstock.evidence.keys import Role
from penstock.policy.verdicts import counted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from penstock.evidence.quorum import Quorum
    from penstock.policy.facts import ApprovalFacts
    from penstock.policy.rules import Policy


class Reviewed(Protocol):
    """A review and the approvals given for it."""

    @property
    def policy(self) -> Policy:
        """The policy of the base revision."""

    @property
    def author(self) -> str:
        """Who wrote the change."""

    @property
    def author_key_id(self) -> str:
        """The author's key."""

    @property
    def review_envelope_sha256(self) -> str:
        """The review that has to be approved."""

    @property
    def approvals(self) -> tuple[ApprovalFacts, ...]:
        """Every approval among the change's evidence."""

    @property
    def labels(self) -> tuple[str, ...]:
        """What the change is besides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortage:
    """A quorum that is not reached, and the people of it who have approved."""

    quorum: Quorum
    people: tuple[str, ...]

    @property
    def words(self) -> str:
        """How many more, and from whom."""
        return f"{counted(self.quorum.count - len(self.people), 'approval')}{self.quorum.words}"


def fault_of(approval: ApprovalFacts, facts: Reviewed) -> str | None:
    """Why an approval does not count, or None if it does."""
    if not approval.valid_signature:
        return "its signature does not verify"
    if approval.role != Role.APPROVER:
        return f"its key has the role {approval.role or 'nobody'}, not {Role.APPROVER}"
    if _same(approval.name, facts.author) or approval.key_id == facts.author_key_id:
        return "it is the author's own"
    if approval.envelope_sha256 != facts.review_envelope_sha256:
        return "it was given for another review"
    return approval.fault or None


def approvers(facts: Reviewed, quorum: Quorum | None = None) -> tuple[str, ...]:
    """The different people whose approvals count, of a quorum or at all, by the first name of each."""
    good = (approval for approval in facts.approvals if fault_of(approval, facts) is None)
    return _people(one for one in good if quorum is None or quorum.admits(one.name, one.groups))


def shortages(facts: Reviewed) -> tuple[Shortage, ...]:
    """Every quorum of the change that is not reached."""
    people = ((quorum, approvers(facts, quorum)) for quorum in facts.policy.quorums(facts.labels))
    return tuple(Shortage(quorum=quorum, people=names) for quorum, names in people if len(names) < quorum.count)


def _people(approvals: Iterable[ApprovalFacts]) -> tuple[str, ...]:
    people: list[tuple[str, set[str]]] = []
    for approval in approvals:
        marks = {f"name {_plain(approval.name)}", f"key {approval.key_id}"}
        name = approval.name
        apart = []
        for known, theirs in people:
            if marks & theirs:
                marks |= theirs
                name = min(name, known)
            else:
                apart.append((known, theirs))
        people = [*apart, (name, marks)]
    return tuple(sorted(name for name, _ in people))


def _same(one: str, other: str) -> bool:
    return _plain(one) == _plain(other)


def _plain(name: str) -> str:
    return name.strip().casefold()
