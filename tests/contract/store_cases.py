"""Every store of the engine's ports behind one face, so that one suite can hold all of them to the same promises."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from uuid import uuid4

import duckdb

from penstock.adapters.duckdb.warehouse import DuckdbWarehouse
from penstock.adapters.environment_views import schema_of, view_of
from penstock.adapters.postgres.opening import open_postgres_warehouse
from penstock.engine.ports.publishing import Publication
from penstock.engine.ports.relations import Swap
from penstock.model.intervals import Interval
from penstock.model.pipelines import Materialization
from penstock.plan.versions import relation_of
from penstock.sim.warehouse import MemoryWarehouse

if TYPE_CHECKING:
    from penstock.engine.ports.warehouse import Warehouse
    from penstock.sim.rows import Drive

Rows = Sequence[tuple[int | None, str]]
START = datetime(2011, 1, 1, tzinfo=UTC)
DATASET = "sim.daily"


def days(first: int, after: int) -> Interval:
    """From the start of one day to the start of another, counted from START."""
    return Interval(START + timedelta(days=first), START + timedelta(days=after))


def _moment(number: int | None) -> datetime | None:
    return None if number is None else (START + timedelta(days=number)).replace(tzinfo=None)


def _number(moment: datetime | None) -> int | None:
    return None if moment is None else (moment.replace(tzinfo=UTC) - START).days


def publication(publish_id: str, *, token: int = 1, version: str = "1", **changes: Any) -> Publication:
    """Replacing the first day of a dataset's version, unless the test says otherwise."""
    values: dict[str, Any] = {
        "publish_id": publish_id,
        "run": "r1",
        "dataset": DATASET,
        "version": version,
        "relation": relation_of(DATASET, version),
        "materialization": Materialization.INCREMENTAL,
        "token": token,
        "column": "moment",
        "interval": days(0, 1),
        **changes,
    }
    return Publication(**values)


def swap(promotion: str, *, token: int = 1, environment: str = "prod", **mapping: str) -> Swap:
    """Show these versions of datasets of `sim`."""
    relations = {f"sim.{name}": (version, relation_of(f"sim.{name}", version)) for name, version in mapping.items()}
    return Swap(promotion=promotion, environment=environment, mapping=relations, token=token)


class Place(Protocol):
    """A warehouse and what a test needs around it: files to stage and eyes to look with."""

    @property
    def warehouse(self) -> Warehouse: ...

    def file(self, rows: Rows) -> Path: ...
    def read(self, relation: str) -> list[tuple[int | None, str]]: ...
    def shown(self, environment: str) -> dict[str, str]: ...
    def seen(self, environment: str, dataset: str) -> list[tuple[int | None, str]]: ...
    def visible(self, environment: str) -> list[str]: ...
    def reopen(self) -> None: ...


def publish(place: Place, what: Publication, rows: Rows) -> int:
    """Stage rows and publish them."""
    with place.warehouse.session() as session:
        session.stage_file(place.file(rows))
        return session.publish(what)


def write_parquet(path: Path, rows: Rows) -> None:
    """Rows as a file that a session can stage."""
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE staged (moment TIMESTAMP, value VARCHAR)")
        for number, value in rows:
            connection.execute("INSERT INTO staged VALUES (?, ?)", [_moment(number), value])
        connection.table("staged").write_parquet(str(path))


@dataclass
class MemoryPlace:
    """The simulator's warehouse."""

    drive: Drive = field(default_factory=dict)
    numbers: count[int] = field(default_factory=count)

    def __post_init__(self) -> None:
        self.warehouse = MemoryWarehouse(self.drive)

    def file(self, rows: Rows) -> Path:
        path = Path(f"/sim/{next(self.numbers)}")
        self.drive[path] = tuple((_moment(number), value) for number, value in rows)
        return path

    def read(self, relation: str) -> list[tuple[int | None, str]]:
        return sorted(((_number(moment), value) for moment, value in self.warehouse.rows(relation)), key=str)

    def shown(self, environment: str) -> dict[str, str]:
        return self.warehouse.environment(environment)

    def seen(self, environment: str, dataset: str) -> list[tuple[int | None, str]]:
        rows = self.warehouse.shown(environment, dataset)
        return sorted(((_number(moment), value) for moment, value in rows), key=str)

    def visible(self, environment: str) -> list[str]:
        return list(self.warehouse.environment(environment))

    def reopen(self) -> None:
        """Memory outlives its executors as it is."""

    def close(self) -> None:
        """Nothing to give back."""


