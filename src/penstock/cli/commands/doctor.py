"""`penstock doctor`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from penstock.app.doctor import compact, examine, mend
from penstock.cli.answers import Answer, Door, answering
from penstock.cli.options import opened, project_option
from penstock.project.durations import parse_duration

if TYPE_CHECKING:
    from datetime import timedelta

    from penstock.model.findings import Finding


class Duration(click.ParamType[Any]):
    """A length of time, such as 90d."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """The length of time."""
        try:
            return parse_duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command(epilog="Example: penstock doctor")
@project_option
@click.option(
    "--repair", is_flag=True, help="First mend state tables and a torn warehouse log, if nothing is lost by it."
)
@click.option("--compact", "compacting", is_flag=True, help="First move old journal entries to the archive.")
@click.option("--keep", metavar="DURATION", type=Duration(), help="Which entries stay with --compact, such as 90d.")
@click.option(
    "--archive",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where archived entries are (default: .penstock/archive); they are verified too.",
)
@answering
def doctor(
    door: Door, project: str | None, *, repair: bool, compacting: bool, keep: timedelta | None, archive: Path | None
) -> Answer:
    """Fold the journal again and compare; look every published slice up at the warehouse."""
    if compacting != (keep is not None):
        raise click.UsageError("--compact and --keep belong together, such as --compact --keep 90d")
    done: list[str] = []
    stuck: tuple[Finding, ...] = ()
    with opened(project) as place:
        if repair:
            mended, stuck = mend(place)
            done += mended or ("nothing was mended",)
        if keep is not None:
            moved = compact(place, keep, archive)
            done.append(
                f"{moved.entries} entries moved to {moved.archive}" if moved else "no entry is old enough to move"
            )
        for line in done:
            door.say(line)
        counts, findings = examine(place, archive)
    findings = (*stuck, *(found for found in findings if found not in stuck))
    return Answer(
        result={**counts, "done": done},
        text=_text(counts, len(findings)),
        findings=findings,
        exit_code=1 if findings else 0,
    )


def _text(counts: dict[str, int], wrong: int) -> str:
    archived = f" ({counts['archived']} of them archived)" if counts["archived"] else ""
    return (
        f"{counts['entries']} journal entries{archived}, {counts['environments']} environment(s), "
        f"{counts['slices']} slice(s): " + ("everything agrees" if not wrong else f"{wrong} thing(s) do not agree")
    )
