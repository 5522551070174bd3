"""Reads a table or query of a database as an attempt would, and gives back what landed."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import duckdb

from penstock.adapters.databases.landing import DatabaseReader
from penstock.adapters.duckdb.warehouse import DuckdbWarehouse
from penstock.contract.column_types import normal_type
from penstock.engine.ports.arrivals import Portion
from penstock.engine.ports.publishing import Publication
from penstock.model.databases import Cursor, DatabaseEngine, DatabaseSource
from penstock.model.pipelines import Dataset, Materialization
from penstock.plan.versions import VERSIONS_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

VARIABLE = "SHOP_DATABASE"


def source(
    engine: DatabaseEngine, types: Mapping[str, str], *, table: str = "", query: str = "", **changes: Any
) -> Dataset:
    """A dataset that reads a table or query."""
    cursor = changes.pop("cursor", None)
    task = DatabaseSource(
        engine=engine,
        types={name: normal_type(type_) or type_ for name, type_ in types.items()},
        connection=VARIABLE,
        table=table,
        query=query,
        cursor=Cursor(column=cursor) if cursor else None,
    )
    kept = Materialization.MERGE if cursor else Materialization.TABLE
    return Dataset(name="shop.rows", file="rows.source.yaml", task=task, materialization=kept, **changes)


def landed(
    root: Path,
    dataset: Dataset,
    *expressions: str,
    portion: Portion | None = None,
    tell: Callable[[str], None] = lambda _line: None,
    is_unwanted: Callable[[], bool] = lambda: False,
    streamed: bool = False,
) -> list[tuple[Any, ...]]:
    """The rows that land, as expressions over them (all columns, if none are given).

    With `streamed`, and where the source can, they go into a table of a warehouse as they come.
    """
    reader, asked = DatabaseReader(root, root / "spool"), ", ".join(expressions) or "*"
    if streamed and reader.streams(dataset):
        return _streamed(root, dataset, reader, asked, portion or Portion(), is_unwanted, tell)
    with (
        reader.land(dataset, portion or Portion(), is_unwanted, tell) as landing,
        duckdb.connect(":memory:") as connection,
    ):
        connection.execute("SET TimeZone = 'UTC'")
        return connection.execute(f"SELECT {asked} FROM read_parquet(?)", [str(landing.path)]).fetchall()


def _streamed(
    root: Path,
    dataset: Dataset,
    reader: DatabaseReader,
    asked: str,
    portion: Portion,
    is_unwanted: Callable[[], bool],
    tell: Callable[[str], None],
) -> list[tuple[Any, ...]]:
    warehouse = DuckdbWarehouse(root / "warehouse.duckdb", root / "spool")
    publication = Publication(
        publish_id=uuid.uuid4().hex,
        run="r1",
        dataset=dataset.name,
        version="v1",
        relation=f"{VERSIONS_SCHEMA}.rows_v1",
        materialization=Materialization.TABLE,
        token=0,
    )
    try:
        with warehouse.session(dataset.timeout) as session:
            try:
                with reader.stream(dataset, portion, is_unwanted, tell) as stream:
                    staged = session.build_stream(publication, stream)
                session.commit()
            finally:
                session.rollback()
            rows = session.fetch(f"SELECT {asked} FROM {publication.relation}")
            assert staged.rows == warehouse.published(publication.publish_id)
            assert session.fetch(f"SELECT count(*) FROM {staged.relation}") == [(staged.rows,)]
            return rows
    finally:
        warehouse.close()
