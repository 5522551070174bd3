"""The masking functions: how each is called, what it leaves of a value, and what it is in a database. No reader needed.

Invariants: NULL stays NULL; equal values give equal values in DuckDB and in Postgres; no key stands in a query's text:
sessions hold it, and without it `mask_hash` fails.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.model.masking import HASH, Degree

if TYPE_CHECKING:
    from collections.abc import Iterator

INNER, OUTER = "penstock_mask_inner", "penstock_mask_outer"
"""Variables of a DuckDB session that hold the key's pads."""
UNITS = ("month", "quarter", "year")


@dataclass(frozen=True, slots=True, kw_only=True)
class Masking:
    """One function: how it is called, what is left of a value (None: nothing), and what it is in DuckDB.

    `plain` is the same in words that both databases have, where there are such; `x` and `y` stand for its arguments.
    """

    call: str
    left: Degree | None
    macro: str
    plain: str = ""


FUNCTIONS: dict[str, Masking] = {
    HASH: Masking(
        call="mask_hash(value)",
        left=Degree.PSEUDONYM,
        macro=f"""(x) AS CASE WHEN x IS NULL THEN NULL
            WHEN getvariable('{INNER}') IS NULL OR getvariable('{OUTER}') IS NULL
            THEN error('mask_hash needs the masking key of penstock.yaml, which this session does not have')
            ELSE sha256(CAST(getvariable('{OUTER}') AS BLOB)
                || unhex(sha256(CAST(getvariable('{INNER}') AS BLOB) || encode(CAST(x AS VARCHAR))))) END""",
    ),
    "mask_truncate": Masking(
        call="mask_truncate(text, 3)",
        left=Degree.GENERALISED,
        macro="(x, y) AS left(CAST(x AS VARCHAR), y)",
        plain="left(CAST(x AS VARCHAR), y)",
    ),
    "mask_bucket": Masking(
        call="mask_bucket(number, 10)",
        left=Degree.GENERALISED,
        macro="(x, y) AS x - ((x % y) + y) % y",
        plain="x - ((x % y) + y) % y",
    ),
    "mask_date": Masking(
        call="mask_date(date, 'month')",
        left=Degree.GENERALISED,
        macro="(x, y) AS CAST(date_trunc(y, x) AS DATE)",
        plain="CAST(date_trunc(y, x) AS DATE)",
    ),
    "mask_domain": Masking(
        call="mask_domain(email)",
        left=Degree.GENERALISED,
        macro="(x) AS nullif(lower(regexp_extract(CAST(x AS VARCHAR), '@([^@]*)$', 1)), '')",
    ),
    "mask_null": Masking(
        call="mask_null(value)",
        left=None,
        macro="(x) AS CASE WHEN false THEN x END",
        plain="CASE WHEN false THEN x END",
    ),
}
CALLED = frozenset(name for name, masking in FUNCTIONS.items() if not masking.plain)
"""What Postgres has under the same name in its support schema (`sql/carrying.py`)."""


def macros(schema: str) -> Iterator[str]:
    """The statements that make the functions in a schema of a DuckDB database, where they are not there yet."""
    for name, masking in FUNCTIONS.items():
        yield f"CREATE MACRO IF NOT EXISTS {schema}.{name}{masking.macro}"
