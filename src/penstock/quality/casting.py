"""Text of files as the types that a contract gives it, and what of it is no value of its type.

A value casts only if nothing of it is lost: a number with more places than its type, a date with a time of day and a
timestamp with an offset from UTC do not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.contract.column_types import decimal_size, logical_type, normal_type
from penstock.sql.identifiers import literal, quote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.model.contracts import Contract

TEXT = "VARCHAR"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """One column of files that is to be of another type than text.

    `raw` names the staged column that holds the text where it is no value of the type, and NULL elsewhere.
    """

    column: str
    type: str
    raw: str
    formats: tuple[str, ...] = ()


def casts_of(contract: Contract | None, columns: Sequence[str]) -> tuple[Cast, ...]:
    """The columns of a source's files to which its contract gives another type than text."""
    if contract is None or not columns:
        return ()
    specs = {spec.name.casefold(): spec for spec in contract.columns}
    wanted = [(name, spec) for name in columns if (spec := specs.get(name.casefold())) is not None]
    return tuple(
        Cast(column=name, type=spec.type, raw=f"_penstock_raw_{number}", formats=spec.formats)
        for number, (name, spec) in enumerate(wanted)
        if (normal_type(spec.type) or spec.type) != TEXT
    )


def cast_query(source: str, casts: Sequence[Cast]) -> str:
    """A DuckDB query of the rows of `source` (SQL after FROM), its columns cast and followed by the raw ones."""
    if not casts:
        return f"SELECT * FROM {source}"
    replaced = ", ".join(f"{_value(cast)} AS {quote(cast.column)}" for cast in casts)
    kept = ", ".join(
        f"CASE WHEN {quote(cast.column)} IS NOT NULL AND {_value(cast)} IS NULL THEN {quote(cast.column)} END "
        f"AS {quote(cast.raw)}"
        for cast in casts
    )
    return f"SELECT * REPLACE ({replaced}), {kept} FROM {source}"


def _value(cast: Cast) -> str:
    column = quote(cast.column)
    if cast.formats:
        forms = ", ".join(literal(form) for form in cast.formats)
        return f"TRY_CAST(try_strptime({column}, [{forms}]) AS {cast.type})"
    whole = _whole(cast)
    tried = f"TRY_CAST({column} AS {cast.type})"
    return f"CASE WHEN {whole} THEN {tried} END" if whole else tried


def _whole(cast: Cast) -> str:
    """The condition under which a text that DuckDB casts has lost nothing by it."""
    column, type_ = quote(cast.column), normal_type(cast.type) or cast.type
    if logical_type(type_) == "integer":
        return rf"regexp_full_match({column}, '\s*[+-]?\d+\s*')"
    if size := decimal_size(type_):
        most = size[1]
        fraction = rf"\.\d{{{min(most, 1)},{most}}}0*"
        return rf"regexp_full_match({column}, '\s*[+-]?(\d+\.?|\d*{fraction})\s*')"
    if type_ == "DATE":
        return f"coalesce(TRY_CAST({column} AS TIMESTAMP) = TRY_CAST({column} AS DATE), true)"
    if type_ == "TIMESTAMP":
        at_utc = f"TRY_CAST({column} AS TIMESTAMPTZ) AT TIME ZONE 'UTC'"
        return f"coalesce(TRY_CAST({column} AS TIMESTAMP) = ({at_utc}), true)"
    return ""
