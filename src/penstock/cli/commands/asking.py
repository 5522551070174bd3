"""`penstock query` and `diff`."""

from __future__ import annotations

import click

from penstock.app import asking
from penstock.cli.answers import Answer, Door, answering, plain
from penstock.cli.options import opened, project_option
from penstock.delivery.pages import tables

MOST_ROWS = 50


@click.command(epilog='Example: penstock query "SELECT sum(net) AS net FROM sales.daily_revenue" --env prod')
@click.argument("sql")
@click.option("--env", "environment", default="prod", show_default=True, help="The environment that is asked.")
@project_option
@answering
def query(door: Door, sql: str, environment: str, project: str | None) -> Answer:
    """Ask an environment's datasets with one read-only SELECT."""
    with opened(project) as place:
        found = asking.query(place, sql, environment, door.say)
    shown = [found.columns, *(tuple(_cell(value) for value in row) for row in found.rows[:MOST_ROWS])]
    text = tables.columns(shown)
    if len(found.rows) > MOST_ROWS:
        text += f"… {len(found.rows) - MOST_ROWS:,} more row(s); add LIMIT, or --json for all\n"
    return Answer(result={"columns": list(found.columns), "rows": found.objects()}, text=text)


def _cell(value: object) -> str:
    return "NULL" if value is None else str(value if isinstance(value, str | int | float) else plain(value))


@click.command(epilog="Example: penstock diff prod dev")
@click.argument("old", default="prod")
@click.argument("new", default="dev")
@project_option
@answering
def diff(door: Door, old: str, new: str, project: str | None) -> Answer:
    """Compare what two environments show, row by row (default: prod and dev)."""
    with opened(project) as place:
        diffs, added, removed = asking.diff(place, old, new, door.say)
    result = {
        "old": old,
        "new": new,
        "added": list(added),
        "removed": list(removed),
        "datasets": {found.dataset: tables.diff_json(found) for found in diffs},
    }
    text = tables.diffs_text(diffs, added)
    text += f"only in {old}: {', '.join(removed)}\n" if removed else ""
    return Answer(result=result, text=text)
