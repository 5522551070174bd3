"""A table read by change: first whole, then what its server's stream of changes says since.

Invariants: the slot is there before the table is first read, and nothing that was committed before it is missing from
that reading; what the slot lets the server forget is published; a transaction is read whole or not at all. Changes that
are read twice come to the same rows, so that a kill at any step loses and doubles nothing.
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import duckdb

from penstock.adapters.databases import change_findings as findings
from penstock.adapters.databases import slots
from penstock.adapters.databases.change_values import MalformedListError, list_text
from penstock.adapters.databases.folding import Folding, Shape
from penstock.adapters.databases.pgoutput import (
    Begin,
    Commit,
    Delete,
    Insert,
    Kept,
    MalformedMessageError,
    Passed,
    Relation,
    Truncate,
    Update,
    decode,
)
from penstock.adapters.databases.postgres import relation
from penstock.adapters.databases.pulling import fault, scratch
from penstock.engine.ports.arrivals import Portion
from penstock.model.errors import TaskError, TransientError
from penstock.sql.identifiers import literal, quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from penstock.adapters.databases.pgoutput import Message, Tuple
    from penstock.adapters.databases.postgres import PostgresDatabase
    from penstock.adapters.databases.pulling import Pull
    from penstock.adapters.databases.slots import Slot, Watched
    from penstock.engine.ports.arrivals import Following
    from penstock.model.databases import DatabaseSource
    from penstock.model.pipelines import Dataset

AT_ONCE = 5_000
"""How many messages are in memory at a time."""
LOOK_EVERY = 0.05
TOLD = 1 << 20
"""From how many bytes of kept log on a run says how many they are."""
_CREATED = "SELECT (lsn - '0/0'::pg_lsn)::bigint AS lsn FROM pg_create_logical_replication_slot({0}, 'pgoutput')"
_RUNNING = "SELECT pg_snapshot_xip(pg_current_snapshot())::text"
_FLUSHED = "SELECT (pg_current_wal_flush_lsn() - '0/0'::pg_lsn)::bigint"
_CHANGES = """
SELECT c.n::bigint AS n, c.data AS data
FROM pg_logical_slot_peek_binary_changes({0}, {1}, NULL, 'proto_version', '1', 'publication_names', {2})
     WITH ORDINALITY AS c (lsn, xid, data, n)
