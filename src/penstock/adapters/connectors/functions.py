"""Rows of a project's function: a generator of Python, or what dlt makes of one or of a description of an HTTP API."""

from __future__ import annotations

import inspect
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from penstock.adapters.connectors.rows import UnfitRowsError
from penstock.adapters.processes.function import load

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    Opened = tuple[Generator[Any, None, None], Callable[[], str | None]]
    """What an opened source gives, and its state once all of that was taken."""

TELEMETRY_OFF = {"RUNTIME__DLTHUB_TELEMETRY": "false"}
"""What dlt is told through its environment, before it is imported."""


@contextmanager
def python_items(order: dict[str, Any]) -> Iterator[Opened]:
    """What a function gives, and its state, which it may change as it goes if it takes one."""
    function = load(order["file"], order["function"])
    state = json.loads(order["state"]) if order["state"] else {}
    given = dict(order["settings"])
    if "state" in inspect.signature(function).parameters:
        given["state"] = state
    yield _each(_several(function(**given), order["function"])), lambda: json.dumps(state, sort_keys=True)


@contextmanager
def dlt_items(order: dict[str, Any]) -> Iterator[Opened]:
    """What a resource of dlt gives, and the state that dlt keeps for it."""
    import dlt  # noqa: PLC0415 - an extra, which only these sources need
    from dlt.common import json as typed  # noqa: PLC0415 - as above
    from dlt.common.configuration.container import Container  # noqa: PLC0415 - as above
    from dlt.common.pipeline import StateInjectableContext  # noqa: PLC0415 - as above

    resources = dlt_source(order)
    name = _chosen(order["resource"], list(resources.resources))
    if order["cursor"]:
        resources.resources[name].apply_hints(incremental=dlt.sources.incremental(order["cursor"]))
    state: Any = typed.typed_loads(order["state"]) if order["state"] else {}
    with Container().injectable_context(StateInjectableContext(state=state)):
        yield _each(resources.with_resources(name)), lambda: typed.typed_dumps(state)


def dlt_source(order: dict[str, Any]) -> Any:
    """The source of dlt that an order describes, with all its resources."""
    import dlt  # noqa: PLC0415 - an extra, which only these sources need

    if order["rest_api"]:
        from dlt.sources.rest_api import rest_api_source  # noqa: PLC0415 - as above

        return rest_api_source(order["settings"])
    made = load(order["file"], order["function"])
    if callable(made):
        made = made(**order["settings"])
    if isinstance(made, dlt.sources.DltSource):
        return made
    if not isinstance(made, dlt.sources.DltResource):
        made = dlt.resource(_several(made, order["function"]), name=order["function"])

    @dlt.source(name="penstock")
    def alone() -> Any:
        return made

    return alone()


def _each(items: Any) -> Generator[Any, None, None]:
    yield from items


def _several(made: Any, function: str) -> Any:
    if isinstance(made, dict | str) or not hasattr(made, "__iter__"):
        message = f"{function} gives {type(made).__name__}, over which nobody can go row by row"
        raise UnfitRowsError("source.no_row", message)
    return made


def _chosen(wanted: str, there: list[str]) -> str:
    if wanted in there or (not wanted and len(there) == 1):
        return wanted or there[0]
    found = f"it has {', '.join(there[:20]) or 'none'}"
    message = f"there is no resource {wanted}; {found}" if wanted else f"`resource` does not say which one; {found}"
    raise UnfitRowsError("source.unknown_resource", message)
