"""Schedules ask for runs: each fire once, none made up that nobody wants, whatever happens to clock and scheduler."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scheduling_cases import DAY, HOUR, MINUTE, SECOND, Server, pipeline, utc

from penstock.engine.scheduling import MOST_AT_ONCE, Scheduler, definitions_of, run_id
from penstock.ledger.facts import SchedulePaused, ScheduleSet
from penstock.ledger.journal import LeaseLostError
from penstock.model.intervals import stamp
from penstock.model.pipelines import CatchUp, Pipeline
from penstock.model.schedule import fires, parse_schedule

if TYPE_CHECKING:
    from datetime import datetime


ALL, LAST, NONE = CatchUp.ALL, CatchUp.LAST, CatchUp.NONE
HOURLY = "0 * * * *"


def pause(server: Server, name: str = "sales", *, paused: bool = True) -> None:
    since = server.now.isoformat()
    server.journal.write(SchedulePaused(pipeline=name, paused=int(paused), by="maria", since=since))


# -- fires --------------------------------------------------------------------------------------------------------


def test_a_fire_queues_one_run_up_to_its_time() -> None:
    server = Server("2024-03-01T05:00", pipeline(priority=3))
    server.until("2024-03-01T12:00")
    (fact,) = server.queued()
    assert (fact.pipeline, fact.trigger, fact.key) == ("sales", "schedule", "2024-03-01T06:00:00Z")
    assert (fact.until, fact.environment, fact.priority) == ("2024-03-01T06:00:00Z", "prod", 3)
    assert (fact.by, fact.datasets) == ("scheduler", "")


def test_a_fire_is_queued_when_its_time_has_come_and_not_before() -> None:
    server = Server("2024-03-01T05:59:59", pipeline())
    assert server.turn() == ()
    assert server.starter.scheduler.next_wake(server.now) == utc("2024-03-01T06:00")
    assert server.starter.wait(server.now, server.monotonic, 60) == 1.0
    server.now += SECOND
    assert [due.key for due in server.turn()] == ["2024-03-01T06:00:00Z"]


def test_a_schedule_that_is_seen_first_makes_no_past_runs() -> None:
    server = Server("2024-03-01T06:00:01", pipeline(catchup=ALL))
    assert server.turn() == ()
    (row,) = server.journal.rows("schedules")
    assert (row["schedule"], row["since"], row["position"]) == ("0 6 * * * UTC", "2024-03-01T06:00:01Z", None)


def test_local_times_follow_the_zone() -> None:
    server = Server("2024-03-30T00:00", pipeline(zone="Europe/Berlin"))
    assert server.until("2024-04-01T00:00") == ["2024-03-30T05:00:00Z", "2024-03-31T04:00:00Z"]


def test_fires_of_several_pipelines_come_in_the_order_of_time() -> None:
    server = Server("2024-03-01", pipeline("b", "0 3 * * *"), pipeline("a", "0 5 * * *"), pipeline("c", "0 3 * * *"))
    server.now += DAY
    assert [due.pipeline for due in server.turn()] == ["b", "c", "a"]


def test_a_pipeline_without_a_schedule_is_never_due() -> None:
    server = Server("2024-03-01", pipeline(schedule=None))
    assert server.until("2024-03-03", HOUR) == []
    assert server.starter.scheduler.next_wake(server.now) is None
    assert server.journal.rows("schedules") == ()


# -- the same run for everybody -----------------------------------------------------------------------------------


def test_two_schedulers_ask_for_the_same_run() -> None:
    one = Server("2024-03-01", pipeline(schedule=HOURLY))
    two = Server("2024-03-01", pipeline(schedule=HOURLY), journal=one.journal)
    for server in (one, two, two, one, one, two):
        server.now += HOUR
        server.turn()
    assert one.keys() == [f"2024-03-01T0{hour}:00:00Z" for hour in (1, 2, 3)]


def test_a_scheduler_that_saw_nothing_of_another_one_asks_for_nothing_twice() -> None:
    one = Server("2024-03-01", pipeline(schedule=HOURLY, catchup=ALL))
    blind = Server("2024-03-01", pipeline(schedule=HOURLY, catchup=ALL), journal=one.journal)
    one.until("2024-03-01T05:00")
    blind.now += 5 * HOUR
    assert len(blind.starter.queue(blind.now)) == 5
    assert len(one.keys()) == 5


def test_another_definition_is_another_run_and_another_environment_too() -> None:
    names = {
        run_id("sales", "schedule", "k", environment, definition)
        for environment in ("prod", "dev")
        for definition in ("d1", "d2")
    }
    assert len(names) == 4
    assert run_id("a", "b", "c", "d", "e") != run_id("a", "bc", "", "d", "e")


def test_a_fire_that_was_queued_is_not_queued_again_under_a_new_definition() -> None:
    server = Server("2024-03-01T05:00", pipeline())
    server.until("2024-03-01T06:00")
    server.edit(pipeline(), definition="d2")
    server.restart()
    assert server.turn() == ()


def test_definitions_move_with_the_versions_of_the_pipelines_own_datasets() -> None:
    before = definitions_of({"sales.a": "1", "sales.b": "1", "shop.c": "1"})
    after = definitions_of({"shop.c": "2", "sales.b": "1", "sales.a": "1"})
    assert before["sales"] == after["sales"]
    assert before["shop"] != after["shop"]
    assert before["sales"] != before["shop"]


def test_an_executor_that_lost_its_lease_queues_nothing() -> None:
    server = Server("2024-03-01T05:00", pipeline())
    server.now += 2 * HOUR
    with pytest.raises(LeaseLostError):
        server.starter.queue(server.now, token=7)
    assert server.queued() == []
    server.restart()
    assert [due.key for due in server.turn()] == ["2024-03-01T06:00:00Z"]


# -- catching up --------------------------------------------------------------------------------------------------

MISSED = [f"2024-03-01T{hour:02}:00:00Z" for hour in range(1, 6)]


@pytest.mark.parametrize(
    ("catchup", "late", "keys"),
    [
        (ALL, timedelta(), MISSED),
        (ALL, 59 * MINUTE, MISSED),
        (LAST, timedelta(), MISSED[-1:]),
        (LAST, 59 * MINUTE, MISSED[-1:]),
        (NONE, timedelta(), MISSED[-1:]),
        (NONE, 5 * MINUTE, MISSED[-1:]),
        (NONE, 5 * MINUTE + SECOND, []),
        (NONE, 59 * MINUTE, []),
    ],
)
@pytest.mark.parametrize("restarted", [True, False])
def test_missed_fires_are_made_up_as_the_pipeline_says(
    catchup: CatchUp, late: timedelta, keys: list[str], *, restarted: bool
) -> None:
    server = Server("2024-03-01", pipeline(schedule=HOURLY, catchup=catchup))
    server.turn()
    server.now = utc("2024-03-01T05:00") + late
    if restarted:
        server.restart()
    assert [due.key for due in server.turn()] == keys
    assert server.turn() == ()
    assert server.until("2024-03-01T06:30") == ["2024-03-01T06:00:00Z"]


def test_many_missed_fires_come_in_portions_and_in_order() -> None:
    server = Server("2024-03-01", pipeline(schedule="* * * * *", catchup=ALL), pipeline("b", HOURLY, catchup=ALL))
    server.now += 2 * DAY
    first = server.starter.queue(server.now)
    assert len(first) == MOST_AT_ONCE
    assert server.starter.wait(server.now, server.monotonic, 60) == 0
    rest = server.turn()
    assert len(first) + len(rest) == 2 * (1440 + 24)
    moments = [due.until for due in (*first, *rest)]
    assert moments == sorted(moments)


def test_a_crash_between_portions_loses_and_doubles_nothing() -> None:
    server = Server("2024-03-01", pipeline(schedule="* * * * *", catchup=ALL))
    server.now += 2 * DAY
    server.starter.queue(server.now)
    server.restart()
    server.turn()
    assert len(server.keys()) == len(set(server.keys())) == 2880


def test_a_crash_before_the_ledger_was_told_loses_and_doubles_nothing() -> None:
    server = Server("2024-03-01", pipeline(schedule=HOURLY, catchup=ALL))
    server.now += 2 * HOUR
    assert len(server.starter.scheduler.tick(server.now)) == 2
    server.restart()
    server.turn()
    assert server.keys() == MISSED[:2]


# -- edits, pauses ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("catchup", [ALL, LAST, NONE])
def test_an_edit_makes_no_past_runs(catchup: CatchUp) -> None:
    server = Server("2024-03-01T05:00", pipeline(catchup=catchup))
    server.until("2024-03-01T12:00", HOUR)
    server.edit(pipeline(schedule="0 11 * * *", catchup=catchup))
    assert server.until("2024-03-02T12:00", HOUR) == ["2024-03-02T11:00:00Z"]


def test_an_edit_while_nobody_watched_makes_no_past_runs() -> None:
    server = Server("2024-03-01", pipeline(catchup=ALL))
    server.now = utc("2024-03-05")
    server.pipelines = (pipeline(schedule="0 7 * * *", catchup=ALL),)
    server.restart()
    assert server.turn() == ()


def test_another_zone_is_an_edit_and_another_catch_up_is_none() -> None:
    server = Server("2024-03-01", pipeline())
    server.edit(pipeline(catchup=ALL, priority=5))
    server.edit(pipeline(zone="Europe/Berlin"))
    facts = [entry.fact for entry in server.journal.entries()]
    assert [fact.schedule for fact in facts if isinstance(fact, ScheduleSet)] == [
        "0 6 * * * UTC",
        "0 6 * * * Europe/Berlin",
    ]


@pytest.mark.parametrize("without", [(), (pipeline(schedule=None),), (pipeline(paused=True),)])
def test_a_schedule_that_went_and_came_back_makes_up_nothing(without: tuple[Pipeline, ...]) -> None:
    server = Server("2024-03-01", pipeline(catchup=ALL))
    server.edit(*without)
    assert server.until("2024-03-04", HOUR) == []
    server.restart()
    server.edit(pipeline(catchup=ALL))
    assert server.turn() == ()
    assert server.until("2024-03-04T12:00", HOUR) == ["2024-03-04T06:00:00Z"]


@pytest.mark.parametrize("restarted", [True, False])
def test_a_paused_pipeline_starts_no_run_and_makes_up_none(*, restarted: bool) -> None:
    server = Server("2024-03-01", pipeline(schedule=HOURLY, catchup=ALL), pipeline("other", HOURLY))
    pause(server)
    server.until("2024-03-01T03:30")
    if restarted:
        server.restart()
    pause(server, paused=False)
    server.until("2024-03-01T05:30")
    assert [fact.key for fact in server.queued() if fact.pipeline == "sales"] == MISSED[3:]
    assert [fact.key for fact in server.queued() if fact.pipeline == "other"] == MISSED


def test_a_pause_before_the_first_sight_of_a_schedule_holds() -> None:
    server = Server("2024-03-01")
    pause(server)
    server.edit(pipeline(schedule=HOURLY))
    server.restart()
    assert server.until("2024-03-01T03:30") == []
    pause(server, paused=False)
    assert server.until("2024-03-01T04:30") == ["2024-03-01T04:00:00Z"]


def test_an_edit_does_not_end_a_pause() -> None:
    server = Server("2024-03-01", pipeline(schedule=HOURLY))
    pause(server)
    server.turn()
    server.edit(pipeline(schedule="30 * * * *"))
    server.restart()
    assert server.until("2024-03-01T03:45") == []


# -- clocks -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("restarted", [True, False])
@pytest.mark.parametrize("catchup", [ALL, LAST, NONE])
def test_a_clock_set_back_fires_nothing_twice(catchup: CatchUp, *, restarted: bool) -> None:
    server = Server("2024-03-01", pipeline(schedule=HOURLY, catchup=catchup))
    server.until("2024-03-01T05:30")
    server.now = utc("2024-03-01T01:30")
    if restarted:
        server.restart()
    server.until("2024-03-01T07:30")
    assert server.keys() == [*MISSED, "2024-03-01T06:00:00Z", "2024-03-01T07:00:00Z"]


def test_a_schedule_edited_under_a_clock_set_back_counts_from_its_position() -> None:
    server = Server("2024-03-01", pipeline(schedule=HOURLY))
    server.until("2024-03-01T05:30")
    server.now = utc("2024-03-01T01:30")
    server.edit(pipeline(schedule="15 * * * *"))
    server.restart()
    assert server.until("2024-03-01T06:30") == ["2024-03-01T05:15:00Z", "2024-03-01T06:15:00Z"]


def test_a_clock_set_forward_is_a_downtime() -> None:
    server = Server("2024-03-01", pipeline(schedule=HOURLY))
    server.until("2024-03-01T01:30")
    server.now += 4 * HOUR
    assert [due.key for due in server.turn()] == ["2024-03-01T05:00:00Z"]


# -- everything at once -------------------------------------------------------------------------------------------

CRONS = (
    "*/3 * * * *",
    "*/7 * * * *",
    HOURLY,
    "30 2 * * *",
    "0 */5 * * *",
    "15,45 1 * * *",
    "0 0 1 * *",
    "59 23 * * sun",
)
ZONES = ("UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/Sao_Paulo")
steps = st.lists(
    st.tuples(st.sampled_from(["tick", "restart", "crash", "blind"]), st.integers(1, 3000), st.integers(0, 59)),
    min_size=1,
    max_size=8,
)


def brute(cron: str, zone: str, start: datetime, end: datetime) -> list[str]:
    """Every fire in `(start, end]`."""
    return [stamp(fire) for fire in fires(parse_schedule(cron, zone), start + SECOND, end + SECOND)]


@settings(max_examples=60, deadline=None)
@given(
    crons=st.lists(st.tuples(st.sampled_from(CRONS), st.sampled_from(ZONES)), min_size=1, max_size=3),
    steps=steps,
    start=st.sampled_from(["2024-03-30T12:00", "2024-10-26T12:00", "2018-02-17T12:00", "2024-04-06T00:00"]),
)
def test_under_all_every_fire_is_queued_once_whatever_is_restarted(
    crons: list[tuple[str, str]], steps: list[tuple[str, int, int]], start: str
) -> None:
    pipelines = [pipeline(f"p{n}", cron, zone, catchup=ALL) for n, (cron, zone) in enumerate(crons)]
    server = Server(start, *pipelines)
    for what, minutes, seconds in steps:
        server.now += timedelta(minutes=minutes % 700, seconds=seconds)
        if what == "crash":  # it died before it could tell the ledger
            server.starter.scheduler.tick(server.now)
        if what in {"restart", "crash"}:
            server.restart()
        elif what == "blind":  # another scheduler that was there once, and is not heard of again
            Server(server.now.isoformat()[:19], *pipelines, journal=server.journal).turn()
        server.turn()
    for each, (cron, zone) in zip(pipelines, crons, strict=True):
        found = [fact.key for fact in server.queued() if fact.pipeline == each.name]
        assert found == brute(cron, zone, utc(start), server.now), each.name


@settings(max_examples=80, deadline=None)
@given(
    cron=st.sampled_from(CRONS),
    catchup=st.sampled_from([ALL, LAST, NONE]),
    steps=st.lists(
        st.tuples(st.sampled_from(["tick", "restart", "back", "pause", "resume", "edit"]), st.integers(0, 700)),
        min_size=1,
        max_size=15,
    ),
)
def test_whatever_happens_nothing_is_queued_twice_or_out_of_order(
    cron: str, catchup: CatchUp, steps: list[tuple[str, int]]
) -> None:
    server = Server("2024-03-30T12:00", pipeline(schedule=cron, catchup=catchup))
    for what, minutes in steps:
        server.now += timedelta(minutes=-minutes if what == "back" else minutes)
        if what == "restart":
            server.restart()
        elif what in {"pause", "resume"}:
            pause(server, paused=what == "pause")
        elif what == "edit":
            server.edit(pipeline(schedule=CRONS[minutes % len(CRONS)], catchup=catchup))
        server.turn()
    keys = [fact.until for fact in server.queued()]
    assert keys == sorted(set(keys))
    assert len({fact.run for fact in server.queued()}) == len(keys)


@settings(max_examples=60, deadline=None)
@given(cron=st.sampled_from(CRONS), gaps=st.lists(st.integers(1, 3000), min_size=1, max_size=10))
def test_under_last_each_look_queues_the_newest_fire_since_the_one_before(cron: str, gaps: list[int]) -> None:
    server = Server("2024-03-30T12:00", pipeline(schedule=cron))
    expected, before = [], server.now
    for gap in gaps:
        server.now += timedelta(minutes=gap)
        expected += brute(cron, "UTC", before, server.now)[-1:]
        before = server.now
        server.turn()
    assert server.keys() == expected


class Counted(dict[str, Pipeline]):
    """Pipelines that count how often one of them is looked at."""

    looked = 0

    def __getitem__(self, name: str) -> Pipeline:
        self.looked += 1
        return super().__getitem__(name)


def test_a_tick_looks_only_at_the_pipelines_that_are_due() -> None:
    scheduler, now = Scheduler("prod", ()), utc("2024-03-01T12:00")
    many = Counted({f"p{n}": pipeline(f"p{n}", f"{n % 60} {n % 24} * * *") for n in range(3000)})
    scheduler.adopt(many, {}, now)
    many.looked = 0
    assert scheduler.next_wake(now) == utc("2024-03-01T12:12")
    assert scheduler.tick(now) == ()
    assert many.looked == 0
    due = scheduler.tick(utc("2024-03-01T12:12"))
    assert len(due) == 25
    assert many.looked <= 2 * len(due)
