"""What a worker does for a connector: read its rows into a file, or look at what it has, and say what came of it."""

from __future__ import annotations

import json
import sys
from contextlib import closing
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock.adapters.connectors import airbyte, functions
from penstock.adapters.connectors.airbyte import ConnectorError
from penstock.adapters.connectors.rows import EnoughError, Rows, UnfitRowsError
from penstock.adapters.connectors.schemas import type_of_schema, type_of_values
from penstock.adapters.processes import function

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    import duckdb

STATE = "_state"
"""The file beside the rows that holds the state after them, if there is one."""
_OPENERS = {
    "airbyte": airbyte.airbyte_items,
    "dlt": functions.dlt_items,
    "python": functions.python_items,
}
_PASSING = frozenset({408, 425, 429})
_NETWORK = ("ConnectionError", "Timeout", "ChunkedEncodingError", "ConnectTimeout", "ReadTimeout", "URLError")


def carry_out(
    order: dict[str, Any], connection: duckdb.DuckDBPyConnection, make_room: Callable[[], None]
) -> dict[str, Any]:
    """Do a connector's order; `make_room` lifts the memory limit, so that its breach can be told."""
    sys.path.insert(0, order["root"])
    try:
        if order["looks"]:
            Path(order["output"]).write_text(json.dumps(_seen(order)), encoding="utf-8")
        else:
            _bring(order, connection)
    except (UnfitRowsError, ConnectorError) as error:
        return _told(error)
    except BaseException as error:  # noqa: BLE001 - the project's code may raise anything; it becomes a finding outside
        make_room()
        function.print_error(error)
        told = function.told(error, order["file"])
        return {**told, "outcome": "passing"} if told["outcome"] == "raised" and may_pass(error) else told
    return {"outcome": "done"}


def _bring(order: dict[str, Any], connection: duckdb.DuckDBPyConnection) -> None:
    if order["memory"] != function.DEFAULT_MEMORY:
        connection.execute(f"SET memory_limit = '{function.share_of(order['memory'])}'")
    rows = Rows(
        connection,
        Path(order["output"]),
        order["types"],
        key=order["key"],
        ignored=order["ignored"],
        evolves=order["evolves"],
        most=order["most"],
    )
    with _OPENERS[order["connector"]](order) as (items, state_after):
        with closing(items):
            is_whole = _taken(items, rows)
        state = state_after() if is_whole and order["keeps_state"] else None
    rows.finish()
    if state is not None:
        Path(order["output"]).with_name(STATE).write_text(state, encoding="utf-8")


def _taken(items: Generator[Any, None, None], rows: Rows) -> bool:
    """Take what is given; whether that was all there is, and not only as much as was wanted."""
    try:
        for item in items:
            rows.take(item)
    except EnoughError:
        return False
    return True


def _seen(order: dict[str, Any]) -> list[dict[str, Any]]:
    """The resources or streams that there are, each with its columns and their types."""
    if order["connector"] == "airbyte":
        return _seen_streams(order)
    if order["connector"] == "python":
        with functions.python_items(order) as (items, _):
            return [{"name": order["function"], "columns": _columns(items, order["most"]), "key": [], "cursor": ""}]
    source = functions.dlt_source(order)
    names = [name for name in source.resources if order["resource"] in {"", name}]
    return [_seen_resource(order, name) for name in names]


def _seen_resource(order: dict[str, Any], name: str) -> dict[str, Any]:
    with functions.dlt_items({**order, "resource": name}) as (items, _):
        columns = _columns(items, order["most"])
    schema = functions.dlt_source(order).resources[name].compute_table_schema()
    key = [column for column, said in schema.get("columns", {}).items() if said.get("primary_key")]
    return {"name": name, "columns": columns, "key": key, "cursor": ""}


def _columns(items: Iterator[Any], most: int) -> dict[str, str]:
    rows = list(islice(chain.from_iterable(_each(item) for item in items), most))
    names = dict.fromkeys(name for row in rows for name in row)
    return {str(name): type_of_values(row.get(name) for row in rows) for name in names}


def _each(item: Any) -> list[dict[str, Any]]:
    if isinstance(item, dict):
        return [item]
    found = item.to_pylist() if hasattr(item, "to_pylist") else item
    if not isinstance(found, list | tuple) or not all(isinstance(row, dict) for row in found):
        raise UnfitRowsError("source.no_row", f"it gives {type(item).__name__}, which is no row")
    return list(found)


def _seen_streams(order: dict[str, Any]) -> list[dict[str, Any]]:
    """What a connector's catalog says, once it has said that its settings are right."""
    files = {"--config": order["settings"]}
    for message in airbyte.messages(order, "check", files):
        status = message.get("connectionStatus") or {}
        if status.get("status") == "FAILED":
            said = str(status.get("message") or "it does not say why")
            raise ConnectorError(f"its check of the settings failed: {said}", code="source.check_failed")
    found = []
    for message in airbyte.messages(order, "discover", files):
        for stream in (message.get("catalog") or {}).get("streams", []):
            properties = (stream.get("json_schema") or {}).get("properties") or {}
            keys = stream.get("source_defined_primary_key") or []
            incremental = "incremental" in (stream.get("supported_sync_modes") or [])
            found.append(
                {
                    "name": stream["name"],
                    "columns": {name: type_of_schema(schema) for name, schema in properties.items()},
                    "key": [path[0] for path in keys if len(path) == 1] if all(len(path) == 1 for path in keys) else [],
                    "cursor": ".".join(stream.get("default_cursor_field") or []) if incremental else "",
                    "incremental": incremental,
                }
            )
    return [stream for stream in found if order["resource"] in {"", stream["name"]}]


def _told(error: UnfitRowsError | ConnectorError) -> dict[str, Any]:
    passes = isinstance(error, ConnectorError) and error.passes
    return {
        "outcome": "passing" if passes else "unfit",
        "type": error.code,
        "message": str(error)[: function.MOST_CHARACTERS],
        "module": getattr(error, "column", ""),
    }


def may_pass(error: BaseException) -> bool:
    """Whether what went wrong on the network, or at its other end, may go well another time."""
    seen: list[BaseException] = []
    while error not in seen:
        seen.append(error)
        status = getattr(getattr(error, "response", None), "status_code", None) or getattr(error, "code", None)
        if isinstance(status, int):
            return status in _PASSING or 500 <= status < 600
        if isinstance(error, ConnectionError | TimeoutError) or type(error).__name__ in _NETWORK:
            return True
        following = error.__cause__ or error.__context__
        if following is None:
            return False
        error = following
    return False
