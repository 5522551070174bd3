"""Rows out of a database into a Parquet file: streamed, so that only some of them are in memory, and stoppable.

A database hands rows over as they are asked for (Arrow's C stream), and DuckDB asks as it writes: neither gets ahead.
"""

from __future__ import annotations

import re
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb

from penstock.model.errors import PenstockError, TaskError, TransientError
from penstock.model.findings import Finding, Place
from penstock.sql.identifiers import literal, quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import timedelta
    from pathlib import Path

    from penstock.adapters.databases.addresses import Address

MEMORY = "1GB"
"""What DuckDB may use while it writes; a row group of many wide columns takes most of it."""
LOOK_EVERY, TELL_EVERY = 0.2, 5.0
"""Seconds between two looks at whether to stop, and between two lines about how far it is."""
_LOST = (
    "server closed the connection",
    "connection to server",
    "Lost connection",
    "MySQL server has gone away",
    "could not receive data",
    "connection has been closed",
    "terminating connection",
    "Connection refused",
    "Connection reset",
    "Connection timed out",
    "timeout expired",
    "the database system is",
    "too many clients",
    "remaining connection slots",
    "Too many connections",
    "database is locked",
    "canceling statement due to conflict",
    "could not serialize",
    "Deadlock found",
    "is active for PID",
)
"""What drivers say of what may be otherwise the next time."""
_VALUE = re.compile(r"\"[^\"]*\"|'[^']*'|(?<=with value )\S+")
_NEVER = ("authentication failed", "no pg_hba.conf entry", "Access denied")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """How one source is read: where the rows go, who may stop it, and whom to tell how far it is."""

    dataset: str
    path: Path
    address: Address
    is_unwanted: Callable[[], bool]
    tell: Callable[[str], None]
    timeout: timedelta | None = None


@contextmanager
def scratch(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB of bounded memory, that keeps what does not fit below `folder`."""
    config: dict[str, Any] = {"threads": 2, "memory_limit": MEMORY, "temp_directory": str(folder / "spill")}
    connection = duckdb.connect(":memory:", config=config)
    try:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET preserve_insertion_order = false")
        yield connection
    finally:
        connection.close()


def write(
    connection: duckdb.DuckDBPyConnection, rows: str, select: Mapping[str, str], path: Path, where: str = ""
) -> int:
    """Write a relation's rows as Parquet, each column by its expression; how many."""
    columns = ", ".join(f"{expression} AS {quote(name)}" for name, expression in select.items())
    query = f"SELECT {columns} FROM {rows}{f' WHERE {where}' if where else ''}"
    made = connection.execute(f"COPY ({query}) TO {literal(str(path))} (FORMAT parquet, PARQUET_VERSION v2)").fetchone()
    return int(made[0]) if made else 0


@contextmanager
def stoppable(pull: Pull, stop: Callable[[], None], rows: Callable[[], int | None] | None = None) -> Iterator[None]:
    """For the time of a block: call `stop` once it is unwanted or its time is over, and tell how many rows there are.

    Raises:
        TaskError: it was stopped.
    """
    over, reason = threading.Event(), list[str]()
    began = time.monotonic()
    limit = pull.timeout.total_seconds() if pull.timeout else None

    def watch() -> None:
        told = began
        while not over.wait(LOOK_EVERY):
            now = time.monotonic()
            if limit is not None and now - began > limit:
                reason.append("engine.timeout")
            elif pull.is_unwanted():
                reason.append("source.stopped")
            if reason:
                with suppress(Exception):  # it may have ended by itself just now
                    stop()
                continue
            if rows is not None and now - told >= TELL_EVERY:
                told = now
                with suppress(Exception):  # what is only told may fail
                    count = rows()
                    if count:
                        pull.tell(progress(count, now - began))

    watcher = threading.Thread(target=watch, name="penstock-source", daemon=True)
    watcher.start()
    try:
        yield
    except BaseException as error:
        if reason and not isinstance(error, KeyboardInterrupt):
            raise _stopped(reason[0], pull.dataset) from None
        raise
    finally:
        over.set()
        watcher.join()


def progress(rows: int, seconds: float) -> str:
    """How far a reading is, for people."""
    return f"read {rows:,} rows, {rows / max(seconds, 0.001):,.0f} rows/s"


def fault(pull_of: str | None, address: Address, error: BaseException) -> PenstockError:
    """What a driver or DuckDB says, without secrets, and whether it may pass."""
    text = address.mask(str(error))
    if isinstance(error, duckdb.ConversionException):  # the value that it shows may be personal
        text = _VALUE.sub("…", text.partition("LINE 1:")[0])
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    message = _plain(lines[0] if lines else type(error).__name__)
    passes = any(word in text for word in _LOST) and not any(word in text for word in _NEVER)
    finding = Finding(
        code="source.connection_lost" if passes else "source.refused",
        message=message,
        place=Place(dataset=pull_of),
        found="\n".join(lines[1:5]) or None,
        expected=None if passes else "rows of the types declared, from a database that lets them be read",
        remedy="it is tried again" if passes else "correct the source's file, the account's rights, or the data",
    )
    return TransientError(finding) if passes else TaskError(finding)


def _plain(line: str) -> str:
    """Without what DuckDB says of its own Python objects."""
    for marker in ("get_next failed(): ", "failed: "):
        if marker in line and ("arrow_scan" in line or "stream of the Python object" in line):
            return line.split(marker, 1)[1]
    return line.removeprefix("Invalid Input Error: ")


def _stopped(code: str, dataset: str) -> TaskError:
    message = "the attempt took too long" if code == "engine.timeout" else "the reading was stopped"
    remedy = "raise `timeout`, or read less at a time by `interval` or `cursor`" if code == "engine.timeout" else None
    return TaskError(Finding(code=code, message=message, place=Place(dataset=dataset), remedy=remedy))
