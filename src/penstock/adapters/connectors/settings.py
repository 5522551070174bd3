"""A connector's settings as it is given them: what stands for an interval filled in, secrets put in their places."""

from __future__ import annotations

import re
from datetime import UTC
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.model.intervals import Interval

_PLACEHOLDER = re.compile(r"\{(interval_start|interval_end)(?::([^{}]*))?\}")
_FORM = "%Y-%m-%dT%H:%M:%SZ"


def filled_in(settings: Any, interval: Interval | None) -> Any:
    """The settings with every `{interval_start}` and `{interval_end:%Y-%m-%d}` as the moment in UTC."""
    if interval is None:
        return settings
    if isinstance(settings, dict):
        return {name: filled_in(value, interval) for name, value in settings.items()}
    if isinstance(settings, list):
        return [filled_in(value, interval) for value in settings]
    if not isinstance(settings, str):
        return settings
    moments = {"interval_start": interval.start, "interval_end": interval.end}
    return _PLACEHOLDER.sub(lambda found: moments[found[1]].astimezone(UTC).strftime(found[2] or _FORM), settings)


def with_secrets(settings: dict[str, Any], secrets: Mapping[str, str]) -> dict[str, Any]:
    """The settings with secrets at their places; what is not there on the way to one is made.

    Raises:
        ValueError: a place leads through something that holds no places.

    >>> with_secrets({"client": {"auth": {"type": "bearer"}}}, {"client.auth.token": "t"})
    {'client': {'auth': {'type': 'bearer', 'token': 't'}}}
    """
    for place, value in secrets.items():
        *steps, last = place.split(".")
        held: Any = settings
        for step in steps:
            held = _below(held, step, place)
        if isinstance(held, dict):
            held[last] = value
        elif isinstance(held, list) and last.isdigit() and int(last) < len(held):
            held[int(last)] = value
        else:
            raise ValueError(f"the settings have no place {place} for a secret")
    return settings


def _below(held: Any, step: str, place: str) -> Any:
    if isinstance(held, dict):
        return held.setdefault(step, {})
    if isinstance(held, list) and step.isdigit() and int(step) < len(held):
        return held[int(step)]
    raise ValueError(f"the settings have no place {place} for a secret")
