"""How a change's way through its stages is told: lines for people while it moves, one answer at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.app.delivering import Watcher, change_json, step_text
from penstock.cli.answers import Answer
from penstock.cli.following import ENDS
from penstock.delivery.stages import End, Stage, Wait
from penstock.model.findings import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.app.delivering import Advanced
    from penstock.cli.answers import Door
    from penstock.delivery.changes import Change
    from penstock.delivery.sealing import StageReport
    from penstock.model.findings import Finding
    from penstock.plan.build import Work

EXITS = {Outcome.PASS: 0, Outcome.NOT_APPLICABLE: 0, Outcome.FAIL: 1, Outcome.NEEDS_PERSON: 4}


def watcher(door: Door) -> Watcher:
    """Tells a door what happens."""
    slices = 0

    def stage(change: Change, stage: Stage) -> None:
        nonlocal slices
        slices = 0
        door.say(f"{change.id}  {stage.number}/5 {stage}")

    def report(done: StageReport) -> None:
        door.wipe()
        held = sum(verdict.holds for verdict in done.verdicts)
        door.say(f"    {done.headline}")
        door.say(f"    {held} of {len(done.verdicts)} gates hold")
        for verdict in done.verdicts:
            if not verdict.holds:
                door.say(f"    {verdict.gate}: {verdict.summary}")
            elif verdict.ruling:
                door.say(f"    {verdict.gate}: {verdict.summary} ({verdict.ruling})")

    def build(work: Work, state: str) -> None:
        nonlocal slices
        slices += state in ENDS
        door.draw(f"    {slices} slices: {state} {work.slice}")

    return Watcher(stage=stage, report=report, build=build)


def advanced_answer(door: Door, advanced: Advanced) -> Answer:
    """The end of a `deliver` or `resume`."""
    door.wipe()
    change = advanced.change
    result = change_json(change, advanced.step, advanced.folder)
    result["stages"] = [
        {
            "stage": str(report.stage),
            "outcome": str(report.outcome),
            "verdicts": [verdict.to_json() for verdict in report.verdicts],
            "artefacts": list(report.artefacts),
        }
        for report in advanced.reports
    ]
    findings = advanced.reports[-1].findings if advanced.reports else ()
    code = EXITS[advanced.outcome]
    why = f" ({change.reason})" if change.reason and not isinstance(advanced.step, Wait) else ""
    lines = [f"{change.id} {change.title}: {change.state.replace('_', ' ')}{why}"]
    if code == EXITS[Outcome.NEEDS_PERSON] and not door.as_json:
        lines += [line for finding in findings for line in _question(finding)]
        findings = ()
    result["conflicts"] = [conflict.to_json() for conflict in advanced.conflicts]
    result["waiting_behind"] = list(advanced.waiting_behind)
    lines += [f"  conflict: {conflict.words(change.id)}" for conflict in advanced.conflicts]
    lines += [f"  in its way: penstock change rebase {other}" for other in advanced.waiting_behind]
    lines.append(f"  read: {advanced.folder}")
    if not isinstance(advanced.step, End):
        lines.append(f"  next: {step_text(change, advanced.step)}")
    return Answer(result=result, text="\n".join(lines), findings=findings, exit_code=code)


def _question(finding: Finding) -> Iterator[str]:
    """Something a person has to say, without the looks of an error."""
    if finding.code == "gate.unmeasurable_criterion":  # its question is asked already
        return
    where = f"  ({finding.place})" if finding.place.file else ""
    yield f"  {finding.message}{where}"
    if finding.expected:
        yield f"      expected: {finding.expected}"
    if finding.remedy:
        yield f"      {finding.remedy}"
