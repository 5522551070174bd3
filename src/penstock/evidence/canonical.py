"""One byte sequence for each JSON value, and a reader that takes nothing else.

Invariants: keys sorted by code point, no white space, UTF-8 without needless escapes; only text, whole numbers
between -2**53 and 2**53 (ends excluded, so that every JSON reader keeps them exact), true, false, null, lists and
objects; at most `MAX_DEPTH` deep. What `parse_canonical` returns, `canonical_bytes` writes back byte for byte.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from penstock.model.errors import InputError
from penstock.model.findings import Finding, Place

if TYPE_CHECKING:
    from collections.abc import Iterator

INTEGER_LIMIT = 2**53
MAX_BYTES = 4_000_000
MAX_DEPTH = 40


def digest(data: bytes) -> str:
    """The SHA-256 of `data`, 64 lower-case hex digits."""
    return hashlib.sha256(data).hexdigest()


def canonical_bytes(value: object) -> bytes:
    """The one canonical form of a JSON value.

    >>> canonical_bytes({"b": [1, True, None], "a": "é"}).decode()
    '{"a":"é","b":[1,true,null]}'

    Raises:
        InputError: the value holds something that has no canonical form; every such place is named.
    """
    refused = tuple(
        Finding(
            code="evidence.no_canonical_form",
            message=f"{path} holds {found}",
            place=Place(field=path),
            found=found,
            expected=expected,
            remedy="write numbers with a fraction as text or as a whole number of a smaller unit",
        )
        for path, found, expected in _refusals(value, "$", 0)
    )
    if refused:
        raise InputError(refused)
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
    return text.encode()


def parse_canonical(data: bytes, name: str, limit: int = MAX_BYTES) -> Any:
    """The value that `data`, at most `limit` bytes, is the canonical form of.

    `name` says in findings which file is meant.

    Raises:
        InputError: too long, not JSON, or not byte for byte its own canonical form.
    """
    if len(data) > limit:
        raise _not_canonical(name, f"{len(data):,} bytes", f"at most {limit:,} bytes")
    try:
        value = json.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise _not_canonical(name, str(error), "JSON in UTF-8") from error
    try:
        written = canonical_bytes(value)
    except InputError as error:
        raise _not_canonical(name, error.findings[0].message, error.findings[0].expected or "") from error
    if written != data:
        raise _not_canonical(name, _difference(data, written), "sorted keys, each once, and no white space")
    return value


def _refusals(value: object, path: str, depth: int) -> Iterator[tuple[str, str, str]]:
    """Where, what and what instead, for each part that has none: subclasses too, which may print otherwise."""
    if depth > MAX_DEPTH:
        yield path, f"values more than {MAX_DEPTH} deep", f"at most {MAX_DEPTH} levels"
    elif type(value) is dict:
        for key, item in value.items():
            if type(key) is not str:
                yield path, f"the key {key!r}", "text keys"
                continue
            yield from _text_refusals(key, path)
            yield from _refusals(item, f"{path}.{key}", depth + 1)
    elif type(value) is list:
        for index, item in enumerate(value):
            yield from _refusals(item, f"{path}[{index}]", depth + 1)
    elif type(value) is str:
        yield from _text_refusals(value, path)
    elif type(value) is int:
        if not -INTEGER_LIMIT < value < INTEGER_LIMIT:
            yield path, "a whole number out of range", "a whole number between -2**53 and 2**53"
    elif value is not None and type(value) is not bool:
        yield path, f"a {type(value).__name__}", "text, a whole number, true, false, null, a list or an object"


def _text_refusals(text: str, path: str) -> Iterator[tuple[str, str, str]]:
    try:
        text.encode()
    except UnicodeEncodeError:
        yield path, "half of a surrogate pair", "text that UTF-8 can hold"


def _difference(data: bytes, written: bytes) -> str:
    pairs = zip(data, written, strict=False)
    spot = next((at for at, (one, other) in enumerate(pairs) if one != other), min(len(data), len(written)))
    return f"{data[spot : spot + 20]!r} at byte {spot} where its canonical form has {written[spot : spot + 20]!r}"


def _not_canonical(name: str, found: str, expected: str) -> InputError:
    return InputError(
        Finding(
            code="evidence.not_canonical",
            message=f"{name} is not canonical: {found}",
            place=Place(file=name),
            found=found,
            expected=expected,
            remedy="restore the file as it was written; evidence is never edited or reformatted",
        )
    )
