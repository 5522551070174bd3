"""`penstock export` to tables of Postgres, and out of a warehouse that is there."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import duckdb
import psycopg
import pytest
from export_shop import DAYS, KINDS, NESTED, ONLY_SOME, export_shop, values_sql, write_day
from penstock_places import Place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytest_plugins = ("postgres_server", "acceptance_fixtures")
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("postgres")]

VARIABLE, PASSWORD = "REPORTING_DATABASE", "canary-4711/ü"
PEOPLE = f"""\
dataset: shop.people
environment: dev
format: postgres
connection: {VARIABLE}
table: shared.people
key: [id]
personal: [email]
"""
DAYS_TABLE = f"""\
dataset: shop.daily
environment: dev
format: postgres
connection: {VARIABLE}
table: shared.daily
mode: interval
key: [id]
"""


class Reporting:
    """The database that others read, asked by its owner."""

    def __init__(self, address: str) -> None:
        self.address = address

    def do(self, *statements: str) -> None:
        with psycopg.connect(self.address, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.address, options="-c timezone=UTC") as connection:
            return connection.execute(query.encode()).fetchall()


@pytest.fixture
def reporting(postgres: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reporting]:
    """An empty database; the account that exports has a password that must be seen nowhere."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS reporting WITH (FORCE)")
        connection.execute("CREATE DATABASE reporting")
        connection.execute("DROP ROLE IF EXISTS exporter")
        connection.execute(f"CREATE ROLE exporter LOGIN PASSWORD '{PASSWORD}'".encode())
        connection.execute("GRANT CREATE ON DATABASE reporting TO exporter")
    owner = Reporting(postgres.removesuffix("/postgres") + "/reporting")
    server = owner.address.partition("@")[2]
    monkeypatch.setenv(VARIABLE, f"postgresql://exporter:{quote(PASSWORD, safe='')}@{server}")
    yield owner
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("DROP DATABASE reporting WITH (FORCE)")
        connection.execute("DROP ROLE exporter")


@pytest.fixture
def shop(once: Callable[[str, Callable[[Path], object]], Path], tmp_path: Path) -> Place:
    folder = once("export_shop_of_tables", lambda made: export_shop(made, people=PEOPLE, days=DAYS_TABLE))
    return Place(folder / "project", folder / "keys").copied(tmp_path)


def _pieces(said: Any, name: str) -> list[str]:
    (found,) = [one for one in said.result["exports"] if one["export"] == name]
    return [state for state, count in sorted(found["counts"].items()) for _ in range(count)]


def test_tables_are_filled_once_and_then_left_alone(shop: Place, reporting: Reporting) -> None:
    said = shop.penstock("export", "--json")
    assert (_pieces(said, "shop.people"), _pieces(said, "shop.days")) == (["written"], ["written"] * 3)
    assert reporting.rows("SELECT id, email, name FROM shared.people ORDER BY id") == [
        (1, "ana@example.org", "Ana"),
        (2, "bo@example.org", "Bo"),
    ]
    written = reporting.rows(
        "SELECT xmin::text, id FROM shared.people UNION ALL SELECT xmin::text, id FROM shared.daily"
    )
    said = shop.penstock("export", "--json")
    assert (_pieces(said, "shop.people"), _pieces(said, "shop.days")) == (["reused"], ["reused"] * 3)
    again = reporting.rows("SELECT xmin::text, id FROM shared.people UNION ALL SELECT xmin::text, id FROM shared.daily")
    assert written == again


def test_the_target_says_which_publishes_its_rows_come_from(shop: Place, reporting: Reporting) -> None:
    shop.penstock("export")
    rows = reporting.rows(
        "SELECT target, piece, dataset, version, publishes, row_count FROM _penstock.exports "
        "WHERE piece <> '' ORDER BY piece"
    )
    assert [(row[0], row[1], row[2], row[5]) for row in rows] == [
        ("shared.daily", f"{start}/{end}", "shop.daily", 2)
        for start, end in zip(DAYS, (*DAYS[1:], "2024-03-04"), strict=True)
    ]
    assert all(row[3] in row[4] for row in rows)


