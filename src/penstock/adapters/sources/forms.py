"""What the values of each column look like, file by file: how moments are written, whole numbers or not, how precise.

A form is told only where all values of a column that are not empty have it; so a change from one form to another is a
change of the sender's, and not a matter of which values came.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.sql.identifiers import literal, quote

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

    from penstock.model.sources import FileSource

_FORMS = (
    ("date 2020-01-31", r"\d{4}-\d\d-\d\d"),
    ("time 2020-01-31 23:59:59", r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d(\.\d+)?)?"),
    ("time 2020-01-31T23:59:59", r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?"),
    ("date 1/31/20", r"\d{1,2}/\d{1,2}/\d\d"),
    ("date 1/31/2020", r"\d{1,2}/\d{1,2}/\d{4}"),
    ("time 1/31/20 23:59", r"\d{1,2}/\d{1,2}/\d\d \d{1,2}:\d\d(:\d\d)?"),
    ("time 1/31/2020 23:59", r"\d{1,2}/\d{1,2}/\d{4} \d{1,2}:\d\d(:\d\d)?"),
    ("date 31.1.2020", r"\d{1,2}\.\d{1,2}\.\d{4}"),
    ("whole number", r"[+-]?\d+"),
    ("number with a point", r"[+-]?\d*\.\d+([eE][+-]?\d+)?"),
    ("number with a comma", r"[+-]?\d+,\d+"),
    ("true or false", r"(?i)true|false|yes|no"),
)
_DECIMALS = "number with a point"


def forms_of(connection: duckdb.DuckDBPyConnection, source: FileSource, path: Path) -> dict[str, dict[str, str]]:
    """For each file among the rows landed at `path`, its text columns that have one form, and that form."""
    columns = [column for column in source.columns if column not in source.types]
    if not columns:
        return {}
    rows = connection.execute(f"SELECT _file, {', '.join(map(_seen, columns))} FROM {_landed(path)} GROUP BY _file")
    width = len(_FORMS) + 3
    found: dict[str, dict[str, str]] = {}
    for name, *counts in rows.fetchall():
        pieces = [counts[at * width : (at + 1) * width] for at, _ in enumerate(columns)]
        told = {column: _form(piece) for column, piece in zip(columns, pieces, strict=True)}
        found[str(name)] = {column: form for column, form in told.items() if form}
    return found


def _landed(path: Path) -> str:
    return f"read_parquet({literal(str(path))})"


def _seen(column: str) -> str:
    """Values that are not empty, how many have each form, and the fewest and most digits behind a point."""
    value = f"trim({quote(column)})"
    digits = f"length(split_part({value}, '.', 2))"
    point = f"regexp_full_match({value}, '[+-]?\\d*\\.\\d+')"
    counts = [f"count(*) FILTER (WHERE regexp_full_match({value}, {literal(form)}))" for _, form in _FORMS]
    return ", ".join(
        [
            f"count(*) FILTER (WHERE {value} <> '')",
            *counts,
            f"min({digits}) FILTER (WHERE {point})",
            f"max({digits}) FILTER (WHERE {point})",
        ]
    )


def _form(seen: list[int | None]) -> str:
    filled, fewest, most = seen[0], seen[-2], seen[-1]
    if not filled:
        return ""
    form = next((name for (name, _), count in zip(_FORMS, seen[1:-2], strict=True) if count == filled), "")
    return f"number with {most} decimals" if form == _DECIMALS and most is not None and fewest == most else form
