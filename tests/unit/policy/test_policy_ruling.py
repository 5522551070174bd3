"""A verdict keeps what its gate said; policy and waivers say what it counts for."""

from __future__ import annotations

from dataclasses import replace

import pytest
from policy_cases import deployment, implementation

from penstock.evidence.statements import finding_digest
from penstock.model.findings import Finding, Outcome, Place, Severity, Verdict
from penstock.policy import gates
from penstock.policy.facts import ImplementationFacts, WaiverFacts
from penstock.policy.rules import GateRule, Policy, Weight
from penstock.policy.ruling import open_findings

WRONG = (
    Finding(code="gate.thin_documentation", message="two columns lack a word", place=Place(dataset="sales.daily")),
    Finding(code="gate.thin_documentation", message="one dataset lacks a word", place=Place(dataset="sales.weekly")),
)
PLAIN = GateRule()
NOTE = Finding(code="gate.thin_documentation", message="by the way", severity=Severity.NOTE)


def refusing(_facts: ImplementationFacts) -> Verdict:
    return Verdict(gate="thin_documentation", outcome=Outcome.FAIL, summary="Too thin.", findings=(*WRONG, NOTE))


def waiver(*findings: Finding, **changes: object) -> WaiverFacts:
    made = WaiverFacts(
        gate="thin_documentation",
        findings=frozenset(finding_digest(finding.to_json()) for finding in findings),
        by="bo",
        reason="the words come next week",
        until="2027-01-01",
        sha256="e" * 64,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def judged(*waivers: WaiverFacts, rule: GateRule = PLAIN, environment: str = "prod") -> Verdict:
    facts = implementation(policy=Policy(gates={"thin_documentation": rule}))
    return gates.judge_all({"thin_documentation": refusing}, facts, waivers=waivers, environment=environment)[0]


def test_without_a_word_a_verdict_counts_for_what_the_gate_said() -> None:
    verdict = judged()
    assert (verdict.outcome, verdict.counts, verdict.ruling) == (Outcome.FAIL, Outcome.FAIL, "")
    assert open_findings(verdict) == (*WRONG, NOTE)


def test_a_gate_that_warns_is_not_in_the_way_and_its_word_is_kept() -> None:
    verdict = judged(rule=GateRule(severity=Weight.WARN))
    assert (verdict.outcome, verdict.counts) == (Outcome.FAIL, Outcome.PASS)
    assert verdict.ruling == "policy has it warn, not block"
    row = verdict.to_json()
    assert (row["outcome"], row["counts"], row["ruling"]) == ("fail", "pass", verdict.ruling)
    assert len(row["findings"]) == 3


def test_a_gate_that_is_off_is_not_asked_and_says_so() -> None:
    verdict = judged(rule=GateRule(severity=Weight.OFF))
    assert (verdict.counts, verdict.summary) == (Outcome.NOT_APPLICABLE, "Not asked.")
    assert verdict.ruling == "policy switches it off"


def test_a_gate_is_asked_in_its_environments_alone() -> None:
    rule = GateRule(environments=("staging", "prod"))
    assert judged(rule=rule).counts is Outcome.FAIL
    elsewhere = judged(rule=rule, environment="dev")
    assert elsewhere.ruling == "policy asks it in staging, prod alone, not in dev"


def test_a_fixed_gate_is_asked_whatever_policy_says() -> None:
    policy = Policy(gates={"moved_base": GateRule(severity=Weight.OFF)})
    facts = replace(deployment(base_conflicts=("a.sql",)), policy=policy)
    verdict = gates.judge_all({"moved_base": gates.DEPLOYMENT["moved_base"]}, facts)[0]
    assert (verdict.counts, verdict.ruling) == (Outcome.FAIL, "")


def test_a_waiver_of_every_finding_lets_the_stage_go_on_and_is_named() -> None:
    verdict = judged(waiver(*WRONG))
    assert (verdict.outcome, verdict.counts) == (Outcome.FAIL, Outcome.PASS)
    assert verdict.ruling == "2 findings waived by bo until 2027-01-01: the words come next week"
    assert {sha for _, sha in verdict.waived} == {"e" * 64}
    assert open_findings(verdict) == ()


def test_a_finding_that_came_later_is_not_covered() -> None:
    verdict = judged(waiver(WRONG[0]))
    assert verdict.counts is Outcome.FAIL
    assert open_findings(verdict) == (WRONG[1], NOTE)


@pytest.mark.parametrize(
    "changes",
    [
        {"fault": "it ended on 2026-01-01"},
        {"gate": "weak_tests"},
        {"findings": frozenset({"0" * 64})},
    ],
)
def test_a_waiver_that_ended_or_is_about_something_else_does_nothing(changes: dict[str, object]) -> None:
    assert judged(waiver(*WRONG, **changes)).counts is Outcome.FAIL


def test_several_waivers_together_may_cover_what_was_found() -> None:
    other = waiver(WRONG[1], sha256="f" * 64, by="cy")
    verdict = judged(waiver(WRONG[0]), other)
    assert verdict.counts is Outcome.PASS
    assert "bo until" in verdict.ruling
    assert "cy until" in verdict.ruling


def test_a_fixed_gate_cannot_be_waived() -> None:
    facts = deployment(base_conflicts=("a.sql",))
    said = gates.judge_all({"moved_base": gates.DEPLOYMENT["moved_base"]}, facts)[0]
    all_of_it = waiver(*said.findings, gate="moved_base")
    again = gates.judge_all({"moved_base": gates.DEPLOYMENT["moved_base"]}, facts, waivers=[all_of_it])[0]
    assert again.counts is Outcome.FAIL


def test_other_advice_is_the_same_finding_and_another_place_is_not() -> None:
    sha = finding_digest(WRONG[0].to_json())
    assert finding_digest(replace(WRONG[0], remedy="otherwise").to_json()) == sha
    assert finding_digest(replace(WRONG[0], place=Place(dataset="sales.hourly")).to_json()) != sha


def test_what_counts_decides_about_the_stage() -> None:
    assert gates.combined([judged()]) is Outcome.FAIL
    assert gates.combined([judged(rule=GateRule(severity=Weight.WARN))]) is Outcome.PASS


@pytest.mark.parametrize("rule", [GateRule(), GateRule(severity=Weight.WARN), GateRule(severity=Weight.OFF)])
def test_a_verdict_survives_being_written_down(rule: GateRule) -> None:
    for verdict in (judged(rule=rule), judged(waiver(*WRONG), rule=rule)):
        assert Verdict.from_json(verdict.to_json()) == verdict
