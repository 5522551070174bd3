"""Masking functions give one answer in DuckDB and in Postgres; hashes are HMAC-SHA-256, and fail without the key."""

from __future__ import annotations

import hashlib
import hmac
from contextlib import closing
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from store_cases import database

from penstock.adapters.duckdb.warehouse import DuckdbWarehouse
from penstock.adapters.postgres.opening import open_postgres_warehouse
from penstock.model.errors import PenstockError
from penstock.model.masking import MaskingSecret
from penstock.sql.identifiers import literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from penstock.app.warehouses import ProjectWarehouse

    Open = Callable[[str | None], ProjectWarehouse]

pytest_plugins = ["postgres_server"]
pytestmark = pytest.mark.xdist_group("postgres")

KEY = "k" * 32
KEYS = (KEY, "ключ-und-Schlüssel-и-ещё-один-ключ", "x" * 64, "long " * 40)
"""Shorter than the 64 bytes of a block of SHA-256, not ASCII, just as long, and longer."""
VALUES = (
    "", " ", "a", "ann@example.com", "Zoë", "日本語", "𝄞", "e\u0301", "line\nbreak\ttab", "'; DROP TABLE x; --",
    "\\x41", "\x01", "ß", "x" * 55, "x" * 56, "x" * 64, "x" * 65, "long " * 10_000,
    *(f"user{n}@example.com" for n in range(50)),
)  # fmt: skip


