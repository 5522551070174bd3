"""What Postgres's plugin `pgoutput` says of changes (protocol 1, values as text), read strictly: bytes in, values out.

Invariants: every byte of a message is accounted for, or it is refused; texts are UTF-8; a kind of message that protocol
1 does not have is refused, never passed over. Layouts: https://www.postgresql.org/docs/18/protocol-logicalrep-message-formats.html
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_MOST_COLUMNS = 1664
"""More than this Postgres gives no row (MaxTupleAttributeNumber)."""


class MalformedMessageError(ValueError):
    """Bytes that are no message of protocol 1."""


class Kept(Enum):
    """What stands for a large value that an update left as it was, and that is not sent again."""

    VALUE = "kept"


Value = str | None | Kept
Tuple = tuple[Value, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin:
    """A transaction begins whose changes follow; `lsn` is where its commit is."""

    lsn: int
    xid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A transaction is over; `end` is where the next one's record may begin."""

    lsn: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a relation; `is_key` if its replica identity holds it."""

    name: str
    type: int
    modifier: int
    is_key: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """What a table looks like for the changes that follow; `identity` is d, n, f or i."""

    oid: int
    schema: str
    name: str
    identity: str
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Insert:
    """A new row."""

    relation: int
    new: Tuple


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """A changed row. `old` is there if the identity changed, or is the whole row: then it is `is_whole`."""

    relation: int
    new: Tuple
    old: Tuple | None = None
    is_whole: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete:
    """A row that is gone: what its identity holds of it, all else NULL; or all of it."""

    relation: int
    old: Tuple
    is_whole: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Truncate:
    """Tables that were emptied."""

    relations: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """A message that says nothing of rows: `kind` is the type, origin or message that it is about."""

    kind: str


Message = Begin | Commit | Relation | Insert | Update | Delete | Truncate | Passed


class _Bytes:
    """Takes a message apart from its beginning to its end."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def number(self, form: str) -> int:
        """An unsigned or signed number in network order."""
        size = struct.calcsize(form)
        found: int = struct.unpack(form, self.take(size))[0]
        return found

    def take(self, size: int) -> bytes:
        """So many bytes."""
        end = self._at + size
        if size < 0 or end > len(self._data):
            raise MalformedMessageError("it ends too early")
        found, self._at = self._data[self._at : end], end
        return found

    def letter(self) -> str:
        """One ASCII letter."""
        return self.take(1).decode("latin-1")

    def name(self) -> str:
        """A text that ends with a zero byte."""
        end = self._data.find(b"\0", self._at)
        if end < 0:
            raise MalformedMessageError("a name does not end")
        found = self.take(end - self._at)
        self._at += 1
        return _text(found)

    def end(self) -> None:
        """Nothing may follow."""
        if self._at != len(self._data):
            raise MalformedMessageError("bytes are left over")


def decode(data: bytes) -> Message:
    """One message.

    Raises:
        MalformedMessageError: it is none of protocol 1.
    """
    found = _Bytes(data)
    kind = found.letter()
    reader = _READERS.get(kind)
    if reader is None:
        raise MalformedMessageError(f"protocol 1 has no message {kind!r}")
    message = reader(found)
    found.end()
    return message


def _begin(data: _Bytes) -> Begin:
    lsn, _ = data.number("!Q"), data.number("!q")
    return Begin(lsn=lsn, xid=data.number("!I"))


def _commit(data: _Bytes) -> Commit:
    data.number("!B")
    lsn, end, _ = data.number("!Q"), data.number("!Q"), data.number("!q")
    return Commit(lsn=lsn, end=end)


def _relation(data: _Bytes) -> Relation:
    oid, schema, name = data.number("!I"), data.name(), data.name()
    identity = data.letter()
    columns = tuple(_column(data) for _ in range(_count(data)))
    return Relation(oid=oid, schema=schema or "pg_catalog", name=name, identity=identity, columns=columns)


def _column(data: _Bytes) -> Column:
    flags, name = data.number("!B"), data.name()
    return Column(name=name, type=data.number("!I"), modifier=data.number("!i"), is_key=bool(flags & 1))


def _insert(data: _Bytes) -> Insert:
    relation = data.number("!I")
    if data.letter() != "N":
        raise MalformedMessageError("an insert has no new row")
    return Insert(relation=relation, new=_tuple(data))


def _update(data: _Bytes) -> Update:
    relation, old, said = data.number("!I"), None, data.letter()
    first = said
    if first in "KO":
        old, said = _tuple(data), data.letter()
    if said != "N":
        raise MalformedMessageError("an update has no new row")
    return Update(relation=relation, new=_tuple(data), old=old, is_whole=first == "O")


def _delete(data: _Bytes) -> Delete:
    relation, said = data.number("!I"), data.letter()
    if said not in "KO":
        raise MalformedMessageError("a delete has no old row")
    return Delete(relation=relation, old=_tuple(data), is_whole=said == "O")


def _truncate(data: _Bytes) -> Truncate:
    count = data.number("!I")
    data.number("!B")
    return Truncate(relations=tuple(data.number("!I") for _ in range(count)))


def _type(data: _Bytes) -> Passed:
    data.number("!I"), data.name(), data.name()
    return Passed(kind="type")


def _origin(data: _Bytes) -> Passed:
    data.number("!Q"), data.name()
    return Passed(kind="origin")


def _message(data: _Bytes) -> Passed:
    data.number("!B"), data.number("!Q"), data.name()
    data.take(data.number("!I"))
    return Passed(kind="message")


def _tuple(data: _Bytes) -> Tuple:
    return tuple(_value(data) for _ in range(_count(data)))


def _value(data: _Bytes) -> Value:
    kind = data.letter()
    if kind == "n":
        return None
    if kind == "u":
        return Kept.VALUE
    if kind != "t":
        raise MalformedMessageError(f"a value is {kind!r}, and not text")
    return _text(data.take(data.number("!i")))


def _count(data: _Bytes) -> int:
    count = data.number("!h")
    if not 0 <= count <= _MOST_COLUMNS:
        raise MalformedMessageError(f"a row has {count} columns")
    return count


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedMessageError("a text is not UTF-8") from None


_READERS: Mapping[str, Callable[[_Bytes], Message]] = {
    "B": _begin,
    "C": _commit,
    "R": _relation,
    "I": _insert,
    "U": _update,
    "D": _delete,
    "T": _truncate,
    "Y": _type,
    "O": _origin,
    "M": _message,
}
