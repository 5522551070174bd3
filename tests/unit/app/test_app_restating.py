"""Which built intervals have other files now: only those of whose files the ledger knows anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from penstock.app import restating
from penstock.ledger.landed import write_landed
from penstock.model.intervals import Grain, Interval, parse_moment
from penstock.model.pipelines import Dataset, IntervalBy, Materialization, Pipeline, Project, Settings
from penstock.model.sources import Corrections, FileSource
from penstock.plan.versions import versions_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from penstock.ledger.journal import Journal

DAYS = ("2020-03-01", "2020-03-02", "2020-03-03")
SOURCE = Dataset(
    name="s.raw",
    file="raw.source.yaml",
    task=FileSource(path="{interval_start:%Y-%m-%d}.csv", columns=("a",), corrections=Corrections.TAKE),
    materialization=Materialization.INCREMENTAL,
    interval=IntervalBy(grain=Grain.DAY, column="_interval_start"),
)
START = parse_moment(DAYS[0])
PIPELINE = Pipeline(name="s", file="pipeline.yaml", owner="us", schedule=None, start=START)
PROJECT = Project(settings=Settings(name="p"), pipelines={"s": PIPELINE}, datasets={"s.raw": SOURCE})


class _Rows:
    """A ledger of given rows."""

    def __init__(self, **tables: list[dict[str, Any]]) -> None:
        self._tables = tables

    def rows(self, table: str, **equal: Any) -> tuple[Mapping[str, Any], ...]:
        limit = equal.pop("limit", None)
        found = [
            row for row in self._tables.get(table, ()) if all(row.get(key) == value for key, value in equal.items())
        ]
        return tuple(found[:limit])


def _changed(root: Path, *known: str, until: str = "2020-03-04") -> tuple[Interval, ...]:
    """What counts as changed where all days are built, nothing landed, and the ledger knows the files of some."""
    key = {"dataset": "s.raw", "version": versions_of(PROJECT)["s.raw"].fingerprint}
    attempts = [{**key, "state": "published", "files": write_landed([day], []) if day in known else ""} for day in DAYS]
    coverage = [{**key, "start": DAYS[0], "end": "2020-03-04"}]
    ledger = cast("Journal", _Rows(attempts=attempts, coverage=coverage, arrivals=[]))
    return restating.changed(ledger, root, PROJECT, Corrections.TAKE, parse_moment(until)).get("s.raw", ())


def test_intervals_of_whose_files_an_older_ledger_knows_nothing_are_taken_as_they_are(tmp_path: Path) -> None:
    for day in DAYS:
        (tmp_path / f"{day}.csv").write_text("a\n1\n")
    assert _changed(tmp_path) == ()
    assert _changed(tmp_path, DAYS[1]) == (Interval.parse("2020-03-02/2020-03-03"),)


def test_what_lies_beyond_the_moment_of_the_run_is_left_alone(tmp_path: Path) -> None:
    for day in DAYS:
        (tmp_path / f"{day}.csv").write_text("a\n1\n")
    assert _changed(tmp_path, *DAYS, until="2020-03-03") == (Interval.parse("2020-03-01/2020-03-03"),)


def test_a_day_that_still_has_no_file_is_as_it_was(tmp_path: Path) -> None:
    assert _changed(tmp_path, *DAYS) == ()