@pytest.fixture(params=["duckdb", "postgres"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Opens one warehouse with a key, or without."""

    def duckdb(key: str | None) -> ProjectWarehouse:
        return DuckdbWarehouse(tmp_path / "w.duckdb", tmp_path / "spool", masking=_secret(key))

    if request.param == "duckdb":
        yield duckdb
        return
    with database(request.getfixturevalue("postgres")) as address:
        yield lambda key: open_postgres_warehouse(address, "sim", masking=_secret(key))


def _secret(key: str | None) -> MaskingSecret | None:
    return None if key is None else MaskingSecret.of(key)


def _rows(warehouse: ProjectWarehouse, select: str, values: tuple[Any, ...], type_: str) -> list[Any]:
    """What an expression over `v` makes of each value, in order."""
    given = " UNION ALL ".join(
        f"SELECT {at} AS n, {'NULL' if value is None else f'CAST({literal(str(value))} AS {type_})'} AS v"
        for at, value in enumerate(values)
    )
    return [row[1] for row in sorted(warehouse.query(f"SELECT n, {select} AS made FROM ({given}) AS given")[1])]


def test_a_hash_is_the_hmac_of_the_text_under_the_key(opened: Open) -> None:
    for key in KEYS:
        with closing(opened(key)) as warehouse:
            found = _rows(warehouse, "mask_hash(v)", VALUES, "VARCHAR")
        assert found == [hmac.new(key.encode(), value.encode(), hashlib.sha256).hexdigest() for value in VALUES]


def test_what_is_no_text_is_hashed_as_its_text(opened: Open) -> None:
    with closing(opened(KEY)) as warehouse:
        numbers = _rows(warehouse, "mask_hash(v)", (7, -1), "INTEGER")
        dates = _rows(warehouse, "mask_hash(v)", (date(2024, 2, 29),), "DATE")
    made = [hmac.new(KEY.encode(), text, hashlib.sha256).hexdigest() for text in (b"7", b"-1", b"2024-02-29")]
    assert numbers + dates == made


def test_without_a_key_nothing_is_hashed(opened: Open) -> None:
    with closing(opened(None)) as warehouse:
        with pytest.raises(PenstockError, match="masking"):
            _rows(warehouse, "mask_hash(v)", ("a",), "VARCHAR")
        assert _rows(warehouse, "mask_truncate(v, 1)", ("ab",), "VARCHAR") == ["a"]


MADE: dict[str, tuple[str, str, tuple[Any, ...], list[Any]]] = {
    "truncated": ("mask_truncate(v, 3)", "VARCHAR", ("", "ab", "abcd", "Zoë!", "日本語です", None),
                  ["", "ab", "abc", "Zoë", "日本語", None]),
    "numbers truncated": ("mask_truncate(v, 2)", "INTEGER", (80331, 5, None), ["80", "5", None]),
    "buckets": ("mask_bucket(v, 10)", "INTEGER", (0, 9, 10, 37, -1, -10, None), [0, 0, 10, 30, -10, -10, None]),
    "buckets of decimals": ("mask_bucket(v, 0.5)", "DECIMAL(9,2)", ("1.74", "-0.01", "2"),
                            [Decimal("1.5"), Decimal("-0.5"), Decimal(2)]),
    "years": ("mask_date(v, 'year')", "DATE", ("1980-12-31", "2000-01-01", None),
              [date(1980, 1, 1), date(2000, 1, 1), None]),
    "months of moments": ("mask_date(v, 'month')", "TIMESTAMP", ("1980-12-31 23:59:59",), [date(1980, 12, 1)]),
    "quarters": ("mask_date(v, 'quarter')", "DATE", ("1980-06-30",), [date(1980, 4, 1)]),
    "domains": ("mask_domain(v)", "VARCHAR", ("ann@Example.COM", "a@b@c.test", "none", "ends@", None),
                ["example.com", "c.test", None, None, None]),
    "nothing": ("mask_null(v)", "VARCHAR", ("a", None), [None, None]),
    "hash of nothing": ("mask_hash(v) IS NULL", "VARCHAR", ("a", None), [False, True]),
    "within more": ("coalesce(mask_truncate(lower(v), 1) || '.', '-')", "VARCHAR", ("Ann", None), ["a.", "-"]),
    "of a sum": ("mask_bucket(v + 1, 5)", "INTEGER", (3, 4), [0, 5]),
    "what is left of a hash": ("length(mask_truncate(mask_hash(v), 12))", "VARCHAR", ("a",), [12]),
}  # fmt: skip


def test_masking_makes_the_same_everywhere(opened: Open) -> None:
    with closing(opened(KEY)) as warehouse:
        made = {name: _rows(warehouse, select, values, type_) for name, (select, type_, values, _) in MADE.items()}
    assert made == {name: expected for name, (*_, expected) in MADE.items()}


def test_nothing_keeps_its_type(opened: Open) -> None:
    with closing(opened(KEY)) as warehouse, warehouse.session() as session:
        staged = session.stage_query("SELECT mask_null(CAST('2024-01-01' AS DATE)) AS d, mask_null(1.5) AS n", {})
        types = dict(staged.columns)
    assert (types["d"], types["n"]) == ("DATE", "DECIMAL(2,1)")


def test_a_key_is_forgotten_with_its_session(opened: Open) -> None:
    with closing(opened(KEY)) as warehouse:
        assert len(_rows(warehouse, "mask_hash(v)", ("a",), "VARCHAR")[0]) == 64
    with closing(opened(None)) as warehouse, pytest.raises(PenstockError, match="masking"):
        _rows(warehouse, "mask_hash(v)", ("a",), "VARCHAR")


def test_a_database_made_before_there_was_masking_learns_it(postgres: str) -> None:
    with database(postgres) as address:
        open_postgres_warehouse(address, "sim").close()
        with psycopg.connect(address, autocommit=True) as admin:
            admin.execute("DROP FUNCTION _penstock.mask_hash(text), _penstock.mask_domain(text)")
        with closing(open_postgres_warehouse(address, "sim", masking=_secret(KEY))) as warehouse:
            assert len(_rows(warehouse, "mask_hash(v)", ("a",), "VARCHAR")[0]) == 64


def test_a_file_made_before_there_was_masking_learns_it(tmp_path: Path) -> None:
    path, spool = tmp_path / "old.duckdb", tmp_path / "spool"
    with closing(DuckdbWarehouse(path, spool)) as old:
        for name in ("mask_hash", "mask_null"):
            old.query(f"DROP MACRO {name}")
    with closing(DuckdbWarehouse(path, spool, masking=_secret(KEY))) as warehouse:
        assert len(_rows(warehouse, "mask_hash(v)", ("a",), "VARCHAR")[0]) == 64
