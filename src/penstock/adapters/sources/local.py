"""Lands CSV files of the project's folder as Parquet: text as it stands, plus where each row came from."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from penstock.adapters.sources.inspection import arrivals
from penstock.engine.ports import Landing
from penstock.model.errors import TaskError
from penstock.model.findings import Finding, Place
from penstock.sql.identifiers import literal, quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from penstock.adapters.sources.inspection import Arrival
    from penstock.model.intervals import Interval
    from penstock.model.pipelines import FileSource


class LocalFiles:
    """A `Files` over a project's folder; landed files lie in the spool, which the warehouse may read."""

    def __init__(self, root: Path, spool: Path) -> None:
        self._root, self._spool = root, spool

    @contextmanager
    def land(self, source: FileSource, dataset: str, intervals: Sequence[Interval] | None) -> Iterator[Landing]:
        """Read the intervals' files; see `Files.land`."""
        found, findings = arrivals(source, dataset, self._root, intervals)
        if findings:
            raise TaskError(findings)
        self._spool.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._spool, prefix="land-") as folder:
            path = Path(folder) / "rows.parquet"
            connection = duckdb.connect(":memory:", config={"threads": 2})
            try:
                connection.execute("SET TimeZone = 'UTC'")
                sql = landing_query(source, found, dated=intervals is not None)
                connection.execute(f"COPY ({sql}) TO {literal(str(path))} (FORMAT parquet)")
            except duckdb.Error as error:
                raise TaskError(unreadable_rows(dataset, error, self._root)) from error
            finally:
                connection.close()
            size = sum(arrival.path.stat().st_size for arrival in found)
            yield Landing(path=path, files=tuple(arrival.name for arrival in found), bytes=size)


def landing_query(source: FileSource, found: Sequence[Arrival], *, dated: bool) -> str:
    """SQL over the files: every declared column as text, `_file`, and `_interval_start` for a source with intervals."""
    columns = ", ".join(f"lines.{quote(column)} AS {quote(column)}" for column in source.columns)
    start = ", arrived.start AS _interval_start" if dated else ""
    if not found:
        empty = ", ".join(f"NULL::VARCHAR AS {quote(column)}" for column in source.columns)
        moment = ", NULL::TIMESTAMP AS _interval_start" if dated else ""
        return f"SELECT {empty}, NULL::VARCHAR AS _file{moment} WHERE false"
    paths = ", ".join(literal(str(arrival.path)) for arrival in found)
    read = (
        f"read_csv([{paths}], header = true, all_varchar = true, auto_detect = false, quote = '\"', escape = '\"', "
        f"delim = {literal(source.delimiter)}, filename = '_penstock_path', columns = {{{_csv_columns(source)}}})"
    )
    joined = f"{read} AS lines JOIN ({_arrived(found)}) AS arrived ON lines._penstock_path = arrived.path"
    return f"SELECT {columns}, arrived.name AS _file{start} FROM {joined}"


def _csv_columns(source: FileSource) -> str:
    return ", ".join(f"{literal(column)}: 'VARCHAR'" for column in source.columns)


def _arrived(found: Sequence[Arrival]) -> str:
    rows = ", ".join(
        f"({literal(str(arrival.path))}, {literal(arrival.name)}, "
        + (f"TIMESTAMP {literal(str(arrival.interval.start.replace(tzinfo=None)))}" if arrival.interval else "NULL")
        + ")"
        for arrival in found
    )
    return f"SELECT * FROM (VALUES {rows}) AS listed(path, name, start)"


def unreadable_rows(dataset: str, error: duckdb.Error, root: Path) -> Finding:
    """What DuckDB says of files it cannot read as CSV."""
    lines = [line.replace(f"{root}/", "") for line in str(error).splitlines() if line.strip()]
    return Finding(
        code="source.unreadable_rows",
        message=lines[0] if lines else "a file cannot be read as CSV",
        place=Place(dataset=dataset),
        found="\n".join(lines[1:8]) or None,
        expected="CSV rows with as many values as the header has columns",
        remedy="ask the sender for the file again, or correct the line named",
    )
