"""`backfill` restates what changed, and what reads it; `explain` says why a dataset is built or is not."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from runs_shop import (
    DAILY,
    DAYS,
    STAGED,
    attempts,
    background,
    built,
    ledger,
    make_shop,
    queued,
    slow,
    state,
    still_open,
    table,
    under_way,
    write,
    write_orders,
)

from penstock.plan.explain import Cause

if TYPE_CHECKING:
    from penstock_places import Place

pytestmark = pytest.mark.slow

LATE = ("--start", DAYS[1], "--end", DAYS[2])
"""The day whose file is corrected after it was built."""
MERGED = """\
SELECT day, sum(amount) AS amount
FROM sales.staged
WHERE day >= $interval_start AND day < $interval_end
GROUP BY day
"""
ITS_INTERVAL = f"{DAYS[1]}/{DAYS[2]}"


@pytest.fixture
def fresh(tmp_path: Path) -> Place:
    """A project of which nothing was ever built."""
    return make_shop(tmp_path)


@pytest.fixture
def shop(fresh: Place) -> Place:
    """The project with sales and stock built."""
    fresh.penstock("run", "sales", "stock")
    return fresh


def proposed(shop: Place, *names: str) -> str:
    """The digest of what a backfill of the late day would do."""
    digest: str = shop.penstock("backfill", *names, *LATE, "--json").result["digest"]
    return digest


def causes(shop: Place, dataset: str) -> dict[str, str]:
    """What `explain` says, cause by cause."""
    found = shop.penstock("explain", dataset, "--json").result["causes"]
    return {each["cause"]: each["detail"] for each in found}


# -- backfill ---------------------------------------------------------------------------------------------------------


def test_a_proposal_shows_what_would_be_built_and_records_nothing(shop: Place) -> None:
    before = shop.state()

    said = shop.penstock("backfill", "sales.orders", *LATE)
    found = shop.penstock("backfill", "sales.orders", *LATE, "--json").result

    assert shop.state() == before
    assert [step["dataset"] for step in found["steps"]] == ["sales.orders", "sales.staged", "sales.total"]
    assert found["tasks"] == 3
    assert f"--digest {found['digest'][:12]}" in said.out


def test_late_data_is_restated_with_what_reads_it_and_nothing_else(shop: Place) -> None:
    write_orders(shop, DAYS[1], 2, 20, 200)
    assert "nothing to build" in shop.penstock("run", "sales").out, "a file that changes is no reason by itself"
    before = built(shop)

    shop.penstock("backfill", "sales.orders", *LATE, "--digest", proposed(shop, "sales.orders"), "--reason", "late")

    more = {name: count - before[name] for name, count in built(shop).items()}
    assert more == {"sales.orders": 1, "sales.staged": 1, "sales.total": 1, "stock.items": 0}
    assert [attempts(shop, f"sales.{name}")[-1][0] for name in ("orders", "staged")] == [ITS_INTERVAL] * 2
    assert shop.rows("SELECT total, orders FROM sales.total", env="dev") == [{"total": 310, "orders": 9}]
    days = "SELECT CAST(CAST(day AS DATE) AS VARCHAR) AS day, count(*) AS n FROM sales.staged GROUP BY ALL ORDER BY ALL"
    assert [row["n"] for row in shop.rows(days, env="dev")] == [2, 3, 2, 2]
    assert ledger(shop, "SELECT reason FROM backfills") == [("late",)]
    assert "nothing to build" in shop.penstock("run", "sales").out


def test_a_view_that_reads_what_is_restated_shows_the_new_rows_and_is_not_made_again(shop: Place) -> None:
    """A view at the end is no part of what is built, nor is one that a table reads further down."""
    view = "/* penstock\nmaterialize: view\n*/\n"
    write(shop, "pipelines/sales/seen.sql", f"{view}SELECT total FROM sales.total\n")
    write(shop, "pipelines/sales/large.sql", f"{view}SELECT day, amount FROM sales.staged WHERE amount >= 20\n")
    write(shop, "pipelines/sales/largest.sql", table("SELECT max(amount) AS largest FROM sales.large"))
    shop.penstock("run", "sales")
    write_orders(shop, DAYS[1], 2, 20, 200)
    before = built(shop)

    shop.penstock("backfill", "sales.orders", *LATE, "--digest", proposed(shop, "sales.orders"))

    more = {name: count - before[name] for name, count in built(shop).items()}
    assert {name for name, count in more.items() if count} == {
        "sales.orders", "sales.staged", "sales.total", "sales.largest",
    }  # fmt: skip
    assert shop.rows("SELECT total FROM sales.seen", env="dev") == [{"total": 310}]
    assert shop.rows("SELECT largest FROM sales.largest", env="dev") == [{"largest": 200}]
    assert "nothing to build" in shop.penstock("run", "sales").out


def test_a_backfill_begins_where_it_is_asked_to(shop: Place) -> None:
    before = built(shop)
    shop.penstock("backfill", "sales.staged", *LATE, "--digest", proposed(shop, "sales.staged"))
    more = {name: count - before[name] for name, count in built(shop).items()}
    assert more == {"sales.orders": 0, "sales.staged": 1, "sales.total": 1, "stock.items": 0}


def test_a_digest_of_what_was_another_world_is_refused_and_nothing_is_recorded(shop: Place) -> None:
    digest = proposed(shop, "sales.orders")
    write(shop, "pipelines/sales/total.sql", table("SELECT sum(amount) AS total FROM sales.staged"))
    before = shop.state()

    said = shop.penstock("backfill", "sales.orders", *LATE, "--digest", digest, "--json", exits=1)

    assert said.findings[0]["code"] == "backfill.moved"
    assert shop.state() == before


def test_a_digest_too_short_to_mean_anything_is_refused(shop: Place) -> None:
    shop.penstock("backfill", "sales.orders", *LATE, "--digest", proposed(shop, "sales.orders")[:11], exits=1)


def test_a_backfill_needs_a_window_and_known_names(shop: Place) -> None:
    assert "belong together" in shop.penstock("backfill", "sales.orders", exits=2).err
    said = shop.penstock("backfill", "sales.odrers", *LATE, "--json", exits=2)
    assert said.findings[0]["code"] == "project.unknown_dataset"


def test_a_backfill_whose_process_is_killed_is_finished_by_resume(shop: Place) -> None:
    write(
        shop,
        "pipelines/sales/total.sql",
        slow(100_000_000).replace("max(n)", "max(n) + (SELECT count(*) FROM sales.staged)"),
    )
    with background(shop, "backfill", "sales.orders", *LATE, "--digest", proposed(shop, "sales.orders")) as command:
        run = under_way(shop, "sales.total")
        command.ask(signal.SIGKILL)
        command.ends(-signal.SIGKILL)
    write(shop, "pipelines/sales/total.sql", table("SELECT sum(amount) AS total FROM sales.staged"))

    shop.penstock("resume")

    assert state(shop, run) == "published"
    assert still_open(shop) == 0
    assert len(attempts(shop, "sales.orders")) == len(attempts(shop, "sales.staged")) == 2, "what was built stays built"
    assert "nothing to build" in shop.penstock("run", "sales").out


# -- explain ----------------------------------------------------------------------------------------------------------


def test_explain_what_was_never_built(fresh: Place) -> None:
    assert set(causes(fresh, "stock.items")) == {"it was never built", "the environment does not show this version"}


def test_explain_what_is_up_to_date(shop: Place) -> None:
    assert causes(shop, "sales.total") == {"nothing changed since it was built": ""}


def test_explain_a_definition_that_changed_and_what_reads_it(shop: Place) -> None:
    write(shop, "pipelines/sales/staged.sql", STAGED.replace("AS BIGINT)", "AS BIGINT) * 2"))
    assert "its own definition changed" in causes(shop, "sales.staged")
    assert causes(shop, "sales.total")["a dataset that it reads has another version"] == "sales.staged"


def test_explain_intervals_that_have_passed_and_inputs_that_grew(shop: Place) -> None:
    write(shop, "pipelines/sales/pipeline.yaml", DAILY.replace("end: 2024-03-05", "end: 2024-03-06"))
    write_orders(shop, "2024-03-05", 5)
    assert causes(shop, "sales.orders")["intervals have passed since it was built"] == "2024-03-05/2024-03-06"
    shop.penstock("run", "--dataset", "sales.staged")
    assert "what it reads has grown since" in causes(shop, "sales.total")


def test_explain_what_is_read_again_and_of_which_nobody_knows_whether_it_grew(shop: Place) -> None:
    write(shop, "pipelines/sales/api.py", "def told():\n    yield [{'id': 1}]\n")
    told = "format: python\nfunction: pipelines/sales/api.py:told\ncolumns: {id: BIGINT}\n"
    write(shop, "pipelines/sales/told.source.yaml", told)
    write(shop, "pipelines/sales/heard.sql", table("SELECT count(*) AS heard FROM sales.told"))
    write(shop, "pipelines/sales/prices.source.yaml", "format: csv\npath: data/prices.csv\ncolumns: [price]\n")
    write(shop, "data/prices.csv", "price\n1\n")
    shop.penstock("run", "sales")
    write(shop, "data/prices.csv", "price\n")
    assert "it is read again: only that tells whether there is anything new" in causes(shop, "sales.told")
    assert causes(shop, "sales.heard")["what it reads was built again, and may have changed"] == "sales.told"
    assert "its files are others than those read in" in causes(shop, "sales.prices")
    steps = {step["dataset"]: step["reasons"] for step in shop.penstock("plan", "sales", "--json").result["steps"]}
    assert not [name for name, reasons in steps.items() if "what it reads has grown since" in reasons]


def test_explain_what_a_backfill_asks_for_and_has_not_built_yet(shop: Place) -> None:
    with background(shop, "run", "heavy"):
        under_way(shop, "heavy.counted")
        with background(shop, "backfill", "sales.orders", *LATE, "--digest", proposed(shop, "sales.orders")) as waits:
            queued(shop)
            waits.says("is queued")
            waits.ask(signal.SIGINT)
            waits.ends(4)
        assert causes(shop, "sales.orders") == {"a backfill asks for it again": ITS_INTERVAL}
        assert set(causes(shop, "sales.total")) == {"what it reads is built again by a backfill"}


def test_explain_a_failure_and_what_waits_for_it(fresh: Place) -> None:
    write(fresh, "pipelines/stock/items.sql", table("SELECT CAST('seven' AS INTEGER) AS items"))
    write(fresh, "pipelines/stock/worth.sql", table("SELECT items * 3 AS worth FROM stock.items"))
    fresh.penstock("run", "stock", exits=3)
    assert "seven" in causes(fresh, "stock.items")["its last attempt failed"]
    assert causes(fresh, "stock.worth")["the last attempt of a dataset that it reads failed"] == "stock.items"


def test_explain_what_is_being_built(fresh: Place) -> None:
    with background(fresh, "run", "heavy"):
        run = under_way(fresh, "heavy.counted")
        assert causes(fresh, "heavy.counted")["it is being built now"] == f"run {run}"


def test_explain_a_paused_pipeline(shop: Place) -> None:
    shop.penstock("schedule", "pause", "stock")
    assert causes(shop, "stock.items")["its pipeline is paused"] == "stock"
    write(shop, "pipelines/sales/pipeline.yaml", f"{DAILY}paused: true\n")
    assert "its pipeline is paused" in causes(shop, "sales.total")


def test_explain_what_the_environment_does_not_show(shop: Place) -> None:
    found = shop.penstock("explain", "sales.total", "--env", "prod", "--json").result["causes"]
    assert {"cause": "the environment does not show this version", "detail": "it shows none"} in found


def test_explain_wants_a_dataset(shop: Place) -> None:
    assert shop.penstock("explain", "sales", "--json", exits=2).findings[0]["code"] == "explain.pipeline"
    assert shop.penstock("explain", "sales.tot", "--json", exits=2).findings[0]["code"] == "project.unknown_dataset"


def test_a_backfill_says_which_rows_a_merge_keeps(fresh: Place) -> None:
    header = "/* penstock\nmaterialize: merge\nkey: [amount]\ninterval: day(day)\n*/\n"
    query = "SELECT day, amount FROM sales.staged WHERE day >= $interval_start AND day < $interval_end"
    write(fresh, "pipelines/sales/latest.sql", f"{header}{query}\n")
    fresh.penstock("run", "sales")
    write_orders(fresh, DAYS[1], 777)
    said = fresh.penstock("backfill", "sales.orders", *LATE)
    assert "rows stay whose keys no longer come: sales.latest" in said.out
    fresh.penstock("backfill", "sales.orders", *LATE, "--digest", proposed(fresh, "sales.orders"))
    question = ("query", "SELECT amount FROM sales.latest ORDER BY amount", "--env", "dev", "--json")
    amounts = [row["amount"] for row in fresh.penstock(*question).result["rows"]]
    assert 777 in amounts
    assert {2, 20} <= set(amounts)  # the day's orders before it was restated


def test_explain_a_merge_that_has_to_be_done_again_in_turn(fresh: Place) -> None:
    header = "/* penstock\nmaterialize: merge\nkey: [day]\ninterval: day(day)\n*/\n"
    write(fresh, "pipelines/sales/latest.sql", header + MERGED)
    for start, end in ((DAYS[2], DAYS[3]), (DAYS[0], DAYS[1])):
        fresh.penstock("run", "--dataset", "sales.latest", "--start", start, "--end", end)
    assert "an earlier interval was merged after it" in causes(fresh, "sales.latest")


def test_what_is_past_its_retention_is_explained_where_it_was_and_where_it_is_missed(shop: Place) -> None:
    columns = "".join(
        f"      - {{name: {name}, physicalType: {type_}}}\n"
        for name, type_ in (
            ("day", "VARCHAR"),
            ("amount", "VARCHAR"),
            ("_file", "VARCHAR"),
            ("_interval_start", "TIMESTAMP"),
        )
    )
    write(
        shop,
        "contracts/sales.orders.odcs.yaml",
        "apiVersion: v3.1.0\nkind: DataContract\nid: sales.orders\nversion: 1.0.0\nschema:\n  - name: orders\n"
        f"    physicalName: sales.orders\n    properties:\n{columns}"
        "slaProperties:\n  - {property: retention, value: 1, unit: year}\n",
    )
    shop.penstock("run", "sales")
    shop.penstock("expire", "--yes")
    assert "what is older is past its retention" in causes(shop, "sales.orders")
    write(shop, "pipelines/sales/staged.sql", STAGED.replace("AS BIGINT) AS amount", "AS BIGINT) + 1 AS amount"))
    missed = causes(shop, "sales.staged")
    assert missed["what is older cannot be built: what it is built of is past its retention"] == "sales.orders"


def test_every_cause_there_is_was_explained_here() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    assert [str(cause) for cause in Cause if str(cause) not in text] == []