"""
_NO_RIGHT = re.compile("permission denied to use replication slots|must be superuser or replication role")
_CUT_SHORT = {"character": "bpchar", "bit": "varbit"}
"""Names of types that mean a length of one where they are cast to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What was read: rows, keys of those that are gone (none of a first reading), and where the stream was left."""

    rows: Path
    state: str
    gone: Path | None = None
    anew: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """What is read, over which connection, for which version."""

    dataset: Dataset
    source: DatabaseSource
    database: PostgresDatabase
    native: Mapping[str, str]
    pull: Pull
    home: str

    @property
    def folder(self) -> Path:
        """Where its files lie."""
        return self.pull.path.parent


def follow(stream: Stream, following: Following) -> Read:
    """The rows of the table, or those that changed since the state.

    Raises:
        TaskError: the changes cannot be read, or not any more.
        TransientError: the database does not answer, or somebody else reads them now.
    """
    watched = slots.watched(stream.database.connection, stream.dataset, stream.source, makes=following.state is None)
    try:
        if following.state is None:
            return _first(stream, following, watched)
        return _next(stream, following, watched, json.loads(following.state))
    except duckdb.Error as error:  # while changes are folded: a value, memory, the disk
        raise fault(stream.dataset.name, stream.pull.address, error) from None
    except TaskError as error:
        if _NO_RIGHT.search(str(error)):
            raise TaskError(findings.no_right(stream.dataset)) from error
        raise


def _first(stream: Stream, following: Following, watched: Watched) -> Read:
    """The whole table, once a slot keeps what changes from now on."""
    connection, name = (
        stream.database.connection,
        slots.slot_name(stream.source, stream.dataset.name, following.version, stream.home),
    )
    left = slots.slot(connection, name)
    if left is not None:  # of a reading whose rows were never published
        _refuse_busy(stream, left)
        slots.drop(connection, name)
    lsn = _make_slot(stream, name)
    _wait_for_commits(stream)
    stream.database.pull(stream.source, stream.native, Portion(), stream.pull)
    return Read(rows=stream.pull.path, state=_state(name, lsn, watched))


def _make_slot(stream: Stream, name: str) -> int:
    """Make a slot, which waits for the transactions that are open, and may be stopped; where it begins."""
    made = replace(stream.pull, path=stream.folder / "slot.parquet")
    stream.database.connection.pull(made, _CREATED.format(literal(name)), {"lsn": "lsn"})
    with scratch(stream.folder) as here:
        row = here.execute(f"SELECT lsn FROM read_parquet({literal(str(made.path))})").fetchall()[0]
    return int(row[0])


def _wait_for_commits(stream: Stream) -> None:
    """A commit that is in the log before the slot may not be seen by others yet: wait until it must be."""
    connection = stream.database.connection
    open_ = {str(row[0]) for row in connection.rows(_RUNNING)}
    began = time.monotonic()
    while open_ and open_ & {str(row[0]) for row in connection.rows(_RUNNING)}:
        limit = stream.dataset.timeout
        if stream.pull.is_unwanted() or (limit and time.monotonic() - began > limit.total_seconds()):
            raise TransientError(findings.waiting(stream.dataset))
        time.sleep(LOOK_EVERY)


def _next(stream: Stream, following: Following, watched: Watched, state: Mapping[str, object]) -> Read:
    """What changed since the state."""
    connection, name, since = stream.database.connection, str(state["slot"]), int(str(state["lsn"]))
    _refuse_altered(stream, watched, state)
    slot = slots.slot(connection, name)
    _refuse_lost(stream, name, slot, since)
    if slot is not None and slot.confirmed < since:
        slots.advance(connection, name, since)
    if slot is not None and slot.bytes_kept > TOLD:
        stream.pull.tell(f"the slot {name} keeps {slot.bytes_kept:,} bytes of the server's log")
    until = int(connection.rows(_FLUSHED)[0][0])
    raw = replace(stream.pull, path=stream.folder / "messages.parquet")
    published = literal(quote(slots.publication_name(stream.source)))
    asked = _CHANGES.format(literal(name), slots.lsn_text(until), published)
    connection.pull(raw, asked, {"n": "n", "data": "data"})
    shape = Shape(types=stream.source.types, native=stream.native, key=stream.dataset.key)
    with scratch(stream.folder) as here:
        folding = Folding(here, stream.folder, shape)
        changes = Changes(stream, watched, folding, since=since)
        for message in _messages(here, raw.path):
            changes.take(message)
        end = max(until, changes.finished())
        folded = folding.folded(following.held, lambda keys, path: _ask(stream, keys, path))
    return Read(rows=folded.rows, gone=folded.gone, anew=folded.anew, state=_state(name, end, watched))


def _messages(connection: duckdb.DuckDBPyConnection, path: Path) -> Iterator[bytes]:
    with connection.cursor() as here:
        found = here.execute(f"SELECT data FROM read_parquet({literal(str(path))}) ORDER BY n")
        while rows := found.fetchmany(AT_ONCE):
            for row in rows:
                yield bytes(row[0])


class Changes:
    """Takes the messages of a stream, one table's changes of which go on to be folded."""

    def __init__(self, stream: Stream, watched: Watched, folding: Folding, *, since: int) -> None:
        self._dataset, self._source, self._watched = stream.dataset, stream.source, watched
        self._folding, self._since = folding, since
        self._names, self._key = tuple(stream.source.types), stream.dataset.key
        self._lists = {
            name: list_text(stream.native[name]) for name, type_ in stream.source.types.items() if type_.endswith("[]")
        }
        self._places: dict[str, int] = {}
        self._begun: Begin | None = None
        self._end = 0

    def take(self, data: bytes) -> None:
        """One message.

        Raises:
            TaskError: it cannot be understood, or the table was altered.
        """
        try:
            self._taken(decode(data))
        except (MalformedMessageError, MalformedListError) as error:
            raise TaskError(findings.malformed(self._dataset, str(error))) from None

    def finished(self) -> int:
        """Where the last transaction ended; 0 if there was none.

        Raises:
            TaskError: it has not ended.
        """
        if self._begun is not None:
            raise TaskError(findings.malformed(self._dataset, "a transaction does not end"))
        return self._end

    def _taken(self, message: Message) -> None:
        match message:
            case Begin():
                if self._begun is not None:
                    raise MalformedMessageError("a transaction begins within another")
                self._begun = message
            case Commit():
                if self._begun is None or message.lsn != self._begun.lsn:
                    raise MalformedMessageError("a commit is of no transaction")
                self._begun, self._end = None, message.end
            case Relation():
                if message.oid == self._watched.table:
                    self._places = self._placed(message)
            case Passed():
                return
            case Insert() | Update() | Delete() | Truncate():
                self._change(message)

    def _change(self, message: Insert | Update | Delete | Truncate) -> None:
        if self._begun is None:
            raise MalformedMessageError("a change is outside of a transaction")
        if self._begun.lsn < self._since:  # published already: a server that crashed sends it again
            return
        if isinstance(message, Truncate):
            if self._watched.table in message.relations:
                self._folding.emptied()
            return
        if message.relation != self._watched.table:
            return
        if not self._places:
            raise MalformedMessageError("a change comes before its table is told of")
        match message:
            case Insert():
                self._put(message.new, None)
            case Update():
                self._put(message.new, message.old, is_whole=message.is_whole)
            case Delete():
                self._folding.gone(self._key_of(message.old))

    def _put(self, new: Tuple, old: Tuple | None, *, is_whole: bool = False) -> None:
        key = self._key_of(new, old)
        before = self._key_of(old) if old is not None else key
        if before != key:
            self._folding.gone(before)
        row: list[str | None] = []
        kept: list[int] = []
        for number, name in enumerate(self._names):
            value = self._value(new, name)
            if value is Kept.VALUE and is_whole and old is not None:
                value = self._value(old, name)
            if value is Kept.VALUE and name in self._key:
                value = key[self._key.index(name)]
            if isinstance(value, Kept):
                kept.append(number)
                row.append(None)
            else:
                made = self._lists.get(name)
                row.append(made(value) if made and value is not None else value)
        self._folding.put(key, row, kept, moved=before != key)

    def _key_of(self, row: Tuple, old: Tuple | None = None) -> tuple[str, ...]:
        found: list[str] = []
        for name in self._key:
            value = self._value(row, name)
            if value is Kept.VALUE and old is not None:
                value = self._value(old, name)
            if not isinstance(value, str):
                raise MalformedMessageError(f"a change does not say {name} of the row that it is about")
            found.append(value)
        return tuple(found)

    def _value(self, row: Tuple, name: str) -> str | Kept | None:
        place = self._places[name]
        if place >= len(row):
            raise MalformedMessageError("a row has fewer columns than its table")
        return row[place]

    def _placed(self, said: Relation) -> dict[str, int]:
        """Where the declared columns are in the rows that follow."""
        places = {column.name: place for place, column in enumerate(said.columns)}
        for name in self._names:
            if name not in places:
                raise TaskError(findings.altered(self._dataset, self._source, f"{name} was missing for a time"))
            column, known = said.columns[places[name]], self._watched.columns[name]
            if (column.type, column.modifier) != known[1:]:
                raise TaskError(findings.altered(self._dataset, self._source, f"{name} had another type for a time"))
        return places


