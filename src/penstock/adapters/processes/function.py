"""Loads one project file, calls its function with what it reads, and keeps the rows it returns."""

from __future__ import annotations

import importlib.util
import os
import sys
import traceback
from typing import TYPE_CHECKING, Any

from penstock.adapters.processes import frames

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    import duckdb

MOST_CHARACTERS = 4_000
DEFAULT_MEMORY = 4 << 30
"""Bytes that a task may take if it does not say."""


def carry_out(
    order: dict[str, Any], connection: duckdb.DuckDBPyConnection, make_room: Callable[[], None]
) -> dict[str, Any]:
    """Do a Python task's order; `make_room` lifts the memory limit, so that its breach can be told."""
    try:
        if order["memory"] != DEFAULT_MEMORY:
            connection.execute(f"SET memory_limit = '{share_of(order['memory'])}'")
        _run(order, connection)
    except SystemExit as error:
        return {"outcome": "left", "message": _text(error), "line": _line_of(error, order["file"])}
    except BaseException as error:  # noqa: BLE001 - the project's code may raise anything; it becomes a finding outside
        make_room()
        print_error(error)
        return told(error, order["file"])
    return {"outcome": "done"}


def share_of(memory: int) -> str:
    """How much its database may fill of a task's memory, or of the machine's if that is less, as DuckDB's setting."""
    present = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return f"{min(memory, present) * 3 // 4}B"


def _run(order: dict[str, Any], connection: duckdb.DuckDBPyConnection) -> None:
    sys.path.insert(0, order["root"])
    _reseed()
    function = load(order["file"], order["function"])
    arguments = {
        name: frames.give(order["forms"].get(name, frames.RELATION), connection, path)
        for name, path in order["inputs"].items()
    }
    frames.keep(function(**arguments), connection, order["output"])


def _reseed() -> None:
    """Workers are forked from one process: without this, each would draw the same numbers."""
    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed()


def load(path: str, name: str) -> Any:
    """What a file of the project calls by a name; the file is run for that."""
    spec = importlib.util.spec_from_file_location("penstock_task", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules["penstock_task"] = module  # where dataclasses and pickle look for it
    spec.loader.exec_module(module)
    return getattr(module, name)


def told(error: BaseException, file: str) -> dict[str, Any]:
    """An error of the project's code as it is told to the executor, with the line of `file` that it came through."""
    kinds: tuple[tuple[type[BaseException], str], ...] = (
        (frames.MissingLibraryError, "missing_library"),
        (frames.WrongResultError, "wrong_result"),
        (MemoryError, "out_of_memory"),
    )
    outcome = next((word for kind, word in kinds if isinstance(error, kind)), "raised")
    if type(error).__name__ == "OutOfMemoryException":
        outcome = "out_of_memory"
    if isinstance(error, ModuleNotFoundError):
        outcome = "missing_library"
    said = {"outcome": outcome, "type": type(error).__name__, "message": _text(error), "line": _line_of(error, file)}
    return said | {"module": getattr(error, "name", None)}


def _text(error: BaseException) -> str:
    try:
        return str(error)[:MOST_CHARACTERS]
    except Exception:  # noqa: BLE001 - an error of the project's own making may not even have a text
        return "an error without a text"


def _line_of(error: BaseException, file: str) -> int | None:
    """The last line of the task's own file that the error came through."""
    if isinstance(error, SyntaxError) and error.filename == file:
        return error.lineno
    trace, line = error.__traceback__, None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == file:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def print_error(error: BaseException) -> None:
    """The traceback, for the log, without our own frames above the project's."""
    trace: TracebackType | None = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    try:
        traceback.print_exception(type(error), error, trace)
    except Exception:  # noqa: BLE001 - as in _text; and the task may have closed its output
        return
