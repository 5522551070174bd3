"""Tests that let through too many planted faults are refused if policy asks for more; each fault is said."""

from __future__ import annotations

from decimal import Decimal

from policy_cases import REVENUE, assert_passes, review

from penstock.model.findings import Outcome, Severity
from penstock.policy.gates.weak_tests import judge
from penstock.policy.rules import Policy
from penstock.quality.mutation import Fate, KillingTest, MutationScore, Verdict
from penstock.sql.mutants import mutants_of

MUTANTS = mutants_of("SELECT day, sum(net) AS net FROM sales.stg_invoices WHERE net > 0 GROUP BY day").items
CASE = KillingTest(name="net of nothing", text='  - name: "net of nothing"\n')


def score(killed: int, survived: int) -> MutationScore:
    fates = [Fate.KILLED] * killed + [Fate.SURVIVED] * survived
    verdicts = tuple(
        Verdict(mutant=mutant, fate=fate, test=CASE if fate is Fate.SURVIVED else None)
        for mutant, fate in zip(MUTANTS, fates, strict=False)
    )
    return MutationScore(dataset=REVENUE, file="pipelines/sales/daily_revenue.sql", tests=3, verdicts=verdicts)


def test_faults_that_go_through_are_said_and_do_not_block_by_default() -> None:
    verdict = judge(review(mutations=(score(3, 1),)))
    assert_passes(verdict)
    assert verdict.summary == "Data tests catch 3 of 4 faults put into edited lines (75%)."
    (found,) = verdict.findings
    assert (found.severity, found.place.dataset) == (Severity.WARNING, REVENUE)
    assert found.remedy is not None
    assert found.remedy.endswith(CASE.text)


def test_a_share_below_what_policy_asks_fails() -> None:
    asked = Policy(mutation_score=Decimal(80))
    verdict = judge(review(policy=asked, mutations=(score(3, 1),)))
    assert verdict.outcome is Outcome.FAIL
    assert verdict.findings[0].code == "gate.weak_tests"
    assert verdict.summary.endswith("policy asks for 80 %).")
    assert_passes(judge(review(policy=asked, mutations=(score(4, 0),))))


def test_it_is_not_applicable_where_nothing_could_be_given_a_fault() -> None:
    assert judge(review()).outcome is Outcome.NOT_APPLICABLE
    assert judge(review(mutations=(score(0, 0),))).outcome is Outcome.NOT_APPLICABLE
