"""Reads a table or query of a database as an attempt would, and gives back what landed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb

from penstock.adapters.databases.landing import DatabaseReader
from penstock.contract.column_types import normal_type
from penstock.engine.ports import Portion
from penstock.model.databases import Cursor, DatabaseEngine, DatabaseSource
from penstock.model.pipelines import Dataset, Materialization

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
) -> list[tuple[Any, ...]]:
    """The rows that land, as expressions over them (all columns, if none are given)."""
    reader = DatabaseReader(root, root / "spool")
    with (
        reader.land(dataset, portion or Portion(), is_unwanted, tell) as landing,
        duckdb.connect(":memory:") as connection,
    ):
        connection.execute("SET TimeZone = 'UTC'")
        return connection.execute(
            f"SELECT {', '.join(expressions) or '*'} FROM read_parquet(?)", [str(landing.path)]
        ).fetchall()
