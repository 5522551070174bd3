"""What policy and waivers make of a gate's word. The word itself is kept beside it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from penstock.evidence.statements import finding_digest
from penstock.model.findings import Finding, Outcome, Verdict, blocking
from penstock.policy.rules import FIXED, Weight
from penstock.policy.verdicts import counted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from penstock.policy.facts import WaiverFacts
    from penstock.policy.rules import GateRule

WARNS = "policy has it warn, not block"


def asked(rule: GateRule, environment: str) -> str | None:
    """Why policy has a gate not asked in an environment, or None if it is."""
    if rule.severity is Weight.OFF:
        return "policy switches it off"
    if rule.environments and environment not in rule.environments:
        return f"policy asks it in {', '.join(rule.environments)} alone, not in {environment}"
    return None


def weakened(rule: GateRule, environment: str) -> str | None:
    """What policy takes from a gate in an environment, or None."""
    return asked(rule, environment) or (WARNS if rule.severity is Weight.WARN else None)


def unasked(gate: str, why: str) -> Verdict:
    """The verdict of a gate that policy has not asked."""
    return Verdict(
        gate=gate,
        outcome=Outcome.NOT_APPLICABLE,
        summary="Not asked.",
        counts_as=Outcome.NOT_APPLICABLE,
        ruling=why,
    )


def ruled(verdict: Verdict, rule: GateRule, waivers: Iterable[WaiverFacts]) -> Verdict:
    """The verdict with what it counts for."""
    if verdict.holds:
        return verdict
    if rule.severity is Weight.WARN:
        return replace(verdict, counts_as=Outcome.PASS, ruling=WARNS)
    if verdict.gate in FIXED:
        return verdict
    mine = [waiver for waiver in waivers if waiver.gate == verdict.gate and not waiver.fault]
    found = {finding_digest(finding.to_json()): finding for finding in waivable(verdict)}
    covering = {sha: waiver for waiver in reversed(mine) for sha in waiver.findings if sha in found}
    waived = tuple((sha, covering[sha].sha256) for sha in found if sha in covering)
    if not waived or len(waived) < len(found):
        return replace(verdict, waived=waived)
    used = {waiver.sha256: waiver for waiver in covering.values()}
    said = "; ".join(f"{waiver.by} until {waiver.until}: {waiver.reason}" for waiver in used.values())
    ruling = f"{counted(len(found), 'finding')} waived by {said}"
    return replace(verdict, counts_as=Outcome.PASS, ruling=ruling, waived=waived)


def waivable(verdict: Verdict) -> tuple[Finding, ...]:
    """The findings that are in the way."""
    return blocking(verdict.findings) or verdict.findings


def open_findings(verdict: Verdict) -> tuple[Finding, ...]:
    """The findings of a verdict that nobody waived; none of one that holds."""
    if verdict.holds:
        return ()
    waived = {sha for sha, _ in verdict.waived}
    return tuple(each for each in verdict.findings if finding_digest(each.to_json()) not in waived)
