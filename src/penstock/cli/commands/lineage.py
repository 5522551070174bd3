"""`penstock lineage`."""

from __future__ import annotations

import json

import click

from penstock.app import lineage as app
from penstock.cli.answers import Answer, Door, answering
from penstock.cli.options import opened, project_option
from penstock.plan.lineage import mermaid


@click.command(epilog="Example: penstock lineage sales.daily_revenue.net --up")
@click.argument("name", metavar="DATASET[.COLUMN]")
@click.option("--up/--down", "up", default=True, help="Where it comes from (default), or where it goes.")
@click.option("--mermaid", "drawn", is_flag=True, help="As a Mermaid flowchart.")
@click.option("--openlineage", "as_events", is_flag=True, help="As OpenLineage events, one a line, with all above it.")
@project_option
@answering
def lineage(door: Door, *, name: str, up: bool, drawn: bool, as_events: bool, project: str | None) -> Answer:
    """Show where a dataset or a column comes from, or where it goes.

    `->` leads from what a value is made of, `~>` from what decides which rows there are.
    """
    del door
    if as_events:
        with opened(project) as place:
            events = app.openlineage(place, name)
        return Answer(result={"events": events}, text="\n".join(json.dumps(event) for event in events))
    with opened(project) as place:
        edges = app.lineage(place, name, down=not up)
    result = {
        "of": name,
        "direction": "up" if up else "down",
        "edges": [
            {
                "source": edge.source[0],
                "source_column": edge.source[1] or None,
                "target": edge.target[0],
                "target_column": edge.target[1] or None,
                "bond": str(edge.bond),
            }
            for edge in edges
        ],
    }
    nothing = f"{name} {'reads nothing' if up else 'is read by nothing'} in this project"
    text = mermaid(edges) if drawn else "\n".join(str(edge) for edge in edges) or nothing
    return Answer(result=result, text=text)
