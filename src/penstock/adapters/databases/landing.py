"""Lands rows of databases as Parquet in the spool, typed as declared: the port `Databases` over real ones."""

from __future__ import annotations

import tempfile
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from penstock.adapters.databases.addresses import address_of
from penstock.adapters.databases.pulling import TELL_EVERY, Pull, progress, scratch
from penstock.engine.ports.arrivals import Landing
from penstock.model.databases import DatabaseEngine, DatabaseSource
from penstock.model.errors import InputError, TaskError
from penstock.model.findings import Finding, Place
from penstock.sql.identifiers import literal, quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from penstock.adapters.databases.addresses import Address
    from penstock.engine.ports.arrivals import Following, Portion, Stream
    from penstock.model.pipelines import Dataset


class Database(Protocol):
    """A connection to a database that rows are read from."""

    def columns(self, source: DatabaseSource) -> dict[str, str]:
        """The columns of a source's table or query, with the database's own names of their types."""
        ...

    def pull(self, source: DatabaseSource, native: Mapping[str, str], portion: Portion, pull: Pull) -> int:
        """Write the portion's rows to the pull's file; how many."""
        ...

    def close(self) -> None:
        """Give the connection back."""
        ...


@runtime_checkable
class Streaming(Protocol):
    """A `Database` that can also hand rows over as they come."""

    def stream(
        self, source: DatabaseSource, native: Mapping[str, str], portion: Portion, pull: Pull
    ) -> AbstractContextManager[Stream]:
        """The portion's rows, for the time of a block; the pull's path is not looked at."""
        ...


class DatabaseReader:
    """A `Databases` for a project; landed rows lie in the spool, which the warehouse may read."""

    def __init__(self, root: Path, spool: Path) -> None:
        self._root, self._spool = root, spool

    @contextmanager
    def land(
        self, dataset: Dataset, portion: Portion, is_unwanted: Callable[[], bool], tell: Callable[[str], None]
    ) -> Iterator[Landing]:
        """Read a portion of a source; see `Databases.land`."""
        source = source_of(dataset)
        with self._opened(dataset) as (database, address):
            native = database.columns(source)
            refuse_misfits(dataset, source, native)
            if portion.following is not None:
                pull = _pull(dataset, self._spool, address, is_unwanted, tell)
                with self._followed(dataset, database, native, portion.following, pull) as landing:
                    yield landing
                return
            self._spool.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self._spool, prefix="read-") as folder:
                path, began = Path(folder) / "rows.parquet", time.monotonic()
                pull = _pull(dataset, path, address, is_unwanted, tell)
                rows, seconds = database.pull(source, native, portion, pull), time.monotonic() - began
                if seconds > TELL_EVERY:
                    tell(progress(rows, seconds))
                if source.cursor is not None:
                    path = _newest_of_each(path, dataset.key, source.cursor.column)
                database.close()  # before the rows are judged and published, which may take long
                yield Landing(path=path, files=(), bytes=path.stat().st_size)

    @contextmanager
    def _followed(
        self, dataset: Dataset, database: Database, native: Mapping[str, str], following: Following, pull: Pull
    ) -> Iterator[Landing]:
        """What changed, for the time of a block."""
        from penstock.adapters.databases import following as changes  # noqa: PLC0415 - only what is read by change
        from penstock.adapters.databases.postgres import PostgresDatabase  # noqa: PLC0415 - the engine that is asked
        from penstock.adapters.databases.slots import home_of  # noqa: PLC0415 - as above

        assert isinstance(database, PostgresDatabase)  # noqa: S101 - no other engine's changes are read
        self._spool.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._spool, prefix="read-") as folder:
            stream = changes.Stream(
                dataset=dataset,
                source=source_of(dataset),
                database=database,
                native=native,
                pull=replace(pull, path=Path(folder) / "rows.parquet"),
                home=home_of(self._spool.parent),
            )
            read = changes.follow(stream, following)
            database.close()
            size = read.rows.stat().st_size
            yield Landing(path=read.rows, files=(), bytes=size, state=read.state, gone=read.gone, anew=read.anew)

    def streams(self, dataset: Dataset) -> bool:
        """Whether `stream` reads this source; see `Databases.streams`."""
        source = source_of(dataset)
        return source.engine is DatabaseEngine.POSTGRES and source.cursor is None and source.changes is None

    @contextmanager
    def stream(
        self, dataset: Dataset, portion: Portion, is_unwanted: Callable[[], bool], tell: Callable[[str], None]
    ) -> Iterator[Stream]:
        """Rows as they come; see `Databases.stream`."""
        source = source_of(dataset)
        with self._opened(dataset) as (database, address):
            native = database.columns(source)
            refuse_misfits(dataset, source, native)
            assert isinstance(database, Streaming)  # noqa: S101 - `streams` said so
            pull = _pull(dataset, self._spool, address, is_unwanted, tell)
            with database.stream(source, native, portion, pull) as stream:
                yield stream

    @contextmanager
    def _opened(self, dataset: Dataset) -> Iterator[tuple[Database, Address]]:
        source = source_of(dataset)
        try:
            address = address_of(source, self._root, dataset.name)
            database = opened(source.engine, address, dataset.name, self._root)
        except InputError as error:  # within an attempt it is the task that fails
            raise TaskError(error.findings) from None
        try:
            yield database, address
        finally:
            database.close()


