"""A table of Postgres that is read by change into a warehouse, as an attempt does it, without the engine around it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psycopg

from penstock.adapters.databases.landing import DatabaseReader
from penstock.adapters.duckdb.warehouse import DuckdbWarehouse
from penstock.adapters.postgres.opening import open_postgres_warehouse
from penstock.contract.column_types import normal_type
from penstock.engine import reading
from penstock.engine.attempt import Unwatched
from penstock.engine.ports.publishing import Publication
from penstock.model.databases import Changes, DatabaseEngine, DatabaseSource
from penstock.model.pipelines import Dataset, Materialization
from penstock.plan.versions import relation_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from penstock.engine.ports.publishing import StateChange
    from penstock.engine.ports.warehouse import Session, Warehouse

VARIABLE = "SHOP_DATABASE"
NAME = "shop.followed"


def followed(types: Mapping[str, str], *key: str, table: str = "public.followed", **changes: Any) -> Dataset:
    """A dataset that follows a table."""
    task = DatabaseSource(
        engine=DatabaseEngine.POSTGRES,
        types={name: normal_type(type_) or type_ for name, type_ in types.items()},
        connection=VARIABLE,
        table=table,
        changes=Changes(**changes),
    )
    return Dataset(name=NAME, file="followed.source.yaml", task=task, materialization=Materialization.MERGE, key=key)


class Follower:
    """Reads a dataset's changes into a warehouse and publishes them; `version` may be changed between."""

    def __init__(self, root: Path, warehouse: Warehouse, dataset: Dataset, address: str = "") -> None:
        self.dataset, self.version, self.told = dataset, "v1", list[str]()
        self._address = address
        self._warehouse, self._reader = warehouse, DatabaseReader(root, root / "state" / "spool")

    @property
    def relation(self) -> str:
        """Where the version's rows are."""
        return relation_of(NAME, self.version)

    def read(self) -> int:
        """One attempt: read, staged, published; how many rows were staged."""
        with self._warehouse.session() as session, self._landed(session) as (publication, _):
            return session.publish(publication)

    def read_and_lose(self) -> None:
        """One attempt whose rows are never published."""
        with self._warehouse.session() as session, self._landed(session):
            pass

    def state(self) -> str | None:
        """What the warehouse says of how far it got."""
        with self._warehouse.session() as session:
            return session.state(NAME, self.version)

    def rows(self, *columns: str) -> list[tuple[Any, ...]]:
        """What the warehouse holds, as text, in the order of that."""
        sql = f"SELECT {', '.join(f'CAST({column} AS VARCHAR)' for column in columns)} FROM {self.relation}"
        if isinstance(self._warehouse, DuckdbWarehouse):
            return sorted(self._warehouse.query(sql)[1], key=str)
        with psycopg.connect(self._address) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            return sorted(connection.execute(sql.encode()).fetchall(), key=str)

    @contextmanager
    def _landed(self, session: Session) -> Iterator[tuple[Publication, StateChange | None]]:
        publication = Publication(
            publish_id=uuid4().hex,
            run="r1",
            dataset=NAME,
            version=self.version,
            relation=self.relation,
            materialization=Materialization.MERGE,
            token=0,
            key=self.dataset.key,
        )
        watch = _Told(self.told)
        with reading.landed(session, publication, self.dataset, self._reader, watch) as (landing, state):
            session.stage_file(landing.path)
            gone = session.stage_gone(landing.gone).relation if landing.gone else None
            yield replace(publication, state=state, gone=gone), state


class _Told(Unwatched):
    def __init__(self, lines: list[str]) -> None:
        self._lines = lines

    def tells(self, line: str) -> None:
        self._lines.append(line)


class Source:
    """The database that is read, asked as its owner."""

    def __init__(self, address: str) -> None:
        self.address = address

    def do(self, *statements: str) -> None:
        """Each in a transaction of its own."""
        with psycopg.connect(self.address, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        with psycopg.connect(self.address) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            return connection.execute(query.encode()).fetchall()

    def drop_slots(self) -> None:
        """Let go of every slot of this database, which it could not be dropped with."""
        self.do(
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = current_database()"
        )


@contextmanager
def source_database(postgres: str, name: str) -> Iterator[Source]:
    """An empty database, for the time of a block."""
    whole = postgres.removesuffix("/postgres")
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    source = Source(f"{whole}/{name}")
    try:
        yield source
    finally:
        source.drop_slots()
        with psycopg.connect(postgres, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@contextmanager
def warehouse_of(kind: str, folder: Path, address: str = "") -> Iterator[tuple[Warehouse, str]]:
    """A warehouse and its address: in a file, or in a database of its own."""
    if kind == "duckdb":
        warehouse = DuckdbWarehouse(folder / "warehouse.duckdb", folder / "state" / "spool")
        try:
            yield warehouse, ""
        finally:
            warehouse.close()
        return
    name = f"w_{uuid4().hex}"
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    made = f"{address.rpartition('/')[0]}/{name}"
    kept = open_postgres_warehouse(made, "shop")
    try:
        yield kept, made
    finally:
        kept.close()
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