def test_by_key_only_rows_that_differ_are_written_and_those_that_are_gone_go(shop: Place, reporting: Reporting) -> None:
    shop.penstock("export", "shop.people")
    before = dict(reporting.rows("SELECT id, xmin::text FROM shared.people"))
    reporting.do("CREATE VIEW mailing AS SELECT id, email FROM shared.people", "CREATE ROLE analyst")
    reporting.do("GRANT USAGE ON SCHEMA shared TO analyst", "GRANT SELECT ON shared.people TO analyst")
    query = shop.root / "pipelines/shop/people.sql"
    others = "SELECT 3, NULL, 'Cy' UNION ALL SELECT 4, 'dee@x.org', ''"
    query.write_text(query.read_text().replace("SELECT 2, 'bo@example.org', 'Bo'", others))
    try:
        shop.penstock("run", "--until", "2024-03-04")
        assert reporting.rows("SELECT id, email, name FROM shared.people ORDER BY id") == [
            (1, "ana@example.org", "Ana"),
            (3, None, "Cy"),
            (4, "dee@x.org", ""),
        ]
        assert reporting.rows("SELECT xmin::text FROM shared.people WHERE id = 1") == [(before[1],)]
        assert reporting.rows("SELECT has_table_privilege('analyst', 'shared.people', 'select')") == [(True,)]
    finally:
        reporting.do("DROP OWNED BY analyst", "DROP ROLE analyst")


def test_an_interval_that_was_published_anew_is_replaced_and_the_others_stay(shop: Place, reporting: Reporting) -> None:
    shop.penstock("export", "shop.days")
    before = dict(reporting.rows("SELECT id, xmin::text FROM shared.daily"))
    write_day(shop, DAYS[1], "9.00")
    said = shop.penstock("run", "--until", "2024-03-04", "--json")
    assert _pieces(said, "shop.days") == ["reused", "reused", "written"]
    after = dict(reporting.rows("SELECT id, xmin::text FROM shared.daily"))
    assert {name for name in after if before.get(name) == after[name]} == {10, 11, 30, 31}
    assert reporting.rows("SELECT id, amount::text FROM shared.daily WHERE day = '2024-03-02'") == [(20, "9.00")]


def test_another_version_gives_the_table_its_columns_and_leaves_views_of_the_others(
    shop: Place, reporting: Reporting
) -> None:
    shop.penstock("export", "shop.days")
    reporting.do("CREATE VIEW of_days AS SELECT day, id FROM shared.daily")
    query = shop.root / "pipelines/shop/daily.sql"
    query.write_text(query.read_text().replace("AS DECIMAL(9,2)) AS amount", "AS DOUBLE) AS worth"))
    said = shop.penstock("run", "--until", "2024-03-04", "--json")
    assert _pieces(said, "shop.days") == ["written"] * 3
    assert reporting.rows("SELECT count(*), sum(worth) FROM shared.daily") == [(6, 10.5)]
    assert reporting.rows("SELECT count(*) FROM of_days") == [(6,)]


def test_what_is_no_key_is_refused_and_nothing_is_written(shop: Place, reporting: Reporting) -> None:
    arguments = ("shop.daily", "--env", "dev", "--connection", VARIABLE, "--table", "shared.x", "--key", "amount")
    said = shop.penstock("export", *arguments, "--json", exits=1)
    assert [one["code"] for one in said.findings] == ["export.no_key"]
    assert reporting.rows("SELECT to_regclass('shared.x')::text") == [(None,)]


def test_a_table_of_somebody_else_is_left_alone_unless_asked(shop: Place, reporting: Reporting) -> None:
    reporting.do(
        "CREATE SCHEMA shared", "CREATE TABLE shared.people (mine integer)", "ALTER SCHEMA shared OWNER TO exporter"
    )
    reporting.do("INSERT INTO shared.people VALUES (7)")
    said = shop.penstock("export", "shop.people", "--json", exits=1)
    assert [one["code"] for one in said.findings] == ["export.not_ours"]
    said = shop.penstock("export", "shop.people", "--replace", "--json", exits=3)
    assert "permission denied" in said.findings[0]["message"]
    assert reporting.rows("SELECT mine FROM shared.people") == [(7,)]
    reporting.do("ALTER TABLE shared.people OWNER TO exporter")
    shop.penstock("export", "shop.people", "--replace")
    assert reporting.rows("SELECT count(email) FROM shared.people") == [(2,)]


