"""`pipelines/<pipeline>/pipeline.yaml` to `Pipeline`."""

from __future__ import annotations

from datetime import time
from typing import TYPE_CHECKING, Any

from penstock.documents import Fields, read_yaml
from penstock.model.intervals import parse_moment
from penstock.model.pipelines import CatchUp, Pipeline, Retry, Sla
from penstock.model.schedule import ZONE, Schedule, ScheduleError, parse_schedule
from penstock.project.retries import read_retries
from penstock.project.triggers import read_triggers

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from penstock.model.findings import Finding


MANUAL = "manual"
"""The schedule of a pipeline that only triggers and people start."""
MOST_PRIORITY = 1000
EXPECTED = f'five cron fields such as "0 6 * * *", @daily, or {MANUAL}; and an IANA zone such as Europe/London'


def read_pipeline(name: str, text: str, file: str, findings: list[Finding]) -> Pipeline | None:
    """One pipeline's settings; what is wrong is added to `findings`."""
    fields = Fields(read_yaml(text, file), findings=findings)
    before = len(findings)
    owner = fields.text("owner", required=True)
    start, end = _moment(fields, "start", required=True), _moment(fields, "end")
    if start and end and end <= start:
        fields.note("project.bad_end", f"{file} ends before it starts", at="end", expected="an end after start")
    values: dict[str, Any] = {
        **_started_by(fields, name),
        "description": fields.text("description") or "",
        "sla": _sla(fields),
        "retry": read_retries(fields) or Retry(),
        "alerts": _alerts(fields),
        "paused": fields.flag("paused") or False,
        "concurrency": fields.integer("concurrency", low=1),
        "priority": _priority(fields),
    }
    fields.unknown()
    if len(findings) > before or owner is None or start is None:
        return None
    return Pipeline(name=name, file=file, owner=owner, start=start, end=end, **values)


def _started_by(fields: Fields, name: str) -> dict[str, Any]:
    """What starts the pipeline: a schedule in its zone, triggers, or with `manual` people alone."""
    schedule, timezone = _schedule(fields)
    triggers = read_triggers(fields, name)
    if fields.raw("schedule") is None and not fields.raw("triggers"):
        fields.text("schedule", required=True)  # says what is missing
    catchup = fields.choice("catchup", tuple(CatchUp))
    return {
        "schedule": schedule,
        "timezone": timezone,
        "triggers": triggers,
        "catchup": CatchUp(catchup) if catchup else CatchUp.LAST,
    }


def _schedule(fields: Fields) -> tuple[Schedule | None, str]:
    """The schedule, if there is one, and the zone of all local times."""
    text, zone = fields.text("schedule"), fields.text("timezone") or "UTC"
    by_hand = text is None or text.strip().lower() == MANUAL
    try:
        schedule = parse_schedule("@daily" if text is None or by_hand else text, zone)
        return (None if by_hand else schedule), zone
    except ScheduleError as error:
        for mistake in error.mistakes:
            fields.note(
                "project.bad_schedule",
                str(mistake),
                at="timezone" if mistake.field == ZONE else "schedule",
                expected=EXPECTED,
            )
    return None, zone


def _priority(fields: Fields) -> int:
    """Who goes first when not all can: larger first."""
    found = fields.integer("priority")
    if found is not None and abs(found) > MOST_PRIORITY:
        fields.note(
            "document.range",
            f"priority is {found}",
            at="priority",
            expected=f"a whole number from -{MOST_PRIORITY} to {MOST_PRIORITY}",
        )
    return found or 0


def _moment(fields: Fields, key: str, *, required: bool = False) -> datetime | None:
    text = fields.text(key, required=required)
    if text is None:
        return None
    try:
        return parse_moment(text)
    except ValueError:
        fields.note(
            "project.bad_date", f"{key} is {text!r}", at=key, expected="a date 2010-12-01 or a timestamp in UTC"
        )
    return None


def _sla(fields: Fields) -> Sla | None:
    child = fields.child("sla")
    if child is None:
        return None
    text = child.text("ready_by", required=True)
    child.unknown()
    if text is None:
        return None
    try:
        ready_by = time.fromisoformat(text)
        if ready_by.tzinfo is None:
            return Sla(ready_by=ready_by)
    except ValueError:
        pass
    child.note("project.bad_time", f"ready_by is {text!r}", at="ready_by", expected='a local time such as "06:30"')
    return None


def _alerts(fields: Fields) -> tuple[Mapping[str, str], ...]:
    alerts = []
    for item in fields.items("alerts"):
        on, to = item.choice("on", ("failure",), required=True), item.choice("to", ("file",), required=True)
        item.unknown()
        if on and to:
            alerts.append({"on": on, "to": to})
    return tuple(alerts)
