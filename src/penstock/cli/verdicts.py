"""What gates said of a change: in lines for people, and as a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.cli.reports import Case, Report
from penstock.model.findings import Outcome
from penstock.policy.ruling import open_findings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from penstock.delivery.judged import JudgedStage
    from penstock.model.findings import Verdict


def judged_lines(stage: JudgedStage) -> Iterator[str]:
    """What is worth saying of a stage: gates that policy or a waiver overruled, and what stands in the way."""
    for verdict in stage.verdicts:
        if verdict.ruling:
            yield f"{stage.stage}: {verdict.gate} said {verdict.outcome.replace('_', ' ')}; {verdict.ruling}"
        if stage.stopped:
            for finding in open_findings(verdict):
                place = f" ({finding.place})" if str(finding.place) else ""
                yield f"stopped by {verdict.gate}: {finding.message}{place}"


def stages_report(change: str, stages: Sequence[JudgedStage]) -> Report:
    """One suite for each stage, one case for each gate."""
    cases = (_case(change, stage.stage, verdict) for stage in stages for verdict in stage.verdicts)
    return Report(name=change, cases=tuple(cases))


def _case(change: str, stage: str, verdict: Verdict) -> Case:
    overruled = verdict.holds and verdict.outcome in {Outcome.FAIL, Outcome.NEEDS_PERSON}
    not_judged = verdict.outcome is Outcome.NOT_APPLICABLE
    return Case(
        rule=verdict.gate,
        suite=f"{change}.{stage}",
        name=verdict.gate,
        findings=verdict.findings,
        failed=not verdict.holds,
        skipped=f"{verdict.summary} {verdict.ruling}".strip() if not_judged else "",
        accepted=verdict.ruling if overruled else "",
        text=verdict.summary,
    )