@dataclass
class DuckdbPlace:
    """The embedded warehouse in a folder."""

    folder: Path
    numbers: count[int] = field(default_factory=count)

    def __post_init__(self) -> None:
        self.spool = self.folder / "spool"
        self.warehouse = DuckdbWarehouse(self.folder / "w.duckdb", self.spool)

    def file(self, rows: Rows) -> Path:
        path = self.spool / f"{next(self.numbers)}.parquet"
        write_parquet(path, rows)
        return path

    def read(self, relation: str) -> list[tuple[int | None, str]]:
        rows = self.warehouse.query(f"SELECT moment, value FROM {relation}")[1]
        return sorted(((_number(moment), value) for moment, value in rows), key=str)

    def shown(self, environment: str) -> dict[str, str]:
        return self.warehouse.environment(environment)

    def seen(self, environment: str, dataset: str) -> list[tuple[int | None, str]]:
        return self.read(view_of(dataset, environment))

    def visible(self, environment: str) -> list[str]:
        """The views that stand in the schema of `sim`, whatever the warehouse's own table of them says."""
        schema = schema_of(DATASET, environment)
        sql = f"SELECT view_name FROM duckdb_views() WHERE schema_name = '{schema}' ORDER BY view_name"
        return [f"sim.{name}" for (name,) in self.warehouse.query(sql)[1]]

    def reopen(self) -> None:
        self.warehouse.close()
        self.warehouse = DuckdbWarehouse(self.folder / "w.duckdb", self.spool)

    def close(self) -> None:
        self.warehouse.close()


@dataclass
class PostgresPlace:
    """A warehouse in a database of its own on a server that runs; Parquet files lie in a folder."""

    folder: Path
    address: str
    numbers: count[int] = field(default_factory=count)

    def __post_init__(self) -> None:
        self.warehouse = open_postgres_warehouse(self.address, "sim")

    def file(self, rows: Rows) -> Path:
        path = self.folder / f"{next(self.numbers)}.parquet"
        write_parquet(path, rows)
        return path

    def read(self, relation: str) -> list[tuple[int | None, str]]:
        rows = self.warehouse.query(f"SELECT moment, value FROM {relation}")[1]
        return sorted(((_number(moment), value) for moment, value in rows), key=str)

    def shown(self, environment: str) -> dict[str, str]:
        return self.warehouse.environment(environment)

    def seen(self, environment: str, dataset: str) -> list[tuple[int | None, str]]:
        return self.read(view_of(dataset, environment))

    def visible(self, environment: str) -> list[str]:
        """The views that stand in the schema of `sim`, whatever the warehouse's own table of them says."""
        schema = schema_of(DATASET, environment)
        views = (view.split(".") for view in self.warehouse.views(environment))
        return [f"sim.{name}" for found, name in views if found == schema]

    def reopen(self) -> None:
        self.warehouse.close()
        self.warehouse = open_postgres_warehouse(self.address, "sim")

    def close(self) -> None:
        self.warehouse.close()


@contextmanager
def database(server: str) -> Iterator[str]:
    """The address of a new database on a server, dropped afterwards."""
    import psycopg

    name = f"sim_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
        try:
            yield f"{server.rpartition('/')[0]}/{name}"
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@contextmanager
def opened(kind: str, folder: Path, address: str = "") -> Iterator[Place]:
    """A warehouse of a kind; one in Postgres in the database at an address."""
    place: MemoryPlace | DuckdbPlace | PostgresPlace
    match kind:
        case "memory":
            place = MemoryPlace()
        case "duckdb":
            place = DuckdbPlace(folder)
        case _:
            place = PostgresPlace(folder, address)
    try:
        yield place
    finally:
        place.close()