def test_every_value_arrives_or_its_type_is_refused(shop: Place, reporting: Reporting, tmp_path: Path) -> None:
    to = ("--env", "dev", "--connection", VARIABLE, "--table", "shared.rich")
    said = shop.penstock("export", "shop.rich", *to, "--json", exits=2)
    assert {one["place"]["field"] for one in said.findings} == set(NESTED)
    kept = ("id", *KINDS, *ONLY_SOME)
    shop.penstock("export", "shop.rich", *to, *(word for name in kept for word in ("--column", name)))
    names = ", ".join(f'"{name}"::text' for name in kept if name not in {"huge", "ratio", "infinite", "bytes", "truth"})
    found = reporting.rows(f"SELECT {names} FROM shared.rich ORDER BY id")
    with closing(duckdb.connect(str(shop.root / ".penstock/warehouse.duckdb"), read_only=True)) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        expected = connection.execute(f"SELECT {names} FROM shop__dev.rich ORDER BY id").fetchall()
        huge = connection.execute("SELECT huge::VARCHAR FROM shop__dev.rich ORDER BY id").fetchall()
    assert found == expected
    assert reporting.rows("SELECT huge::text FROM shared.rich ORDER BY id") == huge
    special = reporting.rows("SELECT ratio::text, infinite::text, truth, bytes FROM shared.rich ORDER BY id")
    assert special == [("NaN", "-Infinity", True, b""), ("0.1", "0.1", False, b"\x00\xff"), (None, None, None, None)]


def test_an_address_and_its_password_are_seen_nowhere(
    shop: Place, reporting: Reporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = [shop.penstock("export"), shop.penstock("export", "--list", "--json")]
    reporting.do(
        "REVOKE ALL ON SCHEMA shared FROM exporter", "DROP SCHEMA shared CASCADE", "DROP SCHEMA _penstock CASCADE"
    )
    reporting.do("REVOKE CREATE ON DATABASE reporting FROM exporter")
    said.append(shop.penstock("export", exits=3))
    monkeypatch.setenv(VARIABLE, f"postgresql://exporter:{quote(PASSWORD, safe='')}@127.0.0.1:1/nothing")
    said.append(shop.penstock("export", exits=3))
    monkeypatch.delenv(VARIABLE)
    said.append(shop.penstock("export", exits=2))
    texts = [text for one in said for text in (one.out, one.err)]
    texts += [path.read_bytes().decode("latin-1") for path in shop.root.rglob("*") if path.is_file()]
    secrets = (PASSWORD, quote(PASSWORD, safe=""), PASSWORD.encode().decode("latin-1"))
    assert [text for text in texts if any(secret in text for secret in secrets)] == []
    assert VARIABLE in said[1].out


def test_a_warehouse_in_postgres_is_exported_alike(
    postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reporting: Reporting
) -> None:
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS exported WITH (FORCE)")
        connection.execute("CREATE DATABASE exported")
    monkeypatch.setenv("PENSTOCK_WAREHOUSE", postgres.removesuffix("/postgres") + "/exported")
    try:
        team = export_shop(tmp_path / "team", warehouse="postgres", days=DAYS_TABLE)
        team.penstock("export", "shop.rich", "--env", "dev", "--to", "out/rich.parquet")
        expected = values_sql({**KINDS, **ONLY_SOME})
        with closing(duckdb.connect()) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            texts = [
                connection.execute(f"SELECT COLUMNS(*)::VARCHAR FROM ({source}) ORDER BY id").fetchall()
                for source in (expected, f"FROM '{team.root}/out/rich.parquet'")
            ]
        assert len(texts[0]) == 3
        assert texts[0] == texts[1]
        said = team.penstock("export", "--json")
        assert _pieces(said, "shop.days") == ["written"] * 3
        assert _pieces(team.penstock("export", "--json"), "shop.days") == ["reused"] * 3
        assert reporting.rows("SELECT count(*), sum(amount)::text FROM shared.daily") == [(6, "10.50")]
    finally:
        with psycopg.connect(postgres, autocommit=True) as connection:
            connection.execute("DROP DATABASE exported WITH (FORCE)")
