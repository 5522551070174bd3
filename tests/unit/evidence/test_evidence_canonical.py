"""Canonical bytes: one form for each value, and nothing else is read."""

from __future__ import annotations

import json
from contextlib import suppress
from enum import IntEnum, StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.evidence.canonical import INTEGER_LIMIT, MAX_BYTES, MAX_DEPTH, canonical_bytes, digest, parse_canonical
from penstock.model.errors import InputError

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
SCALARS = st.none() | st.booleans() | st.integers(-INTEGER_LIMIT + 1, INTEGER_LIMIT - 1) | TEXT
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=12)


class Word(StrEnum):
    ONE = "one"


class Number(IntEnum):
    ONE = 1


@given(VALUES)
def test_every_value_comes_back_from_its_canonical_bytes(value: object) -> None:
    data = canonical_bytes(value)

    assert repr(parse_canonical(data, "f")) == repr(json.loads(data))
    assert canonical_bytes(parse_canonical(data, "f")) == data
    assert parse_canonical(data, "f") == value


@given(st.dictionaries(TEXT, SCALARS, min_size=2))
def test_the_order_in_which_keys_were_put_in_does_not_matter(value: dict[str, object]) -> None:
    assert canonical_bytes(value) == canonical_bytes(dict(reversed(value.items())))


@given(VALUES, st.data())
def test_any_other_bytes_are_refused_or_mean_something_else(value: object, data: st.DataObject) -> None:
    written = canonical_bytes(value)
    spot = data.draw(st.integers(0, len(written) - 1))
    changed = written[:spot] + bytes([data.draw(st.integers(0, 255))]) + written[spot + 1 :]
    try:
        read = parse_canonical(changed, "f")
    except InputError:
        return
    assert canonical_bytes(read) == changed


@given(st.binary(max_size=60))
def test_bytes_of_any_kind_raise_nothing_but_input_errors(data: bytes) -> None:
    with suppress(InputError):
        assert canonical_bytes(parse_canonical(data, "f")) == data


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1,"a":1}',
        b'{"b":1,"a":1}',
        b'{"a": 1}',
        b'{"a":1}\n',
        b"\xef\xbb\xbf{}",
        b'"\\u0041"',
        b'"\\/"',
        b'"\xff"',
        b'"\\ud800"',
        b"1.0",
        b"1e3",
        b"-0",
        b"01",
        b"NaN",
        b"Infinity",
        b"9007199254740992",
        b"-9007199254740992",
        b"1" * 5000,
        b"",
        b"{",
        b"[" * 100_000,
        b"[" * (MAX_DEPTH + 2) + b"]" * (MAX_DEPTH + 2),
        b'"' + b"a" * MAX_BYTES + b'"',
    ],
    ids=lambda data: repr(data[:16]),
)
def test_what_is_not_its_own_canonical_form_is_refused(data: bytes) -> None:
    with pytest.raises(InputError) as caught:
        parse_canonical(data, "evidence/01.json")

    assert {finding.code for finding in caught.value.findings} == {"evidence.not_canonical"}
    assert caught.value.findings[0].place.file == "evidence/01.json"


def test_a_difference_is_shown_where_it_begins() -> None:
    with pytest.raises(InputError) as caught:
        parse_canonical(b'{"a":1,"c":2,"b":3}', "f")

    assert "at byte 8" in str(caught.value.findings[0].found)


@pytest.mark.parametrize(
    "value", [1.0, float("nan"), b"a", (1,), {1: 2}, {Word.ONE: 1}, Word.ONE, Number.ONE, "\ud800", {"\ud800": 1}, {1}]
)
def test_what_json_cannot_hold_exactly_has_no_canonical_form(value: object) -> None:
    with pytest.raises(InputError) as caught:
        canonical_bytes(value)

    assert {finding.code for finding in caught.value.findings} == {"evidence.no_canonical_form"}


def test_all_places_without_canonical_form_are_named_at_once() -> None:
    with pytest.raises(InputError) as caught:
        canonical_bytes({"a": [1, 1.5], "b": {"c": b""}, "d": 2**53})

    assert [finding.place.field for finding in caught.value.findings] == ["$.a[1]", "$.b.c", "$.d"]


def test_true_and_one_are_different() -> None:
    assert canonical_bytes(True) != canonical_bytes(1)


def test_a_value_that_holds_itself_is_refused_instead_of_followed_for_ever() -> None:
    value: list[object] = []
    value.append(value)

    with pytest.raises(InputError, match="deep"):
        canonical_bytes(value)


def test_digest_is_sha256_in_hex() -> None:
    assert digest(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
