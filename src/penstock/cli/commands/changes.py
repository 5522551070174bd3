"""`penstock change …`: verbs about evidence need no engine and come without one; the others stand in `change`."""

from __future__ import annotations

from importlib import import_module

import click

from penstock.cli.commands import evidence

_EVIDENCE = {command.name or "": command for command in (evidence.export, evidence.verify)}


class Changes(click.Group):
    """The verbs of a change, imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every verb."""
        return sorted({*_engine().list_commands(ctx), *_EVIDENCE})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb of that name."""
        return _EVIDENCE.get(cmd_name) or _engine().get_command(ctx, cmd_name)


def _engine() -> click.Group:
    group: click.Group = import_module("penstock.cli.commands.change").change
    return group


@click.group(cls=Changes)
def change() -> None:
    """Look at changes; answer, approve, reject, resume, roll back, export, verify."""
