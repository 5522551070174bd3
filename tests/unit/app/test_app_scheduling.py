"""What `penstock schedule` says of a project: when its pipelines would start, and who paused them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click
import pytest
from click.testing import CliRunner

from penstock.app import scheduling
from penstock.app.scheduling import Standing, Upcoming, pause, preview
from penstock.app.wiring import Workplace, operator, workplace
from penstock.cli.commands.schedule import schedule
from penstock.engine.starting import Starter
from penstock.ledger.facts import SchedulePaused
from penstock.model.errors import InputError
from penstock.sim.clock import VirtualClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BERLIN = 'owner: a\nstart: 2024-01-01\ntimezone: Europe/Berlin\nschedule: "{}"\n'
PIPELINES = {
    "daily": BERLIN.format("30 2 * * *"),
    "hourly": BERLIN.format("30 * * * *"),
    "yearly": BERLIN.format("@yearly"),
    "file_paused": BERLIN.format("@daily") + "paused: true\n",
    "by_hand": BERLIN.format("manual"),
    "waiting": "owner: a\nstart: 2024-01-01\ntriggers: [{files: data/in/*.csv}, {sql: SELECT 1}]\n",
}
NOW = datetime(2024, 3, 28, 12, tzinfo=UTC)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Workplace]:
    (tmp_path / "penstock.yaml").write_text("name: clocks\n")
    for name, text in PIPELINES.items():
        (tmp_path / "pipelines" / name).mkdir(parents=True)
        (tmp_path / "pipelines" / name / "pipeline.yaml").write_text(text)
    with workplace(tmp_path) as opened:
        opened.clock = VirtualClock(start=NOW)  # type: ignore[assignment]
        yield opened


def seen(place: Workplace, name: str, *, days: int = 7, most: int = 50, environment: str = "dev") -> Upcoming:
    _, (found,) = preview(place, (name,), environment, timedelta(days=days), most)
    return found


def shown(found: Upcoming) -> list[tuple[str, str]]:
    return [(f"{firing.at:%m-%d %H:%M}", firing.note) for firing in found.firings]


def test_each_fire_is_told_with_what_the_clock_does_to_it(place: Workplace) -> None:
    assert shown(seen(place, "daily", days=4)) == [
        ("03-29 01:30", ""),
        ("03-30 01:30", ""),
        ("03-31 01:00", "moved here from 02:30, which the clock skips"),
        ("04-01 00:30", ""),
    ]


def test_what_is_beyond_the_limit_is_counted_and_clock_changes_among_it_are_told(place: Workplace) -> None:
    found = seen(place, "hourly", days=365, most=2)
    assert len(found.firings) == 2
    assert found.more == 365 * 24 - 2
    assert [(f"{firing.at:%m-%d %H:%M}", firing.note) for firing in found.noted] == [
        ("03-31 01:30", "the clock skipped 02:30 before it"),
        ("10-27 00:30", "the clock shows 02:30 twice; the first time"),
        ("10-27 01:30", "the clock shows 02:30 twice; the second time"),
    ]


def test_where_nothing_fires_in_time_the_next_fire_is_told(place: Workplace) -> None:
    found = seen(place, "yearly")
    assert (found.firings, found.more) == ((), 0)
    assert found.beyond == datetime(2024, 12, 31, 23, tzinfo=UTC)


def test_every_pipeline_is_told_in_order_if_none_is_named(place: Workplace) -> None:
    moment, found = preview(place, (), "dev", timedelta(days=1), 5)
    assert moment == NOW
    assert [each.pipeline.name for each in found] == sorted(PIPELINES)


def test_it_is_said_why_a_pipeline_does_not_start_by_itself(place: Workplace) -> None:
    standing = {name: seen(place, name).standing for name in PIPELINES}
    assert standing["by_hand"] is Standing.MANUAL
    assert standing["file_paused"] is Standing.PAUSED_IN_FILE
    assert standing["waiting"] is standing["daily"] is Standing.ACTIVE
    assert seen(place, "daily", environment="prod").standing is Standing.NOT_SHOWN
    assert seen(place, "daily", environment="prod").firings
    assert seen(place, "file_paused").firings == ()


def test_what_triggers_wait_for_is_told(place: Workplace) -> None:
    assert seen(place, "waiting").triggers == (
        "when files arrive as data/in/*.csv",
        "when a query says so: SELECT 1",
    )


def test_runs_that_are_due_now_are_told_and_not_queued(place: Workplace) -> None:
    Starter(place.ledger, "dev").adopt(place.project.pipelines, {}, NOW - timedelta(days=3), 0.0)
    before = place.ledger.rows("schedules")
    (due,) = seen(place, "daily").due
    assert due.key == "2024-03-28T01:30:00Z"
    assert place.ledger.rows("schedules") == before
    assert place.ledger.rows("runs") == ()


def test_unknown_pipelines_are_all_named_at_once(place: Workplace) -> None:
    with pytest.raises(InputError) as caught:
        preview(place, ("dayly", "daily", "nothing_like_it"), "dev", timedelta(days=1), 5)
    assert [found.found for found in caught.value.findings] == ["dayly", "nothing_like_it"]
    assert caught.value.findings[0].expected == "perhaps daily"
    with pytest.raises(InputError):
        pause(place, "dayly", None, paused=True)


# -- pausing ------------------------------------------------------------------------------------------------------


def test_a_pause_is_recorded_once_with_its_author(place: Workplace) -> None:
    assert pause(place, "daily", "maria", paused=True)
    assert not pause(place, "daily", "paul", paused=True)
    facts = [entry.fact for entry in place.ledger.entries()]
    assert facts == [SchedulePaused(pipeline="daily", paused=1, by="maria", since="2024-03-28T12:00:00Z")]
    found = seen(place, "daily")
    assert (found.standing, found.paused_by, found.firings) == (Standing.PAUSED, "maria", ())


def test_a_resumed_pipeline_goes_on(place: Workplace) -> None:
    pause(place, "daily", "maria", paused=True)
    assert pause(place, "daily", "paul", paused=False)
    assert not pause(place, "daily", "paul", paused=False)
    assert (seen(place, "daily").standing, seen(place, "daily").paused_by) == (Standing.ACTIVE, "")


def test_a_pipeline_that_was_never_paused_is_not_resumed(place: Workplace) -> None:
    assert not pause(place, "daily", "maria", paused=False)
    assert list(place.ledger.entries()) == []


def test_a_pause_without_a_name_is_the_operators(place: Workplace) -> None:
    pause(place, "daily", None, paused=True)
    (row,) = place.ledger.rows("schedules")
    assert row["paused_by"] == operator()


def test_only_its_file_ends_the_pause_of_a_file(place: Workplace) -> None:
    with pytest.raises(InputError) as caught:
        pause(place, "file_paused", "maria", paused=False)
    assert caught.value.findings[0].place.file == "pipelines/file_paused/pipeline.yaml"


# -- the command --------------------------------------------------------------------------------------------------


def called(place: Workplace, *words: str) -> tuple[int, str]:
    result = CliRunner().invoke(schedule, [*words, "--project", str(place.root)])
    return result.exit_code, result.output


def test_the_text_is_short_for_a_year_of_hours(place: Workplace) -> None:
    code, text = called(place, "hourly", "--env", "dev", "--next", "365d", "--limit", "4")
    lines = text.splitlines()
    assert code == 0
    assert lines[0] == "hourly: every hour at minute 30, Europe/Berlin; missed fires: last"
    assert len(lines) <= 1 + 4 + 1 + scheduling.MOST_NOTED
    assert "more before" in lines[5]


def test_json_has_every_fire(place: Workplace) -> None:
    code, text = called(place, "show", "hourly", "--env", "dev", "--next", "365d", "--limit", "4", "--json")
    answer: dict[str, Any] = json.loads(text)
    (row,) = answer["result"]["pipelines"]
    assert code == 0
    assert len(row["fires"]) == 365 * 24
    assert sum(fire["note"] is not None for fire in row["fires"]) >= 3
    assert (row["more"], row["standing"]) == (0, "active")


def test_pausing_and_resuming_by_command(place: Workplace) -> None:
    assert called(place, "pause", "daily", "--as", "maria") == (
        0,
        "daily is paused; penstock schedule resume daily lets it go on\n",
    )
    assert "paused by maria" in called(place, "daily")[1]
    assert "was paused already" in called(place, "pause", "daily")[1]
    assert called(place, "resume", "daily") == (0, "daily goes on with its next fire\n")
    assert called(place, "resume", "daily") == (0, "daily was not paused\n")
    assert called(place, "resume", "dayly")[0] == 2


@pytest.mark.parametrize("span", ["soon", "0d", "9999d", "99999999999999999999d", "-1d"])
def test_a_span_that_is_none_is_refused(place: Workplace, span: str) -> None:
    code, text = called(place, "show", "--next", span)
    assert code == click.UsageError.exit_code
    assert "365d" in text
