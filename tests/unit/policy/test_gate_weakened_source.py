"""Sources forgive no more than before unless the story says so."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest
from policy_cases import assert_fails, assert_passes, dataset, implementation, project, story

from penstock.model.databases import Cursor, DatabaseEngine, DatabaseSource
from penstock.model.findings import Outcome
from penstock.model.sources import Closed, Corrections, Drift, FileSource
from penstock.policy.gates.weakened_source import judge

if TYPE_CHECKING:
    from typing import Any

    from penstock.model.findings import Verdict
    from penstock.model.pipelines import Task

INVOICES = "sales.invoices"


def files(**settings: Any) -> FileSource:
    return FileSource(path="data/{interval_start:%Y-%m-%d}.csv", columns=("A",), **settings)


def table(overlap: timedelta | None) -> DatabaseSource:
    cursor = Cursor(column="at", overlap=overlap)
    return DatabaseSource(engine=DatabaseEngine.POSTGRES, types={"at": "TIMESTAMP"}, table="t", cursor=cursor)


def judged(before: Task, after: Task, **said: Any) -> Verdict:
    old, new = (project(dataset(INVOICES, task=task)) for task in (before, after))
    return judge(implementation(base=old, project=new, story=story(**said)))


LOOSER = [
    ("missing", files(), files(missing="empty"), "missing: empty"),
    ("drift", files(), files(drift=Drift.EVOLVE), "drift: evolve"),
    ("corrections", files(corrections=Corrections.TAKE), files(), "corrections: tell"),
    ("closed", files(), files(closed=Closed(weekdays=frozenset({5}))), "closed: Saturday"),
    ("closed", files(), files(closed=Closed(dates=frozenset({date(2011, 1, 1)}))), "closed: 2011-01-01"),
    ("overlap", table(timedelta(hours=2)), table(timedelta(hours=1)), "overlap: 1:00:00"),
    ("overlap", table(timedelta(hours=2)), table(None), "overlap: none"),
]


@pytest.mark.parametrize(("setting", "before", "after", "found"), LOOSER)
def test_a_looser_setting_fails(setting: str, before: Task, after: Task, found: str) -> None:
    verdict = judged(before, after)
    assert_fails(verdict, setting)
    assert verdict.findings[0].found == found


@pytest.mark.parametrize(("setting", "before", "after", "found"), LOOSER)
def test_a_stricter_setting_passes(setting: str, before: Task, after: Task, found: str) -> None:
    assert found.startswith(setting)
    assert_passes(judged(after, before))


def test_a_reason_in_the_story_or_the_setting_itself_clears_it() -> None:
    assert_passes(judged(files(), files(missing="empty"), loosened={INVOICES: "No file, no sales."}))
    assert_passes(judged(files(), files(missing="empty"), own={"sources": {"invoices": {"missing": "empty"}}}))
    assert_fails(judged(files(), files(missing="empty"), own={"sources": {"invoices": {"drift": "evolve"}}}), "missing")


def test_without_a_source_before_there_is_nothing_to_compare() -> None:
    assert judge(implementation()).outcome is Outcome.NOT_APPLICABLE
