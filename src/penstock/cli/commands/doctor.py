"""`penstock doctor`."""

from __future__ import annotations

import click

from penstock.app.doctor import examine
from penstock.cli.answers import Answer, Door, answering
from penstock.cli.options import opened, project_option


@click.command(epilog="Example: penstock doctor")
@project_option
@answering
def doctor(door: Door, project: str | None) -> Answer:
    """Fold the journal again and compare; look every published slice up at the warehouse."""
    del door
    with opened(project) as place:
        counts, findings = examine(place)
    text = (
        f"{counts['entries']} journal entries, {counts['environments']} environment(s), {counts['slices']} slice(s): "
        + ("everything agrees" if not findings else f"{len(findings)} thing(s) do not agree")
    )
    return Answer(result=counts, text=text, findings=findings, exit_code=1 if findings else 0)
