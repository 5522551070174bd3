"""Personal data does not flow into columns that do not say so."""

from __future__ import annotations

from policy_cases import REVENUE, assert_fails, assert_passes, implementation

from penstock.model.findings import Outcome
from penstock.policy.facts import ExposedColumn
from penstock.policy.gates.exposed_personal_data import judge

EXPOSED = ExposedColumn(dataset=REVENUE, column="buyer", kind="email", comes_from="sales.stg_invoices.email")


def test_nothing_exposed_passes() -> None:
    assert_passes(judge(implementation()))


def test_each_exposed_column_fails_and_says_where_its_data_comes_from() -> None:
    gone = ExposedColumn(dataset="sales.gone", column="mail", kind="email", comes_from="sales.stg_invoices.email")
    verdict = judge(implementation(exposed=(EXPOSED, gone)))
    assert_fails(verdict, "", "")
    first = verdict.findings[0]
    assert first.message == f"{REVENUE}.buyer carries email from sales.stg_invoices.email and is not tagged as personal"
    assert (first.place.file, first.place.field) == ("pipelines/sales/daily_revenue.sql", "buyer")
    assert verdict.summary == f"2 untagged columns with personal data: {REVENUE}.buyer, sales.gone.mail."


def test_a_project_that_cannot_be_read_is_not_judged() -> None:
    assert judge(implementation(project=None)).outcome is Outcome.NOT_APPLICABLE
