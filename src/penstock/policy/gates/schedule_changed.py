"""A pipeline that is in production runs at other times, and the story does not say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.findings import Finding, Place
from penstock.model.intervals import stamp
from penstock.policy.verdicts import counted, failed, listed, not_applicable, passed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.model.findings import Verdict
    from penstock.model.pipelines import Pipeline
    from penstock.policy.facts import ImplementationFacts

GATE = "schedule_changed"


def judge(facts: ImplementationFacts) -> Verdict:
    """Refuse another schedule, zone, start or end of a standing pipeline that is not a key of the story itself."""
    if facts.project is None:
        return not_applicable(GATE, "The project cannot be read.")
    before = facts.base.pipelines if facts.base else {}
    pairs = [(before[name], one) for name, one in sorted(facts.project.pipelines.items()) if name in before]
    if not pairs:
        return not_applicable(GATE, "No pipeline was there before.")
    findings = [finding for old, new in pairs for finding in _findings(old, new, facts)]
    if not findings:
        return passed(GATE, f"{counted(len(pairs), 'standing pipeline')} run when the stories say.")
    named = listed(dict.fromkeys(str(finding.place.file) for finding in findings))
    return failed(GATE, f"{counted(len(findings), 'undeclared change')} of when pipelines run: {named}.", findings)


def _times(pipeline: Pipeline) -> dict[str, str]:
    """When a pipeline runs, under the keys by which a story says it."""
    return {
        "schedule": pipeline.schedule.text if pipeline.schedule else "manual",
        "timezone": pipeline.timezone,
        "start": stamp(pipeline.start),
        "end": stamp(pipeline.end) if pipeline.end else "never",
    }


def _findings(old: Pipeline, new: Pipeline, facts: ImplementationFacts) -> Iterator[Finding]:
    before, after = _times(old), _times(new)
    own = facts.story.own if facts.story.pipeline == new.name else {}
    for key, was in before.items():
        if after[key] == was or key in own:
            continue
        yield Finding(
            code=f"gate.{GATE}.{key}",
            message=f"the {key} of pipeline {new.name} changes from {was} to {after[key]}, undeclared",
            place=Place(file=new.file),
            found=after[key],
            expected=was,
            remedy=f"put {was} back in {new.file}, or say `{key}:` in {facts.story.file}",
        )
