"""`penstock export` to files and to another DuckDB: what arrives, what a repetition does, what is refused."""

from __future__ import annotations

import csv
import hashlib
import json
import signal
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from export_shop import DAYS, KINDS, export_shop, write_day
from penstock_places import Place
from runs_shop import background

from penstock.adapters.clock import SystemClock
from penstock.app.wiring import workplace
from penstock.ledger.facts import ExpiryIntended

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytest_plugins = ("acceptance_fixtures",)
pytestmark = pytest.mark.slow

BY_DAY = "dataset: shop.daily\nenvironment: dev\npath: out/daily-{interval_start:%Y-%m-%d}.parquet\n"
PEOPLE = "environment: dev\npath: out/people.csv\npersonal: [email]\n"
KEPT = """\
apiVersion: v3.1.0
kind: DataContract
id: shop.daily
version: 1.0.0
schema:
  - name: daily
    physicalName: shop.daily
    properties:
      - {name: day, physicalType: DATE}
      - {name: id, physicalType: INTEGER}
      - {name: amount, physicalType: "DECIMAL(9,2)"}
slaProperties:
  - {property: retention, value: 6, unit: d}
"""
SEEN = "/* penstock\nmaterialize: view\n*/\nSELECT * FROM shop.daily\n"
TABLE = "dataset: shop.daily\nenvironment: dev\npath: out/shop.duckdb\ntable: main.daily\nmode: interval\n"


@pytest.fixture(scope="session")
def built_exports(once: Callable[[str, Callable[[Path], object]], Path]) -> Place:
    """The shop with three declared exports, none of them carried out. Do not change it."""
    folder = once("export_shop", lambda made: export_shop(made, days=BY_DAY, people=PEOPLE, tables=TABLE))
    return Place(folder / "project", folder / "keys")


@pytest.fixture
def shop(built_exports: Place, tmp_path: Path) -> Place:
    return built_exports.copied(tmp_path)


def _export(shop: Place, *arguments: str, exits: int = 0) -> Any:
    return shop.penstock("export", *arguments, "--pieces", "--json", exits=exits)


def _states(said: Any, name: str) -> dict[str, str]:
    (found,) = [one for one in said.result["exports"] if one["export"] == name]
    return {piece["interval"]: piece["state"] for piece in found["pieces"]}


def _counts(said: Any, name: str) -> dict[str, int]:
    (found,) = [one for one in said.result["exports"] if one["export"] == name]
    return dict(found["counts"])


