"""What `policy` of penstock.yaml says, and every mistake in it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from penstock.documents import Fields, read_yaml
from penstock.evidence.quorum import Quorum
from penstock.model.pipelines import Settings
from penstock.policy import gates
from penstock.policy.gate_names import GATES
from penstock.policy.reading import KEYS, read_policy
from penstock.policy.rules import FIXED, THRESHOLDS, GateRule, Label, Policy, Weight
from penstock.project.remembering import dump, load
from penstock.project.settings import read_settings

if TYPE_CHECKING:
    from penstock.model.findings import Finding


def policy(text: str) -> Policy:
    found: list[Finding] = []
    settings = read_settings(f"name: shop\npolicy:\n{text}", found)
    assert found == []
    assert settings is not None
    return Policy.of(settings)


def mistakes(text: str) -> list[Finding]:
    fields = Fields(read_yaml(text, "penstock.yaml"))
    read_policy(fields)
    return fields.findings


def test_without_a_word_one_approves_and_every_gate_blocks_everywhere() -> None:
    plain = Policy.of(Settings(name="shop"))
    assert plain == Policy()
    assert (plain.approvals, plain.approval_days, plain.quality_score) == (1, 30, Decimal(95))
    assert {plain.rule_of(gate) for gate in GATES} == {GateRule(severity=Weight.BLOCK)}


def test_every_gate_there_is_can_be_named() -> None:
    stages = (
        gates.DISCOVERY,
        gates.DESIGN,
        gates.IMPLEMENTATION,
        gates.REVIEW,
        gates.DEPLOYMENT,
        gates.ROLLOUT,
        gates.OBSERVATION,
    )
    assert sorted(name for stage in stages for name in stage) == list(GATES)
    assert set(FIXED) <= set(GATES)


@pytest.mark.parametrize(("word", "weight"), [("off", Weight.OFF), ('"off"', Weight.OFF), ("warn", Weight.WARN)])
def test_a_gate_s_severity_is_one_word(word: str, weight: Weight) -> None:
    assert policy(f"  gates: {{weak_tests: {word}}}\n").rule_of("weak_tests") == GateRule(severity=weight)


def test_a_gate_can_be_confined_to_environments() -> None:
    rule = policy("  gates: {weak_tests: {severity: warn, environments: [prod]}}\n").rule_of("weak_tests")
    assert rule == GateRule(severity=Weight.WARN, environments=("prod",))
    assert policy("  gates: {weak_tests: {severity: off}}\n").rule_of("weak_tests").severity is Weight.OFF


def test_thresholds_are_read_exactly() -> None:
    said = policy("  quality_score: 97.5\n  observe_intervals: 3\n")
    assert (said.quality_score, said.observe_intervals, said.documentation) == (Decimal("97.5"), 3, Decimal(90))


def test_approvals_say_how_many_who_and_what_labels_need_besides() -> None:
    said = policy(
        "  approvals: {count: 2, from: [data], irreversible: 3, personal_data: {count: 1, from: [privacy]}}\n"
    )
    everyone = Quorum(count=2, among=("data",))
    irreversible = Quorum(count=3, label="irreversible")
    personal = Quorum(count=1, among=("privacy",), label="personal_data")
    assert said.quorums(()) == (everyone,)
    assert said.quorums(("personal_data",)) == (everyone, personal)
    assert said.quorums(tuple(Label)) == (everyone, irreversible, personal)


def test_what_is_irreversible_needs_two_where_policy_is_silent() -> None:
    assert Policy().quorums(("irreversible",))[1] == Quorum(count=2, label="irreversible")
    assert Policy(approvals=3).quorums(("irreversible",))[1].count == 3
    assert len(Policy(approvals=0).quorums(("irreversible",))) == 1


@pytest.mark.parametrize("gate", sorted(FIXED))
@pytest.mark.parametrize("said", ["off", "warn", "{environments: [dev]}"])
def test_a_fixed_gate_can_neither_be_weakened_nor_confined(gate: str, said: str) -> None:
    found = mistakes(f"gates: {{{gate}: {said}}}")
    assert [finding.code for finding in found] == ["policy.fixed_gate"]
    assert FIXED[gate] in found[0].message


def test_policy_made_by_hand_cannot_weaken_a_fixed_gate_either() -> None:
    made = Policy(gates={"moved_base": GateRule(severity=Weight.OFF)})
    assert made.rule_of("moved_base") == GateRule()


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("gates: {weak_test: off}", "perhaps weak_tests is meant"),
        ("gates: {weak_tests: {severty: off}}", "perhaps severity is meant"),
        ("quality_scor: 5", "perhaps quality_score is meant"),
        ("approvals: {cuont: 5}", "perhaps count is meant"),
        ("approvals: {irreversibel: 2}", "perhaps irreversible is meant"),
        ("approvals: {irreversible: {cuont: 2}}", "perhaps count is meant"),
        ("gates: {qqqq: off}", "correct the word or remove the key"),
    ],
)
def test_what_nobody_knows_is_a_mistake_with_what_may_have_been_meant(text: str, meant: str) -> None:
    found = mistakes(text)
    assert [(finding.code, finding.remedy) for finding in found] == [("document.unknown_key", meant)]
    assert found[0].place.line == 1


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("gates: {weak_tests: loud}", "document.choice"),
        ("gates: {weak_tests: {environments: [Prod!]}}", "project.bad_name"),
        ("gates: [weak_tests]", "document.kind"),
        ("approvals: -1", "document.range"),
        ("approvals: {irreversible: 0}", "document.range"),
        ("approvals: two", "document.kind"),
        ("approval_days: 0", "document.range"),
        ("quality_score: 101", "document.range"),
        ("observe_intervals: 1.5", "document.kind"),
    ],
)
def test_a_value_that_cannot_be_is_a_mistake(text: str, code: str) -> None:
    assert [finding.code for finding in mistakes(text)] == [code]


def test_all_mistakes_are_said_at_once() -> None:
    assert len(mistakes("gates: {nope: off, moved_base: off}\nquality_score: 200\nfoo: 1")) == 4


def test_the_keys_are_the_thresholds_and_four_more() -> None:
    assert set(KEYS) == {"approvals", "forbidden_packages", "gates", "rollout", *THRESHOLDS}


def test_a_project_that_is_remembered_keeps_its_policy() -> None:
    from policy_cases import project

    text = "name: shop\npolicy:\n  approvals: {count: 2, from: [data]}\n  gates: {weak_tests: off}\n"
    settings = read_settings(text, [])
    assert settings is not None
    made = project()
    kept = load(dump(type(made)(settings=settings, pipelines={}, datasets={})))
    assert Policy.of(kept.settings) == Policy.of(settings)
