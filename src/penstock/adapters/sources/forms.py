"""What the values of each column look like, file by file: how moments are written, whole numbers or not, how precise.

A form is told only where all values looked at that are not empty have it; so a change from one form to another is a
change of the sender's, and not a matter of which values came. Of a large file some rows, evenly spread, are looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.adapters.sources.opening import exact_path
from penstock.model.sources import FileFormat
from penstock.sql.identifiers import literal, quote

if TYPE_CHECKING:
    from collections.abc import Mapping
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
MOST_ROWS = 2_000
"""Rows of one file that are looked at."""
_ROWS, _STEPS = "_penstock_rows", "_penstock_steps"
"""Names that no column of a file is likely to have."""
_POINT = r"[+-]?\d*\.\d+"
_DECIMALS = "number with a point"


def forms_of(
    connection: duckdb.DuckDBPyConnection, source: FileSource, path: Path, rows: Mapping[str, int]
) -> dict[str, dict[str, str]]:
    """For each file among the rows landed at `path`, its text columns that have one form, and that form.

    `rows` are how many each file has.
    """
    columns = [column for column in source.columns if column not in source.types]
    if not columns or not rows:
        return {}
    seen = ", ".join(f"min(f{at}), max(f{at}), min(d{at}), max(d{at})" for at, _ in enumerate(columns))
    found: dict[str, dict[str, str]] = {}
    sql = f"SELECT _file, {seen} FROM ({_told(columns, path, rows)}) AS told GROUP BY _file"
    for name, *values in connection.execute(sql).fetchall():
        pieces = [values[4 * at : 4 * at + 4] for at, _ in enumerate(columns)]
        told = {column: _form(*piece) for column, piece in zip(columns, pieces, strict=True)}
        if source.format in {FileFormat.JSON, FileFormat.NDJSON}:
            told = {column: "number" if _is_json_number(form) else form for column, form in told.items()}
        found[str(name)] = {column: form for column, form in told.items() if form}
    return found


def _told(columns: list[str], path: Path, rows: Mapping[str, int]) -> str:
    """Of the rows looked at, the form of each value (its place in `_FORMS`; the next one: none of them; NULL: empty),
    and how many digits it has behind a point."""
    steps = ", ".join(f"({literal(name)}, {1 + count // MOST_ROWS})" for name, count in rows.items())
    landed = f"read_parquet({literal(exact_path(path))}) AS {_ROWS}"
    some = f"{_ROWS}._file = {_STEPS}.file AND hash({_ROWS}) % {_STEPS}.step = 0"
    values = ", ".join(f"trim({_ROWS}.{quote(column)}) AS v{at}" for at, column in enumerate(columns))
    joined = f"{landed} JOIN (VALUES {steps}) AS {_STEPS}(file, step) ON {some}"
    forms = ", ".join(_form_of(f"v{at}", at) for at, _ in enumerate(columns))
    return f"SELECT _file, {forms} FROM (SELECT {_ROWS}._file, {values} FROM {joined}) AS seen"


def _form_of(value: str, at: int) -> str:
    whens = " ".join(f"WHEN {_is(value, form)} THEN {number}" for number, (_, form) in enumerate(_FORMS))
    form = f"CASE WHEN {value} IS NULL OR {value} = '' THEN NULL {whens} ELSE {len(_FORMS)} END AS f{at}"
    return f"{form}, CASE WHEN {_is(value, _POINT)} THEN length(split_part({value}, '.', 2)) END AS d{at}"


def _is(value: str, form: str) -> str:
    return f"regexp_full_match({value}, {literal(form)})"


def _form(first: int | None, last: int | None, fewest: int | None, most: int | None) -> str:
    if first is None or first != last or first == len(_FORMS):
        return ""
    form = _FORMS[first][0]
    return f"number with {most} decimals" if form == _DECIMALS and most is not None and fewest == most else form


def _is_json_number(form: str) -> bool:
    """JSON has one kind of number, so that 2, 2.5 and 2.25 in one column are no change of the sender's."""
    return form in {"whole number", _DECIMALS} or form.endswith(" decimals")
