"""Runs on the command line: asked for, followed, interrupted, taken back, done again."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import pytest
from runs_shop import (
    BY_HAND,
    DAYS,
    LONG,
    attempts,
    background,
    built,
    ledger,
    make_shop,
    queued,
    runs,
    slow,
    state,
    still_open,
    table,
    under_way,
    wait_until,
    write,
)

if TYPE_CHECKING:
    from pathlib import Path

    from penstock_places import Place

pytestmark = pytest.mark.slow


@pytest.fixture
def shop(tmp_path: Path) -> Place:
    """A project of which nothing was ever built."""
    return make_shop(tmp_path)


# -- run --------------------------------------------------------------------------------------------------------------


def test_a_run_of_a_pipeline_makes_ledger_and_warehouse_and_builds_that_pipeline_alone(shop: Place) -> None:
    assert not (shop.root / ".penstock").exists()

    said = shop.penstock("run", "stock")

    assert built(shop) == {"stock.items": 1}
    assert "stock.items" in said.out
    assert shop.rows("SELECT items FROM stock.items", env="dev") == [{"items": 7}]


def test_a_dataset_is_built_with_what_it_reads_and_without_what_reads_it(shop: Place) -> None:
    shop.penstock("run", "--dataset", "sales.staged")
    assert set(built(shop)) == {"sales.orders", "sales.staged"}


def test_a_window_bounds_the_intervals_and_the_next_run_builds_the_rest(shop: Place) -> None:
    shop.penstock("run", "sales", "--start", "2024-03-02", "--end", "2024-03-04")
    days = "SELECT DISTINCT CAST(CAST(day AS DATE) AS VARCHAR) AS day FROM sales.staged ORDER BY day"
    assert [row["day"] for row in shop.rows(days, env="dev")] == [*DAYS[1:3]]

    shop.penstock("run", "sales")

    assert [row["day"] for row in shop.rows(days, env="dev")] == [*DAYS]
    assert shop.rows("SELECT total, orders FROM sales.total", env="dev") == [{"total": 110, "orders": 8}]


def test_a_window_needs_both_ends_in_order(shop: Place) -> None:
    assert "belong together" in shop.penstock("run", "--start", "2024-03-02", exits=2).err
    assert "is not after" in shop.penstock("run", "--start", "2024-03-02", "--end", "2024-03-02", exits=2).err


def test_a_run_with_nothing_left_says_so_and_records_nothing(shop: Place) -> None:
    shop.penstock("run", "sales")
    before = shop.journal()

    said = shop.penstock("run", "sales")

    assert "nothing to build: everything is up to date" in said.out
    assert shop.journal() == before


def test_a_run_of_what_is_not_there_is_wrong_input(shop: Place) -> None:
    said = shop.penstock("run", "sells", "--json", exits=2)
    assert said.findings[0]["code"] == "project.unknown_dataset"


# -- while another process executes -----------------------------------------------------------------------------------


def test_a_run_asked_for_while_another_process_executes_waits_and_is_followed(shop: Place) -> None:
    write(shop, "pipelines/heavy/counted.sql", slow(LONG))
    with background(shop, "run", "heavy") as first:
        under_way(shop, "heavy.counted")
        with background(shop, "run", "stock") as second:
            second.says("another process executes; run r[0-9a-f]+ is queued")
            assert first.process.poll() is None
            said = second.ends(0)
        first.ends(0)

    assert "stock.items" in said
    assert built(shop) == {"heavy.counted": 1, "stock.items": 1}


def test_a_run_that_waits_is_done_by_who_asked_for_it_if_the_executor_dies(shop: Place) -> None:
    with background(shop, "run", "heavy") as first:
        heavy = under_way(shop, "heavy.counted")
        with background(shop, "run", "stock") as second:
            queued(shop)
            first.ask(signal.SIGKILL)
            first.ends(-signal.SIGKILL)
            second.ends(0)

    assert built(shop) == {"stock.items": 1}
    assert state(shop, heavy) == "interrupted"


def test_who_stops_following_leaves_the_run_queued(shop: Place) -> None:
    with background(shop, "run", "heavy"):
        under_way(shop, "heavy.counted")
        with background(shop, "run", "stock") as second:
            run = queued(shop)
            second.says("is queued")
            second.ask(signal.SIGINT)
            said = second.ends(4)
        assert f"run {run} stays queued" in said
        assert f"penstock cancel {run}" in said
        assert state(shop, run) == "queued"


# -- interrupted ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "terminated"])
def test_a_run_stopped_by_a_signal_says_how_to_go_on_and_resume_does(shop: Place, number: signal.Signals) -> None:
    write(shop, "pipelines/heavy/counted.sql", slow(LONG))
    with background(shop, "run", "heavy", "stock") as command:
        run = under_way(shop, "heavy.counted")
        wait_until(lambda: built(shop).get("stock.items"), "the other dataset")
        command.ask(number)
        said = command.ends(4)

    assert f"run {run} was interrupted" in said
    assert "penstock resume" in said
    assert "interrupted: heavy.counted" in said
    assert state(shop, run) == "interrupted"
    assert still_open(shop) == 0

    shop.penstock("resume")

    assert state(shop, run) == "published"
    assert built(shop) == {"heavy.counted": 1, "stock.items": 1}
    assert shop.rows("SELECT n FROM heavy.counted", env="dev") == [{"n": LONG}]


def test_a_second_ctrl_c_ends_the_process_and_the_next_command_settles_the_run(shop: Place) -> None:
    with background(shop, "run", "heavy") as command:
        run = under_way(shop, "heavy.counted")
        command.ask(signal.SIGINT)
        time.sleep(0.01)
        command.ask(signal.SIGINT)
        assert "bug" not in command.ends(4)

    shop.penstock("run", "stock")

    assert state(shop, run) == "interrupted"
    assert still_open(shop) == 0


def test_a_run_whose_process_was_killed_is_settled_by_the_next_command(shop: Place) -> None:
    with background(shop, "run", "heavy") as command:
        run = under_way(shop, "heavy.counted")
        command.ask(signal.SIGKILL)
        command.ends(-signal.SIGKILL)
    assert state(shop, run) == "running"

    shop.penstock("run", "stock")

    assert state(shop, run) == "interrupted"
    assert attempts(shop, "heavy.counted") == [("", "failed", "engine.abandoned")]


def test_resume_stops_at_ctrl_c_and_leaves_what_waits_in_the_queue(shop: Place) -> None:
    with background(shop, "run", "heavy") as first:
        under_way(shop, "heavy.counted")
        with background(shop, "run", "stock") as second:
            waiting = queued(shop)
            second.says("is queued")
            second.ask(signal.SIGINT)
            second.ends(4)
        first.ask(signal.SIGINT)
        first.ends(4)
    with background(shop, "resume") as command:
        under_way(shop, "heavy.counted")
        command.ask(signal.SIGINT)
        command.ends(4)
    assert state(shop, waiting) == "queued"


def test_resume_with_nothing_left_says_so(shop: Place) -> None:
    assert "nothing was interrupted, nothing waits" in shop.penstock("resume").out


def test_what_cannot_be_resumed_fails_and_the_others_go_on(shop: Place) -> None:
    with background(shop, "run", "heavy", "sales") as first:
        broken = under_way(shop, "heavy.counted")
        with background(shop, "run", "stock") as second:
            waiting = queued(shop)
            second.says("is queued")
            second.ask(signal.SIGINT)
            second.ends(4)
        first.ask(signal.SIGINT)
        first.ends(4)
    for day in DAYS:
        (shop.root / f"data/orders/{day}.csv").unlink()
    write(
        shop,
        "pipelines/sales/orders.source.yaml",
        "format: csv\npath: data/other/{interval_start:%Y-%m-%d}.csv\ninterval: day\ncolumns: [day, amount]\n",
    )

    shop.penstock("resume", exits=3)

    assert state(shop, broken) == "failed"
    assert state(shop, waiting) == "published"


# -- cancel -----------------------------------------------------------------------------------------------------------


def test_cancel_returns_when_nothing_of_the_run_runs(shop: Place) -> None:
    with background(shop, "run", "heavy") as command:
        run = under_way(shop, "heavy.counted")

        said = shop.penstock("cancel", run)

        assert f"run {run} is cancelled; nothing of it runs" in said.out
        assert state(shop, run) == "cancelled"
        assert still_open(shop) == 0
        assert "was cancelled" in command.ends(3)
    assert attempts(shop, "heavy.counted") == [("", "failed", "engine.cancelled")]


def test_a_cancelled_run_cannot_be_cancelled_again(shop: Place) -> None:
    with background(shop, "run", "heavy"):
        run = under_way(shop, "heavy.counted")
        shop.penstock("cancel", run)
    said = shop.penstock("cancel", run, "--json", exits=2)
    assert said.findings[0]["code"] == "run.over"
    assert said.findings[0]["found"] == "cancelled"


def test_cancel_of_a_run_whose_executor_died_settles_it(shop: Place) -> None:
    with background(shop, "run", "heavy") as command:
        run = under_way(shop, "heavy.counted")
        command.ask(signal.SIGKILL)
        command.ends(-signal.SIGKILL)

    shop.penstock("cancel", run)

    assert state(shop, run) == "cancelled"
    assert still_open(shop) == 0


def test_a_run_that_waits_is_taken_back_before_it_begins(shop: Place) -> None:
    with background(shop, "run", "heavy") as first:
        under_way(shop, "heavy.counted")
        with background(shop, "run", "stock") as second:
            run = queued(shop)
            shop.penstock("cancel", run)
            assert "cancelled by" in second.ends(3)
        first.ask(signal.SIGINT)
        first.ends(4)
    assert state(shop, run) == "cancelled"
    assert "stock.items" not in built(shop)


def test_an_interrupted_run_can_be_given_up(shop: Place) -> None:
    with background(shop, "run", "heavy") as command:
        run = under_way(shop, "heavy.counted")
        command.ask(signal.SIGINT)
        command.ends(4)

    shop.penstock("cancel", run)

    assert state(shop, run) == "cancelled"
    assert "nothing was interrupted" in shop.penstock("resume").out


def test_cancel_of_what_is_no_run_is_wrong_input(shop: Place) -> None:
    assert shop.penstock("cancel", "r0123456789abcde", "--json", exits=2).findings[0]["code"] == "run.unknown"


# -- retry ------------------------------------------------------------------------------------------------------------


def test_retry_builds_what_failed_and_what_was_left_out_because_of_it(shop: Place) -> None:
    write(shop, "pipelines/chain/pipeline.yaml", BY_HAND)
    write(shop, "pipelines/chain/good.sql", table("SELECT 1 AS n"))
    write(shop, "pipelines/chain/bad.sql", table("SELECT CAST('seven' AS INTEGER) AS n"))
    write(shop, "pipelines/chain/after.sql", table("SELECT n + 1 AS n FROM chain.bad"))
    failed = shop.penstock("run", "chain", "--json", exits=3).result["run"]
    assert (state(shop, failed), built(shop)) == ("failed", {"chain.good": 1})
    write(shop, "pipelines/chain/bad.sql", table("SELECT 7 AS n"))

    shop.penstock("retry", failed)

    assert built(shop) == {"chain.good": 1, "chain.bad": 1, "chain.after": 1}
    assert shop.rows("SELECT n FROM chain.after", env="dev") == [{"n": 8}]
    assert shop.rows("SELECT n FROM chain.good", env="dev") == [{"n": 1}], "what the first run built is shown too"
    assert state(shop, failed) == "failed"
    assert [row["state"] for row in runs(shop, trigger="retry")] == ["published"]


def test_retry_of_a_cancelled_run_builds_all_of_it(shop: Place) -> None:
    with background(shop, "run", "heavy"):
        run = under_way(shop, "heavy.counted")
        shop.penstock("cancel", run)
    write(shop, "pipelines/heavy/counted.sql", slow(10))
    shop.penstock("retry", run)
    assert built(shop) == {"heavy.counted": 1}


def test_only_a_run_that_is_over_can_be_retried(shop: Place) -> None:
    with background(shop, "run", "heavy") as command:
        run = under_way(shop, "heavy.counted")
        said = shop.penstock("retry", run, "--json", exits=2).findings[0]
        assert (said["code"], run in said["remedy"]) == ("run.not_over", True)
        command.ask(signal.SIGINT)
        command.ends(4)
    said = shop.penstock("retry", run, "--json", exits=2).findings[0]
    assert (said["code"], "penstock resume" in said["remedy"]) == ("run.not_over", True)


# -- runs -------------------------------------------------------------------------------------------------------------


def test_runs_lists_what_waits_and_what_runs_before_the_newest_others(shop: Place) -> None:
    assert "no run yet" in shop.penstock("runs").out
    shop.penstock("run", "stock")
    shop.penstock("run", "sales")
    with background(shop, "run", "heavy"):
        under_way(shop, "heavy.counted")
        write(shop, "pipelines/stock/items.sql", table("SELECT 8 AS items"))
        with background(shop, "run", "stock"):
            queued(shop)
            found = runs(shop)
            assert [row["state"] for row in found] == ["queued", "running", "published", "published"]
            assert {row["trigger"] for row in found} == {"manual"}
            shown = shop.penstock("runs", "--limit", "2").out.splitlines()
            assert [line.split()[1] for line in shown] == ["state", "queued", "running"]


def test_the_ledger_is_sound_after_all_of_it(shop: Place) -> None:
    with background(shop, "run", "heavy") as command:
        run = under_way(shop, "heavy.counted")
        shop.penstock("cancel", run)
        command.ends(3)
    shop.penstock("run", "sales")
    shop.penstock("doctor")
    assert ledger(shop, "SELECT count(*) FROM runs WHERE finished_at IS NULL") == [(0,)]


# -- what is not there, not asked for, or seen in another way ---------------------------------------------------------


def test_a_warehouse_that_was_lost_is_not_called_up_to_date(shop: Place) -> None:
    shop.penstock("run", "sales")
    (shop.root / ".penstock" / "warehouse.duckdb").unlink()
    for command in (("run", "sales"), ("query", "SELECT 1 AS one FROM sales.total", "--env", "dev")):
        said = shop.penstock(*command, exits=2)
        assert "warehouse.lost" in said.err
    assert not (shop.root / ".penstock" / "warehouse.duckdb").exists()


def test_a_typing_error_makes_no_environment(shop: Place) -> None:
    shop.penstock("run", "sales")
    assert "is no name of lower-case letters" in shop.penstock("run", "--env", "bad env", exits=2).err
    assert "environment prd is new" in shop.penstock("run", "sales", "--env", "prd").out


def test_going_back_to_what_was_built_says_that_the_environment_moves(shop: Place) -> None:
    shop.penstock("run", "sales")
    text = (shop.root / "pipelines" / "sales" / "total.sql").read_text(encoding="utf-8")
    write(shop, "pipelines/sales/total.sql", text.replace("count(*)", "count(amount)"))
    shop.penstock("run", "sales")
    write(shop, "pipelines/sales/total.sql", text)
    assert "shows other versions now" in shop.penstock("run", "sales").out
    assert "everything is up to date" in shop.penstock("run", "sales").out


def test_a_backfill_of_a_time_without_data_is_refused(shop: Place) -> None:
    shop.penstock("run", "sales")
    said = shop.penstock("backfill", "sales.orders", "--start", "2030-03-02", "--end", "2030-03-04", exits=2)
    assert "backfill.nothing_there" in said.err