def source_of(dataset: Dataset) -> DatabaseSource:
    """What a dataset is read from."""
    source = dataset.task
    assert isinstance(source, DatabaseSource)  # noqa: S101 - nothing else is read from databases
    return source


def _pull(
    dataset: Dataset, path: Path, address: Address, is_unwanted: Callable[[], bool], tell: Callable[[str], None]
) -> Pull:
    return Pull(
        dataset=dataset.name,
        path=path,
        address=address,
        is_unwanted=is_unwanted,
        tell=tell,
        timeout=dataset.timeout,
    )


def opened(engine: DatabaseEngine, address: Address, dataset: str | None, root: Path) -> Database:
    """A connection.

    Raises:
        InputError: the driver or the file is missing.
        TaskError: the database refuses.
        TransientError: it does not answer.
    """
    if engine is DatabaseEngine.POSTGRES:
        from penstock.adapters.databases.postgres import PostgresDatabase  # noqa: PLC0415 - the engine that is asked

        return PostgresDatabase(address, dataset)
    if engine is DatabaseEngine.SQLITE:
        from penstock.adapters.databases.sqlite import SqliteDatabase  # noqa: PLC0415 - as above

        return SqliteDatabase(address, dataset, root)
    from penstock.adapters.databases.mysql import MysqlDatabase  # noqa: PLC0415 - as above

    return MysqlDatabase(address, dataset)


def refuse_misfits(dataset: Dataset, source: DatabaseSource, native: Mapping[str, str]) -> None:
    """Hold what is declared against what is there.

    Raises:
        TaskError: columns are missing, or are of types that what is declared cannot carry; all of them at once.
    """
    found: list[Finding] = []
    for name, type_ in source.types.items():
        if name not in native:
            found.append(_missing(dataset, source, name, native))
        elif not _is_carried(source.engine, native[name], type_):
            found.append(_misfit(dataset, source, name, native[name]))
    if found:
        raise TaskError(tuple(found))


def _is_carried(engine: DatabaseEngine, native: str, type_: str) -> bool:
    if engine is DatabaseEngine.POSTGRES:
        from penstock.adapters.databases import postgres  # noqa: PLC0415 - the engine that is asked

        return postgres.carried(native, type_) is not None
    if engine is DatabaseEngine.MYSQL:
        from penstock.adapters.databases import mysql  # noqa: PLC0415 - as above

        return mysql.carried(native, type_)
    return True  # SQLite: each value is looked at


def _missing(dataset: Dataset, source: DatabaseSource, name: str, native: Mapping[str, str]) -> Finding:
    return Finding(
        code="source.missing_column",
        message=f"{source.place} has no column {name}",
        place=Place(file=dataset.file, dataset=dataset.name, field=name),
        found=", ".join(native) or "no column",
        expected=f"a column named {name}, in the same case",
        remedy="correct `columns`",
    )


def _misfit(dataset: Dataset, source: DatabaseSource, name: str, native: str) -> Finding:
    return Finding(
        code="source.type_mismatch",
        message=f"{name} of {source.place} is {native}, which does not become {source.types[name]} without loss",
        place=Place(file=dataset.file, dataset=dataset.name, field=name),
        found=native,
        expected="a type that holds every value of that column; VARCHAR holds them all",
        remedy="correct its type in `columns`, or read a `query` that casts it",
    )


def _newest_of_each(path: Path, key: tuple[str, ...], cursor: str) -> Path:
    """Of rows with the same key, those with the newest cursor; the same file if there are no such rows."""
    columns = ", ".join(map(quote, key))
    rows = f"read_parquet({literal(str(path))})"
    with scratch(path.parent) as connection:
        several = f"SELECT 1 FROM {rows} GROUP BY {columns} HAVING count(*) > 1 LIMIT 1"
        if not connection.execute(several).fetchall():
            return path
        order = f"rank() OVER (PARTITION BY {columns} ORDER BY {quote(cursor)} DESC NULLS LAST)"
        newest = path.with_name("newest.parquet")
        connection.execute(
            f"COPY (SELECT * FROM {rows} QUALIFY {order} = 1) TO {literal(str(newest))} (FORMAT parquet)"
        )
    return newest
