"""What `penstock serve` does by itself: schedules, triggers, the queue; and how it is stopped, held up, and mended."""

from __future__ import annotations

import json
import signal
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import duckdb
import pytest
from runs_shop import (
    DAILY,
    LONG,
    attempts,
    background,
    built,
    ledger,
    make_shop,
    paced,
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

from penstock.model.intervals import parse_moment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from penstock_places import Place
    from runs_shop import Background

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("serve")]

MINUTELY = 'owner: shop-team\nschedule: "* * * * *"\nstart: 2024-03-01\n'
DUE = "SELECT key, state, queued_at FROM runs WHERE pipeline = ? AND trigger = 'schedule' ORDER BY key"
Seen = tuple[datetime, str, datetime]


@pytest.fixture
def shop(tmp_path: Path) -> Place:
    """A project of which nothing was ever built."""
    return make_shop(tmp_path)


def serving(shop: Place, *options: str, paced: bool = False) -> AbstractContextManager[Background]:
    """`penstock serve --env dev` in the background."""
    return background(shop, "serve", "--env", "dev", *options, paced=paced)


def due_runs(shop: Place, pipeline: str) -> list[Seen]:
    """The runs that a pipeline's schedule asked for: fire, state, and when they were queued."""
    return [(parse_moment(key), state, parse_moment(at)) for key, state, at in ledger(shop, DUE, pipeline)]


# -- schedules --------------------------------------------------------------------------------------------------------


def test_a_due_run_starts_by_itself_and_only_for_fires_after_the_schedule_was_seen(shop: Place) -> None:
    write(shop, "pipelines/stock/pipeline.yaml", MINUTELY)
    with serving(shop, paced=True) as server:
        server.says("serving dev: 3 pipeline")
        since = parse_moment(ledger(shop, "SELECT since FROM schedules WHERE pipeline = 'stock'")[0][0])
        found = wait_until(lambda: [run for run in due_runs(shop, "stock") if run[1] == "nothing"], "a second run")
        server.ask(signal.SIGTERM)
        server.ends(0)
    first = due_runs(shop, "stock")[0]
    assert first[0] > since
    assert (first[1], found[0][0] - first[0]) == ("published", timedelta(minutes=1))
    assert built(shop) == {"stock.items": 1}
    assert all(queued_at >= fire for fire, _, queued_at in due_runs(shop, "stock")), "none before its time"


def test_a_daily_pipeline_of_another_pace_is_left_alone(shop: Place) -> None:
    with serving(shop, paced=True) as server:
        server.says("serving dev")
        assert due_runs(shop, "sales") == []
        assert ledger(shop, "SELECT position FROM schedules WHERE pipeline = 'sales'") == [(None,)]


def test_pause_and_resume_are_seen_by_a_server_at_work(shop: Place) -> None:
    write(shop, "pipelines/stock/pipeline.yaml", MINUTELY)
    write(shop, "pipelines/other/pipeline.yaml", MINUTELY)
    write(shop, "pipelines/other/items.sql", table("SELECT 1 AS items"))
    with serving(shop, paced=True) as server:
        server.says("serving dev")
        wait_until(lambda: due_runs(shop, "stock"), "a run")
        paced(shop, "schedule", "pause", "stock")
        before, beside = len(due_runs(shop, "stock")), len(due_runs(shop, "other"))
        wait_until(lambda: len(due_runs(shop, "other")) > beside + 2, "three runs of the other pipeline")
        assert len(due_runs(shop, "stock")) == before
        paced(shop, "schedule", "resume", "stock")
        wait_until(lambda: len(due_runs(shop, "stock")) > before, "a run after the pause")
    fires = [fire for fire, _, _ in due_runs(shop, "stock")]
    assert max(after - fire for fire, after in pairwise(fires)) > timedelta(minutes=2)


