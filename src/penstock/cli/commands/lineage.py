"""`penstock lineage`."""

from __future__ import annotations

import click

from penstock.app import lineage as app
from penstock.cli.answers import Answer, Door, answering
from penstock.cli.options import opened, project_option


@click.command(epilog="Example: penstock lineage sales.daily_revenue.net --up")
@click.argument("name", metavar="DATASET[.COLUMN]")
@click.option("--up/--down", "up", default=True, help="Where it comes from (default), or where it goes.")
@project_option
@answering
def lineage(door: Door, name: str, up: bool, project: str | None) -> Answer:  # noqa: FBT001 - click's option
    """Show where a dataset or a column comes from, or where it goes."""
    del door
    with opened(project) as place:
        edges = app.lineage(place, name, down=not up)
    result = {
        "of": name,
        "direction": "up" if up else "down",
        "edges": [
            {
                "source": edge.source,
                "source_column": edge.source_column,
                "target": edge.target,
                "target_column": edge.target_column,
            }
            for edge in edges
        ],
    }
    nothing = f"{name} {'reads nothing' if up else 'is read by nothing'} in this project"
    return Answer(result=result, text="\n".join(str(edge) for edge in edges) or nothing)
