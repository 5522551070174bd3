"""`penstock schedule`."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any

import click

from penstock.app import scheduling
from penstock.app.scheduling import Standing, Upcoming
from penstock.cli.answers import Answer, Door, answering
from penstock.cli.options import opened, project_option
from penstock.delivery.pages import tables
from penstock.engine.triggers import trigger_name
from penstock.model.schedule_words import describe
from penstock.project.durations import parse_duration

if TYPE_CHECKING:
    from datetime import datetime

    from penstock.model.clock_changes import Firing

MOST_IN_JSON = 10_000
LONGEST = timedelta(days=3660)


class Span(click.ParamType[Any]):
    """A length of time such as 12h or 365d."""

    name = "span"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """The length of time."""
        try:
            span = value if isinstance(value, timedelta) else parse_duration(value)
        except (ValueError, OverflowError):
            span = timedelta.max
        if span > LONGEST:
            self.fail(f"{value!r} is no length of time such as 12h or 365d, up to {LONGEST.days}d", param, ctx)
        return span


class ShownByDefault(click.Group):
    """A group whose command `show` is meant where none is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `show` before arguments that begin with no command of the group."""
        first = args[0] if args else ""
        if first not in {*self.commands, *ctx.help_option_names}:
            args = ["show", *args]
        return super().parse_args(ctx, args)


@click.group(cls=ShownByDefault)
def schedule() -> None:
    """See what starts by itself and when; pause pipelines. `penstock schedule` alone is `penstock schedule show`."""


@schedule.command(epilog="Example: penstock schedule show sales --next 365d --limit 10")
@click.argument("pipelines", nargs=-1)
@click.option("--next", "span", metavar="SPAN", type=Span(), default="30d", show_default=True, help="How far to look.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="Fires shown a pipeline.")
@click.option("--env", "environment", default="prod", show_default=True, help="The environment that would run them.")
@project_option
@answering
def show(
    door: Door, pipelines: tuple[str, ...], span: timedelta, limit: int, environment: str, project: str | None
) -> Answer:
    """Show when PIPELINES (all, if none is named) would start by themselves, and what clock changes do to that."""
    most = MOST_IN_JSON if door.as_json else limit
    with opened(project) as place:
        now, found = scheduling.preview(place, pipelines, environment, span, most)
    result = {
        "environment": environment,
        "from": _utc(now),
        "until": _utc(now + span),
        "pipelines": [_row(each) for each in found],
    }
    text = "\n".join(_text(each, environment, now + span) for each in found) or "the project has no pipeline"
    return Answer(result=result, text=text)


@schedule.command(epilog="Example: penstock schedule pause sales")
@click.argument("pipeline")
@click.option("--as", "by", metavar="NAME", default=None, help="Who decides (default: the system's user).")
@project_option
@answering
def pause(door: Door, pipeline: str, by: str | None, project: str | None) -> Answer:
    """Pause PIPELINE: neither its schedule nor its triggers start a run, and what they miss is not made up."""
    del door
    with opened(project) as place:
        changed = scheduling.pause(place, pipeline, by, paused=True)
    says = "is paused" if changed else "was paused already"
    text = f"{pipeline} {says}; penstock schedule resume {pipeline} lets it go on"
    return Answer(result={"pipeline": pipeline, "paused": True, "changed": changed}, text=text)


@schedule.command(epilog="Example: penstock schedule resume sales")
@click.argument("pipeline")
@click.option("--as", "by", metavar="NAME", default=None, help="Who decides (default: the system's user).")
@project_option
@answering
def resume(door: Door, pipeline: str, by: str | None, project: str | None) -> Answer:
    """Let PIPELINE start by itself again, from its next fire on."""
    del door
    with opened(project) as place:
        changed = scheduling.pause(place, pipeline, by, paused=False)
    says = "goes on with its next fire" if changed else "was not paused"
    return Answer(result={"pipeline": pipeline, "paused": False, "changed": changed}, text=f"{pipeline} {says}")


def _row(found: Upcoming) -> dict[str, Any]:
    pipeline = found.pipeline
    return {
        "pipeline": pipeline.name,
        "standing": str(found.standing),
        "paused_by": found.paused_by or None,
        "schedule": pipeline.schedule.text if pipeline.schedule else None,
        "timezone": pipeline.timezone,
        "catchup": str(pipeline.catchup),
        "triggers": [
            {"trigger": trigger_name(trigger), "words": words}
            for trigger, words in zip(pipeline.triggers, found.triggers, strict=True)
        ],
        "due": [{"key": due.key, "until": _utc(due.until)} for due in found.due],
        "fires": [_fire(firing) for firing in found.firings],
        "more": found.more,
        "noted": [_fire(firing) for firing in found.noted],
        "beyond": _utc(found.beyond) if found.beyond else None,
    }


def _fire(firing: Firing) -> dict[str, Any]:
    return {"utc": _utc(firing.at), "local": firing.local.isoformat(), "note": firing.note or None}


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _text(found: Upcoming, environment: str, end: datetime) -> str:
    pipeline = found.pipeline
    when = describe(pipeline.schedule) if pipeline.schedule else "no schedule"
    lines = [f"{pipeline.name}: {when}; missed fires: {pipeline.catchup}" if pipeline.schedule else pipeline.name]
    lines += _standing_lines(found, environment)
    lines += [f"  {words}" for words in found.triggers]
    if found.due:
        lines.append(f"  due now: {len(found.due)} run(s), the last up to {_utc(found.due[-1].until)}")
    lines += _table(found.firings)
    if found.more:
        counted = f"{found.more:,}" if found.more < scheduling.MOST_COUNTED else f"at least {found.more:,}"
        lines.append(f"  … {counted} more before {end:%Y-%m-%d}" + ("; among them:" if found.noted else ""))
    lines += _table(found.noted)
    if found.beyond:
        lines.append(f"  no fire before {end:%Y-%m-%d}; the next is at {_utc(found.beyond)}")
    return "\n".join(lines) + "\n"


def _standing_lines(found: Upcoming, environment: str) -> list[str]:
    name = found.pipeline.name
    words = {
        Standing.MANUAL: "  nothing starts it but a person",
        Standing.PAUSED: f"  paused by {found.paused_by}; penstock schedule resume {name} lets it go on",
        Standing.PAUSED_IN_FILE: f"  paused in {found.pipeline.file}",
        Standing.NOT_SHOWN: f"  {environment} does not show it yet; once it does:",
    }
    return [words[found.standing]] if found.standing in words else []


def _table(firings: tuple[Firing, ...]) -> list[str]:
    rows = [(f"{each.local:%a %Y-%m-%d %H:%M %Z}", f"{each.at:%Y-%m-%d %H:%M}Z", each.note) for each in firings]
    return [f"  {line}" for line in tables.columns(rows).splitlines()]
