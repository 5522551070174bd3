"""Which approvals count, and how many different people they come from.

An approval counts if its signature is good, it was given with an approver's key for exactly the reviewed bytes, and
neither its name nor its key is the author's. Approvals that share a name or a key come from one person.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.evidence.keys import Role

if TYPE_CHECKING:
    from collections.abc import Iterable

    from penstock.policy.facts import ApprovalFacts, DeploymentFacts


def fault_of(approval: ApprovalFacts, facts: DeploymentFacts) -> str | None:
    """Why an approval does not count, or None if it does."""
    if not approval.valid_signature:
        return "its signature does not verify"
    if approval.role != Role.APPROVER:
        return f"its key has the role {approval.role or 'nobody'}, not {Role.APPROVER}"
    if _same(approval.name, facts.author) or approval.key_id == facts.author_key_id:
        return "it is the author's own"
    if approval.envelope_sha256 != facts.review_envelope_sha256:
        return "it was given for another review"
    return None


def approvers(facts: DeploymentFacts) -> tuple[str, ...]:
    """The different people whose approvals count, by the first name of each."""
    return _people(approval for approval in facts.approvals if fault_of(approval, facts) is None)


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
