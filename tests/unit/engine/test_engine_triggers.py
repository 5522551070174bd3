"""Triggers ask for runs: when a dataset was published, files have settled, a query says so; each time once."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scheduling_cases import MINUTE, Server, pipeline

from penstock.engine.triggers import FileSeen, Look, sight_of, sight_of_files, sight_of_value, trigger_name
from penstock.ledger.facts import (
    AttemptPublished,
    Fact,
    Promoted,
    RunFinished,
    SchedulePaused,
    TriggerSeen,
)
from penstock.model.errors import RunError
from penstock.model.findings import Finding
from penstock.model.pipelines import DatasetTrigger, FilesTrigger, SqlTrigger

FILES = FilesTrigger(path="data/in/*.csv", settle=timedelta(seconds=10), every=timedelta(seconds=30))
SQL = SqlTrigger(sql="SELECT max(day) FROM bank.rates", every=timedelta(minutes=5))
DATASET = DatasetTrigger(dataset="bank.rates")
ONE, TWO = FileSeen(name="data/in/1.csv", size=10, changed=1), FileSeen(name="data/in/2.csv", size=10, changed=2)


@dataclass
class Outside:
    """A `Folder` and the `Questions` of a shop whose files and answers a test sets."""

    files: tuple[FileSeen, ...] = ()
    value: object = None
    looks: list[str] = field(default_factory=list)

    def matching(self, pattern: str) -> tuple[FileSeen, ...]:
        self.looks.append(pattern)
        return self.files

    def ask(self, sql: str) -> object:
        self.looks.append(sql)
        if isinstance(self.value, Finding):
            raise RunError(self.value)
        return self.value


class Watching(Server):
    """A server that also looks at files and asks queries."""

    outside = Outside()

    def look(self, seconds: float = 0) -> list[str]:
        """Let time go by in steps of a second and look whenever it is time; the keys of what was queued."""
        keys = []
        for _ in range(int(seconds) + 1):
            self.follow()
            for look in self.starter.looks(self.monotonic):
                sight = sight_of(look, self.outside, self.outside)
                keys += [due.key for due in self.starter.saw(look, sight, self.now, self.monotonic)]
            self.now += timedelta(seconds=1)
            self.monotonic += 1
        return keys

    def seen(self) -> list[TriggerSeen]:
        facts = (entry.fact for entry in self.journal.entries())
        return [fact for fact in facts if isinstance(fact, TriggerSeen)]


def watching(*triggers: FilesTrigger | SqlTrigger | DatasetTrigger, **outside: object) -> Watching:
    server = Watching("2024-03-01", pipeline(schedule=None, triggers=triggers))
    server.outside = Outside(**outside)  # type: ignore[arg-type]
    return server


def pause(server: Server, *, paused: bool) -> None:
    fact = SchedulePaused(pipeline="sales", paused=int(paused), by="maria", since=server.now.isoformat())
    server.journal.write(fact)


# -- files --------------------------------------------------------------------------------------------------------


def test_files_that_are_there_start_a_run_once_they_have_settled() -> None:
    server = watching(FILES, files=(ONE,))
    assert server.look(9) == []
    assert len(server.look(1)) == 1
    (fact,) = server.queued()
    assert (fact.pipeline, fact.trigger) == ("sales", "files:data/in/*.csv")
    assert fact.until == "2024-03-01T00:00:10Z"
    assert server.look(300) == []


def test_files_that_still_grow_start_no_run_before_they_have_settled() -> None:
    server = watching(FILES)
    for size in range(12):
        server.outside.files = (FileSeen(name="data/in/1.csv", size=size, changed=size),)
        assert server.look(8) == []
    assert len(server.look(30)) == 1


@pytest.mark.parametrize(
    "files",
    [
        (ONE, TWO),
        (TWO,),
        (FileSeen(name=ONE.name, size=11, changed=1),),
        (FileSeen(name=ONE.name, size=10, changed=9),),
    ],
)
def test_another_name_size_or_time_is_another_occasion(files: tuple[FileSeen, ...]) -> None:
    server = watching(FILES, files=(ONE,))
    server.look(60)
    server.outside.files = files
    assert len(server.look(60)) == 1
    assert len({fact.run for fact in server.queued()}) == 2


def test_the_order_in_which_a_folder_lists_files_is_nothing() -> None:
    assert sight_of_files((ONE, TWO)) == sight_of_files((TWO, ONE))
    assert sight_of_files((ONE,)) != sight_of_files((TWO,))


def test_a_name_that_is_no_text_is_a_name() -> None:
    odd = FileSeen(name=b"data/in/\xff.csv".decode("utf-8", "surrogateescape"), size=1, changed=1)
    assert len(watching(FILES, files=(odd,)).look(60)) == 1


def test_no_files_start_no_run_and_files_that_come_back_start_one() -> None:
    server = watching(FILES)
    assert server.look(100) == []
    assert list(server.journal.entries()) == []
    server.outside.files = (ONE,)
    first = server.look(60)
    server.outside.files = ()
    assert server.look(60) == []
    assert len(server.seen()) == 1
    server.outside.files = (ONE,)
    again = server.look(60)
    assert len(first) == len(again) == 1
    assert len({fact.run for fact in server.queued()}) == 2


@pytest.mark.parametrize("settle", [1, 10, 30, 45])
def test_files_are_looked_at_as_often_as_asked_and_no_oftener(settle: int) -> None:
    server = watching(FilesTrigger(path="in/*", settle=timedelta(seconds=settle), every=FILES.every), files=(ONE,))
    server.look(30 * 60)
    assert len(server.queued()) == 1
    assert 58 <= len(server.outside.looks) <= 62


def test_a_restart_while_files_settle_only_makes_them_settle_anew() -> None:
    server = watching(FILES, files=(ONE,))
    server.look(8)
    server.restart()
    assert server.look(9) == []
    assert len(server.look(1)) == 1


# -- queries ------------------------------------------------------------------------------------------------------


def test_a_value_starts_a_run_when_it_is_true_and_another_one() -> None:
    server = watching(SQL, value=date(2024, 2, 29))
    assert len(server.look()) == 1
    assert server.look(600) == []
    server.outside.value = date(2024, 3, 1)
    assert len(server.look(300)) == 1
    assert server.queued()[0].trigger == trigger_name(SQL)


@pytest.mark.parametrize("value", [None, False, 0, "", Decimal(0), 0.0])
def test_a_false_value_starts_no_run(value: object) -> None:
    server = watching(SQL, value=value)
    assert server.look(600) == []
    assert sight_of_value(value) == "nothing"


def test_a_value_that_was_false_in_between_is_a_new_occasion() -> None:
    server = watching(SQL, value=True)
    server.look()
    for value in (False, True, False, True):
        server.outside.value = value
        server.look(300)
    assert len({fact.run for fact in server.queued()}) == len(server.queued()) == 3


def test_a_query_is_asked_every_so_often() -> None:
    server = watching(SQL, value=1)
    server.look(1500)
    assert server.outside.looks == [SQL.sql] * 6
    assert server.starter.wait(server.now, server.monotonic, 3600) == pytest.approx(299, abs=1)


def test_a_query_that_fails_is_asked_again_and_forgets_nothing() -> None:
    server = watching(SQL, value=Finding(code="x", message="the table is not there yet"))
    with pytest.raises(RunError):
        server.look()
    server.outside.value = 1
    server.restart()
    assert len(server.look(300)) == 1


def test_layout_around_a_query_is_nothing_and_another_query_is_another_trigger() -> None:
    def named(sql: str) -> str:
        return trigger_name(SqlTrigger(sql=sql, every=MINUTE))

    assert named(" SELECT 1\n") == named("SELECT 1")
    assert named("SELECT 1") != named("SELECT 2")


# -- datasets -----------------------------------------------------------------------------------------------------


def published(version: str = "v1", dataset: str = "bank.rates", attempt: int = 1) -> AttemptPublished:
    return AttemptPublished(
        publish_id=f"{dataset}@{version}",
        attempt=attempt,
        dataset=dataset,
        version=version,
        start="2024-03-01",
        end="2024-03-02",
        rows=1,
    )


def promoted(version: str, environment: str = "prod") -> Promoted:
    return Promoted(
        promotion=f"{environment} {version}", environment=environment, mapping={"bank.rates": version}, reason="test"
    )


FINISHED = RunFinished(run="r1", state="published")


def told(server: Server, *facts: Fact) -> int:
    """How many runs are queued after these facts were recorded."""
    server.journal.write(*facts)
    return len(server.turn())


def test_a_publish_starts_a_run_when_its_run_has_ended() -> None:
    server = watching(DATASET)
    assert told(server, promoted("v1"), published(), FINISHED) == 1
    assert told(server, published(attempt=2)) == 0
    assert told(server, published(attempt=3)) == 0
    assert told(server, FINISHED) == 1
    assert told(server, FINISHED) == 0
    assert [fact.trigger for fact in server.queued()] == ["dataset:bank.rates"] * 2


def test_what_was_published_before_anybody_watched_is_the_first_occasion() -> None:
    server = watching()
    told(server, promoted("v1"), published(), FINISHED)
    server.edit(pipeline(schedule=None, triggers=(DATASET,)))
    assert len(server.turn()) == 1
    server.restart()
    assert server.turn() == ()


def test_what_was_published_while_nobody_watched_is_found_after_a_restart() -> None:
    server = watching(DATASET)
    told(server, promoted("v1"), published(), FINISHED)
    server.journal.write(published(attempt=2), FINISHED)
    server.restart()
    assert len(server.turn()) == 1


def test_only_the_version_that_is_shown_counts() -> None:
    server = watching(DATASET)
    assert told(server, published("v1"), FINISHED) == 0
    assert told(server, promoted("v1", environment="dev")) == 0
    assert told(server, promoted("v1")) == 1
    assert told(server, published("v2"), FINISHED) == 0
    assert told(server, promoted("v2")) == 1


def test_another_dataset_is_nothing() -> None:
    server = watching(DATASET)
    told(server, promoted("v1"), published(), FINISHED)
    assert told(server, published(dataset="bank.other"), FINISHED) == 0


def test_every_pipeline_that_waits_for_a_dataset_is_started() -> None:
    triggers = (DATASET,)
    server = Server(
        "2024-03-01", pipeline("a", None, triggers=triggers), pipeline("b", None, triggers=triggers, priority=7)
    )
    assert told(server, promoted("v1"), published(), FINISHED) == 2
    assert {(fact.pipeline, fact.priority) for fact in server.queued()} == {("a", 0), ("b", 7)}


def test_a_pipeline_that_comes_to_wait_for_a_dataset_is_started_once() -> None:
    server = watching(DATASET)
    told(server, promoted("v1"), published(), FINISHED)
    server.edit(*server.pipelines, pipeline("late", None, triggers=(DATASET,)))
    assert [due.pipeline for due in server.turn()] == ["late"]


# -- pauses, edits, two watchers ----------------------------------------------------------------------------------


@pytest.mark.parametrize("restarted", [True, False])
def test_what_is_seen_during_a_pause_starts_no_run_then_or_later(*, restarted: bool) -> None:
    server = watching(FILES, SQL, DATASET, files=(ONE,), value=1)
    pause(server, paused=True)
    assert server.look(60) == []
    assert told(server, promoted("v1"), published(), FINISHED) == 0
    assert len(server.seen()) == 3
    if restarted:
        server.restart()
    pause(server, paused=False)
    assert server.look(600) == []
    assert server.turn() == ()
    server.outside.files, server.outside.value = (TWO,), 2
    assert len(server.look(600)) == 2
    assert told(server, published(attempt=2), FINISHED) == 1


def test_a_pause_in_the_pipelines_file_is_one() -> None:
    server = watching(SQL, value=1)
    server.edit(pipeline(schedule=None, triggers=(SQL,), paused=True))
    assert server.look(600) == []
    server.edit(pipeline(schedule=None, triggers=(SQL,)))
    assert server.look(600) == []
    server.outside.value = 2
    assert len(server.look(600)) == 1


def test_a_trigger_that_is_looked_at_more_often_now_knows_what_it_knew() -> None:
    server = watching(SQL, value=1)
    server.look()
    server.edit(pipeline(schedule=None, triggers=(SqlTrigger(sql=SQL.sql, every=MINUTE),)))
    assert server.look(59) == []
    assert server.outside.looks == [SQL.sql] * 2
    assert server.look(59) == []
    assert server.outside.looks == [SQL.sql] * 3


def test_a_trigger_that_was_taken_out_is_not_looked_at() -> None:
    server = watching(SQL, FILES, value=1)
    (stale, _) = server.starter.looks(server.monotonic)
    server.edit(pipeline(schedule=None))
    assert server.starter.saw(stale, "1", server.now, server.monotonic) == ()
    assert server.look(600) == []
    assert server.outside.looks == []
    assert server.starter.wait(server.now, server.monotonic, 60) == 60


def test_two_watchers_start_the_same_run() -> None:
    one = watching(SQL, value=1)
    two = Watching("2024-03-01", *one.pipelines, journal=one.journal)
    two.outside = one.outside
    assert len(one.look()) == 1
    two.look()
    one.outside.value = 2
    assert len(two.look(300)) == 1
    one.look(300)
    assert len(one.queued()) == 2


def test_a_watcher_that_heard_nothing_of_another_asks_for_the_same_run() -> None:
    one = watching(SQL, value=1)
    two = Watching("2024-03-01", *one.pipelines, journal=one.journal)
    for server in (one, two):
        (look,) = server.starter.looks(server.monotonic)
        assert len(server.starter.saw(look, "s1", server.now, server.monotonic)) == 1
    assert len(one.queued()) == 1


def test_a_clock_set_back_does_not_stop_the_looks() -> None:
    server = watching(SQL, value=1)
    server.look()
    server.now -= timedelta(days=30)
    server.outside.value = 2
    assert len(server.look(300)) == 1


@settings(max_examples=100, deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from([None, 0, 1, 2, 3]), st.booleans(), st.integers(0, 700)), min_size=1, max_size=20
    )
)
def test_every_change_to_a_true_value_is_one_run_whatever_is_restarted(
    steps: list[tuple[int | None, bool, int]],
) -> None:
    server = watching(SQL)
    expected, before = 0, None
    for value, restarted, seconds in steps:
        server.outside.value = value
        if restarted:
            server.restart()
        server.look(300 + seconds)
        expected += bool(value) and value != before
        before = value or 0
    assert len(server.queued()) == len({fact.run for fact in server.queued()}) == expected


def test_a_look_says_what_it_is_of() -> None:
    look = Look(pipeline="sales", name=trigger_name(FILES), trigger=FILES)
    assert sight_of(look, Outside(files=(ONE,)), Outside()) == sight_of_files((ONE,))
