"""Played through for months ahead, a pipeline would not have its data there in time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.findings import Finding, Place, Severity, blocking
from penstock.policy.verdicts import counted, failed, listed, not_applicable, passed

if TYPE_CHECKING:
    from penstock.model.findings import Verdict
    from penstock.policy.facts import Readiness, ReviewFacts

GATE = "missed_sla"


def judge(facts: ReviewFacts) -> Verdict:
    """Refuse a pipeline that would be in time less often than policy asks, and less often than it is today."""
    if blocking(facts.run_findings):
        return not_applicable(GATE, "The shadow run failed, so nobody knows how long runs take.")
    if not facts.readiness:
        return not_applicable(GATE, "No pipeline that the change touches has a schedule and a time to be ready by.")
    wanted = float(facts.policy.availability) / 100
    findings = [
        _finding(each, facts.readiness_before.get(each.pipeline), facts)
        for each in facts.readiness
        if each.in_time < wanted
    ]
    worse = [one for one in findings if one.severity is Severity.ERROR]
    shares = ", ".join(f"{each.pipeline} {_percent(each.in_time)}" for each in facts.readiness)
    if worse:
        late = listed(str(one.place.dataset) for one in worse)
        return failed(GATE, f"Over the months to come {late} would be late too often: in time {shares}.", findings)
    intervals = counted(sum(each.intervals for each in facts.readiness), "interval")
    return passed(GATE, f"Played through {intervals} to come: in time {shares}.", findings)


def _finding(now: Readiness, before: Readiness | None, facts: ReviewFacts) -> Finding:
    standing = before is not None and before.in_time <= now.in_time
    worst = "would never come" if now.worst is None else f"by up to {_span(now.worst.total_seconds())}"
    said = f"{now.late:,} of {now.intervals:,} intervals late, the first {now.first_late}, {worst}"
    return Finding(
        code=f"gate.{GATE}",
        message=f"{now.pipeline} would not be ready by {now.ready_by}" + (", as it is not today" if standing else ""),
        severity=Severity.NOTE if standing else Severity.ERROR,
        place=Place(file=f"pipelines/{now.pipeline}/pipeline.yaml", dataset=now.pipeline, field="sla.ready_by"),
        found=f"{said}; a run takes {_span(now.typical.total_seconds())}",
        expected=f"at least {facts.policy.availability} % of intervals in time",
        remedy="start it earlier (`schedule`), promise a later `sla.ready_by`, or make it quicker",
    )


def _percent(share: float) -> str:
    return f"{int(share * 1000) / 10:g} %"


def _span(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
