"""A project's schedules as a crontab in the form of cronie and Debian's cron.

What cron cannot carry is said: it has no dependencies between pipelines (Penstock builds what is missing upstream
anyway), and CRON_TZ is honoured by cronie alone.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from penstock.model.findings import Finding, Place, Severity
from penstock.model.pipelines import CatchUp
from penstock.model.schedule import PRESETS

if TYPE_CHECKING:
    from penstock.model.pipelines import Pipeline, Project
    from penstock.model.schedule import Schedule


def crontab(project: Project, root: str) -> tuple[str, tuple[Finding, ...]]:
    """The crontab's text, and what it only carries in part. `root` is the project's folder on the machine."""
    lines = [
        f"# Schedules of the Penstock project {project.settings.name}. Made by `penstock emit crontab`.",
        "SHELL=/bin/sh",
    ]
    findings: list[Finding] = []
    for _, pipeline in sorted(project.pipelines.items()):
        if pipeline.schedule is not None and not pipeline.paused:
            lines += ["", *_entry(project, pipeline, pipeline.schedule, root)]
        findings += _not_carried(pipeline)
    return "\n".join(lines) + "\n", tuple(findings)


def _entry(project: Project, pipeline: Pipeline, schedule: Schedule, root: str) -> list[str]:
    datasets = [name for name, dataset in sorted(project.datasets.items()) if dataset.pipeline == pipeline.name]
    command = " ".join(["penstock", "run", "--env", "prod", "--project", shlex.quote(root), *datasets])
    described = [f"# {pipeline.name}: {pipeline.description}"] if pipeline.description else [f"# {pipeline.name}"]
    fields = PRESETS.get(schedule.text.lower(), schedule.text)
    return [*described, f"CRON_TZ={schedule.timezone}", f"{fields} {command.replace('%', chr(92) + '%')}"]


def _not_carried(pipeline: Pipeline) -> list[Finding]:
    findings = []
    if pipeline.triggers:
        findings.append(_left_out(pipeline, f"the {len(pipeline.triggers)} trigger(s) of {pipeline.name} are left out"))
    if pipeline.paused:
        findings.append(_left_out(pipeline, f"{pipeline.name} is paused and left out"))
    elif pipeline.schedule is not None and pipeline.schedule.timezone != "UTC":
        findings.append(_zone(pipeline))
    if pipeline.schedule is not None and pipeline.catchup is CatchUp.ALL:
        says = f"cron makes up nothing that {pipeline.name} missed while the machine was off"
        findings.append(_left_out(pipeline, says))
    return findings


def _left_out(pipeline: Pipeline, says: str) -> Finding:
    return Finding(
        code="emit.crontab_left_out",
        message=says,
        severity=Severity.NOTE,
        place=Place(file=pipeline.file),
        expected="schedules alone: cron knows nothing of triggers, pauses and missed fires",
        remedy="run `penstock serve`, or start it by other means",
    )


def _zone(pipeline: Pipeline) -> Finding:
    return Finding(
        code="emit.crontab_zone",
        message=f"{pipeline.name} runs by the clock of {pipeline.timezone}, which only cronie's CRON_TZ knows",
        severity=Severity.NOTE,
        place=Place(file=pipeline.file),
        expected="cronie, or a machine whose own zone is that one",
        remedy="check `crond -V`; Debian's cron takes the machine's zone for every line",
    )
