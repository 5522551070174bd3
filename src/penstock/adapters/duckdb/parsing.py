"""What DuckDB's own parser says of a project's queries: the reader of projects lets some pass that DuckDB does not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import duckdb

from penstock.model.findings import Finding, Place
from penstock.model.pipelines import SqlTask

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from penstock.model.pipelines import Dataset

_LINE = re.compile(r"^LINE (\d+):", re.MULTILINE)


def unparsable(datasets: Iterable[Dataset]) -> Iterator[Finding]:
    """A finding for each query that DuckDB cannot parse; nothing is run, and no name is looked up."""
    for dataset in datasets:
        if isinstance(dataset.task, SqlTask):
            try:
                duckdb.extract_statements(dataset.task.text)
            except duckdb.Error as error:
                yield refused(dataset, dataset.task.text, error)


def refused(dataset: Dataset, text: str, error: duckdb.Error) -> Finding:
    """What DuckDB says of a query's text, at the line it names."""
    said = str(error)
    kind, _, message = said.splitlines()[0].partition(" Error: ")
    parsed = kind != "Parser"
    found = _LINE.search(said)
    line = int(found[1]) if found else 1
    lines = text.split("\n")
    return Finding(
        code="sql.refused" if parsed else "sql.syntax",
        message=f"DuckDB {'refuses' if parsed else 'cannot parse'} the query: {message}",
        place=Place(
            file=dataset.file,
            line=line,
            excerpt=lines[line - 1].strip()[:160] if line <= len(lines) else None,
            dataset=dataset.name,
        ),
        found=message,
        expected="a query over columns and functions that are there" if parsed else "a DuckDB SELECT",
        remedy="correct the query near that line",
    )
