"""Opens the target of an export, as a sink that rows can be given to."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.model.errors import InputError
from penstock.model.exports import Export, ExportFormat
from penstock.model.extras import how_to_install
from penstock.model.findings import Finding, Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.app.wiring import Workplace
    from penstock.engine.exporting import Sink
    from penstock.plan.exporting import Stamp


@contextmanager
def open_sink(place: Workplace, one: Export, stamp: Stamp, column: str | None, *, replace: bool) -> Iterator[Sink]:
    """The target of an export, open for the time of it."""
    if one.format is ExportFormat.POSTGRES:
        with _postgres(place, one, stamp, column, replace=replace) as sink:
            yield sink
    elif one.format is ExportFormat.DUCKDB:
        from penstock.adapters.exports.duckdb_table import DuckdbSink, open_duckdb  # noqa: PLC0415 - as needed

        path = _target(place, one)
        if path.resolve() == (place.root / place.settings.warehouse).resolve():
            raise InputError(_own_warehouse(one))
        with open_duckdb(path) as connection:
            yield DuckdbSink(connection=connection, name=one.table, stamp=stamp, column=column, replace=replace)
    else:
        from penstock.adapters.exports.files import FileSink  # noqa: PLC0415 - as above

        dataset = place.project.datasets[one.dataset]
        order = (*(dataset.key or (dataset.contract.key if dataset.contract else ())), *([column] if column else []))
        yield FileSink(path=str(_target(place, one)), format=one.format, stamp=stamp, replace=replace, order=order)


@contextmanager
def _postgres(place: Workplace, one: Export, stamp: Stamp, column: str | None, *, replace: bool) -> Iterator[Sink]:
    from penstock.adapters.databases.addresses import address_of  # noqa: PLC0415 - as needed

    address = address_of(one, place.root, one.dataset)
    try:
        from penstock.adapters.exports.postgres_table import PostgresSink  # noqa: PLC0415 - the driver is an extra
        from penstock.adapters.postgres.server import Server  # noqa: PLC0415 - as above
    except ImportError as error:
        raise InputError(_NO_DRIVER) from error
    server = Server(address.text)
    connection = server.connect()
    try:
        yield PostgresSink(
            server=server, connection=connection, name=one.table, stamp=stamp, column=column, replace=replace
        )
    finally:
        connection.close()
        server.close()


def _target(place: Workplace, one: Export) -> Path:
    """A file's place, where no link leads out of the project if it was declared there."""
    path = place.root / one.path
    fixed = Path(*[part for part in path.parts if "{" not in part])
    if one.file and not fixed.resolve().is_relative_to(place.root.resolve()):
        raise InputError(_wrong("export.path", f"{one.path} leaves the project by a link", "a path beneath it", one))
    return path if "{" in one.path else path.parent.resolve() / path.name


_NO_DRIVER = Finding(
    code="export.no_driver",
    message="an export to Postgres needs the driver psycopg, which is not installed",
    expected="psycopg 3 with its client library",
    remedy=how_to_install("postgres"),
)


def _wrong(code: str, message: str, expected: str, one: Export) -> Finding:
    return Finding(code=code, message=message, place=Place(file=one.file), expected=expected)


def _own_warehouse(one: Export) -> Finding:
    return _wrong("export.path", f"{one.path} is the project's own warehouse", "another database", one)
