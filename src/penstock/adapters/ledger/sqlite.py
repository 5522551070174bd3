"""The ledger in one SQLite file: WAL, synchronous=FULL, one writer thread that commits several callers at once.

Invariants: a fact and its state are written in one transaction; `append` returns only after the commit is on disk;
after a failed commit the store refuses further work until it is opened anew.
"""

from __future__ import annotations

import queue
import threading
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import resources
from typing import TYPE_CHECKING, Any

import apsw

from penstock.ledger.journal import GENESIS, Entry, LeaseLostError, LedgerDamagedError, link, stale_lease, verify
from penstock.ledger.state import TABLES, Drop, Put, fold, refold
from penstock.model.findings import Finding, Place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from penstock.ledger.facts import Fact
    from penstock.ledger.journal import Value
    from penstock.ledger.state import Operation

SCHEMA_VERSION = 1
APPLICATION_ID = 0x50454E53
GROUP_LIMIT = 256
_COLUMNS = "seq, at, kind, body, previous, hash"


@dataclass(slots=True)
class _Append:
    facts: tuple[Fact, ...]
    token: int | None
    done: Future[tuple[Entry, ...]] = field(default_factory=Future)


class SqliteLedger:
    """A `Journal` over one file. Close it when done; a process may open it while another one writes."""

    def __init__(self, path: Path, now: Callable[[], str]) -> None:
        self.path, self._now = path, now
        path.parent.mkdir(parents=True, exist_ok=True)
        self._writer = _open(path)
        self._reader = _open(path)
        self._read_lock = threading.Lock()
        self._queue: queue.SimpleQueue[_Append | None] = queue.SimpleQueue()
        self._failed: BaseException | None = None
        self._thread: threading.Thread | None = None
        self._start_lock = threading.Lock()

    def append(self, *facts: Fact, token: int | None = None) -> tuple[Entry, ...]:
        """Record facts and their state; durable on return. See `Journal.append`."""
        with self._start_lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._write_groups, name="penstock-ledger", daemon=True)
                self._thread.start()
        request = _Append(facts, token)
        self._queue.put(request)
        return request.done.result()

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """Every entry after a number, in order."""
        rows = self._read(f"SELECT {_COLUMNS} FROM journal WHERE seq > ? ORDER BY seq", (after,))
        return (_entry(row) for row in rows)

    def rows(self, table: str, **equal: Value) -> tuple[Mapping[str, Value], ...]:
        """State rows; see `Journal.rows`."""
        keys, others = TABLES[table]
        columns = (*keys, *others)
        unknown = set(equal) - set(columns)
        if unknown:
            raise KeyError(f"{table} has no column {sorted(unknown)}")
        names = ", ".join(f'"{name}"' for name in columns)
        where = " AND ".join(f'"{name}" IS ?' for name in equal) or "1"
        order = ", ".join(f'"{name}"' for name in keys)
        sql = f'SELECT {names} FROM "{table}" WHERE {where} ORDER BY {order}'
        found = self._read(sql, tuple(equal.values()))
        return tuple(dict(zip(columns, row, strict=True)) for row in found)

    def _read(self, sql: str, values: tuple[Value, ...]) -> list[Any]:
        try:
            with self._read_lock:
                return self._reader.execute(sql, values).fetchall()
        except (apsw.NotADBError, apsw.CorruptError, apsw.IOError, UnicodeDecodeError) as error:
            raise LedgerDamagedError(_unreadable(self.path, error)) from error

    def check(self) -> tuple[Finding, ...]:
        """Verify the chain and fold the journal again; what differs from the tables is a finding."""
        broken = verify(self.entries())
        if broken:
            return broken
        expected = refold(self.entries())
        findings = []
        for table, (keys, _) in TABLES.items():
            actual = {tuple(row[name] for name in keys): dict(row) for row in self.rows(table)}
            if actual != expected[table]:
                differing = [key for key in {*actual, *expected[table]} if actual.get(key) != expected[table].get(key)]
                findings.append(_state_differs(self.path, table, len(differing)))
        return tuple(findings)

    def close(self) -> None:
        """Finish what is queued and close the file."""
        with self._start_lock:
            if self._thread is not None:
                self._queue.put(None)
                self._thread.join()
                self._thread = None
        self._reader.close()
        self._writer.close()

    def _write_groups(self) -> None:
        while (request := self._queue.get()) is not None:
            group = [request]
            ended = False
            while len(group) < GROUP_LIMIT:
                try:
                    following = self._queue.get_nowait()
                except queue.Empty:
                    break
                if following is None:
                    ended = True
                    break
                group.append(following)
            self._commit(group)
            if ended:
                return

    def _commit(self, group: list[_Append]) -> None:
        """One transaction for the whole group; a caller whose token is stale is told so and leaves no trace."""
        results: list[tuple[_Append, tuple[Entry, ...] | LeaseLostError]] = []
        if self._failed is not None:
            self._fail(group, self._failed)
            return
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            head = self._writer.execute("SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1").fetchone()
            seq, previous = head or (0, GENESIS)
            for request in group:
                refused = self._stale(request)
                if refused is not None:
                    results.append((request, refused))
                    continue
                entries = []
                for fact in request.facts:
                    entry = link(seq + 1, self._now(), fact, previous)
                    self._write(entry)
                    seq, previous = entry.seq, entry.hash
                    entries.append(entry)
                results.append((request, tuple(entries)))
            self._writer.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - a thread's front door: whoever waits must be answered
            self._fail(group, error)
            return
        for request, result in results:
            if isinstance(result, LeaseLostError):
                request.done.set_exception(result)
            else:
                request.done.set_result(result)

    def _fail(self, group: list[_Append], error: BaseException) -> None:
        """After a failed commit nothing is retried: what is on disk is learnt by opening the file again."""
        self._failed = error
        with suppress(apsw.Error, OSError):  # callers are told what failed first, whatever follows from it
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
        failure = LedgerDamagedError(
            Finding(
                code="ledger.write_failed",
                message=f"the ledger could not be written: {error}",
                place=Place(file=str(self.path)),
                expected="room on the disk and a writable file",
                remedy="free space or fix the disk, then run the same command again; nothing half-done was kept",
            )
        )
        failure.__cause__ = error
        for request in group:
            request.done.set_exception(failure)

    def _stale(self, request: _Append) -> LeaseLostError | None:
        if request.token is None:
            return None
        row = self._writer.execute("SELECT max(token) FROM leases").fetchone()
        newest = row[0] if row else None
        if newest == request.token:
            return None
        return stale_lease(request.token, newest)

    def _write(self, entry: Entry) -> None:
        values = (entry.seq, entry.at, entry.kind, entry.body, entry.previous, entry.hash)
        self._writer.execute(f"INSERT INTO journal ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)", values)
        for operation in fold(entry):
            self._writer.execute(*_statement(operation))


