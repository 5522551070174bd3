"""`penstock test --slices`: what is built slice by slice is what one build makes, or the difference is named."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from penstock_places import Place
from runs_shop import SETTINGS, table, write

from penstock.app.slicing import prove_slices, sliced_datasets
from penstock.app.wiring import workplace
from penstock.quality.slicing import Order, SliceOutcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytest_plugins = ("acceptance_fixtures",)
pytestmark = pytest.mark.slow

DAYS = [f"2024-03-{day:02}" for day in range(1, 10)]
# Files that do not come are no fault, and of the later days none comes: their slices are empty.
PIPELINE = 'owner: shop-team\nschedule: "@daily"\nstart: 2024-03-01\nend: 2024-03-22\n'
SOURCE = """\
format: csv
path: data/orders/{interval_start:%Y-%m-%d}.csv
interval: day
missing: empty
columns: [id, ts, customer, amount, status, seen]
"""
IN = "ts >= $interval_start AND ts < $interval_end"


def sliced(query: str, interval: str = "day(day)", kept: str = "incremental") -> str:
    """A dataset's file: this query, by day."""
    return f"/* penstock\nmaterialize: {kept}\ninterval: {interval}\n*/\n{query}\n"


def merged(query: str) -> str:
    """A dataset's file: this query, by day, merged by id."""
    return sliced(query, "day(ts)", "merge\nkey: [id]")


QUERIES = {
    "staged": sliced(
        "SELECT id, CAST(ts AS TIMESTAMP) AS ts, customer, CAST(amount AS BIGINT) AS amount, status,\n"
        "  CAST(seen AS BIGINT) AS seen\n"
        "FROM sales.orders WHERE _interval_start >= $interval_start AND _interval_start < $interval_end",
        "day(ts)",
    ),
    "seen": "/* penstock\nmaterialize: view\n*/\nSELECT * FROM sales.staged WHERE amount > 0\n",
    "daily": sliced(
        f"SELECT CAST(ts AS DATE) AS day, sum(amount) AS amount\nFROM sales.staged WHERE {IN} GROUP BY day"
    ),
    "averages": sliced(f"SELECT ts::DATE AS day, avg(amount / 7) AS x\nFROM sales.seen WHERE {IN} GROUP BY day"),
    "running": sliced(
        f"SELECT ts::DATE AS day, id,\n  sum(amount) OVER (ORDER BY ts, id) AS so_far\nFROM sales.staged WHERE {IN}"
    ),
    "stamped": sliced(f"SELECT ts::DATE AS day, id,\n  now() AS made_at\nFROM sales.staged WHERE {IN}"),
    "ever": sliced(
        "SELECT ts::DATE AS day,\n"
        "  (SELECT count(DISTINCT customer) FROM sales.staged AS e WHERE e.ts < $interval_end) AS customers\n"
        f"FROM sales.staged WHERE {IN} GROUP BY day"
    ),
    "weekly": sliced(
        "WITH days AS (\n  SELECT ts::DATE AS day, sum(amount) AS amount FROM sales.staged\n"
        "  WHERE ts >= $interval_start - INTERVAL 2 DAY AND ts < $interval_end GROUP BY day)\n"
        "SELECT day, sum(amount) OVER (ORDER BY day RANGE INTERVAL 2 DAY PRECEDING) AS amount FROM days\n"
        "QUALIFY day >= $interval_start AND day < $interval_end"
    ),
    "newest": merged(
        f"SELECT id, max(ts) AS ts, arg_max(status, ts) AS status\nFROM sales.staged WHERE {IN} GROUP BY id"
    ),
    "last_seen": merged(
        f"SELECT id, max(ts) AS ts, arg_max(status, seen) AS status\nFROM sales.staged WHERE {IN} GROUP BY id"
    ),
    "each": merged(f"SELECT id, ts, status\nFROM sales.staged WHERE {IN}"),
    "priced": sliced(
        "SELECT ts::DATE AS day, sum(s.amount) / any_value(t.amount) AS share\n"
        "FROM sales.staged AS s CROSS JOIN sales.total AS t WHERE s.ts >= $interval_start AND s.ts < $interval_end\n"
        "GROUP BY day"
    ),
    "total": table("SELECT sum(amount) AS amount FROM sales.staged"),
}
"""Of a shop whose orders change: each query keeps to its interval, or goes beyond it in one way."""


