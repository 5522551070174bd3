"""`penstock drift`."""

from __future__ import annotations

import click

from penstock.app.drifting import drift as drifted
from penstock.cli.answers import Answer, Door, answering
from penstock.cli.following import drift_json
from penstock.cli.options import opened, project_option
from penstock.delivery.pages import tables


@click.command(epilog="Example: penstock drift cases.reports")
@click.argument("names", nargs=-1)
@project_option
@answering
def drift(door: Door, names: tuple[str, ...], project: str | None) -> Answer:
    """Say on which day the files of sources became others: columns, how they are written, what values look like.

    NAMES are sources or pipelines; without any, all sources are told of. Only files that landed are compared.
    """
    del door
    with opened(project) as place:
        found = drifted(place, names)
    rows = [("source", "from", "file", "what")]
    rows += [(name, one.start or "-", one.file, str(one)) for name, told in found.items() for one in told]
    if len(rows) == 1:
        text = (
            f"nothing drifted in the landed files of {len(found)} source(s)" if found else "there is no source of files"
        )
    else:
        text = tables.columns(rows)
    return Answer(result={"sources": drift_json(found)}, text=text)
