"""What an interval in production measured of the objectives that have a budget; each event is counted once."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from penstock.model.findings import Severity
from penstock.model.intervals import parse_moment

if TYPE_CHECKING:
    from collections.abc import Iterable

    from penstock.delivery.changes import Change
    from penstock.delivery.design import Design
    from penstock.delivery.tools import Tools
    from penstock.model.findings import Finding
    from penstock.model.intervals import Interval
    from penstock.model.pipelines import Pipeline
    from penstock.quality.checks import CheckResult

SLOW = "slo.runtime"
"""The code of the finding that a run took too long."""


def measured_before(change: Change, tools: Tools) -> dict[str, dict[str, int]]:
    """What the intervals that were observed measured, by interval."""
    rows = tools.journal.rows("observations", change=change.id)
    return {str(row["interval"]): json.loads(str(row["measured"] or "{}")) for row in rows}


def measure(
    change: Change,
    planned: Design,
    interval: Interval,
    checks: Iterable[CheckResult],
    objectives: Iterable[Finding],
    tools: Tools,
) -> dict[str, int]:
    """Counts of one interval.

    Attempts are those of all the window's runs, less what earlier intervals counted: a run that a crash broke off
    belongs to the interval that it was for.
    """
    attempts, failed = tools.runtime.tried(f"observation of {change.id}")
    earlier = [each for name, each in measured_before(change, tools).items() if name != str(interval)]
    results = [result for result in checks if result.severity is Severity.WARNING]
    timed, late = _timeliness(change, planned, interval, tools)
    return {
        "runs": 1,
        "slow": int(any(finding.code == SLOW for finding in objectives)),
        "attempts": attempts - sum(each.get("attempts", 0) for each in earlier),
        "failed": failed - sum(each.get("failed", 0) for each in earlier),
        "checks": len(results),
        "warnings": sum(not result.passed for result in results),
        "timed": timed,
        "late": late,
    }


def _timeliness(change: Change, planned: Design, interval: Interval, tools: Tools) -> tuple[int, int]:
    """How many of the change's pipelines promise a time of day, and how many of those were late with the interval.

    Of an interval that had ended before the promotion nobody can say: it was made up for, not waited for.
    """
    promoted = tools.journal.rows("promotions", promotion=change.promotion)
    if not promoted or interval.end < parse_moment(str(promoted[0]["at"])):
        return 0, 0
    project = planned.project
    names = {project.datasets[name].pipeline for name in planned.difference.touched}
    deadlines = [ready_by(project.pipelines[name], interval.end) for name in sorted(names)]
    told = [deadline for deadline in deadlines if deadline is not None]
    return len(told), sum(tools.clock.now() > deadline for deadline in told)


def ready_by(pipeline: Pipeline, end: datetime) -> datetime | None:
    """By when an interval's data is promised: the first time after its end that the local clock shows the SLA's."""
    if pipeline.sla is None:
        return None
    zone = ZoneInfo(pipeline.timezone)
    local = end.astimezone(zone)
    for day in range(3):
        moment = datetime.combine(local.date() + timedelta(days=day), pipeline.sla.ready_by, tzinfo=zone)
        if moment >= local:
            return moment
    return None
