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
                yield _finding(dataset, dataset.task.text, str(error))


def _finding(dataset: Dataset, text: str, said: str) -> Finding:
    message = said.splitlines()[0].removeprefix("Parser Error: ")
    found = _LINE.search(said)
    line = int(found[1]) if found else 1
    lines = text.split("\n")
    return Finding(
        code="sql.syntax",
        message=f"DuckDB cannot parse the query: {message}",
        place=Place(
            file=dataset.file,
            line=line,
            excerpt=lines[line - 1].strip()[:160] if line <= len(lines) else None,
            dataset=dataset.name,
        ),
        found=message,
        expected="a DuckDB SELECT",
        remedy="correct the query near that line",
    )
