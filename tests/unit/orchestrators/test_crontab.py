"""A crontab carries schedules; what it cannot carry is said."""

from __future__ import annotations

from typing import Any

from penstock.model.findings import Severity
from penstock.model.pipelines import CatchUp, FilesTrigger
from penstock.model.schedule import parse_schedule
from penstock.orchestrators.crontab.writing import crontab
from penstock.project.triggers import FILES_EVERY, SETTLE
from penstock.sim.projects import landed, project_of

FILES = FilesTrigger(path="data/in/*.csv", settle=SETTLE, every=FILES_EVERY)


def written(**pipeline: Any) -> tuple[list[str], list[str]]:
    """The lines that run something, and what is said beside them."""
    text, findings = crontab(project_of([landed("sim.raw")], **pipeline), "/srv/shop")
    assert {finding.severity for finding in findings} <= {Severity.NOTE}
    return [line for line in text.splitlines() if "penstock run" in line], [finding.code for finding in findings]


def test_a_schedule_becomes_a_line() -> None:
    lines, notes = written(schedule=parse_schedule("30 6 * * mon", "UTC"))
    assert lines == ["30 6 * * mon penstock run --env prod --project /srv/shop sim.raw"]
    assert notes == []


def test_a_preset_is_written_out_whatever_its_case() -> None:
    lines, _ = written(schedule=parse_schedule("@Daily", "UTC"))
    assert lines == ["0 0 * * * penstock run --env prod --project /srv/shop sim.raw"]


def test_another_zone_is_set_and_said() -> None:
    text, _ = crontab(
        project_of([landed("sim.raw")], timezone="Europe/Berlin", schedule=parse_schedule("@daily", "Europe/Berlin")),
        "/srv/shop",
    )
    assert "CRON_TZ=Europe/Berlin" in text.splitlines()
    assert written(timezone="Europe/Berlin", schedule=parse_schedule("@daily", "Europe/Berlin"))[1] == [
        "emit.crontab_zone"
    ]


def test_a_pipeline_that_people_start_has_no_line() -> None:
    assert written(schedule=None) == ([], [])


def test_triggers_are_left_out_and_said() -> None:
    assert written(schedule=None, triggers=(FILES,)) == ([], ["emit.crontab_left_out"])
    lines, notes = written(triggers=(FILES,))
    assert (len(lines), notes) == (1, ["emit.crontab_left_out"])


def test_a_paused_pipeline_is_left_out_and_said() -> None:
    assert written(paused=True) == ([], ["emit.crontab_left_out"])


def test_missed_fires_that_count_are_said_to_be_lost() -> None:
    assert written(catchup=CatchUp.ALL)[1] == ["emit.crontab_left_out"]
    assert written(catchup=CatchUp.LAST)[1] == []
