"""Fewer people than policy asks for have approved exactly what was reviewed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.findings import Finding, Severity
from penstock.policy.approvals import approvers, fault_of, shortages
from penstock.policy.verdicts import counted, listed, needs_person, not_applicable, passed

if TYPE_CHECKING:
    from penstock.model.findings import Verdict
    from penstock.policy.approvals import Shortage
    from penstock.policy.facts import ApprovalFacts, DeploymentFacts

GATE = "missing_approval"


def judge(facts: DeploymentFacts) -> Verdict:
    """Wait for approvals by approvers other than the author, told apart by name and by key."""
    wanted = max(quorum.count for quorum in facts.policy.quorums(facts.labels))
    if wanted <= 0:
        return not_applicable(GATE, "Policy asks for no approval.")
    people, short = approvers(facts), shortages(facts)
    void = [_void(one, why) for one in facts.approvals if (why := fault_of(one, facts)) is not None]
    if not short:
        return passed(GATE, f"Approved by {listed(people)}: {len(people):,} of {wanted:,}.", void)
    summary = f"{len(people):,} of {counted(wanted, 'approval')} by someone other than {facts.author}."
    return needs_person(GATE, summary, [*(_missing(each, facts) for each in short), *void])


def _missing(short: Shortage, facts: DeploymentFacts) -> Finding:
    quorum = short.quorum
    setting = f"policy.approvals.{quorum.label}" if quorum.label else "policy.approvals"
    steps = f" ({listed(facts.irreversible)})" if quorum.label == "irreversible" and facts.irreversible else ""
    return Finding(
        code=f"gate.{GATE}{f'.{quorum.label}' if quorum.label else ''}",
        message=f"{short.words}{steps} of the review {facts.review_envelope_sha256[:12]} missing",
        found=f"approved by {listed(short.people)}" if short.people else "no approval that counts",
        expected=f"{counted(quorum.count, 'approver')}{quorum.words} (`{setting}`), none of them {facts.author}",
        remedy=f"read changes/{facts.story.id}/dossier.md, then penstock change approve {facts.story.id} --as NAME",
    )


def _void(approval: ApprovalFacts, why: str) -> Finding:
    return Finding(
        code=f"gate.{GATE}.void",
        message=f"the approval by {approval.name or 'nobody known'} does not count: {why}",
        severity=Severity.NOTE,
        found=f"key {approval.key_id[:12] or 'unknown'}, role {approval.role or 'unknown'}",
        expected="a good signature with an approver's key in force, of another person than the author, for this review",
    )
