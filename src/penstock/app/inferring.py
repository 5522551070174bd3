"""`contract infer`: a contract for a dataset from its rows, built or still in files."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock.adapters.folder import ProjectFolder
from penstock.app.built import built_rows, known_dataset
from penstock.app.warehouses import POSTGRES
from penstock.author.contracts import contract_path
from penstock.author.inferred_contract import adopted, drafted, extended, new_columns
from penstock.model.errors import InputError
from penstock.model.findings import Finding, Place
from penstock.model.intervals import Interval
from penstock.model.pipelines import SqlTask
from penstock.model.sources import FileSource
from penstock.project.layout import SETTINGS_FILE
from penstock.quality.inference import infer as guess
from penstock.quality.inference_sql import gather
from penstock.sql.identifiers import literal
from penstock.sql.open_ended import counting_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from penstock.app.wiring import Workplace
    from penstock.model.pipelines import Dataset
    from penstock.quality.inference import Guess

    Rows = tuple[Callable[[str], Sequence[Any]], str, tuple[tuple[str, str], ...], str]

MEMORY = "1GB"
"""What the database that looks at files may take; beyond that it spills."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inferred:
    """What was inferred. `chosen` are the guesses that became, or would become, part of the contract; `text` is the
    whole file; `added` are columns that the existing contract did not name; `origin` says what rows it rests on."""

    dataset: str
    file: str
    origin: str
    rows: int
    sampled: int
    columns: tuple[tuple[str, str], ...]
    guesses: tuple[Guess, ...]
    chosen: tuple[Guess, ...]
    added: tuple[str, ...]
    text: str
    existed: bool
    written: bool


def infer(
    place: Workplace,
    name: str,
    *,
    confidence: float,
    write: bool,
    force: bool,
    environment: str | None,
    say: Callable[[str], None],
) -> Inferred:
    """Infer a contract and, if it is to be written and may be, write it; an existing one only with `force`.

    Raises:
        InputError: there is no such dataset, nothing of it is built and it has no files, or they cannot be read.
    """
    known_dataset(place, name)
    dataset = place.project.datasets[name]
    owner = place.project.pipeline_of(name).owner
    with _rows(place, dataset, environment, say) as (ask, relation, columns, origin):
        facts = gather(ask, relation, columns)
    guesses = guess(facts, counting_columns(dataset.task.text) if isinstance(dataset.task, SqlTask) else ())
    existing = dataset.contract
    path = existing.file if existing else contract_path(name)
    before = (ProjectFolder().read(place.root, path) or b"").decode() if existing else ""
    chosen = adopted(guesses, confidence, existing, before)
    added = new_columns(existing, columns) if existing else ()
    if existing is None:
        text = drafted(name, owner, columns, chosen)
    else:
        text = extended(before, existing, owner, columns, chosen) if chosen or added else before
    written = write and (existing is None or (force and text != before))
    if written:
        ProjectFolder().write(place.root, path, text.encode())
    return Inferred(
        dataset=name,
        file=path,
        origin=origin,
        rows=facts.rows,
        sampled=facts.sampled,
        columns=columns,
        guesses=guesses,
        chosen=chosen,
        added=added,
        text=text,
        existed=existing is not None,
        written=written,
    )


@contextmanager
def _rows(place: Workplace, dataset: Dataset, environment: str | None, say: Callable[[str], None]) -> Iterator[Rows]:
    """How to ask for the rows, where they are, their columns, and what they are in words."""
    built = built_rows(place, environment).get(dataset.name)
    if built is not None:
        if place.settings.warehouse == POSTGRES:
            raise InputError(_not_on_postgres())
        warehouse = place.reading(say)
        yield (
            lambda sql: warehouse.query(sql)[1][0],
            built.relation,
            warehouse.columns(built.relation),
            f"built rows, {built.said}",
        )
    elif isinstance(dataset.task, FileSource) and environment is None:
        with _landed(place, dataset, dataset.task) as landed:
            yield landed
    else:
        raise InputError(_nothing_there(dataset, environment))


@contextmanager
def _landed(place: Workplace, dataset: Dataset, source: FileSource) -> Iterator[Rows]:
    """The rows of the source's files, landed for the time of the question as a run would land them."""
    import duckdb  # noqa: PLC0415 - only where nothing is built yet

    from penstock.adapters.sources.bringing import SourceFiles  # noqa: PLC0415 - as above
    from penstock.adapters.sources.looking import standing  # noqa: PLC0415 - as above

    found = list(standing(source, dataset.name, place.root, _pieces(place, dataset)))
    if not found:
        raise InputError(_nothing_there(dataset, None))
    pieces = tuple(dict.fromkeys(one.interval for one in found if one.interval is not None))
    with tempfile.TemporaryDirectory(prefix="penstock-infer-") as folder:
        files = SourceFiles(place.root, Path(folder))
        with files.land(source, dataset.name, pieces if dataset.interval else None) as landing:
            connection = duckdb.connect(
                ":memory:", config={"threads": 2, "memory_limit": MEMORY, "temp_directory": folder}
            )
            try:
                relation = f"read_parquet({literal(str(landing.path))})"
                described = connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
                columns = tuple((str(row[0]), str(row[1])) for row in described)
                yield (
                    lambda sql: connection.execute(sql).fetchall()[0],
                    relation,
                    columns,
                    f"{len(landing.files):,} file(s) of the source; nothing is built",
                )
            finally:
                connection.close()


def _pieces(place: Workplace, dataset: Dataset) -> tuple[Interval, ...] | None:
    if dataset.interval is None:
        return None
    pipeline, grain, now = place.project.pipeline_of(dataset.name), dataset.interval.grain, place.clock.now()
    start, end = grain.floor(pipeline.start), grain.floor(min(pipeline.end, now) if pipeline.end else now)
    return tuple(Interval(start, end).split(grain)) if start < end else ()


def _nothing_there(dataset: Dataset, environment: str | None) -> Finding:
    where = f" in {environment}" if environment else ""
    return Finding(
        code="contract.no_rows",
        message=f"nothing of {dataset.name} is built{where}, and there are no files to look at instead",
        place=Place(file=dataset.file, dataset=dataset.name),
        expected="rows in the warehouse, or files of a source",
        remedy=f"penstock run {dataset.name}",
    )


def _not_on_postgres() -> Finding:
    return Finding(
        code="contract.infer_not_on_postgres",
        message="a contract cannot be inferred from rows in Postgres yet",
        place=Place(file=SETTINGS_FILE, field="warehouse"),
        found=f"warehouse: {POSTGRES}",
        expected="a warehouse in a DuckDB file, whose sketches the questions rest on",
        remedy="infer it in a copy of the project whose warehouse is a file; `penstock contract check` works here",
    )
