"""Options that several commands share."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from penstock.app.wiring import find_root, workplace
from penstock.model.intervals import Interval, parse_moment, stamp
from penstock.model.pipelines import NAME_PATTERN

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from datetime import datetime
    from pathlib import Path

    from penstock.app.wiring import Workplace

_TOGETHER = "--start and --end belong together, such as --start 2011-01-03 --end 2011-01-05"
Function = TypeVar("Function", bound="Callable[..., Any]")


def project_option(function: Function) -> Function:
    """`--project DIR`."""
    described = "The project's folder (default: the nearest penstock.yaml upwards)."
    return click.option("--project", metavar="DIR", default=None, help=described)(function)


def until_option(function: Function) -> Function:
    """`--until MOMENT`."""
    described = "Count data as arrived up to this date or UTC timestamp (default: now)."
    return click.option("--until", metavar="MOMENT", type=Moment(), default=None, help=described)(function)


def names_options(function: Function) -> Function:
    """`NAMES` and `--dataset NAME`, handed on together as `names`."""
    named = click.argument("names", nargs=-1)
    listed = click.option(
        "--dataset", "datasets", multiple=True, metavar="NAME", help="A dataset to build; may be given several times."
    )

    @wraps(function)
    def merged(*args: Any, names: tuple[str, ...], datasets: tuple[str, ...], **options: Any) -> Any:
        return function(*args, names=(*names, *datasets), **options)

    return named(listed(cast("Function", merged)))


def window_options(function: Function) -> Function:
    """`--start MOMENT` and `--end MOMENT`, handed on as one `window`: None without them."""
    first = click.option("--start", metavar="MOMENT", type=Moment(), default=None, help="From this moment on.")
    last = click.option(
        "--end", metavar="MOMENT", type=Moment(), default=None, help="Up to this moment, which is not in it."
    )

    @wraps(function)
    def merged(*args: Any, start: datetime | None, end: datetime | None, **options: Any) -> Any:
        return function(*args, window=_window_of(start, end), **options)

    return first(last(cast("Function", merged)))


def required_window(window: Interval | None) -> Interval:
    """The interval of a command that must have one.

    Raises:
        UsageError: it has none.
    """
    if window is None:
        raise click.UsageError(_TOGETHER)
    return window


def _window_of(start: datetime | None, end: datetime | None) -> Interval | None:
    if start is None and end is None:
        return None
    if start is None or end is None:
        raise click.UsageError(_TOGETHER)
    if end <= start:
        raise click.UsageError(f"--end {stamp(end)} is not after --start {stamp(start)}")
    return Interval(start, end)


class EnvironmentName(click.ParamType[Any]):
    """A name that may stand in the names of schemas: a typing error is not to make an environment of its own."""

    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name."""
        if not NAME_PATTERN.fullmatch(value):
            self.fail(f"{value!r} is no name of lower-case letters, digits and _, beginning with a letter", param, ctx)
        return str(value)


def opened(project: str | None, near: Path | None = None) -> AbstractContextManager[Workplace]:
    """The workplace of a command."""
    return workplace(find_root(project, near))


class Moment(click.ParamType[Any]):
    """A date or timestamp, in UTC unless it says otherwise."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The moment."""
        try:
            return parse_moment(value)
        except ValueError:
            self.fail(f"{value!r} is no date or timestamp such as 2011-12-01 or 2011-12-01T06:00Z", param, ctx)