def _ask(stream: Stream, keys: Sequence[Sequence[str]], path: Path) -> None:
    """The rows with these keys as the table has them now."""
    names = stream.dataset.key
    types = [_CUT_SHORT.get(stream.native[name], stream.native[name]) for name in names]
    rows = ", ".join(
        f"({', '.join(f'CAST({literal(text)} AS {type_})' for text, type_ in zip(key, types, strict=True))})"
        for key in keys
    )
    query = f"SELECT * FROM {relation(stream.source)} WHERE ({', '.join(map(quote, names))}) IN (VALUES {rows})"
    source = replace(stream.source, table="", query=query)
    stream.database.pull(source, stream.native, Portion(), replace(stream.pull, path=path))


def _state(slot: str, lsn: int, watched: Watched) -> str:
    return json.dumps({"slot": slot, "lsn": lsn, **watched.said()}, sort_keys=True)


def _refuse_altered(stream: Stream, watched: Watched, state: Mapping[str, object]) -> None:
    now = watched.said()
    if now["table"] != state["table"]:
        raise TaskError(findings.altered(stream.dataset, stream.source, "it was made anew"))
    if now["publication"] != state["publication"]:
        raise TaskError(findings.altered(stream.dataset, stream.source, "its publication was changed or made anew"))
    held, there = state["columns"], now["columns"]
    assert isinstance(held, dict)  # noqa: S101 - we wrote it
    assert isinstance(there, dict)  # noqa: S101 - as above
    others = [name for name, parts in there.items() if held.get(name) != parts]
    if others:
        said = f"{', '.join(others)} was made anew, or is of another type"
        raise TaskError(findings.altered(stream.dataset, stream.source, said))


def _refuse_lost(stream: Stream, name: str, slot: Slot | None, since: int) -> None:
    found = ""
    if slot is None:
        found = "it is not there"
    elif not slot.is_here or slot.plugin != "pgoutput":
        found = f"it is another one: of the database {slot.database}, with the plugin {slot.plugin}"
    elif slot.invalid_because or slot.status == "lost":
        found = f"the server has given it up ({slot.invalid_because or 'wal_status lost'})"
    elif slot.confirmed > since:
        found = "somebody else has read on and let the server forget"
    if found:
        raise TaskError(findings.lost(stream.dataset, name, found))
    if slot is not None:
        _refuse_busy(stream, slot)


def _refuse_busy(stream: Stream, slot: Slot) -> None:
    if slot.is_active:
        raise TransientError(findings.busy(stream.dataset, slot.name))
