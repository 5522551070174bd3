"""`expire` deletes what is past its contract's retention, in every version, and nothing brings it back."""

from __future__ import annotations

import shutil
import signal
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import psycopg
import pytest
from penstock_places import AUTHOR
from runs_shop import STAGED, background, ledger, make_shop, paced, table, write, write_orders

from penstock.adapters.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from penstock_places import Place

pytest_plugins = ("acceptance_fixtures", "postgres_server")
pytestmark = pytest.mark.slow

NOW = datetime(2024, 3, 10, 8, tzinfo=UTC)
CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: {dataset}
version: 1.0.0
schema:
  - name: {name}
    physicalName: {dataset}
    properties:
{properties}
slaProperties:
  - {{property: retention, {promise}}}
"""
DAY = "{name: day, physicalType: TIMESTAMP, logicalType: timestamp}"
AMOUNT = "{name: amount, physicalType: BIGINT, logicalType: integer}"
TEXTS = (
    "{name: day, physicalType: VARCHAR, logicalType: string}",
    "{name: amount, physicalType: VARCHAR, logicalType: string}",
    "{name: _file, physicalType: VARCHAR, logicalType: string}",
    "{name: _interval_start, physicalType: TIMESTAMP, logicalType: timestamp}",
)
SIX_DAYS = "value: 6, unit: d"
"""Ended by the start of 2024-03-04, as of `NOW`: the first three of four days are past."""
FOURTH = [{"day": "2024-03-04T00:00:00", "amount": 4}, {"day": "2024-03-04T00:00:00", "amount": 40}]


def promise(place: Place, dataset: str, *properties: str, kept: str = SIX_DAYS) -> None:
    """A dataset's contract with a retention."""
    listed = "\n".join(f"      - {each}" for each in properties)
    text = CONTRACT.format(dataset=dataset, name=dataset.partition(".")[2], properties=listed, promise=kept)
    write(place, f"contracts/{dataset}.odcs.yaml", text)


def in_file(place: Place, marker: str) -> bool:
    """Whether a text is anywhere in the bytes of the warehouse, or beside it."""
    return any(marker.encode() in path.read_bytes() for path in (place.root / ".penstock").glob("*warehouse.duckdb*"))


def relations(place: Place, dataset: str) -> dict[str, int]:
    """The rows of each version's table."""
    with duckdb.connect(str(place.root / ".penstock" / "warehouse.duckdb"), read_only=True) as connection:
        names = connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE schema_name = '_versions' AND starts_with(table_name, $1)",
            [dataset.replace(".", "__") + "__"],
        ).fetchall()
        rows = {}
        for (name,) in names:
            counted = connection.execute(f'SELECT count(*) FROM _versions."{name}"').fetchone()
            rows[name.rpartition("__")[2]] = counted[0] if counted else 0
        return rows


