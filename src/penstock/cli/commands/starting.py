"""`penstock init`."""

from __future__ import annotations

from pathlib import Path

import click

from penstock.app.starting import start
from penstock.cli.answers import Answer, Door, answering


@click.command(epilog="Example: penstock init shop && cd shop && penstock check")
@click.argument("folder", default=".", type=click.Path(path_type=Path))
@answering
def init(door: Door, folder: Path) -> Answer:
    """Make a small project in FOLDER (default: here) that checks, tests and runs as it is."""
    del door
    files = start(folder)
    lines = [f"made {len(files)} files in {folder}:", *(f"  {path}" for path in files)]
    go = f"cd {folder} && " if str(folder) != "." else ""
    lines.append(f"try: {go}penstock check && penstock test && penstock run")
    return Answer(result={"folder": str(folder), "files": list(files)}, text="\n".join(lines))
