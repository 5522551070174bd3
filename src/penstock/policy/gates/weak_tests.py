"""Faults put into what a change edits would go through its data tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.findings import Finding, Place, Severity
from penstock.policy.verdicts import counted, failed, not_applicable, passed
from penstock.quality.mutation import Fate, score_of

if TYPE_CHECKING:
    from penstock.model.findings import Verdict
    from penstock.policy.facts import ReviewFacts
    from penstock.quality.mutation import MutationScore
    from penstock.quality.mutation import Verdict as Judged

GATE = "weak_tests"


def judge(facts: ReviewFacts) -> Verdict:
    """Refuse tests that catch a smaller share of planted faults than policy asks; mention every fault that is left."""
    score = score_of(facts.mutations)
    if score is None:
        return not_applicable(GATE, "No edited query of this change could be given a fault.")
    wanted = facts.policy.mutation_score
    killed = sum(len(one.of(Fate.KILLED)) for one in facts.mutations)
    survived = [(one, verdict) for one in facts.mutations for verdict in one.survivors]
    total = killed + len(survived)
    caught = f"Data tests catch {killed:,} of {counted(total, 'fault')} put into edited lines ({score:.0%}"
    findings = tuple(_finding(one, verdict) for one, verdict in survived)
    if score * 100 < wanted:
        return failed(GATE, f"{caught}; policy asks for {wanted} %).", [_too_few(score, facts), *findings])
    return passed(GATE, f"{caught}).", findings)


def _finding(one: MutationScore, verdict: Judged) -> Finding:
    mutant = verdict.mutant
    written = verdict.test.text if verdict.test is not None else None
    return Finding(
        code=f"gate.{GATE}.survived",
        message=f"no data test of {one.dataset} fails if this is wrong: {mutant.old} → {mutant.new or 'left out'}",
        severity=Severity.WARNING,
        place=Place(file=one.file, line=mutant.line, excerpt=mutant.excerpt, dataset=one.dataset),
        found=f"a {mutant.kind} that all {one.tests:,} tests let through",
        expected="a data test that fails with it",
        remedy=f"add this case, or: penstock test {one.dataset} --mutate --add\n{written}" if written else None,
    )


def _too_few(score: float, facts: ReviewFacts) -> Finding:
    return Finding(
        code=f"gate.{GATE}",
        message="data tests let through too many of the faults put into what the change edits",
        found=f"{score:.1%} caught",
        expected=f"at least {facts.policy.mutation_score} %, as policy.mutation_score says",
        remedy="penstock test --mutate lists them, with --add it writes the tests that would catch them",
    )
