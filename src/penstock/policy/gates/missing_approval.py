"""Fewer people than policy asks for have approved exactly what was reviewed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.findings import Finding, Severity
from penstock.policy.approvals import approvers, fault_of
from penstock.policy.verdicts import counted, listed, needs_person, not_applicable, passed

if TYPE_CHECKING:
    from penstock.model.findings import Verdict
    from penstock.policy.facts import ApprovalFacts, DeploymentFacts

GATE = "missing_approval"


def judge(facts: DeploymentFacts) -> Verdict:
    """Wait for approvals by approvers other than the author, told apart by name and by key."""
    wanted = facts.policy.approvals
    if wanted <= 0:
        return not_applicable(GATE, "Policy asks for no approval.")
    people = approvers(facts)
    void = [_void(one, why) for one in facts.approvals if (why := fault_of(one, facts)) is not None]
    if len(people) >= wanted:
        return passed(GATE, f"Approved by {listed(people)}: {len(people):,} of {wanted:,}.", void)
    summary = f"{len(people):,} of {counted(wanted, 'approval')} by someone other than {facts.author}."
    return needs_person(GATE, summary, [_missing(people, facts), *void])


def _missing(people: tuple[str, ...], facts: DeploymentFacts) -> Finding:
    missing = facts.policy.approvals - len(people)
    return Finding(
        code=f"gate.{GATE}",
        message=f"{counted(missing, 'approval')} of the review {facts.review_envelope_sha256[:12]} missing",
        found=f"approved by {listed(people)}" if people else "no approval that counts",
        expected=f"{counted(facts.policy.approvals, 'approver')} (`policy.approvals`), none of them {facts.author}",
        remedy=f"read changes/{facts.story.id}/dossier.md, then penstock change approve {facts.story.id} --as NAME",
    )


def _void(approval: ApprovalFacts, why: str) -> Finding:
    return Finding(
        code=f"gate.{GATE}.void",
        message=f"the approval by {approval.name or 'nobody known'} does not count: {why}",
        severity=Severity.NOTE,
        found=f"key {approval.key_id[:12] or 'unknown'}, role {approval.role or 'unknown'}",
        expected="a good signature with an approver's key, of another person than the author, for this review",
    )