@pytest.fixture
def address(postgres: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of an empty database, in the environment as a user would give it."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS expiring WITH (FORCE)")
        connection.execute("CREATE DATABASE expiring")
    found = postgres.removesuffix("/postgres") + "/expiring"
    monkeypatch.setenv("PENSTOCK_WAREHOUSE", found)
    yield found
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("DROP DATABASE expiring WITH (FORCE)")


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Four days of sales, staged under a retention of six days; it is six days after the last of them."""
    monkeypatch.setattr(SystemClock, "now", lambda _self: NOW)
    place = make_shop(tmp_path)
    promise(place, "sales.staged", DAY, AMOUNT)
    place.penstock("run", "sales")
    return place


def test_what_is_past_is_shown_first_and_then_deleted(shop: Place) -> None:
    seen = shop.penstock("expire", "--json").result
    (staged,) = seen["datasets"]
    assert (staged["dataset"], staged["retention"], staged["before"]) == ("sales.staged", "6 days", "2024-03-04")
    (version,) = staged["versions"]
    assert (version["rows"], version["first"], version["shown_in"]) == (6, "2024-03-01", ["dev"])
    assert (seen["rows"], seen["deleted"]) == (6, 0)
    assert seen["outside"] == [
        "sales.orders: its files (data/orders/{interval_start:%Y-%m-%d}.csv) stay where they are"
    ]
    assert seen["behind"] == [{"dataset": "sales.orders", "why": "no retention", "readers": ["sales.staged"]}]
    assert len(shop.rows("FROM sales.staged", env="dev")) == 8

    done = shop.penstock("expire", "--yes", "--json").result
    assert (done["deleted"], done["datasets"][0]["versions"][0]["left"]) == (6, 0)
    assert shop.rows("SELECT * FROM sales.staged ORDER BY ALL", env="dev") == FOURTH
    facts = ledger(shop, "SELECT dataset, start, before, state, rows, quarantined FROM expiries")
    assert facts == [("sales.staged", "2024-03-01", "2024-03-04", "expired", 6, 0)]
    assert ledger(shop, "SELECT why FROM expiries") == [
        ("contracts/sales.staged.odcs.yaml: rows are kept for 6 days, by day",)
    ]
    assert shop.penstock("doctor", "--json").findings == []


def test_deleting_again_does_nothing_and_records_nothing(shop: Place) -> None:
    shop.penstock("expire", "--yes")
    kinds = [("ExpiryIntended",), ("IntervalsExpired",)]
    expiries = "SELECT kind FROM journal WHERE kind IN ('ExpiryIntended', 'IntervalsExpired') ORDER BY seq"
    assert ledger(shop, expiries) == kinds
    assert shop.penstock("expire", "--yes", "--json").result["deleted"] == 0
    assert ledger(shop, expiries) == kinds


def test_every_version_in_every_environment_loses_them_and_a_rollback_does_not_bring_them_back(shop: Place) -> None:
    write(shop, "pipelines/sales/staged.sql", STAGED.replace("AS BIGINT) AS amount", "AS BIGINT) + 100 AS amount"))
    shop.penstock("run", "sales")
    shop.penstock("run", "sales", "--env", "trial")
    assert sorted(relations(shop, "sales.staged").values()) == [8, 8]
    done = shop.penstock("expire", "--yes", "--json").result
    assert [each["deleted"] for each in done["datasets"][0]["versions"]] == [6, 6]
    assert sorted(relations(shop, "sales.staged").values()) == [2, 2]
    assert len(shop.rows("FROM sales.staged", env="trial")) == 2
    shop.penstock("rollback", "--env", "dev")
    assert shop.rows("SELECT * FROM sales.staged ORDER BY ALL", env="dev") == FOURTH


def test_a_version_whose_intervals_were_cut_by_another_column_loses_them_too(shop: Place) -> None:
    renamed = STAGED.replace("day(day)", "day(sold_on)").replace("AS TIMESTAMP) AS day", "AS TIMESTAMP) AS sold_on")
    write(shop, "pipelines/sales/staged.sql", renamed)
    promise(shop, "sales.staged", DAY.replace("day", "sold_on"), AMOUNT)
    shop.penstock("run", "sales")
    done = shop.penstock("expire", "--yes", "--json").result
    found = {each["column"]: each["deleted"] for each in done["datasets"][0]["versions"]}
    assert found == {"day": 6, "sold_on": 6}


def test_what_expired_is_not_missing_and_no_new_version_builds_it(shop: Place) -> None:
    shop.penstock("expire", "sales.staged", "--yes")
    steps = {step["dataset"]: step["action"] for step in shop.penstock("plan", "sales", "--json").result["steps"]}
    assert steps == {"sales.orders": "reuse", "sales.staged": "reuse", "sales.total": "build"}
    shop.penstock("run", "sales")
    assert shop.rows("FROM sales.total", env="dev") == [{"total": 44, "orders": 2}]

    write(shop, "pipelines/sales/staged.sql", STAGED.replace("AS BIGINT) AS amount", "AS BIGINT) + 100 AS amount"))
    shop.penstock("run", "sales")
    assert shop.rows("SELECT amount FROM sales.staged ORDER BY ALL", env="dev") == [{"amount": 104}, {"amount": 140}]
    steps = shop.penstock("plan", "sales", "--json").result["steps"]
    assert {step["action"] for step in steps} == {"reuse"}


def test_a_backfill_of_what_expired_is_refused(shop: Place) -> None:
    shop.penstock("expire", "--yes")
    state = shop.state()
    window = ("--start", "2024-03-02", "--end", "2024-03-05")
    said = shop.penstock("backfill", "sales.staged", *window, "--json", exits=2)
    assert [(each["code"], each["expected"]) for each in said.findings] == [
        ("backfill.expired", "a window from 2024-03-04 on")
    ]
    assert shop.state() == state
    shop.penstock("backfill", "sales.staged", "--start", "2024-03-04", "--end", "2024-03-05", "--json")


def test_a_correction_of_what_expired_is_not_taken(shop: Place) -> None:
    source = (shop.root / "pipelines/sales/orders.source.yaml").read_text()
    write(shop, "pipelines/sales/orders.source.yaml", source + "corrections: take\n")
    promise(shop, "sales.orders", *TEXTS)
    shop.penstock("run", "sales")
    done = shop.penstock("expire", "--yes", "--json").result
    assert {each["dataset"] for each in done["datasets"]} == {"sales.orders", "sales.staged"}
    assert done["outside"] == [
        "sales.orders: its files (data/orders/{interval_start:%Y-%m-%d}.csv) stay where they are"
    ]
    for day in ("2024-03-03", "2024-03-04"):
        write_orders(shop, day, 5)
    shop.penstock("run", "sales")
    found = shop.rows("SELECT day, amount FROM sales.orders ORDER BY ALL", env="dev")
    assert found == [{"day": "2024-03-04", "amount": "5"}]
    assert shop.rows("SELECT amount FROM sales.staged", env="dev") == [{"amount": 5}]
    assert ledger(shop, "SELECT start FROM stale WHERE dataset = 'sales.orders'") == [("2024-03-04",)]


def test_what_others_made_of_rows_that_expired_stays_and_their_new_versions_say_that_it_cannot_be_made(
    shop: Place,
) -> None:
    promise(shop, "sales.orders", *TEXTS)
    promise(shop, "sales.staged", DAY, AMOUNT, kept="value: 7, unit: years")
    done = shop.penstock("expire", "--yes", "--json").result
    assert done["deleted"] == 6
    shop.penstock("run", "sales")
    assert len(shop.rows("FROM sales.staged", env="dev")) == 8
    window = ("--start", "2024-03-01", "--end", "2024-03-05")
    assert "backfill.expired" in shop.penstock("backfill", "sales.staged", *window, exits=2).err

    write(shop, "pipelines/sales/staged.sql", STAGED.replace("AS BIGINT) AS amount", "AS BIGINT) + 1 AS amount"))
    steps = {step["dataset"]: step["reasons"] for step in shop.penstock("plan", "sales", "--json").result["steps"]}
    assert steps["sales.staged"][-1] == "but earlier ones cannot be built: what they are built of is past its retention"
    shop.penstock("run", "sales")
    assert shop.rows("SELECT amount FROM sales.staged ORDER BY ALL", env="dev") == [{"amount": 5}, {"amount": 41}]
    assert shop.penstock("plan", "sales", "--json").result["steps"][1]["action"] == "reuse"


WHOLE = table("SELECT CAST(day AS TIMESTAMP) AS sold_at, amount, 'kept' AS note FROM sales.orders")
SOLD_AT = "{name: sold_at, physicalType: TIMESTAMP, logicalType: timestamp}"
SOLD = (SOLD_AT, "{name: amount, physicalType: VARCHAR, logicalType: string}",
        "{name: note, physicalType: VARCHAR, logicalType: string}")  # fmt: skip
BY_COLUMN = f"{SIX_DAYS}, element: sold.sold_at"


def test_a_table_made_whole_goes_by_the_column_of_its_contract_and_is_made_again_without_what_is_past(
    shop: Place,
) -> None:
    write(shop, "pipelines/sales/sold.sql", WHOLE)
    promise(shop, "sales.sold", *SOLD, kept=BY_COLUMN)
    shop.penstock("run", "sales")
    assert len(shop.rows("FROM sales.sold", env="dev")) == 8
    done = shop.penstock("expire", "sales.sold", "--yes", "--json").result
    assert (done["deleted"], done["datasets"][0]["counted_by"]) == (6, "sold_at")
    write(shop, "pipelines/sales/sold.sql", WHOLE.replace("'kept'", "'made again'"))
    shop.penstock("run", "sales")
    assert shop.rows("SELECT amount, note FROM sales.sold ORDER BY ALL", env="dev") == [
        {"amount": "4", "note": "made again"}, {"amount": "40", "note": "made again"},
    ]  # fmt: skip


def test_rows_that_were_put_aside_expire_with_the_others(shop: Place) -> None:
    few = "{name: amount, physicalType: BIGINT, logicalType: integer, logicalTypeOptions: {maximum: 9}, customProperties: [{property: onFailure, value: quarantine}]}"  # noqa: E501 - one line of YAML
    promise(shop, "sales.staged", DAY, few)
    text = (shop.root / "contracts/sales.staged.odcs.yaml").read_text()
    loose = "    customProperties: [{property: maxQuarantined, value: 90%}]\n    properties:"
    write(shop, "contracts/sales.staged.odcs.yaml", text.replace("    properties:", loose))
    shop.penstock("run", "sales")
    held = shop.penstock("quarantine", "list", "--json").result
    assert "4" in str(held)
    done = shop.penstock("expire", "--yes", "--json").result
    assert sorted((each["rows"], each["put_aside"]) for each in done["datasets"][0]["versions"]) == [(3, 3), (6, 0)]
    shown = shop.penstock("quarantine", "show", "sales.staged", "--json").result
    assert [row["row"]["amount"] for row in shown["rows"]] == ["40"]


def test_deleted_bytes_are_gone_once_the_warehouse_is_written_anew(shop: Place) -> None:
    noted = STAGED.replace("AS amount", "AS amount, 'zebra-' || amount || '-crossing' AS note")
    write(shop, "pipelines/sales/staged.sql", noted)
    promise(shop, "sales.staged", DAY, AMOUNT, "{name: note, physicalType: VARCHAR, logicalType: string}")
    shop.penstock("run", "sales")
    assert in_file(shop, "zebra-30-crossing")
    shown = shop.penstock("expire", "--yes").out
    assert "--compact" in shown
    assert in_file(shop, "zebra-30-crossing"), "then --compact is not needed, and the docs say too little"
    before = shop.rows("SELECT * FROM sales.staged ORDER BY ALL", env="dev")
    compacted = shop.penstock("expire", "--yes", "--compact", "--json").result["compacted"]
    assert compacted["after"] > 0
    assert not in_file(shop, "zebra-30-crossing")
    assert in_file(shop, "zebra-40-crossing")
    assert shop.rows("SELECT * FROM sales.staged ORDER BY ALL", env="dev") == before
    assert shop.penstock("doctor", "--json").findings == []
    assert shop.penstock("run", "sales").code == 0


def test_a_version_that_cannot_tell_how_old_its_rows_are_is_an_error_and_stays(shop: Place) -> None:
    write(shop, "pipelines/sales/sold.sql", table("SELECT amount FROM sales.orders"))
    shop.penstock("run", "sales")
    write(shop, "pipelines/sales/sold.sql", WHOLE)
    promise(shop, "sales.sold", *SOLD, kept=BY_COLUMN)
    shop.penstock("run", "sales")
    done = shop.penstock("expire", "sales.sold", "--yes", "--json", exits=1)
    assert done.result["deleted"] == 6
    assert [each["code"] for each in done.findings] == ["retention.version_without_column"]
    assert sorted(relations(shop, "sales.sold").values()) == [2, 8]


def test_check_warns_of_promises_that_cannot_be_kept_and_of_personal_data_kept_longer(shop: Place) -> None:
    email = "{name: email, physicalType: VARCHAR, logicalType: string, customProperties: [{property: personalData, value: email}]}"  # noqa: E501 - one line of YAML
    write(shop, "pipelines/sales/staged.sql", STAGED.replace("AS amount", "AS amount, amount || '@x.org' AS email"))
    promise(shop, "sales.staged", DAY, AMOUNT, email)
    write(shop, "pipelines/sales/mailed.sql", table("SELECT DISTINCT email FROM sales.staged"))
    promise(shop, "sales.mailed", email, kept="value: 7, unit: years")
    write(shop, "pipelines/sales/loud.sql", table("SELECT upper(email) AS email, 1 AS n FROM sales.staged"))
    promise(shop, "sales.loud", email, "{name: n, physicalType: INTEGER, logicalType: integer}", kept="value: forever")
    found = {(each["code"], each["place"]["dataset"]) for each in shop.penstock("check", "--json").findings}
    assert {each for each in found if each[0].startswith("retention.")} == {
        ("retention.kept_longer", "sales.mailed"),
        ("retention.unreadable", "sales.loud"), ("retention.kept_longer", "sales.loud"),
    }  # fmt: skip


def test_nothing_expires_in_a_project_that_never_built_anything(tmp_path: Path) -> None:
    place = make_shop(tmp_path)
    promise(place, "sales.staged", DAY, AMOUNT)
    assert place.penstock("expire", "--yes", "--json").result["deleted"] == 0
    assert not (place.root / ".penstock" / "warehouse.duckdb").exists()
    assert "needs --yes" in place.penstock("expire", "--compact", exits=2).err


MERGED = """\
/* penstock
materialize: merge
key: [amount]
interval: day(day)
*/
SELECT CAST(amount AS BIGINT) AS amount, CAST(day AS TIMESTAMP) AS day, TIMESTAMP '{paid_at}' AS paid_at
FROM sales.orders
WHERE _interval_start >= $interval_start AND _interval_start < $interval_end
"""
PAID_AT = "{name: paid_at, physicalType: TIMESTAMP, logicalType: timestamp}"


@pytest.mark.parametrize(("paid_at", "deleted"), [("2024-03-09", 0), ("2024-03-01", 8)])
def test_a_merge_goes_by_the_column_of_its_contract_though_it_has_that_of_its_intervals(
    shop: Place, paid_at: str, deleted: int
) -> None:
    write(shop, "pipelines/sales/paid.sql", MERGED.format(paid_at=paid_at))
    key = AMOUNT.replace("}", ", primaryKey: true, primaryKeyPosition: 1, required: true}")
    promise(shop, "sales.paid", key, DAY, PAID_AT, kept=f"{SIX_DAYS}, element: paid.paid_at")
    shop.penstock("run", "sales")
    done = shop.penstock("expire", "sales.paid", "--yes", "--json").result
    assert (done["deleted"], done["datasets"][0]["versions"][0]["column"]) == (deleted, "paid_at")
    assert len(shop.rows("FROM sales.paid", env="dev")) == 8 - deleted


def without_promise(place: Place, dataset: str) -> None:
    """Take the retention out of a dataset's contract."""
    path = f"contracts/{dataset}.odcs.yaml"
    write(place, path, (place.root / path).read_text().partition("slaProperties")[0])


