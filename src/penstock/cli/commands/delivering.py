"""`penstock deliver`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from penstock.app import delivering
from penstock.cli.answers import Answer, Door, answering
from penstock.cli.options import opened, project_option, until_option
from penstock.cli.progress import advanced_answer, watcher

if TYPE_CHECKING:
    from datetime import datetime


@click.command(epilog="Example: penstock deliver stories/RETAIL-1.md --until 2011-11-25")
@click.argument("story", type=click.Path(path_type=Path))
@click.option("--as", "author", metavar="NAME", default=None, help="Whose key signs (default: your author key).")
@until_option
@project_option
@answering
def deliver(door: Door, story: Path, author: str | None, until: datetime | None, project: str | None) -> Answer:
    """Take up STORY and carry it through discovery, design, implementation, review and deployment.

    It stops where a person has to answer or approve (exit 4) and where a gate says no (exit 1).
    """
    with opened(project, near=story) as place:
        advanced = delivering.deliver(place, story, author=author, until=until, watcher=watcher(door))
    return advanced_answer(door, advanced)