def _statement(operation: Operation) -> tuple[str, tuple[Value, ...]]:
    if isinstance(operation, Drop):
        where = " AND ".join(f'"{name}" IS ?' for name in operation.equal)
        return f'DELETE FROM "{operation.table}" WHERE {where}', tuple(operation.equal.values())
    assert isinstance(operation, Put)  # noqa: S101 - the only other operation
    keys, _ = TABLES[operation.table]
    names = list(operation.values)
    columns = ", ".join(f'"{name}"' for name in names)
    conflict = ", ".join(f'"{name}"' for name in keys)
    updates = ", ".join(f'"{name}" = excluded."{name}"' for name in names if name not in keys)
    action = f"DO UPDATE SET {updates}" if updates else "DO NOTHING"
    marks = ", ".join("?" * len(names))
    sql = f'INSERT INTO "{operation.table}" ({columns}) VALUES ({marks}) ON CONFLICT ({conflict}) {action}'
    return sql, tuple(operation.values.values())


def _entry(row: tuple[int, str, str, str, str, str]) -> Entry:
    seq, at, kind, body, previous, digest = row
    return Entry(seq=seq, at=at, kind=kind, body=body, previous=previous, hash=digest)


def _open(path: Path) -> apsw.Connection:
    try:
        connection = apsw.Connection(str(path))
        connection.set_busy_timeout(10_000)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        _migrate(connection, path)
    except (apsw.NotADBError, apsw.CorruptError) as error:
        raise LedgerDamagedError(_unreadable(path, error)) from error
    except (apsw.IOError, apsw.FullError, apsw.CantOpenError, apsw.ReadOnlyError) as error:
        raise LedgerDamagedError(_not_opened(path, error)) from error
    return connection


def _not_opened(path: Path, error: apsw.Error) -> Finding:
    return Finding(
        code="ledger.not_opened",
        message=f"the ledger cannot be opened for writing: {error}",
        place=Place(file=str(path)),
        expected="room on the disk, and a file and a folder that can be written",
        remedy="free space or fix the disk, then run the same command again; nothing was changed",
    )


def _migrate(connection: apsw.Connection, path: Path) -> None:
    version = _user_version(connection)
    if version > SCHEMA_VERSION:
        raise LedgerDamagedError(
            Finding(
                code="ledger.newer",
                message=f"{path.name} was written by a newer Penstock (schema {version})",
                place=Place(file=str(path)),
                expected=f"schema {SCHEMA_VERSION}",
                remedy="use that version of Penstock",
            )
        )
    if version == SCHEMA_VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    if _user_version(connection) == 0:
        if connection.execute("SELECT 1 FROM sqlite_schema").fetchone() is not None:
            connection.execute("ROLLBACK")
            raise LedgerDamagedError(_foreign(path))
        schema = resources.files("penstock.adapters.ledger").joinpath("schema.sql").read_text(encoding="utf-8")
        connection.execute(schema)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    connection.execute("COMMIT")


def _user_version(connection: apsw.Connection) -> int:
    row: Any = connection.execute("PRAGMA user_version").fetchone()
    return int(row[0])


def _unreadable(path: Path, error: Exception) -> Finding:
    return Finding(
        code="ledger.unreadable",
        message=f"{path.name} is not a ledger that can be read: {error}",
        place=Place(file=str(path)),
        expected="a SQLite file written by Penstock",
        remedy="move it aside and restore a backup; the warehouse is untouched",
    )


def _foreign(path: Path) -> Finding:
    return Finding(
        code="ledger.foreign",
        message=f"{path.name} is a database of another program",
        place=Place(file=str(path)),
        expected="a SQLite file written by Penstock, or none",
        remedy="move it aside; Penstock makes its own",
    )


def _state_differs(path: Path, table: str, count: int) -> Finding:
    return Finding(
        code="ledger.state_differs",
        message=f"{count} row(s) of the state table {table} are not what the journal says",
        place=Place(file=str(path)),
        expected="tables equal to the folded journal",
        remedy="restore the file from a backup; something else than Penstock wrote to it",
    )