def test_what_expired_stays_away_once_the_contract_says_nothing_of_it_any_more(shop: Place) -> None:
    write(shop, "pipelines/sales/sold.sql", WHOLE)
    promise(shop, "sales.sold", *SOLD, kept=BY_COLUMN)
    shop.penstock("run", "sales")
    shop.penstock("expire", "sales.sold", "--yes")
    without_promise(shop, "sales.sold")
    write(shop, "pipelines/sales/sold.sql", WHOLE.replace("'kept'", "'made again'"))
    shop.penstock("run", "sales")
    assert shop.rows("SELECT amount, note FROM sales.sold ORDER BY ALL", env="dev") == [
        {"amount": "4", "note": "made again"}, {"amount": "40", "note": "made again"},
    ]  # fmt: skip


def test_rows_that_cannot_tell_their_age_any_more_are_refused_where_old_ones_expired(shop: Place) -> None:
    write(shop, "pipelines/sales/sold.sql", WHOLE)
    promise(shop, "sales.sold", *SOLD, kept=BY_COLUMN)
    shop.penstock("run", "sales")
    shop.penstock("expire", "sales.sold", "--yes")
    promise(shop, "sales.sold", *SOLD[1:])
    without_promise(shop, "sales.sold")
    write(shop, "pipelines/sales/sold.sql", table("SELECT amount, 'kept' AS note FROM sales.orders"))
    said = shop.penstock("run", "sales", exits=3)
    assert "nothing tells how old its new rows are" in said.out + said.err
    assert len(shop.rows("FROM sales.sold", env="dev")) == 2