def write_days(place: Place) -> None:
    """Each order comes twice, on one day and the next; what was seen later is not what happened later."""
    rows: dict[str, list[str]] = {day: [] for day in DAYS}
    for number, day in enumerate(DAYS):
        for order in range(3):
            rows[day].append(
                f"{number}-{order},{day} 10:0{order}:00,c{order + number % 2},{10 + number},open,{100 - number}"
            )
            if number + 1 < len(DAYS):
                after = DAYS[number + 1]
                rows[after].append(f"{number}-{order},{after} 09:0{order}:00,c{order},{5 + number},paid,{50 - number}")
    for day, lines in rows.items():
        write(place, f"data/orders/{day}.csv", "id,ts,customer,amount,status,seen\n" + "\n".join(lines) + "\n")


def make(folder: Path) -> Place:
    place = Place(folder / "project", folder / "keys")
    place.keys.mkdir(parents=True)
    write(place, "penstock.yaml", SETTINGS)
    write(place, "pipelines/sales/pipeline.yaml", PIPELINE)
    write(place, "pipelines/sales/orders.source.yaml", SOURCE)
    for name, text in QUERIES.items():
        write(place, f"pipelines/sales/{name}.sql", text)
    write_days(place)
    return place


@pytest.fixture(scope="module")
def shop(once: Callable[[str, Callable[[Path], object]], Path]) -> Place:
    """The shop with everything built that can be. Do not change it."""

    def build(folder: Path) -> None:
        make(folder).spawn("run", "sales", exits=None)  # `each` is refused: its ids come twice in one build

    folder = once("sliced_shop", build)
    return Place(folder / "project", folder / "keys")


def tried(shop: Place, *names: str, exits: int) -> dict[str, Any]:
    found: dict[str, Any] = shop.penstock("test", "--slices", *names, "--json", exits=exits).result["datasets"]
    return found


def different(verdict: dict[str, Any]) -> set[str]:
    """The orders that came out otherwise than one build."""
    return {each["order"] for each in verdict["orders"] if not each["equal"]}


def doubts(verdict: dict[str, Any]) -> dict[str, int]:
    """Each doubt of a query's text with its line."""
    return {each["code"]: each["place"]["line"] for each in verdict["doubts"]}


def test_a_plain_daily_sum_is_equal_in_every_order(shop: Place) -> None:
    found = tried(shop, "sales.daily", exits=0)["sales.daily"]
    assert found["outcome"] == "equal"
    assert found["slices"] == [f"{day}/2024-03-{int(day[-2:]) + 1:02}" for day in DAYS]
    assert {each["order"] for each in found["orders"]} == set(map(str, Order)) - {"empty"}
    assert found["rows"] == len(DAYS)
    assert found["doubts"] == []


def test_what_is_hidden_was_there_to_be_hidden(shop: Place) -> None:
    orders = {each["order"]: each for each in tried(shop, "sales.averages", exits=0)["sales.averages"]["orders"]}
    assert orders["late"]["hidden_rows"] == orders["emptied"]["hidden_rows"] == 6, "through a view too"
    assert orders["arriving"]["hidden_rows"] > 6
    assert orders["natural"]["hidden_rows"] == 0


def test_a_running_sum_over_the_edge_is_different_and_named_with_its_line(shop: Place) -> None:
    said = shop.penstock("test", "--slices", "sales.running", "--json", exits=1)
    found = said.result["datasets"]["sales.running"]
    assert found["outcome"] == "different"
    assert different(found) == {"natural", "reversed", "shuffled", "replayed", "arriving", "late", "emptied"}
    assert doubts(found) == {"slices.window_over_edge": 6}
    error = said.findings[0]
    assert error["code"] == "slices.different"
    assert "so_far" in error["found"]
    assert not any(each["equal"] for each in found["orders"] if each["order"] == "natural")
    natural = next(each for each in found["orders"] if each["order"] == "natural")
    assert natural["rows_different"] > 0
    assert len(natural["examples"]) > 0


def test_a_function_of_the_clock_is_named_and_differs_from_itself(shop: Place) -> None:
    found = tried(shop, "sales.stamped", exits=1)["sales.stamped"]
    assert doubts(found) == {"sql.nondeterministic": 6}
    assert "again" in different(found)


