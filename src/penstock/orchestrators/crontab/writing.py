"""A project's schedules as a crontab in the form of cronie and Debian's cron.

What cron cannot carry is said: it has no dependencies between pipelines (Penstock builds what is missing upstream
anyway), and CRON_TZ is honoured by cronie alone.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from penstock.model.findings import Finding, Place, Severity
from penstock.model.schedule import PRESETS

if TYPE_CHECKING:
    from penstock.model.pipelines import Pipeline, Project


def crontab(project: Project, root: str) -> tuple[str, tuple[Finding, ...]]:
    """The crontab's text, and what it only carries in part. `root` is the project's folder on the machine."""
    lines = [
        f"# Schedules of the Penstock project {project.settings.name}. Made by `penstock emit crontab`.",
        "SHELL=/bin/sh",
    ]
    findings = []
    for name in sorted(project.pipelines):
        pipeline = project.pipelines[name]
        lines += ["", *_entry(project, pipeline, root)]
        if pipeline.schedule.timezone != "UTC":
            findings.append(_zone(pipeline))
    return "\n".join(lines) + "\n", tuple(findings)


def _entry(project: Project, pipeline: Pipeline, root: str) -> list[str]:
    datasets = [name for name, dataset in sorted(project.datasets.items()) if dataset.pipeline == pipeline.name]
    command = " ".join(["penstock", "run", "--env", "prod", "--project", shlex.quote(root), *datasets])
    described = [f"# {pipeline.name}: {pipeline.description}"] if pipeline.description else [f"# {pipeline.name}"]
    fields = PRESETS.get(pipeline.schedule.text, pipeline.schedule.text)
    return [*described, f"CRON_TZ={pipeline.schedule.timezone}", f"{fields} {command.replace('%', chr(92) + '%')}"]


def _zone(pipeline: Pipeline) -> Finding:
    return Finding(
        code="emit.crontab_zone",
        message=f"{pipeline.name} runs by the clock of {pipeline.schedule.timezone}, which only cronie's CRON_TZ knows",
        severity=Severity.NOTE,
        place=Place(file=pipeline.file),
        expected="cronie, or a machine whose own zone is that one",
        remedy="check `crond -V`; Debian's cron takes the machine's zone for every line",
    )
