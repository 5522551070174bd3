"""`pipelines/<pipeline>/pipeline.yaml` to `Pipeline`."""

from __future__ import annotations

from datetime import time
from typing import TYPE_CHECKING, Any

from penstock.documents import Fields, read_yaml
from penstock.model.intervals import parse_moment
from penstock.model.pipelines import Pipeline, Retry, Sla
from penstock.model.schedule import Schedule, ScheduleError, parse_schedule

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from penstock.model.findings import Finding


def read_pipeline(name: str, text: str, file: str, findings: list[Finding]) -> Pipeline | None:
    """One pipeline's settings; what is wrong is added to `findings`."""
    fields = Fields(read_yaml(text, file), findings=findings)
    before = len(findings)
    owner = fields.text("owner", required=True)
    schedule = _schedule(fields)
    start = _moment(fields, "start", required=True)
    end = _moment(fields, "end")
    if start and end and end <= start:
        fields.note("project.bad_end", f"{file} ends before it starts", at="end", expected="an end after start")
    pipeline_parts = (_sla(fields), _retry(fields), _alerts(fields), fields.text("description") or "")
    fields.unknown()
    if len(findings) > before or owner is None or schedule is None or start is None:
        return None
    sla, retry, alerts, description = pipeline_parts
    return Pipeline(
        name=name,
        file=file,
        owner=owner,
        schedule=schedule,
        start=start,
        end=end,
        description=description,
        sla=sla,
        retry=retry,
        alerts=alerts,
    )


def _schedule(fields: Fields) -> Schedule | None:
    text, zone = fields.text("schedule", required=True), fields.text("timezone") or "UTC"
    if text is None:
        return None
    try:
        return parse_schedule(text, zone)
    except ScheduleError as error:
        at = "timezone" if "zone" in str(error) and "timezone" in fields else "schedule"
        fields.note(
            "project.bad_schedule",
            str(error),
            at=at,
            expected='five cron fields such as "0 6 * * *" or @daily, and an IANA zone such as Europe/London',
        )
    return None


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


def _retry(fields: Fields) -> Retry:
    child = fields.child("retries")
    if child is None:
        return Retry()
    given = {
        "attempts": child.integer("attempts", low=1),
        "delay": child.number("delay", low=0),
        "factor": child.number("factor", low=1),
        "cap": child.number("cap", low=0),
    }
    child.unknown()
    said: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    return Retry(**said)


def _alerts(fields: Fields) -> tuple[Mapping[str, str], ...]:
    alerts = []
    for item in fields.items("alerts"):
        on, to = item.choice("on", ("failure",), required=True), item.choice("to", ("file",), required=True)
        item.unknown()
        if on and to:
            alerts.append({"on": on, "to": to})
    return tuple(alerts)
