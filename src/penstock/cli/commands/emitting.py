"""`penstock emit`."""

from __future__ import annotations

import click

from penstock.app.emitting import WRITERS
from penstock.app.emitting import emit as write
from penstock.cli.answers import Answer, Door, answering
from penstock.cli.options import opened, project_option


@click.command(epilog="Example: penstock emit crontab > penstock.cron")
@click.argument("target", type=click.Choice(sorted(WRITERS)))
@project_option
@answering
def emit(door: Door, target: str, project: str | None) -> Answer:
    """Print what TARGET reads, and on standard error what it cannot carry or has to be set by hand."""
    with opened(project) as place:
        text, findings = write(place, target)
    if not door.as_json:
        for finding in findings:
            click.echo(f"{finding.severity}: {finding.message} ({finding.remedy})", err=True)
    return Answer(result={"target": target, "text": text}, text=text, findings=findings if door.as_json else ())
