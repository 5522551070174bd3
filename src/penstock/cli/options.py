"""Options that several commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

from penstock.app.wiring import find_root, workplace
from penstock.model.intervals import parse_moment

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from datetime import datetime
    from pathlib import Path

    from penstock.app.wiring import Workplace

Function = TypeVar("Function", bound="Callable[..., Any]")


def project_option(function: Function) -> Function:
    """`--project DIR`."""
    described = "The project's folder (default: the nearest penstock.yaml upwards)."
    return click.option("--project", metavar="DIR", default=None, help=described)(function)


def until_option(function: Function) -> Function:
    """`--until MOMENT`."""
    described = "Count data as arrived up to this date or UTC timestamp (default: now)."
    return click.option("--until", metavar="MOMENT", type=Moment(), default=None, help=described)(function)


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
