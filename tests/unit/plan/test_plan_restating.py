"""What files that changed make stale: in every version that rests on them, whoever's project that version is of."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from penstock.model.intervals import Interval, parse_moment
from penstock.model.pipelines import Project, Settings
from penstock.plan.build import Reason
from penstock.plan.restating import readers_of, restated_marks

if TYPE_CHECKING:
    from collections.abc import Mapping

EMPTY = Project(settings=Settings(name="p"), pipelines={}, datasets={})
UNTIL = parse_moment("2020-04-01")
DAY = Interval.parse("2020-03-05/2020-03-06")


def _row(
    name: str, reads: Mapping[str, str], materialization: str = "incremental", grain: str = "day"
) -> dict[str, Any]:
    return {
        "dataset": name,
        "version": "v",
        "materialization": materialization,
        "grain": grain,
        "reads": json.dumps(dict(reads)),
    }


def _stale(*rows: Mapping[str, Any], changed: Interval = DAY) -> dict[tuple[str, str], tuple[str, str, str]]:
    marks = restated_marks({("s.raw", "v"): (changed,)}, readers_of(rows, EMPTY, {}), UNTIL)
    assert len({mark[:2] for mark in marks}) == len(marks), "one span for each of these"
    return {mark[:2]: mark[2:] for mark in marks}


def test_a_source_and_all_that_rests_on_it_are_stale_for_that_time() -> None:
    found = _stale(_row("s.one", {"s.raw": "v"}), _row("s.two", {"s.one": "v"}, grain="month"))
    assert found == {
        ("s.raw", "v"): ("2020-03-05", "2020-03-06", Reason.FILES_RESTATED),
        ("s.one", "v"): ("2020-03-05", "2020-03-06", Reason.READS_RESTATED),
        ("s.two", "v"): ("2020-03-01", "2020-04-01", Reason.READS_RESTATED),
    }


def test_another_version_of_the_source_and_what_reads_that_hold() -> None:
    assert set(_stale(_row("s.one", {"s.raw": "another"}))) == {("s.raw", "v")}


def test_what_is_made_whole_is_stale_whole_and_a_view_only_hands_on() -> None:
    seen = _row("s.seen", {"s.raw": "v"}, "view", "")
    found = _stale(seen, _row("s.total", {"s.seen": "v"}, "table", ""))
    assert found["s.total", "v"] == ("", "", Reason.READS_RESTATED)
    assert ("s.seen", "v") not in found


def test_a_merge_is_stale_from_there_on() -> None:
    found = _stale(_row("s.newest", {"s.raw": "v"}, "merge"))
    assert found["s.newest", "v"][:2] == ("2020-03-05", "2020-04-01")


@pytest.mark.parametrize("below", ["table", "incremental"])
def test_what_was_appended_stays_and_so_does_what_is_made_of_it(below: str) -> None:
    grown = _row("s.grown", {"s.raw": "v"}, "append", "")
    assert set(_stale(grown, _row("s.after", {"s.grown": "v"}, below))) == {("s.raw", "v")}


def test_a_version_that_reads_by_two_ways_is_found_by_both() -> None:
    one, month = _row("s.one", {"s.raw": "v"}), _row("s.month", {"s.raw": "v"}, grain="month")
    rows = (one, month, _row("s.both", {"s.one": "v", "s.month": "v"}))
    marks = restated_marks({("s.raw", "v"): (DAY,)}, readers_of(rows, EMPTY, {}), UNTIL)
    both = [mark[2:4] for mark in marks if mark[0] == "s.both"]
    assert ("2020-03-01", "2020-04-01") in both
