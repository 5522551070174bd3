"""Nothing is destroyed for good unless the story names it, and what it names is irreversible."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from policy_cases import (
    REVENUE,
    STAGED,
    assert_fails,
    assert_passes,
    contract,
    dataset,
    impact,
    implementation,
    pipeline,
    project,
    story,
)

from penstock.model.findings import Severity
from penstock.model.pipelines import CommandTask, Materialization, SqlTask
from penstock.policy.destruction import irreversible, operations
from penstock.policy.facts import ExpiringRows, FileEdit, LostCommit
from penstock.policy.gates.destructive_operation import judge

if TYPE_CHECKING:
    from penstock.policy.facts import ImplementationFacts

PROGRAM = "commands/hand_over.py"
DROPS = "con.execute('DROP TABLE till.lines')\n"
SHORTER = ExpiringRows(
    dataset=REVENUE,
    file=f"contracts/{REVENUE}.odcs.yaml",
    before="for 7 years",
    now="2 years",
    intervals="1,826 days from 2017-06-01 up to 2022-06-01",
)


def edited(after: str | None, before: str | None = None, **changes: Any) -> ImplementationFacts:
    return implementation(edits=(FileEdit(path=PROGRAM, before=before, after=after),), **changes)


def assert_declared(facts: ImplementationFacts, *steps: str) -> None:
    """It passes, says so in a note, and the steps are irreversible."""
    verdict = judge(facts)
    assert_passes(verdict)
    assert {one.severity for one in verdict.findings} == {Severity.NOTE}
    assert irreversible(facts) == steps
    assert "irreversible, as the story says" in verdict.summary


def test_a_change_that_destroys_nothing_passes() -> None:
    verdict = judge(edited("con.execute('SELECT 1')\n"))
    assert_passes(verdict)
    assert verdict.summary == "Nothing is destroyed undeclared."
    assert irreversible(edited("")) == ()


def test_a_program_that_drops_fails_at_its_line() -> None:
    verdict = judge(edited("import x\n" + DROPS))
    assert_fails(verdict, "program")
    assert (verdict.findings[0].place.file, verdict.findings[0].place.line) == (PROGRAM, 2)
    assert verdict.findings[0].found == "DROP till.lines"


def test_what_a_program_did_before_is_no_matter_of_this_change() -> None:
    assert_passes(judge(edited("import x\n" + DROPS, before=DROPS)))
    assert_passes(judge(edited(None, before=DROPS)))


def test_a_program_that_the_story_names_passes_as_irreversible() -> None:
    facts = edited(DROPS, story=story(destructive={PROGRAM: "The till asked for it."}))
    assert_declared(facts, f"{PROGRAM} does DROP till.lines")


def test_naming_something_else_declares_nothing() -> None:
    assert_fails(judge(edited(DROPS, story=story(destructive={"commands/other.py": "No."}))), "program")


def test_a_forced_full_refresh_has_a_detail_of_its_own() -> None:
    assert_fails(judge(edited("run(full_refresh=True)\n")), "full_refresh")


def test_the_arguments_of_a_command_task_count() -> None:
    def task(*argv: str) -> CommandTask:
        return CommandTask(argv=argv, reads_by_parameter={}, code_digest="1")

    removing = project(dataset(task=task("rm", "-rf", "data")))
    assert_fails(judge(implementation(base=project(dataset(task=task("ls"))), project=removing)), "program")
    assert_passes(judge(implementation(base=removing, project=removing)))


def test_rows_that_another_retention_lets_expire_fail_by_their_intervals() -> None:
    verdict = judge(implementation(expiring=(SHORTER,)))
    assert_fails(verdict, "retention")
    assert "1,826 days from 2017-06-01 up to 2022-06-01" in str(verdict.findings[0].found)


@pytest.mark.parametrize(
    "declared", [{"own": {"retention": "2 years"}}, {"destructive": {REVENUE: "The auditors agreed."}}]
)
def test_a_story_that_names_the_retention_or_the_dataset_declares_it(declared: dict[str, Any]) -> None:
    said = f"{REVENUE} keeps rows for 2 years, and did for 7 years: {SHORTER.intervals} go"
    assert_declared(implementation(expiring=(SHORTER,), story=story(**declared)), said)


def test_the_retention_of_another_pipeline_s_story_declares_nothing() -> None:
    other = story(own={"retention": "2 years"}, pipeline="finance")
    assert_fails(judge(implementation(expiring=(SHORTER,), story=other)), "retention")


def kept(materialization: Materialization, **changes: Any) -> Any:
    return project(dataset(materialization=materialization, **changes))


@pytest.mark.parametrize("before", [Materialization.MERGE, Materialization.APPEND])
@pytest.mark.parametrize("after", [Materialization.TABLE, Materialization.VIEW, Materialization.INCREMENTAL])
def test_a_dataset_that_gathers_rows_may_not_turn_into_one_that_is_made_anew(
    before: Materialization, after: Materialization
) -> None:
    facts = implementation(base=kept(before), project=kept(after))
    assert_fails(judge(facts), "history")
    assert_declared(
        implementation(base=kept(before), project=kept(after), story=story(destructive={REVENUE: "It is empty."})),
        f"{REVENUE} turns from {before} into {after}: what it holds goes",
    )


def test_slices_that_can_all_be_made_again_may_become_a_table() -> None:
    before, after = kept(Materialization.INCREMENTAL), kept(Materialization.TABLE)
    assert_passes(judge(implementation(base=before, project=after)))
    assert_passes(judge(implementation(base=after, project=kept(Materialization.MERGE))))


@pytest.mark.parametrize(("own", "upstream", "lost"), [(None, "1 year", True), ("1 year", "1 year", False)])
def test_slices_that_outlive_what_they_were_made_of_may_not(own: str | None, upstream: str, lost: bool) -> None:
    reading = SqlTask(text="SELECT 1", reads=(STAGED,), query_digest="1", edits=())
    source = dataset(STAGED, contract=contract(STAGED, retention=upstream))

    def holding(materialization: Materialization) -> Any:
        mart = dataset(task=reading, materialization=materialization, contract=contract(retention=own))
        return project(mart, source)

    facts = implementation(base=holding(Materialization.INCREMENTAL), project=holding(Materialization.TABLE))
    assert ([one.detail for one in operations(facts)] == ["history"]) is lost


def test_a_dataset_that_goes_as_its_impact_says_is_irreversible() -> None:
    both, one = project(dataset(), dataset(STAGED)), project(dataset())
    declared = story(impact=impact(STAGED, rows="-100%..-100%"))
    assert_declared(implementation(base=both, project=one, story=declared), f"{STAGED} is removed")
    assert judge(implementation(base=both, project=one)).findings == ()  # removed_dataset refuses that


def test_a_pipeline_that_goes_fails_unless_all_of_it_is_declared() -> None:
    finance = dataset("finance.ledger")
    both = project(dataset(), finance, pipelines=(pipeline(), pipeline("finance")))
    assert_fails(judge(implementation(base=both, project=project())), "pipeline")
    named = story(destructive={"finance": "It moved to the bank."})
    assert_declared(
        implementation(base=both, project=project(), story=named), "pipeline finance is removed with its schedule"
    )
    gone = story(impact=impact("finance.ledger", rows="-100%..-100%"))
    steps = ("finance.ledger is removed", "pipeline finance is removed with its schedule")
    assert_declared(implementation(base=both, project=project(), story=gone), *steps)


def test_a_rewritten_branch_fails_and_nothing_declares_it() -> None:
    lost = LostCommit(branch="main", commit="a" * 40, what="what the change began from")
    for declared in (story(), story(destructive={"main": "I know what I do."})):
        verdict = judge(implementation(lost_commits=(lost,), story=declared))
        assert_fails(verdict, "rewritten_branch")
        assert "aaaaaaaaaaaa" in str(verdict.findings[0].found)