def test_intervals_that_expired_break_no_promise_of_each_interval(shop: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    path = "contracts/sales.staged.odcs.yaml"
    each = "    quality:\n      - {type: library, metric: rowCount, mustBeGreaterThan: 0}\nslaProperties:"
    write(shop, path, (shop.root / path).read_text().replace("slaProperties:", each))
    shop.penstock("run", "sales")
    shop.penstock("expire", "--yes")
    assert outcome(shop, "sales.staged") == "holds"
    monkeypatch.setattr(SystemClock, "now", lambda _self: datetime(2024, 4, 10, tzinfo=UTC))
    shop.penstock("expire", "--yes")
    assert outcome(shop, "sales.staged") == "not_built"


def outcome(place: Place, dataset: str) -> str:
    """How a contract comes out that is held against its rows."""
    checked = place.penstock("contract", "check", dataset, "--json", exits=None).result["contracts"]
    return str(checked[dataset]["outcome"])


def test_doctor_finds_that_a_warehouse_does_not_know_of_an_expiry(shop: Place) -> None:
    warehouse = shop.root / ".penstock" / "warehouse.duckdb"
    backup = warehouse.read_bytes()
    shop.penstock("expire", "--yes")
    assert shop.penstock("doctor", "--json").findings == []
    warehouse.write_bytes(backup)
    found = shop.penstock("doctor", "--json", exits=1).findings
    assert [(each["code"], each["place"]["dataset"]) for each in found] == [("doctor.expiry_missing", "sales.staged")]


def test_doctor_asks_for_no_expiry_of_a_version_that_was_removed_and_made_again(
    shop: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.penstock("expire", "--yes")
    for more in (1, 2):
        write(shop, "pipelines/sales/staged.sql", STAGED.replace("BIGINT) AS amount", f"BIGINT) + {more} AS amount"))
        shop.penstock("run", "sales")
    later = iter(range(1, 100_000))
    monkeypatch.setattr(SystemClock, "now", lambda _self: NOW + timedelta(hours=1, milliseconds=next(later)))
    assert shop.penstock("prune", "--older-than", "0.000001s", "--yes", "--json").result["versions"] != []
    write(shop, "pipelines/sales/staged.sql", STAGED)
    shop.penstock("run", "sales")
    assert ledger(shop, "SELECT count(*) FROM expiries AS e JOIN versions USING (dataset, version)") == [(1,)]
    assert shop.penstock("doctor", "--json").findings == []


def test_what_a_connector_reads_is_named_as_outside(tmp_path: Path) -> None:
    place = make_shop(tmp_path)
    write(place, "pipelines/sales/api.py", "def told():\n    yield [{'id': 1, 'at': '2024-03-01'}]\n")
    source = "format: python\nfunction: pipelines/sales/api.py:told\ncolumns: {id: BIGINT, at: DATE}\n"
    write(place, "pipelines/sales/told.source.yaml", source)
    told = (
        "{name: id, physicalType: BIGINT, logicalType: integer}",
        "{name: at, physicalType: DATE, logicalType: date}",
    )
    promise(place, "sales.told", *told, kept=f"{SIX_DAYS}, element: told.at")
    assert place.penstock("expire", "sales.told", "--json").result["outside"] == []
    place.penstock("run", "sales.told")
    seen = place.penstock("expire", "sales.told", "--json").result
    assert seen["outside"] == ["sales.told: what its connector (python told) reads keeps its rows"]


@pytest.mark.xdist_group("postgres")
def test_a_warehouse_in_postgres_loses_them_too(tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SystemClock, "now", lambda _self: NOW)
    place = make_shop(tmp_path)
    write(place, "penstock.yaml", "name: shop\nwarehouse: postgres\n")
    shutil.rmtree(place.root / "pipelines" / "heavy")
    promise(place, "sales.staged", DAY, AMOUNT)
    place.penstock("run", "sales")
    write(place, "pipelines/sales/staged.sql", STAGED.replace("AS BIGINT) AS amount", "AS BIGINT) + 0 AS amount"))
    place.penstock("run", "sales")
    exporting = ("export", "sales.staged", "--env", "dev", "--to", "out/staged.csv", "--json")
    assert place.penstock(*exporting).result["exports"][0]["rows"] == 8
    done = place.penstock("expire", "--yes", "--compact", "--json").result
    assert done["exports"] == ["out/staged.csv"]
    assert place.penstock(*exporting).result["exports"][0]["rows"] == 2
    assert [each["deleted"] for each in done["datasets"][0]["versions"]] == [6, 6]
    assert done["compacted"]["left"] == []
    assert place.rows("SELECT * FROM sales.staged ORDER BY ALL", env="dev") == FOURTH
    place.penstock("run", "sales")
    assert place.rows("FROM sales.total", env="dev") == [{"total": 44, "orders": 2}]
    assert place.penstock("doctor", "--json").findings == []
    with psycopg.connect(address) as connection:
        counted = connection.execute("SELECT count(*) FROM _penstock.ledger WHERE publish_id LIKE 'e%/quarantine'")
        assert counted.fetchone() == (2,)


GROWN = """\
/* penstock
materialize: append
offset: sold_at
*/
SELECT CAST(day AS TIMESTAMP) AS sold_at, amount, 'added' AS note FROM sales.orders
WHERE $offset IS NULL OR CAST(day AS TIMESTAMP) > $offset
"""


def test_an_append_does_not_add_again_what_expired(shop: Place) -> None:
    write(shop, "pipelines/sales/sold.sql", GROWN)
    promise(shop, "sales.sold", *SOLD, kept=BY_COLUMN)
    shop.penstock("run", "sales")
    assert shop.penstock("expire", "sales.sold", "--yes", "--json").result["deleted"] == 6
    write_orders(shop, "2024-03-05", 5)
    pipeline = (shop.root / "pipelines/sales/pipeline.yaml").read_text()
    write(shop, "pipelines/sales/pipeline.yaml", pipeline.replace("end: 2024-03-05", "end: 2024-03-06"))
    shop.penstock("run", "sales")
    amounts = [row["amount"] for row in shop.rows("SELECT amount FROM sales.sold ORDER BY ALL", env="dev")]
    assert amounts == ["4", "40", "5"]


def test_serve_deletes_by_itself_once_a_day_where_the_project_says_so(tmp_path: Path) -> None:
    place = make_shop(tmp_path)
    promise(place, "sales.staged", DAY, AMOUNT)
    settings = (place.root / "penstock.yaml").read_text()
    write(place, "penstock.yaml", settings + "retention:\n  rows: daily\n")
    paced(place, "run", "sales")
    with background(place, "serve", "--env", "dev", paced=True) as server:
        server.says(r"sales\.staged at \w+: 6 row\(s\) past their retention were deleted")
        server.ask(signal.SIGTERM)
        server.ends(0)
    assert ledger(place, "SELECT state, rows FROM expiries") == [("expired", 6)]
    assert place.rows("SELECT * FROM sales.staged ORDER BY ALL", env="dev") == FOURTH


def test_a_delivery_compares_neither_side_by_what_expired(
    running_shop: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = running_shop.copied(tmp_path)
    monkeypatch.setattr(SystemClock, "now", lambda _self: datetime(2026, 3, 7, 8, tzinfo=UTC))  # kept for 2 years
    before: list[dict[str, Any]] = place.rows("SELECT day FROM shop.daily_orders ORDER BY day")
    done = place.penstock("expire", "--yes", "--json").result
    assert done["deleted"] > 0
    kept = place.rows("SELECT day FROM shop.daily_orders ORDER BY day")
    assert 0 < len(kept) < len(before)
    place.penstock("deliver", "stories/SHOP-2.md", "--as", AUTHOR, "--until", "2024-03-09", exits=4)
    dossier = (place.root / ".penstock/worktrees/SHOP-2/changes/SHOP-2/dossier.md").read_text()
    assert (
        "**`shop.stg_orders`**: 10 rows before, 8 now; 0 added, 2 removed" in dossier
    )  # five on each day that is kept
    assert "2024-03-06" not in dossier
