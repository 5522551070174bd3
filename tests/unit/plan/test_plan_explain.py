"""Why a dataset would be built, or not: every cause, and nothing that is not so."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ledger_rows import Book, days

from penstock.model.pipelines import Materialization, SqlTask
from penstock.model.sources import FileSource
from penstock.plan.backfill import plan_backfill
from penstock.plan.build import Action, Coverage, plan_build
from penstock.plan.explain import Cause, Circumstances, Explanation, explain
from penstock.plan.versions import versions_of
from penstock.sim.clock import EPOCH
from penstock.sim.projects import brought, landed, merged, project_of, sliced, whole
from penstock.sql.fingerprint import digest

if TYPE_CHECKING:
    from penstock.model.pipelines import Dataset, Project

RAW, DAILY, BEST = landed("sim.raw"), sliced("sim.daily", "sim.raw"), whole("sim.best", "sim.daily")
PROJECT = project_of((RAW, DAILY, BEST))
VERSIONS = {name: version.fingerprint for name, version in versions_of(PROJECT).items()}


def _explained(
    dataset: str, book: Book | None = None, until: int = 2, project: Project = PROJECT, **around: Any
) -> Explanation:
    book = book or Book().complete(PROJECT, 2)
    shown = {name: version.fingerprint for name, version in versions_of(project).items()}
    circumstances = Circumstances(**{"attempts": {}, "shown": shown, **around})
    return explain(project, book.plan(project, until), dataset, circumstances)


def _causes(explanation: Explanation) -> list[Cause]:
    return [cause for cause, _ in explanation.causes]


def _text(explanation: Explanation, cause: Cause) -> str:
    return next(text for found, text in explanation.causes if found is cause)


def _changed(dataset: Dataset) -> Dataset:
    assert isinstance(dataset.task, SqlTask)
    text = f"{dataset.task.text} AND 1 = 1"
    return replace(dataset, task=replace(dataset.task, text=text, query_digest=digest(text)))


def test_what_is_past_its_retention_is_said_of_it_and_of_what_reads_it() -> None:
    plan = Book().expire("sim.raw", 2).complete(PROJECT, 3).plan(PROJECT, 3)
    around = Circumstances(attempts={}, shown=VERSIONS)
    causes = {name: explain(PROJECT, plan, name, around).causes for name in PROJECT.datasets}
    assert (Cause.EXPIRED, "no rows before 2011-01-03") in causes["sim.raw"]
    assert (Cause.READS_EXPIRED, "sim.raw") in causes["sim.daily"]


def test_what_is_complete_is_up_to_date() -> None:
    explanation = _explained("sim.daily")
    assert (explanation.action, _causes(explanation)) == (Action.REUSE, [Cause.UP_TO_DATE])


def test_what_was_never_built_says_so() -> None:
    explanation = _explained("sim.daily", Book())
    assert (explanation.action, _causes(explanation)) == (Action.BUILD, [Cause.NEVER_BUILT])


def test_what_was_tried_and_never_built_was_never_built() -> None:
    """Its version has a name since the run began; that does not make it an earlier one."""
    failed = {"sim.daily": {"state": "failed", "message": "no such column", "run": "r1"}}
    explanation = _explained("sim.daily", Book(), earlier={"sim.daily": [VERSIONS["sim.daily"]]}, attempts=failed)
    assert _causes(explanation) == [Cause.NEVER_BUILT, Cause.LAST_ATTEMPT_FAILED]


def test_an_edit_of_its_own_is_a_changed_definition() -> None:
    project = project_of((RAW, _changed(DAILY), BEST))
    new = versions_of(project)["sim.daily"].fingerprint
    explanation = _explained("sim.daily", project=project, earlier={"sim.daily": [VERSIONS["sim.daily"], new]})
    assert _causes(explanation) == [Cause.DEFINITION_CHANGED]
    assert VERSIONS["sim.daily"] in _text(explanation, Cause.DEFINITION_CHANGED)


def test_an_edit_upstream_is_a_changed_upstream() -> None:
    project = project_of((RAW, _changed(DAILY), BEST))
    explanation = _explained("sim.best", project=project, shown=VERSIONS, earlier={"sim.best": [VERSIONS["sim.best"]]})
    assert _causes(explanation) == [Cause.UPSTREAM_CHANGED, Cause.NOT_SHOWN]
    assert _text(explanation, Cause.UPSTREAM_CHANGED) == "sim.daily"


def test_new_days_are_missing_intervals() -> None:
    explanation = _explained("sim.daily", until=4)
    assert (explanation.action, _causes(explanation)) == (Action.BACKFILL, [Cause.INTERVALS_MISSING])
    assert explanation.missing == (days(2, 4),)
    assert _text(explanation, Cause.INTERVALS_MISSING) == "2011-01-03/2011-01-05"


def test_what_is_asked_again_and_what_reads_it_are_not_said_to_have_grown() -> None:
    told, best = brought("sim.told"), whole("sim.best", "sim.told")
    files = replace(told, name="sim.prices", task=FileSource(path="prices.csv", columns=("value",)))
    project = project_of((told, best, replace(files, materialization=Materialization.TABLE)))
    names = project.datasets
    moved = dict.fromkeys(names, "another")
    before = {(name, version.fingerprint): "earlier" for name, version in versions_of(project).items()}
    plan = plan_build(project, Coverage(intervals={}, inputs=before), EPOCH + timedelta(days=2), arrived=moved)
    shown = {name: version.fingerprint for name, version in versions_of(project).items()}
    causes = {name: explain(project, plan, name, Circumstances(attempts={}, shown=shown)).causes for name in names}
    assert causes["sim.told"] == ((Cause.READ_AGAIN, ""),)
    assert causes["sim.best"] == ((Cause.READS_AGAIN, "sim.told"),)
    assert causes["sim.prices"] == ((Cause.FILES_OTHER, ""),)


def test_a_table_over_grown_inputs_says_what_it_reads() -> None:
    explanation = _explained("sim.best", until=4)
    assert (explanation.action, _causes(explanation)) == (Action.BUILD, [Cause.INPUTS_GREW])
    assert _text(explanation, Cause.INPUTS_GREW) == "sim.daily"


@pytest.mark.parametrize(
    ("dataset", "cause"),
    [("sim.raw", Cause.ASKED_AGAIN), ("sim.daily", Cause.UPSTREAM_AGAIN), ("sim.best", Cause.UPSTREAM_AGAIN)],
)
def test_a_backfill_is_the_cause_for_what_was_named_and_for_what_reads_it(dataset: str, cause: Cause) -> None:
    book = Book().complete(PROJECT, 2)
    backfill = plan_backfill(PROJECT, ["sim.raw"], days(0, 1), list(book.rows.values()), [], until=days(0, 2).end)
    assert _causes(_explained(dataset, book.request(backfill))) == [cause]


def test_days_of_a_merge_that_came_too_early_say_so() -> None:
    project = project_of((RAW, merged("sim.newest", "sim.raw")))
    book = Book().publish(Book().plan(project, 2, window=days(1, 2)).works)
    book.publish(work for work in book.plan(project, 2).works if "2011-01-02/" not in str(work.slice))
    explanation = _explained("sim.newest", book, project=project)
    assert _causes(explanation) == [Cause.OUT_OF_TURN]
    assert _text(explanation, Cause.OUT_OF_TURN) == "2011-01-02/2011-01-03"


def test_its_own_last_failure_is_told_with_its_message() -> None:
    failed = {"sim.daily": {"state": "failed", "message": "no such column", "run": "r1"}}
    explanation = _explained("sim.daily", until=4, attempts=failed)
    assert _causes(explanation) == [Cause.INTERVALS_MISSING, Cause.LAST_ATTEMPT_FAILED]
    assert _text(explanation, Cause.LAST_ATTEMPT_FAILED) == "no such column"


def test_a_failure_upstream_is_told_however_far_up() -> None:
    failed = {"sim.raw": {"state": "failed", "message": "no file", "run": "r1"}}
    explanation = _explained("sim.best", until=4, attempts=failed)
    assert _causes(explanation) == [Cause.INPUTS_GREW, Cause.UPSTREAM_FAILED]
    assert _text(explanation, Cause.UPSTREAM_FAILED) == "sim.raw"


def test_a_failure_that_was_made_good_is_no_cause() -> None:
    assert _causes(_explained("sim.best", attempts={"sim.raw": {"state": "published", "run": "r2"}})) == [
        Cause.UP_TO_DATE
    ]


@pytest.mark.parametrize("state", ["running", "audited"])
def test_what_is_being_built_names_its_run(state: str) -> None:
    explanation = _explained("sim.daily", until=4, attempts={"sim.daily": {"state": state, "run": "r7"}})
    assert _text(explanation, Cause.RUNNING) == "run r7"


def test_a_paused_pipeline_is_told() -> None:
    explanation = _explained("sim.daily", paused=frozenset({"sim"}))
    assert _causes(explanation) == [Cause.UP_TO_DATE, Cause.PAUSED]
    assert _text(explanation, Cause.PAUSED) == "sim"
    assert Cause.PAUSED not in _causes(_explained("sim.daily", paused=frozenset({"other"})))


def test_what_the_environment_shows_instead_is_told() -> None:
    assert _text(_explained("sim.daily", shown={}), Cause.NOT_SHOWN) == "it shows none"
    assert _text(_explained("sim.daily", shown={"sim.daily": "0f"}), Cause.NOT_SHOWN) == "it shows 0f"


def test_every_cause_has_a_test() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    assert [cause.name for cause in Cause if f"Cause.{cause.name}" not in text] == []
