"""`penstock explain`."""

from __future__ import annotations

import click

from penstock.app.explaining import explained
from penstock.cli.answers import Answer, Door, answering
from penstock.cli.options import opened, project_option


@click.command(epilog="Example: penstock explain sales.daily_revenue")
@click.argument("dataset")
@click.option("--env", "environment", default="dev", show_default=True, help="The environment that is looked at.")
@project_option
@answering
def explain(door: Door, dataset: str, environment: str, project: str | None) -> Answer:
    """Say why the next run would build DATASET, or would not."""
    del door
    with opened(project) as place:
        found = explained(place, dataset, environment)
    causes = [{"cause": str(cause), "detail": detail} for cause, detail in found.causes]
    result = {
        "dataset": found.dataset,
        "version": found.version,
        "action": str(found.action),
        "causes": causes,
        "missing": [str(interval) for interval in found.missing],
    }
    lines = [f"{found.dataset}, version {found.version}: {found.action}"]
    lines += [f"  because {cause}" + (f": {detail}" if detail else "") for cause, detail in found.causes]
    return Answer(result=result, text="\n".join(lines))