def test_editing_a_schedule_makes_no_past_runs(shop: Place) -> None:
    write(shop, "pipelines/stock/pipeline.yaml", DAILY)
    with serving(shop, paced=True) as server:
        server.says("serving dev")
        write(shop, "pipelines/stock/pipeline.yaml", f"{MINUTELY}catchup: all\n")
        server.says("the project changed and was read again")
        wait_until(lambda: due_runs(shop, "stock"), "a run")
    since = parse_moment(ledger(shop, "SELECT since FROM schedules WHERE pipeline = 'stock'")[0][0])
    first = due_runs(shop, "stock")[0][0]
    assert timedelta(0) < first - since <= timedelta(minutes=1)


# -- triggers ---------------------------------------------------------------------------------------------------------


def test_files_a_dataset_and_a_query_start_runs(shop: Place) -> None:
    source = "format: csv\npath: data/in/*.csv\ncolumns: [n]\n"
    inbox = "triggers:\n- {files: data/in/*.csv, settle: 1s, every: 1s}\n"
    write(shop, "pipelines/inbox/pipeline.yaml", f"owner: shop-team\nstart: 2024-03-01\n{inbox}")
    write(shop, "pipelines/inbox/landed.source.yaml", source.replace("*.csv", "new.csv"))
    write(shop, "pipelines/inbox/numbers.sql", table("SELECT CAST(n AS BIGINT) AS n FROM inbox.landed"))
    write(shop, "pipelines/after/pipeline.yaml", "owner: a\nstart: 2024-03-01\ntriggers:\n- {dataset: inbox.numbers}\n")
    write(shop, "pipelines/after/doubled.sql", table("SELECT n * 2 AS n FROM inbox.numbers"))
    asks = "{sql: 'SELECT max(n) FROM inbox.numbers WHERE n > 5', every: 1s}"
    write(shop, "pipelines/asked/pipeline.yaml", f"owner: a\nstart: 2024-03-01\ntriggers:\n- {asks}\n")
    write(shop, "pipelines/asked/big.sql", table("SELECT n FROM inbox.numbers WHERE n > 5"))
    with serving(shop) as server:
        server.says("serving dev")
        assert runs(shop) == []

        write(shop, "data/in/new.csv", "n\n7\n")

        wait_until(lambda: built(shop).get("asked.big"), "the run that the query asks for")
        wait_until(lambda: built(shop).get("after.doubled"), "the run that the dataset asks for")
        server.ask(signal.SIGTERM)
        server.ends(0)
    triggers = {row["pipeline"]: row["trigger"].partition(":")[0] for row in runs(shop)}
    assert triggers == {"inbox": "files", "after": "dataset", "asked": "sql"}
    assert shop.rows("SELECT a.n AS a, b.n AS b FROM after.doubled AS a, asked.big AS b", env="dev") == [
        {"a": 14, "b": 7}
    ]


# -- the queue --------------------------------------------------------------------------------------------------------


def test_a_person_s_run_is_done_by_the_server_and_followed(shop: Place) -> None:
    with serving(shop) as server:
        server.says("serving dev")
        with background(shop, "run", "sales") as command:
            run = command.says("is queued").split()[-3]
            said = command.ends(0)
        assert state(shop, run) == "published"
        assert "sales.total" in said
        server.says(f"{run} published")


def test_cancel_interrupts_what_the_server_does_and_leaves_it_serving(shop: Place) -> None:
    with serving(shop) as server:
        server.says("serving dev")
        with background(shop, "run", "heavy") as command:
            run = under_way(shop, "heavy.counted")
            shop.penstock("cancel", run)
            assert (state(shop, run), still_open(shop)) == ("cancelled", 0)
            assert "cancelled" in command.ends(3)
        server.says(f"{run} cancelled")
        with background(shop, "run", "stock") as command:
            command.ends(0)
    assert attempts(shop, "heavy.counted") == [("", "failed", "engine.cancelled")]