def _files(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def _rows(sql: str, database: str = ":memory:") -> list[tuple[Any, ...]]:
    with closing(duckdb.connect(database)) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return connection.execute(sql).fetchall()


def _text_of(source: str, database: str = ":memory:") -> list[tuple[Any, ...]]:
    """Every value as DuckDB writes it: NaN equals NaN, and no Python type rounds."""
    return _rows(f"SELECT COLUMNS(*)::VARCHAR FROM {source} ORDER BY id", database)


def _in_warehouse(shop: Place, name: str) -> list[tuple[Any, ...]]:
    return _text_of(f"shop__dev.{name}", str(shop.root / ".penstock" / "warehouse.duckdb"))


# -- declared exports -------------------------------------------------------------------------------------------------


def test_each_interval_has_a_file_and_a_repetition_writes_nothing(shop: Place) -> None:
    said = _export(shop)
    assert set(_states(said, "shop.days").values()) == {"written"}
    out = shop.root / "out"
    assert [path.name for path in sorted(out.glob("daily-*"))] == [f"daily-{day}.parquet" for day in DAYS]
    assert _rows(f"SELECT count(*), sum(amount)::VARCHAR FROM '{out}/daily-*.parquet'") == [(6, "10.50")]
    codecs = _rows(f"SELECT DISTINCT compression FROM parquet_metadata('{out}/daily-{DAYS[0]}.parquet')")
    assert codecs == [("ZSTD",)]

    before, journal = _files(out), shop.journal()
    again = _export(shop)
    assert {state for one in again.result["exports"] for state in _states(again, one["export"]).values()} == {"reused"}
    assert (_files(out), shop.journal()) == (before, journal)


def test_only_what_was_published_anew_is_written_again(shop: Place) -> None:
    _export(shop)
    before = _files(shop.root / "out")
    write_day(shop, DAYS[1], "9.00")
    said = shop.penstock("run", "--until", "2024-03-04", "--json")
    assert _counts(said, "shop.days") == _counts(said, "shop.tables") == {"reused": 2, "written": 1}
    after = _files(shop.root / "out")
    assert {name for name in before if name.startswith("daily") and before[name] != after[name]} == {
        f"daily-{DAYS[1]}.parquet"
    }
    assert _rows("SELECT sum(amount)::VARCHAR, count(*) FROM daily", str(shop.root / "out/shop.duckdb")) == [
        ("16.00", 5)
    ]


def test_another_version_replaces_everything(shop: Place) -> None:
    _export(shop)
    query = shop.root / "pipelines/shop/daily.sql"
    query.write_text(query.read_text().replace("AS amount\n", "AS amount, 'new' AS edition\n"))
    (shop.root / "pipelines/shop/days.export.yaml").rename(shop.root / "days.export.yaml")  # its turn comes later
    said = shop.penstock("run", "--until", "2024-03-04", "--json")
    assert set(_counts(said, "shop.tables")) == {"written"}
    (shop.root / "days.export.yaml").rename(shop.root / "pipelines/shop/days.export.yaml")
    said = _export(shop, "--interval", f"{DAYS[0]}/{DAYS[1]}", "shop.days", exits=2)
    assert [finding["code"] for finding in said.findings] == ["export.other_version"]
    said = _export(shop)
    assert set(_states(said, "shop.days").values()) == {"written"}
    out = shop.root / "out"
    assert _rows(f"SELECT DISTINCT edition, count(*) OVER () FROM '{out}/daily-*.parquet'") == [("new", 6)]
    assert _rows("SELECT DISTINCT edition, count(*) OVER () FROM daily", f"{out}/shop.duckdb") == [("new", 6)]


def test_an_interval_alone_leaves_the_others(shop: Place) -> None:
    said = _export(shop, "shop.days", "--interval", f"{DAYS[0]}/{DAYS[1]}")
    assert _states(said, "shop.days") == {f"{DAYS[0]}/{DAYS[1]}": "written"}
    assert [path.name for path in (shop.root / "out").glob("daily-*")] == [f"daily-{DAYS[0]}.parquet"]
    assert sorted(_states(_export(shop), "shop.days").values()) == ["reused", "written", "written"]


def test_a_file_that_is_gone_is_written_again_and_a_stray_one_is_left_alone(shop: Place) -> None:
    _export(shop)
    out = shop.root / "out"
    (out / f"daily-{DAYS[0]}.parquet").unlink()
    (out / "daily-notes.txt").write_text("mine")
    assert sorted(_states(_export(shop), "shop.days").values()) == ["reused", "reused", "written"]
    assert (out / "daily-notes.txt").read_text() == "mine"


def test_the_manifest_says_what_the_files_hold(shop: Place) -> None:
    _export(shop)
    out = shop.root / "out"
    manifest = json.loads((out / ".daily-interval.parquet.penstock-export.json").read_text())
    assert manifest["of"]["dataset"] == "shop.daily"
    assert manifest["of"]["columns"] == [["day", "DATE"], ["id", "INTEGER"], ["amount", "DECIMAL(9,2)"]]
    assert [(one["file"], one["rows"]) for one in manifest["files"]] == [(f"daily-{day}.parquet", 2) for day in DAYS]
    for one in manifest["files"]:
        assert one["sha256"] == hashlib.sha256((out / one["file"]).read_bytes()).hexdigest()
        assert len(one["publishes"]) == 1
    assert manifest["before"] == []


def test_the_ledger_knows_what_went_where_and_by_whom(shop: Place) -> None:
    _export(shop)
    listed = {row["target"]: row for row in shop.penstock("export", "--list", "--json").result["exports"]}
    assert set(listed) == {
        "out/daily-{interval_start:%Y-%m-%d}.parquet",
        "out/people.csv",
        "out/shop.duckdb main.daily",
    }
    row = listed["out/people.csv"]
    assert (row["export"], row["dataset"], row["rows"], row["personal"]) == (
        "shop.people",
        "shop.people",
        2,
        {"email": "email"},
    )
    assert row["exported_by"]
    assert shop.penstock("doctor", "--json").findings == []


def test_one_export_that_fails_does_not_keep_the_others(shop: Place) -> None:
    (shop.root / "out").mkdir()
    (shop.root / "out/people.csv").write_text("mine")
    said = _export(shop, exits=1)
    assert [finding["code"] for finding in said.findings] == ["export.not_ours"]
    assert [one["export"] for one in said.result["failed"]] == ["shop.people"]
    assert {one["export"] for one in said.result["exports"]} == {"shop.days", "shop.tables"}
    assert (shop.root / "out/people.csv").read_text() == "mine"


def test_a_run_carries_out_the_exports_of_its_environment(shop: Place) -> None:
    write_day(shop, DAYS[2], "7.00")
    said = shop.penstock("run", "--until", "2024-03-04", "--json")
    assert {one["export"] for one in said.result["exports"]} == {"shop.days", "shop.people", "shop.tables"}
    assert _rows("SELECT count(*) FROM daily", str(shop.root / "out/shop.duckdb")) == [(5,)]


def test_an_export_that_fails_after_a_run_is_told_and_undoes_nothing(shop: Place) -> None:
    (shop.root / "out").mkdir()
    (shop.root / "out/people.csv").write_text("mine")
    write_day(shop, DAYS[2], "7.00")
    said = shop.penstock("run", "--until", "2024-03-04", "--json")
    assert [(one["code"], one["severity"]) for one in said.findings] == [("export.not_ours", "warning")]
    assert shop.rows("SELECT count(*) AS n FROM shop.daily", "dev") == [{"n": 5}]


# -- values -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["plain", "rich"])
def test_every_value_arrives_in_parquet_and_duckdb(shop: Place, name: str) -> None:
    out = shop.root / "out"
    _export(shop, f"shop.{name}", "--env", "dev", "--to", f"out/{name}.parquet")
    _export(shop, f"shop.{name}", "--env", "dev", "--to", "out/values.duckdb", "--table", f"other.{name}")
    expected = _in_warehouse(shop, name)
    assert len(expected) == 3
    assert len(expected[0]) > len(KINDS)
    assert _text_of(f"'{out}/{name}.parquet'") == expected
    assert _text_of(f"other.{name}", f"{out}/values.duckdb") == expected


def test_csv_tells_null_from_the_empty_text_and_any_reader_takes_it(shop: Place) -> None:
    _export(shop, "shop.plain", "--env", "dev", "--to", "out/plain.csv")
    path = shop.root / "out/plain.csv"
    expected = _in_warehouse(shop, "plain")
    with path.open(encoding="utf-8", newline="") as stream:
        header, *rows = list(csv.reader(stream))
    assert header == ["id", *KINDS]
    assert [tuple(row) for row in rows] == [tuple(value or "" for value in row) for row in expected]
    raw = path.read_text(encoding="utf-8")
    assert raw.splitlines()[1].split(",")[8] == '""', "an empty text stands between quotes"
    assert raw.rstrip("\n").endswith("\n2" + "," * len(KINDS)), "NULL is nothing at all"
    read = f"read_csv('{path}', all_varchar = true, allow_quoted_nulls = false, nullstr = '', header = true)"
    assert _rows(f"SELECT * FROM {read} ORDER BY id") == expected


@pytest.mark.parametrize(("to", "wrong"), [("out/rich.csv", {"bytes", "many", "record", "pairs"})])
def test_what_a_format_does_not_hold_is_refused_before_anything_is_written(
    shop: Place, to: str, wrong: set[str]
) -> None:
    said = _export(shop, "shop.rich", "--env", "dev", "--to", to, exits=2)
    assert {finding["code"] for finding in said.findings} == {"export.type"}
    assert {finding["place"]["field"] for finding in said.findings} == wrong
    assert not (shop.root / "out").exists()
    names = [word for name in ("id", *KINDS) for word in ("--column", name)]
    _export(shop, "shop.rich", "--env", "dev", "--to", to, *names)


# -- personal data ----------------------------------------------------------------------------------------------------


def test_personal_columns_leave_only_if_somebody_says_so(shop: Place) -> None:
    to = ("--env", "dev", "--to", "out/p.parquet")
    said = _export(shop, "shop.people", *to, exits=1)
    assert [(one["code"], one["place"]["field"]) for one in said.findings] == [("export.personal", "email")]
    assert not (shop.root / "out").exists()
    _export(shop, "shop.people", *to, "--column", "id", "--column", "name")
    _export(shop, "shop.people", *to, "--allow-personal", "email")
    assert _rows(f"SELECT email FROM '{shop.root}/out/p.parquet' ORDER BY id")[0] == ("ana@example.org",)


def test_a_column_that_the_files_no_longer_describe_leaves_only_if_somebody_says_so(shop: Place) -> None:
    for path in ("pipelines/shop/people.sql", "pipelines/shop/mailed.sql", "contracts/shop.people.odcs.yaml"):
        file = shop.root / path
        text = file.read_text(encoding="utf-8")
        file.write_text(text.replace("AS email", "AS mail").replace("name: email", "name: mail"), encoding="utf-8")
    (shop.root / "pipelines/shop/mailed.sql").unlink()
    to = ("--env", "dev", "--to", "out/p.csv")
    said = _export(shop, "shop.people", *to, exits=1)
    assert [(one["code"], one["place"]["field"]) for one in said.findings] == [("export.unjudged", "email")]
    assert not (shop.root / "out").exists()
    _export(shop, "shop.people", *to, "--column", "id", "--column", "name")
    _export(shop, "shop.people", *to, "--allow-personal", "email")
    assert shop.penstock("export", "--list", "--json").result["exports"][0]["personal"] == {"email": "unjudged"}


def test_json_counts_intervals_and_lists_them_only_where_that_is_asked_for(shop: Place) -> None:
    (listed,) = [one for one in _export(shop).result["exports"] if one["export"] == "shop.days"]
    assert [piece["state"] for piece in listed["pieces"]] == ["written"] * 3
    for found in shop.penstock("export", "--json").result["exports"]:
        assert found["counts"] == {"reused": 3 if found["mode"] == "interval" else 1}
        assert (found["pieces"] is None) == (found["mode"] == "interval")


def test_personal_data_is_followed_into_views_without_a_contract(shop: Place) -> None:
    said = _export(shop, "shop.mailed", "--env", "dev", "--to", "out/m.csv", exits=1)
    assert [one["place"]["field"] for one in said.findings] == ["address"]
    assert "shop.people.email" in said.findings[0]["message"]


def test_a_view_is_exported_again_once_what_it_reads_was_published(shop: Place) -> None:
    arguments = ("shop.mailed", "--env", "dev", "--to", "out/m.csv", "--allow-personal", "address")
    _export(shop, *arguments)
    assert _export(shop, *arguments).result["exports"][0]["pieces"][0]["state"] == "reused"
    query = shop.root / "pipelines/shop/people.sql"
    query.write_text(query.read_text() + "UNION ALL SELECT 3, 'Cy@example.org', 'Cy'\n")
    shop.penstock("run", "--until", "2024-03-04")
    assert _export(shop, *arguments).result["exports"][0]["rows"] == 3


# -- what expired -----------------------------------------------------------------------------------------------------


@pytest.fixture
def kept_six_days(shop: Place) -> Place:
    """The shop under a retention, exported in every way, with a view over what expires."""
    (shop.root / "contracts/shop.daily.odcs.yaml").write_text(KEPT, encoding="utf-8")
    pipeline = shop.root / "pipelines/shop"
    (pipeline / "seen.sql").write_text(SEEN, encoding="utf-8")
    (pipeline / "seen.export.yaml").write_text("environment: dev\npath: out/seen.csv\n", encoding="utf-8")
    (pipeline / "all.export.yaml").write_text(BY_DAY.partition("path")[0] + "path: out/all.csv\n", encoding="utf-8")
    shop.penstock("run", "--until", "2024-03-04")
    _export(shop)
    return shop


def _days_exported(shop: Place) -> dict[str, list[str]]:
    out = shop.root / "out"
    found = {name: f"FROM '{out}/{name}.csv'" for name in ("all", "seen")}
    found["days"] = f"FROM '{out}/daily-*.parquet'"
    days = {name: _rows(f"SELECT DISTINCT day::VARCHAR {source} ORDER BY 1") for name, source in found.items()}
    days["tables"] = _rows("SELECT DISTINCT day::VARCHAR FROM main.daily ORDER BY 1", str(out / "shop.duckdb"))
    return {name: [day for (day,) in rows] for name, rows in days.items()}


def test_rows_that_expired_leave_every_target_at_the_next_export(
    kept_six_days: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, ways = kept_six_days, ("all", "days", "seen", "tables")
    assert _days_exported(shop) == {way: list(DAYS) for way in ways}
    for left, today in ((DAYS[1:], 8), (DAYS[2:], 9)):
        monkeypatch.setattr(SystemClock, "now", lambda _self, today=today: datetime(2024, 3, today, 8, tzinfo=UTC))
        done = shop.penstock("expire", "--yes", "--json").result
        targets = ["out/all.csv", BY_DAY.split("path: ")[1].strip(), "out/seen.csv", "out/shop.duckdb main.daily"]
        assert (done["deleted"], sorted(done["exports"])) == (2, targets)
        said = _export(shop)
        assert _days_exported(shop) == {way: list(left) for way in ways}
        assert sorted(_states(said, "shop.days").values()) == ["removed"] + ["reused"] * len(left)
        assert set(_states(said, "shop.people").values()) == {"reused"}
        again = _export(shop)
        assert {state for way in ways for state in _states(again, f"shop.{way}").values()} == {"reused"}


def test_while_rows_are_being_deleted_nothing_is_exported(kept_six_days: Place) -> None:
    with workplace(kept_six_days.root) as at_work:  # as if a process had been killed after the first step
        (version,) = at_work.ledger.rows("versions", dataset="shop.daily")
        at_work.hold()
        doomed = json.dumps([[version["version"], version["relation"], "day"]])
        at_work.ledger.append(
            ExpiryIntended(expiry="e1", dataset="shop.daily", before="2024-03-02", why="", by="", versions=doomed),
            token=at_work.token(),
        )
    said = _export(kept_six_days, exits=4)
    assert {(one["code"], one["place"]["dataset"]) for one in said.findings} == {
        ("export.moving", "shop.daily"),
        ("export.moving", "shop.seen"),
    }
    assert _days_exported(kept_six_days)["all"] == list(DAYS)
    kept_six_days.penstock("run", "--until", "2024-03-04")
    assert set(map(tuple, _days_exported(kept_six_days).values())) == {DAYS[1:]}


# -- what is not ours -------------------------------------------------------------------------------------------------


def test_a_file_that_was_changed_is_not_written_over_unless_asked(shop: Place) -> None:
    to = ("shop.plain", "--env", "dev", "--to", "out/plain.csv")
    _export(shop, *to)
    path = shop.root / "out/plain.csv"
    path.write_text(path.read_text() + "mine\n")
    said = _export(shop, *to, exits=1)
    assert [one["code"] for one in said.findings] == ["export.not_ours"]
    assert path.read_text().endswith("mine\n")
    _export(shop, *to, "--replace")
    assert not path.read_text().endswith("mine\n")


def test_another_dataset_does_not_take_a_target_over(shop: Place) -> None:
    for to in (("--to", "out/x.parquet"), ("--to", "out/x.duckdb", "--table", "main.x")):
        _export(shop, "shop.plain", "--env", "dev", *to)
        said = _export(shop, "shop.daily", "--env", "dev", *to, exits=1)
        assert [one["code"] for one in said.findings] == ["export.not_ours"]
        _export(shop, "shop.daily", "--env", "dev", *to, "--replace")


def test_a_table_that_no_export_made_is_left_alone(shop: Place) -> None:
    (shop.root / "out").mkdir()
    path = str(shop.root / "out/shop.duckdb")
    _rows("CREATE TABLE daily AS SELECT 1 AS mine", path)
    assert [one["code"] for one in _export(shop, "shop.tables", exits=1).findings] == ["export.not_ours"]
    assert _rows("SELECT mine FROM daily", path) == [(1,)]


def test_an_export_by_interval_over_somebody_elses_table_begins_anew(shop: Place) -> None:
    (shop.root / "out").mkdir()
    path = str(shop.root / "out/shop.duckdb")
    _rows("CREATE TABLE daily AS SELECT DATE '2020-01-01' AS day, 1 AS id, 1.00::DECIMAL(9,2) AS amount", path)
    _export(shop, "shop.tables", "--replace")
    assert _rows("SELECT count(*), min(day)::VARCHAR FROM daily", path) == [(6, DAYS[0])]


def test_what_a_killed_export_left_in_the_spool_is_tidied(shop: Place) -> None:
    leftover = shop.root / ".penstock/exporting/export-old/rows.parquet"
    leftover.parent.mkdir(parents=True)
    leftover.write_bytes(b"half")
    _export(shop)
    assert list((shop.root / ".penstock/exporting").iterdir()) == []


def test_without_more_words_it_is_production_that_is_exported(running_shop: Place, tmp_path: Path) -> None:
    place = running_shop.copied(tmp_path)
    _export(place, "shop.daily_orders", "--to", "out/orders.parquet")
    found = _rows(f"SELECT count(*), sum(revenue)::VARCHAR FROM '{place.root}/out/orders.parquet'")
    (expected,) = place.rows("SELECT count(*) AS n, sum(revenue) AS revenue FROM shop.daily_orders")
    assert found == [(expected["n"], expected["revenue"])]


def test_the_projects_own_warehouse_is_no_target(shop: Place) -> None:
    for to in (".penstock/warehouse.duckdb", "out/../.penstock/x.duckdb"):
        said = _export(shop, "shop.daily", "--env", "dev", "--to", to, "--table", "main.x", exits=2)
        assert [one["code"] for one in said.findings] == ["export.path"]


def test_what_is_declared_stays_in_the_project_whatever_links_say(shop: Place, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (shop.root / "out").symlink_to(tmp_path / "elsewhere")
    said = _export(shop, exits=2)
    assert {one["code"] for one in said.findings} == {"export.path"}
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_names_and_options_that_do_not_fit_are_told(shop: Place) -> None:
    cases = {
        "export.unknown_name": ("shop.nothing",),
        "export.one_dataset": ("--to", "x.csv"),
        "export.format": ("shop.daily", "--to", "x.txt"),
        "export.table": ("shop.daily", "--to", "x.duckdb"),
        "export.other_environment": ("shop.days", "--env", "prod"),
        "export.no_interval": ("shop.people", "--interval", "2024-03-01/2024-03-02"),
        "export.mode": ("shop.daily", "--to", "x.csv", "--mode", "interval"),
        "environment.empty": ("shop.daily", "--to", "x.csv"),
        "export.shared_file": ("shop.daily", "--env", "dev", "--to", "{interval_start:%Y}.csv"),
    }
    for code, arguments in cases.items():
        said = shop.penstock("export", *arguments, "--json", exits=2)
        assert [one["code"] for one in said.findings] == [code], arguments


# -- behind a server --------------------------------------------------------------------------------------------------


def test_a_server_exports_what_its_runs_published_and_goes_on_when_an_export_fails(shop: Place) -> None:
    foreign = shop.root / "out" / f"daily-{DAYS[0]}.parquet"
    foreign.parent.mkdir()
    foreign.write_bytes(b"somebody else's")
    with background(shop, "serve", "--env", "dev") as server:
        server.says(r"export shop\.people: 1 written, 0 removed, 2 rows")
        server.says(r"export shop\.days failed: .*\(export\.not_ours\)")
        write_day(shop, DAYS[1], "100.00")
        foreign.unlink()
        shop.penstock("run", "--until", "2024-03-04")
        server.says(r"export shop\.days: 3 written, 0 removed")
        server.says(r"export shop\.tables: 1 written, 0 removed")
        server.ask(signal.SIGTERM)
        server.ends(0)
    assert _rows(f"SELECT amount::VARCHAR FROM '{shop.root}/out/daily-{DAYS[1]}.parquet'") == [("100.00",)]
    assert _text_of("main.daily", str(shop.root / "out" / "shop.duckdb")) == _in_warehouse(shop, "daily")
    assert {state for piece in ("shop.days", "shop.tables") for state in _states(_export(shop), piece).values()} == {
        "reused"
    }


def test_a_server_exports_again_what_it_deleted_rows_of(kept_six_days: Place) -> None:
    settings = kept_six_days.root / "penstock.yaml"
    settings.write_text(settings.read_text(encoding="utf-8") + "retention:\n  rows: daily\n", encoding="utf-8")
    with background(kept_six_days, "serve", "--env", "dev") as server:
        server.says(r"export shop\.days: 0 written, 3 removed, 0 rows")
        server.ask(signal.SIGTERM)
        server.ends(0)
    assert not list((kept_six_days.root / "out").glob("daily-*"))
