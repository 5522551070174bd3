"""Files that change, come late or come twice: told of, or taken, and then all that rests on them is right again."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from runs_shop import DAYS, ORDERS, STAGED, make_shop, table, write, write_orders

if TYPE_CHECKING:
    from pathlib import Path

    from penstock_places import Place

pytestmark = pytest.mark.slow


@pytest.fixture
def shop(tmp_path: Path) -> Place:
    """A shop that takes corrections, and days without a file."""
    place = make_shop(tmp_path)
    write(place, "pipelines/sales/orders.source.yaml", ORDERS + "corrections: take\nmissing: empty\n")
    place.penstock("run", "sales")
    return place


def _total(place: Place, environment: str = "dev") -> list[object]:
    (row,) = _rows(place, "SELECT total, orders FROM sales.total", environment)
    return row


def _rows(place: Place, sql: str, environment: str = "dev") -> list[list[object]]:
    found = place.penstock("query", sql, "--env", environment, "--json").result["rows"]
    return [list(row.values()) for row in found]


def _planned(place: Place) -> set[str]:
    found = place.penstock("plan", "sales", "--json").result["steps"]
    return {step["dataset"] for step in found if step["action"] != "reuse"}


def test_a_changed_file_is_read_again_with_what_rests_on_it(shop: Place) -> None:
    before = _total(shop)
    write_orders(shop, DAYS[1], 1000)
    (reasons,) = (
        step["reasons"]
        for step in shop.penstock("plan", "sales", "--json").result["steps"]
        if step["dataset"] == "sales.orders"
    )
    assert reasons == ["its files are others than those read in"]

    said = shop.penstock("run", "sales")

    assert said.code == 0
    assert _total(shop) != before
    assert "nothing to build" in shop.penstock("run", "sales").out
    assert _rows(shop, "SELECT CAST(sum(amount) AS INT) FROM sales.staged WHERE day = '2024-03-02'") == [[1000]]


def test_a_file_that_is_only_touched_is_no_correction(shop: Place) -> None:
    for day in DAYS:
        os.utime(shop.root / f"data/orders/{day}.csv", ns=(1, 1))
    assert "nothing to build" in shop.penstock("run", "sales").out


def test_a_file_that_comes_late_is_read_in(shop: Place) -> None:
    path = shop.root / f"data/orders/{DAYS[2]}.csv"
    content = path.read_bytes()
    path.unlink()
    whole = _total(shop)
    shop.penstock("backfill", "sales.orders", "--start", DAYS[2], "--end", DAYS[3], "--digest", _proposed(shop))
    lacking = _total(shop)
    assert lacking != whole

    path.write_bytes(content)
    shop.penstock("run", "sales")
    assert _total(shop) == whole


def _proposed(shop: Place) -> str:
    window = ("--start", DAYS[2], "--end", DAYS[3])
    return str(shop.penstock("backfill", "sales.orders", *window, "--json").result["digest"])


def test_a_file_that_is_gone_is_no_correction(shop: Place) -> None:
    (shop.root / f"data/orders/{DAYS[0]}.csv").unlink()
    assert "nothing to build" in shop.penstock("run", "sales").out


def test_versions_of_another_environment_that_share_the_source_are_told_too(shop: Place) -> None:
    """Both show the same rows of the source; what only one of them makes of it must not stay as it was."""
    total = "pipelines/sales/total.sql"
    first = (shop.root / total).read_text()
    other = table("SELECT sum(amount) + 0.5 AS total, count(*) AS orders FROM sales.staged")
    write(shop, total, other)
    shop.penstock("run", "sales", "--env", "other")
    write(shop, "pipelines/sales/staged.sql", STAGED.replace("CAST(amount AS BIGINT)", "CAST(amount AS BIGINT) + 0"))
    write(shop, total, first)
    shop.penstock("run", "sales")
    write_orders(shop, DAYS[1], 5000)

    shop.penstock("run", "sales")
    write(shop, "pipelines/sales/staged.sql", STAGED)
    write(shop, total, other)

    assert _planned(shop) == {"sales.staged", "sales.total"}
    shop.penstock("run", "sales", "--env", "other")
    assert float(str(_total(shop, "other")[0])) == float(str(_total(shop)[0])) + 0.5


def test_a_run_that_ends_between_source_and_reader_leaves_the_reader_stale(shop: Place) -> None:
    write_orders(shop, DAYS[1], 7000)
    shop.penstock("run", "sales.orders")
    assert _planned(shop) == {"sales.staged", "sales.total"}
    shop.penstock("run", "sales")
    assert float(str(_total(shop)[0])) > 7000


def test_a_source_that_does_not_take_corrections_has_people_told_of_them(shop: Place) -> None:
    write(shop, "pipelines/sales/orders.source.yaml", ORDERS + "missing: empty\n")
    before = _total(shop)
    write_orders(shop, DAYS[1], 9000)

    assert "to take them: penstock backfill sales.orders" in shop.penstock("plan", "sales").out
    said = shop.penstock("run", "sales")

    assert "files of sales.orders are others than those read in: 2024-03-02/2024-03-03" in said.out
    assert "penstock backfill sales.orders --start 2024-03-02 --end 2024-03-03" in said.out
    assert _total(shop) == before
    assert shop.penstock("run", "sales", "--json").result["corrected"] == {"sales.orders": ["2024-03-02/2024-03-03"]}


def test_a_backfill_tells_other_environments_that_share_the_source(shop: Place) -> None:
    write(shop, "pipelines/sales/orders.source.yaml", ORDERS + "missing: empty\n")
    total = "pipelines/sales/total.sql"
    first = (shop.root / total).read_text()
    other = table("SELECT sum(amount) + 0.5 AS total, count(*) AS orders FROM sales.staged")
    write(shop, total, other)
    shop.penstock("run", "sales", "--env", "other")
    write(shop, total, first)
    shop.penstock("run", "sales")
    write_orders(shop, DAYS[1], 5000)
    window = ("--start", DAYS[1], "--end", DAYS[2])
    digest = shop.penstock("backfill", "sales.orders", *window, "--json").result["digest"]
    shop.penstock("backfill", "sales.orders", *window, "--digest", digest)
    write(shop, total, other)
    shop.penstock("run", "sales", "--env", "other")
    assert float(str(_total(shop, "other")[0])) == float(str(_total(shop)[0])) + 0.5


def test_files_that_come_where_none_was_are_taken_too(tmp_path: Path) -> None:
    place = make_shop(tmp_path)
    write(place, "pipelines/sales/orders.source.yaml", ORDERS + "corrections: take\nmissing: empty\n")
    kept = {path: path.read_bytes() for path in place.root.glob("data/orders/*.csv")}
    for path in kept:
        path.unlink()
    place.penstock("run", "sales")
    for path, content in kept.items():
        path.write_bytes(content)
    place.penstock("run", "sales")
    assert int(str(_total(place)[1])) > 0


def test_a_correction_beyond_what_a_run_is_about_is_left_alone(shop: Place) -> None:
    write_orders(shop, DAYS[2], 9)
    built = shop.penstock("run", "sales", "--until", DAYS[1], "--json").result["built"]
    assert (built["sales.orders"], built["sales.staged"]) == (0, 0)
    settings = shop.root / "pipelines/sales/pipeline.yaml"
    settings.write_text(settings.read_text().replace("start: 2024-03-01", "start: 2024-03-04"))
    shop.penstock("run", "sales")
    assert "nothing to build" in shop.penstock("run", "sales").out, "it comes to an end"


def test_a_broken_correction_is_refused_and_leaves_nothing_behind(shop: Place) -> None:
    path = shop.root / f"data/orders/{DAYS[1]}.csv"
    content = path.read_bytes()
    path.write_text("<html>502</html>\n")
    for _ in range(2):
        assert shop.penstock("run", "sales", exits=2).code == 2
    path.write_bytes(content)
    assert "nothing to build" in shop.penstock("run", "sales").out


def test_a_broken_new_file_of_a_source_without_intervals_stops_the_run(shop: Place) -> None:
    write(shop, "pipelines/stock/counted.source.yaml", "format: csv\npath: data/stock/*.csv\ncolumns: [item]\n")
    write(shop, "data/stock/a.csv", "item\nx\n")
    shop.penstock("run", "stock")
    write(shop, "data/stock/b.csv", "thing\ny\n")
    assert "another header" in shop.penstock("run", "stock", exits=2).err


def test_drift_is_told_with_the_day_by_the_run_and_afterwards(shop: Place) -> None:
    source = ORDERS.replace("[day, amount]", "[day, {name: amount, also: [value]}]") + "drift: evolve\n"
    write(shop, "pipelines/sales/orders.source.yaml", source)
    write(shop, f"data/orders/{DAYS[2]}.csv", f"value;day;note\n12;{DAYS[2]};late\n")

    said = shop.penstock("run", "sales")

    assert f"sales.orders: data/orders/{DAYS[2]}.csv: renamed: amount is value now" in said.out
    found = shop.penstock("drift", "sales.orders", "--json").result["sources"]["sales.orders"]
    assert [one["what"] for one in found if one["interval_start"] == DAYS[2]] == [
        "renamed: amount is value now",
        "new: note (kept in _extra)",
        "delimiter: comma before, semicolon now",
    ]
    assert shop.penstock("drift", "sales.total", "--json", exits=2).findings[0]["code"] == "drift.no_source"
    assert _rows(shop, "SELECT _extra FROM sales.orders WHERE _extra IS NOT NULL") == [['{"note":"late"}']]