def test_two_runs_of_one_pipeline_are_done_one_after_the_other(shop: Place) -> None:
    write(shop, "pipelines/heavy/counted.sql", slow(LONG))
    with serving(shop) as server:
        server.says("serving dev")
        with background(shop, "run", "heavy") as first, background(shop, "run", "heavy") as second:
            first.ends(0)
            second.ends(0)
    assert built(shop) == {"heavy.counted": 1}
    assert sorted(row["state"] for row in runs(shop)) == ["nothing", "published"]


def test_a_run_that_cannot_begin_fails_is_told_of_and_the_server_goes_on(shop: Place) -> None:
    settings = MINUTELY + "alerts:\n- {on: failure, to: file}\n"
    write(shop, "pipelines/broken/pipeline.yaml", settings)
    write(shop, "pipelines/broken/landed.source.yaml", "format: csv\npath: data/none.csv\ncolumns: [n]\n")
    with serving(shop, paced=True) as server:
        server.says("r[0-9a-f]+ failed: .*none.csv")
        wait_until(lambda: len(due_runs(shop, "broken")) > 1, "another run")
    assert {state for _, state, _ in due_runs(shop, "broken")} <= {"failed", "queued"}
    alert = json.loads((shop.root / ".penstock" / "alerts.ndjson").read_text().splitlines()[0])
    assert (alert["pipeline"], alert["findings"][0]["place"]["dataset"]) == ("broken", "broken.landed")


# -- stopping and going on --------------------------------------------------------------------------------------------


def test_a_server_asked_to_stop_lets_what_runs_end(shop: Place) -> None:
    write(shop, "pipelines/heavy/counted.sql", slow(LONG))
    with serving(shop) as server:
        server.says("serving dev")
        with background(shop, "run", "heavy"):
            run = under_way(shop, "heavy.counted")
            server.ask(signal.SIGTERM)
            said = server.ends(0)
    assert "stopped; 1 published" in said
    assert state(shop, run) == "published"


def test_what_does_not_end_in_time_is_interrupted_and_the_next_server_goes_on_with_it(shop: Place) -> None:
    with serving(shop, "--grace", "0.2") as server:
        server.says("serving dev")
        with background(shop, "run", "heavy") as command:
            run = under_way(shop, "heavy.counted")
            command.ask(signal.SIGINT)
            command.ends(4)
        server.ask(signal.SIGTERM)
        assert "what still runs is interrupted" in server.ends(0)
    assert (state(shop, run), still_open(shop)) == ("interrupted", 0)
    assert runs(shop)[0]["reason"] == "penstock serve was stopped"
    write(shop, "pipelines/heavy/counted.sql", slow(10))

    with serving(shop) as server:
        server.says(f"{run} published")


def test_a_run_that_a_person_interrupted_is_left_to_that_person(shop: Place) -> None:
    with background(shop, "run", "heavy") as command:
        run = under_way(shop, "heavy.counted")
        command.ask(signal.SIGINT)
        command.ends(4)
    with serving(shop) as server:
        server.says("serving dev")
        with background(shop, "run", "stock") as command:
            command.ends(0)
    assert state(shop, run) == "interrupted"


def test_a_server_that_dies_is_followed_by_the_one_that_stands_by(shop: Place) -> None:
    with serving(shop) as first:
        first.says("serving dev")
        with serving(shop) as second:
            second.says("standing by")
            with background(shop, "run", "heavy"):
                run = under_way(shop, "heavy.counted")
                first.ask(signal.SIGKILL)
                second.says("serving dev")
                wait_until(lambda: len(attempts(shop, "heavy.counted")) > 1, "another attempt")
                shop.penstock("cancel", run)
    assert [code for _, _, code in attempts(shop, "heavy.counted")] == ["engine.abandoned", "engine.cancelled"]


# -- held up ----------------------------------------------------------------------------------------------------------


