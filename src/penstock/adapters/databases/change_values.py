"""Values of a stream of changes as what was declared: they come as types write themselves, and land as a whole read's.

Invariant: whichever way a row was read, its values are the same. So what a cast to text would write otherwise than the
type itself (booleans, addresses of hosts) is put right here.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from penstock.adapters.databases.texts import from_text, list_from_json
from penstock.sql.identifiers import literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Nested = list["str | Nested | None"]
_BEFORE_CHRIST = r"^(\S+)(.*) BC$"
_MOMENTS = ("date", "timestamp without time zone", "timestamp with time zone")
_PLAIN = {"BLOB": "unhex(substr({0}, 3))", "JSON": "CAST({0} AS JSON)"}
_BOOLEANS = {"t": "true", "f": "false"}


class MalformedListError(ValueError):
    """A text that is no list as Postgres writes one."""


def of_text(here: str, native: str, type_: str, name: str) -> str:
    """The declared value of a text, as an expression of DuckDB; lists come as `list_text` makes them."""
    if type_.endswith("[]"):
        return list_from_json(here, type_, name)
    if type_ == "VARCHAR":
        return _as_cast(here, native)
    if native in _MOMENTS:
        return _moment(here, type_)
    if type_ in _PLAIN:
        return _PLAIN[type_].format(here)
    if type_ == "DOUBLE" and native == "real":
        return f"CAST(CAST({here} AS FLOAT) AS DOUBLE)"
    return from_text(here, type_, name) if native in {"numeric", "oid"} else f"CAST({here} AS {type_})"


def _as_cast(here: str, native: str) -> str:
    """A text as a cast to text writes it."""
    if native == "boolean":
        return f"CASE {here} WHEN 't' THEN 'true' WHEN 'f' THEN 'false' END"
    if native == "inet":
        bits = f"CASE WHEN contains({here}, ':') THEN '/128' ELSE '/32' END"
        return f"CASE WHEN contains({here}, '/') THEN {here} ELSE {here} || {bits} END"
    return here


def _moment(here: str, type_: str) -> str:
    """Years before Christ as DuckDB writes them; with a zone it is always UTC's, which a bare moment goes without."""
    said = f"regexp_replace({here}, {literal(_BEFORE_CHRIST)}, {literal(chr(92) + '1 (BC)' + chr(92) + '2')})"
    bare = f"replace({said}, '+00', '')" if type_ == "TIMESTAMP" else said
    return f"CAST({bare} AS {type_})"


def list_text(native: str) -> Callable[[str], str]:
    """How a list of a type of Postgres (`integer[]`) becomes the JSON text that `of_text` takes."""
    element = native.removesuffix("[]")
    say = _ELEMENTS.get(element, _as_it_is)
    separator = ";" if element == "box" else ","
    return lambda text: json.dumps(_said(parse_list(text, separator), say), ensure_ascii=False)


def parse_list(text: str, separator: str = ",") -> Nested:
    r"""A list as Postgres writes it; bounds before it say nothing of its values.

    >>> parse_list('[0:1]={{1,NULL},{"a \\"b\\"","NULL"}}')
    [['1', None], ['a "b"', 'NULL']]

    Raises:
        MalformedListError: it is none.
    """
    start = text.index("=") + 1 if text.startswith("[") and "=" in text else 0
    if text[start : start + 1] != "{":
        raise MalformedListError("a list does not begin")
    whole: list[Nested] = []
    open_: list[Nested] = []
    at, size = start, len(text)
    while at < size:
        sign = text[at]
        if whole:
            raise MalformedListError("something follows a list")
        if sign == "{":
            open_.append([])
            at += 1
        elif sign == "}":
            made = open_.pop()
            (open_[-1] if open_ else whole).append(made)
            at += 1
        elif sign == separator:
            at += 1
        else:
            value, at = _quoted(text, at + 1) if sign == '"' else _bare(text, at, separator)
            open_[-1].append(value)
    if not whole:
        raise MalformedListError("a list does not end")
    return whole[0]


def _quoted(text: str, at: int) -> tuple[str, int]:
    parts: list[str] = []
    while at < len(text) and text[at] != '"':
        at += text[at] == "\\"
        parts.append(text[at : at + 1])
        at += 1
    if at >= len(text):
        raise MalformedListError("a value of a list does not end")
    return "".join(parts), at + 1


def _bare(text: str, at: int, separator: str) -> tuple[str | None, int]:
    end = at
    while end < len(text) and text[end] not in f"{separator}}}{{":
        end += 1
    found = text[at:end]
    return (None if found.upper() == "NULL" else found), end


def _said(values: Nested, say: Callable[[str], str]) -> Nested:
    return [_said(one, say) if isinstance(one, list) else None if one is None else say(one) for one in values]


def _as_it_is(text: str) -> str:
    return text


def _host(text: str) -> str:
    return text if "/" in text else f"{text}/{128 if ':' in text else 32}"


def _boolean(text: str) -> str:
    return _BOOLEANS.get(text, text)


_ELEMENTS: Mapping[str, Callable[[str], str]] = {"boolean": _boolean, "inet": _host}
