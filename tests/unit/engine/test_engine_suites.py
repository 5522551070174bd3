"""Staged rows are handed to another tool before they are published, and what it finds counts as a check's result."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
from duckdb_bench import Shop, query

from penstock.engine.lot import is_light
from penstock.engine.ports.arrivals import Landing
from penstock.model.databases import DatabaseEngine, DatabaseSource
from penstock.model.findings import Severity
from penstock.model.pipelines import Dataset, Materialization
from penstock.model.suites import Expectations
from penstock.quality.check_values import CheckResult
from penstock.quality.outcomes import read_results
from penstock.sim.processes import MemoryProcesses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from penstock.engine.ports.arrivals import Stream

HELD = Expectations(dataset="sim.three", file="gx/expectations/three.json", most_rows=3)
THREE = query("sim.three", "SELECT range AS n FROM range(3)", suites=(HELD,))


class Scratch(MemoryProcesses):
    """Processes whose scratch folders are real ones, which a warehouse can write to."""

    def __init__(self, spool: Path) -> None:
        super().__init__({})
        self._spool = spool

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        self._spool.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._spool) as folder:
            yield Path(folder)


@dataclass
class Reader:
    """An `Auditor` that finds what it is told to, and remembers the rows that it was shown."""

    passed: bool = True
    severity: Severity = Severity.ERROR
    seen: list[list[int]] = field(default_factory=list)

    def audit(self, dataset: Dataset, rows: Path, is_unwanted: Callable[[], bool]) -> tuple[CheckResult, ...]:
        self.seen.append([row[0] for row in duckdb.read_parquet(str(rows)).order("n").fetchall()])
        result = CheckResult(
            id="great_expectations:three:few",
            name="there are few",
            column=None,
            severity=self.severity,
            failed_rows=0 if self.passed else 2,
            total_rows=3,
            passed=self.passed,
            message="there are few: 2 of 3 rows",
        )
        return (result,)


def shop(folder: Path, auditor: Reader | None, dataset: Dataset = THREE) -> Shop:
    made = Shop(folder, (dataset,))
    made.tools = replace(made.tools, processes=Scratch(made.spool), auditor=auditor)
    return made


class Streaming:
    """`Databases` whose rows could go into their table as they come; asked for that, it says so by failing."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self._path = folder / "three.parquet"
        duckdb.execute(f"COPY (SELECT range::INTEGER AS n FROM range(3)) TO '{self._path}' (FORMAT parquet)")

    @contextmanager
    def land(self, *_asked: object) -> Iterator[Landing]:
        yield Landing(path=self._path, files=())

    def streams(self, dataset: Dataset) -> bool:
        return True

    def stream(self, *_asked: object) -> AbstractContextManager[Stream]:
        raise AssertionError("its rows were streamed past everybody who is to see them first")


def recorded(place: Shop) -> list[tuple[str, str, str]]:
    rows = place.journal.rows("attempts", dataset="sim.three")
    return [(one.check, one.state, str(row["state"])) for row in rows for one in read_results(row["results"])]


def test_the_staged_rows_are_shown_before_they_are_published_and_the_result_is_recorded(tmp_path: Path) -> None:
    reader = Reader()
    place = shop(tmp_path, reader)
    assert place.run(1).state == "published"
    assert reader.seen == [[0, 1, 2]]
    assert recorded(place) == [("great_expectations:three:few", "passed", "published")]


def test_a_suite_that_fails_keeps_the_rows_from_being_published(tmp_path: Path) -> None:
    place = shop(tmp_path, Reader(passed=False))
    report = place.run(1)
    assert report.state == "failed"
    assert not place.holds("sim.three")
    assert recorded(place) == [("great_expectations:three:few", "failed", "failed")]
    (attempt,) = place.journal.rows("attempts", dataset="sim.three")
    assert attempt["code"] == "check.failed"


def test_what_only_warns_is_recorded_and_stops_nothing(tmp_path: Path) -> None:
    place = shop(tmp_path, Reader(passed=False, severity=Severity.WARNING))
    assert place.run(1).state == "published"
    assert recorded(place) == [("great_expectations:three:few", "failed", "published")]


def test_more_rows_than_may_be_handed_over_stop_the_attempt_before_any_is(tmp_path: Path) -> None:
    reader = Reader()
    place = shop(tmp_path, reader, replace(THREE, suites=(HELD, replace(HELD, most_rows=2))))
    assert place.run(1).state == "failed"
    (attempt,) = place.journal.rows("attempts", dataset="sim.three")
    assert (attempt["code"], reader.seen) == ("expectations.too_many_rows", [])


def test_where_nobody_runs_suites_nothing_is_published(tmp_path: Path) -> None:
    place = shop(tmp_path, None)
    assert place.run(1).state == "failed"
    (attempt,) = place.journal.rows("attempts", dataset="sim.three")
    assert attempt["code"] == "expectations.nobody"


def test_rows_of_a_database_are_shown_before_they_are_in_their_table(tmp_path: Path) -> None:
    task = DatabaseSource(engine=DatabaseEngine.POSTGRES, types={"n": "INTEGER"}, connection="X", table="t")
    source = Dataset(name="sim.three", file="t.yaml", task=task, materialization=Materialization.TABLE, suites=(HELD,))
    reader = Reader(passed=False)
    place = shop(tmp_path, reader, source)
    place.tools = replace(place.tools, databases=Streaming(place.spool))
    assert place.run(1).state == "failed"
    assert (reader.seen, recorded(place)) == ([[0, 1, 2]], [("great_expectations:three:few", "failed", "failed")])


def test_a_dataset_with_a_suite_is_built_in_no_lot() -> None:
    assert is_light(replace(THREE, suites=()))
    assert not is_light(THREE)