def test_a_broken_project_is_told_of_and_served_as_it_was_before(shop: Place) -> None:
    write(shop, "pipelines/stock/pipeline.yaml", MINUTELY)
    with serving(shop, paced=True) as server:
        server.says("serving dev")
        write(shop, "pipelines/stock/items.sql", table("SELEKT 8 AS items"))
        server.says("the project changed and cannot be read; the one before stays")
        before = len(due_runs(shop, "stock"))
        wait_until(lambda: len(due_runs(shop, "stock")) > before + 1, "further runs")
        write(shop, "pipelines/stock/items.sql", table("SELECT 8 AS items"))
        server.says("the project changed and was read again")
        wait_until(lambda: built(shop).get("stock.items", 0) > 1, "the new version")
        server.ask(signal.SIGTERM)
        server.ends(0)
    assert shop.rows("SELECT items FROM stock.items", env="dev") == [{"items": 8}]


def test_a_server_is_not_started_on_a_broken_project(shop: Place) -> None:
    write(shop, "pipelines/stock/items.sql", table("SELEKT 8 AS items"))
    with serving(shop) as server:
        assert "pipelines/stock/items.sql" in server.ends(2)


def test_who_takes_over_a_broken_project_waits_until_it_is_mended(shop: Place) -> None:
    with serving(shop) as first:
        first.says("serving dev")
        with serving(shop) as second:
            second.says("standing by")
            write(shop, "pipelines/stock/items.sql", table("SELEKT 8 AS items"))
            first.ask(signal.SIGKILL)
            second.says("held up: .*items")
            write(shop, "pipelines/stock/items.sql", table("SELECT 8 AS items"))
            second.says("serving dev")


def test_an_idle_server_lets_others_read_the_warehouse(shop: Place) -> None:
    with serving(shop) as server:
        server.says("serving dev")
        with background(shop, "run", "stock") as command:
            command.ends(0)
        question = ("query", "SELECT items FROM stock.items", "--env", "dev", "--json")
        wait_until(lambda: shop.penstock(*question, exits=None).code == 0, "an answer")
        assert shop.penstock(*question).result["rows"] == [{"items": 7}]


@contextmanager
def opened(shop: Place) -> Iterator[None]:
    """Another program has the warehouse open."""
    with duckdb.connect(str(shop.root / ".penstock" / "warehouse.duckdb"), read_only=True):
        yield


def test_a_warehouse_that_another_program_reads_holds_runs_up_and_nothing_else(shop: Place) -> None:
    shop.penstock("run", "stock")
    with serving(shop) as server:
        with opened(shop):
            server.says("held up: another process has warehouse.duckdb open")
        server.says("serving dev")
        with opened(shop), background(shop, "run", "sales") as command:
            run = queued(shop)
            wait_until(lambda: server.said.read_text().count("held up") > 1, "word of it")
            assert state(shop, run) == "queued"
            command.ask(signal.SIGINT)
            command.ends(4)
        server.says(f"{run} published")
    assert state(shop, run) == "published"


def test_a_run_that_a_person_asks_for_is_of_the_files_as_they_are(shop: Place) -> None:
    """However lately the server looked at them: several edits, each followed by a run at once."""
    shop.penstock("run", "stock")
    with serving(shop) as server:
        server.says("serving dev")
        for items in (8, 9, 10):
            write(shop, "pipelines/stock/items.sql", table(f"SELECT {items} AS items"))
            shop.penstock("run", "stock")
            answer = shop.penstock("query", "SELECT items FROM stock.items", "--env", "dev", "--json").result
            assert answer["rows"] == [{"items": items}]


def test_environments_are_compared_while_a_server_lives(shop: Place) -> None:
    shop.penstock("run", "stock")
    shop.penstock("run", "stock", "--env", "other")
    write(shop, "pipelines/stock/items.sql", table("SELECT 8 AS items"))
    shop.penstock("run", "stock")
    with serving(shop) as server:
        server.says("serving dev")
        found = shop.penstock("diff", "other", "dev", "--json").result["datasets"]["stock.items"]
        assert (found["added"], found["removed"]) == (1, 1)