def test_a_merge_is_equal_by_the_newest_and_different_by_the_last_seen(shop: Place) -> None:
    found = tried(shop, "sales.newest", "sales.last_seen", exits=1)
    assert found["sales.newest"]["outcome"] == "equal"
    assert found["sales.newest"]["in_turn"], "out of turn an older row would stay"
    assert "empty" in {each["order"] for each in found["sales.newest"]["orders"]}
    assert found["sales.last_seen"]["outcome"] == "different"
    assert "natural" in different(found["sales.last_seen"])


def test_a_count_since_ever_is_different_and_the_unbounded_read_is_named(shop: Place) -> None:
    found = tried(shop, "sales.ever", exits=1)["sales.ever"]
    assert found["outcome"] == "different"
    assert doubts(found)["slices.unbounded_input"] == 6


def test_a_lookback_is_equal_in_every_order_until_a_slice_is_late(shop: Place) -> None:
    found = tried(shop, "sales.weekly", exits=1)["sales.weekly"]
    assert different(found) >= {"late", "emptied"}
    assert not different(found) & {"again", "natural", "reversed", "shuffled", "replayed", "arriving"}
    assert doubts(found) == {"slices.lookback": 7}


def test_a_merge_whose_keys_come_twice_in_one_build_is_refused_there_alone(shop: Place) -> None:
    found = tried(shop, "sales.each", exits=1)["sales.each"]
    (only,) = found["orders"]
    assert only["failure"]["code"] == "engine.doubled_key"
    assert only["at_once"]


def test_what_has_no_slices_is_not_tried_and_says_why(shop: Place) -> None:
    said = shop.penstock("test", "--slices", "sales.total", "sales.orders")
    assert "not tried" in said.out
    assert "it is not cut into intervals" in said.out
    assert "its rows are not made by a query" in said.out


def test_an_input_without_intervals_is_taken_as_it_is_and_said_to_be(shop: Place) -> None:
    found = tried(shop, "sales.priced", exits=0)["sales.priced"]
    assert found["as_it_is"] == ["sales.total"]
    assert "sales.total as it is now" in shop.penstock("test", "--slices", "sales.priced").out


def test_nothing_is_written(shop: Place) -> None:
    before = shop.state()
    shop.penstock("test", "--slices", "sales.daily", "sales.newest")
    assert shop.state() == before


def test_without_names_everything_sliced_is_tried(shop: Place) -> None:
    said = shop.penstock("test", "--slices", exits=1)
    for name in set(QUERIES) - {"total", "seen"}:
        assert f"sales.{name} " in said.out
    assert "\nsales.total " not in said.out


def test_examples_show_no_personal_values(shop: Place, tmp_path: Path) -> None:
    place = shop.copied(tmp_path)
    contract = """\
apiVersion: v3.1.0
kind: DataContract
id: sales.running
name: sales.running
version: 1.0.0
status: active
schema:
  - name: running
    physicalName: sales.running
    properties:
      - {name: day, logicalType: date, physicalType: DATE, required: true}
      - {name: id, logicalType: string, physicalType: VARCHAR, required: true}
      - {name: so_far, logicalType: integer, physicalType: HUGEINT, classification: personal}
"""
    write(place, "contracts/sales.running.odcs.yaml", contract)
    said = place.penstock("test", "--slices", "sales.running", "--json", exits=1)
    shown = " ".join(text for each in said.result["datasets"]["sales.running"]["orders"] for text in each["examples"])
    assert "'so_far': •••" in shown
    assert re.search(r"'so_far': (?!•••)", shown) is None


def test_before_anything_is_built_it_says_what_to_run(tmp_path: Path) -> None:
    said = make(tmp_path).penstock("test", "--slices", "--json", exits=2)
    assert "penstock run" in said.findings[0]["remedy"]


def test_an_unknown_dataset_is_refused(shop: Place) -> None:
    said = shop.penstock("test", "--slices", "sales.dayly", "--json", exits=2)
    assert said.findings[0]["code"] == "project.unknown_dataset"


def test_the_same_is_there_for_a_review_that_holds_the_warehouse(shop: Place, tmp_path: Path) -> None:
    copy = shop.copied(tmp_path)
    before = copy.state()
    with workplace(copy.root) as place:
        place.hold()
        names = sliced_datasets(place.project)
        assert "sales.orders" not in names
        verdicts = prove_slices(place.warehouse, place.ledger, place.project, ("sales.daily", "sales.running"), seed=3)
    assert [verdict.outcome for verdict in verdicts] == [SliceOutcome.EQUAL, SliceOutcome.DIFFERENT]
    assert copy.state() == before
