"""What the author's tests share: rows evaluated in memory, the retail example read, its files landed and run."""

from __future__ import annotations

import csv
import gzip
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from penstock.author.change import write_change
from penstock.project.story import read_story
from penstock.project.story_facts import SourceFacts, Suspicion

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from penstock.author.authored import AuthoredFile
    from penstock.model.contracts import ColumnSpec
    from penstock.model.datatests import DataTest
    from penstock.model.pipelines import Project
    from penstock.model.stories import Story

RETAIL = Path(__file__).parents[3] / "examples" / "retail"
HEADER = ("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country")


def evaluate(
    select: str, columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[str | None]]
) -> tuple[tuple[str | None, ...], ...]:
    """The author's row evaluator, on DuckDB in memory."""
    marks = ", ".join(f"({', '.join('?' for _ in columns)})" for _ in rows)
    values = f"VALUES {marks}" if rows else f"SELECT {', '.join('NULL' for _ in columns)} WHERE false"
    names = ", ".join(f'"{name}"' for name, _ in columns)
    casts = ", ".join(f'CAST("{name}" AS {kind}) AS "{name}"' for name, kind in columns)
    query = (
        f"WITH texts({names}) AS ({values}), given AS MATERIALIZED (SELECT {casts} FROM texts)"
        f" SELECT CAST(COLUMNS(*) AS VARCHAR) FROM ({select})"
    )
    found = _memory().execute(query, [value for row in rows for value in row]).fetchall()
    return tuple(tuple(row) for row in found)


@cache
def _memory() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"threads": 1})


def base_files() -> dict[str, bytes]:
    """The retail project before its first story."""
    return {"penstock.yaml": (RETAIL / "penstock.yaml").read_bytes()}


def header_of(folder: Path, pattern: str) -> tuple[str, ...]:
    path = sorted(folder.glob(pattern))[0]
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return tuple(next(csv.reader(text.decode().splitlines()[:1])))


def invoice_facts() -> dict[str, SourceFacts]:
    return {"invoices": SourceFacts(files=305, header=HEADER, rows=541_909)}


@cache
def retail(number: int) -> Story:
    """A story of the example, over those before it."""
    earlier = [retail(other) for other in range(1, min(number, 3))]
    path = RETAIL / "stories" / f"RETAIL-{number}.md"
    return read_story(path.read_text(), f"stories/{path.name}", earlier=earlier)


@cache
def written(number: int) -> tuple[AuthoredFile, ...]:
    """What the author writes for a story of the example, over what it wrote for those before."""
    base = base_files()
    for other in range(1, number):
        base |= {file.path: file.text.encode() for file in written(other)}
    return write_change(retail(number), invoice_facts(), evaluate, base=base)


def signup_facts() -> dict[str, SourceFacts]:
    """What discovery finds out about the sign-ups of the example."""
    header = header_of(RETAIL / "data" / "signups", "*.csv")
    reason = "every value looks like an e-mail address"
    return {
        "signups": SourceFacts(
            files=5, header=header, rows=37, suspicions={"Contact": Suspicion(kind="email", reason=reason)}
        )
    }


ANSWERS: dict[str, object] = {
    "sla.ready_by": "07:00",
    "retention": "2 years",
    "sources.signups.columns.SignupTime.header": "SignedUpAt",
    "sources.signups.columns.Contact.personal": "email",
    "acceptance.A2.sql": "SELECT day, channel, signups FROM marketing.daily_signups WHERE signups > 1000",
}


def signups(answers: Mapping[str, object]) -> Story:
    path = RETAIL / "stories" / "RETAIL-3.md"
    return read_story(path.read_text(), f"stories/{path.name}", answers=answers)


def failures(project: Project, texts: Mapping[str, str]) -> list[str]:
    """Names of the unit tests of the datasets in `texts` whose query there does not return what they expect."""
    return [
        f"{case.dataset}: {case.name}"
        for case in project.tests
        if case.dataset in texts and _answer(project, case, texts[case.dataset]) != _expected(project, case)
    ]


def _answer(project: Project, case: DataTest, sql: str) -> list[tuple[object, ...]]:
    with _memory().cursor() as connection:
        for name, rows in case.given.items():
            _make(connection, project, name, rows)
        if case.interval:
            for word, moment in (("start", case.interval.start), ("end", case.interval.end)):
                sql = sql.replace(f"$interval_{word}", f"TIMESTAMP '{moment:%Y-%m-%d %H:%M:%S}'")
        names = ", ".join(f'"{column.name}"' for column in _columns(project, case.dataset))
        return sorted(connection.execute(f"SELECT {names} FROM ({sql})").fetchall(), key=repr)


def _expected(project: Project, case: DataTest) -> list[tuple[object, ...]]:
    with _memory().cursor() as connection:
        _make(connection, project, case.dataset, case.expect)
        return sorted(connection.execute(f"FROM {case.dataset}").fetchall(), key=repr)


def _columns(project: Project, dataset: str) -> tuple[ColumnSpec, ...]:
    contract = project.datasets[dataset].contract
    assert contract is not None
    return contract.columns


def _make(
    connection: duckdb.DuckDBPyConnection, project: Project, dataset: str, rows: Sequence[Mapping[str, object]]
) -> None:
    columns = _columns(project, dataset)
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {dataset.partition('.')[0]}")
    declared = ", ".join(f'"{column.name}" {column.type}' for column in columns)
    connection.execute(f"CREATE OR REPLACE TABLE {dataset} ({declared})")
    names = [column.name for column in columns]
    assert all(set(row) <= set(names) for row in rows)
    if rows:
        marks = ", ".join(f"({', '.join('?' for _ in columns)})" for _ in rows)
        values = [row.get(name) for row in rows for name in names]
        connection.execute(f"INSERT INTO {dataset} VALUES {marks}", values)
