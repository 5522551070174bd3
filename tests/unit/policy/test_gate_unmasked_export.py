"""Personal data leaves as it is only where the story says so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from policy_cases import assert_fails, assert_passes, implementation, project, story

from penstock.model.exports import Export, ExportFormat
from penstock.model.findings import Outcome, Severity
from penstock.policy.facts import LeavingColumn
from penstock.policy.gates.unmasked_export import judge

EXPORT = Export(dataset="shop.clean", format=ExportFormat.CSV, name="shop.partner", path="exports/partner.csv")
EXPORTING = replace(project(), exports={EXPORT.name: EXPORT})
LEAVING = LeavingColumn(
    export="shop.partner",
    file="pipelines/shop/partner.export.yaml",
    dataset="shop.clean",
    column="email",
    told="email",
    target="exports/partner.csv",
)


def facts(*leaving: LeavingColumn, **changes: Any) -> Any:
    return implementation(project=EXPORTING, leaving=leaving, **changes)


def test_exports_without_personal_data_pass() -> None:
    assert_passes(judge(facts()))


def test_a_personal_column_that_begins_to_leave_fails() -> None:
    verdict = judge(facts(LEAVING))
    assert_fails(verdict, "")
    assert verdict.findings[0].found == "email, unmasked, to exports/partner.csv"


def test_a_column_that_the_story_names_is_a_note() -> None:
    verdict = judge(facts(LEAVING, story=story(leaving={"shop.partner": ("email",)})))
    assert_passes(verdict)
    assert [one.severity for one in verdict.findings] == [Severity.NOTE]


def test_another_column_or_export_in_the_story_declares_nothing() -> None:
    for leaving in ({"shop.partner": ("name",)}, {"shop.other": ("email",)}):
        assert_fails(judge(facts(LEAVING, story=story(leaving=leaving))), "")


def test_a_project_without_exports_is_not_judged() -> None:
    assert judge(implementation()).outcome is Outcome.NOT_APPLICABLE
    assert judge(implementation(project=None)).outcome is Outcome.NOT_APPLICABLE
