"""Messages of `pgoutput` are read to the last byte, or refused: what was written is what is read."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.adapters.databases.pgoutput import (
    Begin,
    Column,
    Commit,
    Delete,
    Insert,
    Kept,
    MalformedMessageError,
    Message,
    Passed,
    Relation,
    Truncate,
    Update,
    decode,
)

if TYPE_CHECKING:
    from penstock.adapters.databases.pgoutput import Tuple

CAPTURED = {
    "42 0000000001731d90 0002f0a5c1a1b2c3 000002f3": Begin(lsn=0x1731D90, xid=755),
    "43 00 0000000001731d90 0000000001731dc0 0002f0a5c1a1b2c3": Commit(lsn=0x1731D90, end=0x1731DC0),
    "52 00004000 7075626c696300 7400 64 0002 01 696400 00000017 ffffffff 00 6200 00000019 ffffffff": Relation(
        oid=0x4000,
        schema="public",
        name="t",
        identity="d",
        columns=(
            Column(name="id", type=23, modifier=-1, is_key=True),
            Column(name="b", type=25, modifier=-1, is_key=False),
        ),
    ),
    "49 00004000 4e 0002 74 00000001 31 6e": Insert(relation=0x4000, new=("1", None)),
    "55 00004000 4b 0002 74 00000001 31 6e 4e 0002 74 00000001 32 75": Update(
        relation=0x4000, new=("2", Kept.VALUE), old=("1", None)
    ),
    "44 00004000 4f 0001 74 00000002 c3bc": Delete(relation=0x4000, old=("ü",), is_whole=True),
    "54 00000002 02 00004000 00004001": Truncate(relations=(0x4000, 0x4001)),
    "59 00004000 7000 6d6f6f6400": Passed(kind="type"),
    "4f 0000000000000001 6f00": Passed(kind="origin"),
    "4d 01 0000000000000001 7000 00000002 0102": Passed(kind="message"),
}
"""As a server sends them, byte by byte by the manual's layouts."""


@pytest.mark.parametrize("sent", CAPTURED, ids=lambda sent: sent[:2])
def test_a_message_is_what_the_manual_says_it_is(sent: str) -> None:
    assert decode(bytes.fromhex(sent)) == CAPTURED[sent]


@pytest.mark.parametrize("sent", CAPTURED, ids=lambda sent: sent[:2])
def test_a_message_that_is_cut_or_longer_is_refused(sent: str) -> None:
    data = bytes.fromhex(sent)
    for end in range(len(data)):
        with pytest.raises(MalformedMessageError):
            decode(data[:end])
    with pytest.raises(MalformedMessageError):
        decode(data + b"\0")


@pytest.mark.parametrize(
    "sent",
    [
        "53 00000001 00",  # a stream begins: of protocol 2
        "49 00004000 4e 0001 62 00000001 31",  # a value in binary
        "49 00004000 4e ffff",
        "49 00004000 4e 0001 74 ffffffff",
        "49 00004000 4e 0001 74 00000001 ff",
        "49 00004000 4b 0001 6e",
        "55 00004000 4e 0001 6e 4e 0001 6e",
        "55 00004000 4b 0001 6e 4b 0001 6e",
        "44 00004000 4e 0001 6e",
    ],
)
def test_what_protocol_1_does_not_have_is_refused(sent: str) -> None:
    with pytest.raises(MalformedMessageError):
        decode(bytes.fromhex(sent))


_OIDS = st.integers(0, 2**32 - 1)
_LSNS = st.integers(0, 2**64 - 1)
_NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=20)
_VALUES = st.one_of(st.none(), st.just(Kept.VALUE), st.text(st.characters(exclude_categories=["Cs"])))
_TUPLES = st.lists(_VALUES, max_size=6).map(tuple)
_COLUMNS = st.builds(Column, name=_NAMES, type=_OIDS, modifier=st.integers(-1, 2**31 - 1), is_key=st.booleans())
_MESSAGES: st.SearchStrategy[Message] = st.one_of(
    st.builds(Begin, lsn=_LSNS, xid=_OIDS),
    st.builds(Commit, lsn=_LSNS, end=_LSNS),
    st.builds(
        Relation,
        oid=_OIDS,
        schema=_NAMES,
        name=_NAMES,
        identity=st.sampled_from("dnfi"),
        columns=st.lists(_COLUMNS, max_size=4).map(tuple),
    ),
    st.builds(Insert, relation=_OIDS, new=_TUPLES),
    st.builds(Update, relation=_OIDS, new=_TUPLES, old=_TUPLES, is_whole=st.booleans()),
    st.builds(Update, relation=_OIDS, new=_TUPLES),
    st.builds(Delete, relation=_OIDS, old=_TUPLES, is_whole=st.booleans()),
    st.builds(Truncate, relations=st.lists(_OIDS, max_size=4).map(tuple)),
)


def _tuple(values: Tuple) -> bytes:
    parts = [struct.pack("!h", len(values))]
    for value in values:
        if isinstance(value, str):
            data = value.encode()
            parts.append(b"t" + struct.pack("!i", len(data)) + data)
        else:
            parts.append(b"n" if value is None else b"u")
    return b"".join(parts)


def _encoded(message: Message) -> bytes:  # noqa: PLR0911 - a table of cases
    match message:
        case Begin():
            return b"B" + struct.pack("!QqI", message.lsn, -1, message.xid)
        case Commit():
            return b"C" + struct.pack("!BQQq", 0, message.lsn, message.end, 7)
        case Relation():
            head = b"R" + struct.pack("!I", message.oid) + message.schema.encode() + b"\0" + message.name.encode()
            columns = b"".join(
                struct.pack("!B", each.is_key) + each.name.encode() + struct.pack("!xIi", each.type, each.modifier)
                for each in message.columns
            )
            return head + b"\0" + message.identity.encode() + struct.pack("!h", len(message.columns)) + columns
        case Insert():
            return b"I" + struct.pack("!I", message.relation) + b"N" + _tuple(message.new)
        case Update():
            old = b"" if message.old is None else (b"O" if message.is_whole else b"K") + _tuple(message.old)
            return b"U" + struct.pack("!I", message.relation) + old + b"N" + _tuple(message.new)
        case Delete():
            kind = b"O" if message.is_whole else b"K"
            return b"D" + struct.pack("!I", message.relation) + kind + _tuple(message.old)
        case Truncate():
            numbers = struct.pack(f"!{len(message.relations)}I", *message.relations)
            return b"T" + struct.pack("!IB", len(message.relations), 1) + numbers
        case Passed():
            raise AssertionError("not made here")


@given(_MESSAGES)
def test_what_was_written_is_read(message: Message) -> None:
    assert decode(_encoded(message)) == message


@given(_MESSAGES, st.data())
def test_damaged_bytes_are_read_or_refused_and_nothing_else(message: Message, data: st.DataObject) -> None:
    damaged = bytearray(_encoded(message))
    place = data.draw(st.integers(0, len(damaged) - 1))
    damaged[place] = data.draw(st.integers(0, 255))
    try:
        decode(bytes(damaged))
    except MalformedMessageError:
        return


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused_and_nothing_else(sent: bytes) -> None:
    try:
        decode(sent)
    except MalformedMessageError:
        return
