"""What runs in a process of its own for one attempt: limits, then one function or one program, then its rows.

It is the only place that imports a project's code. It has no warehouse, no ledger and no keys to reach; of the
executor's environment it gets a few words about language and time zone, and the secrets that the task declares.
"""

from __future__ import annotations

import faulthandler
import json
import os
import resource
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from penstock.adapters.processes import function, program
from penstock.adapters.processes.linux import adopt_orphans, die_with

if TYPE_CHECKING:
    import duckdb

DONE, FAILED, BROKEN = 0, 3, 70
RESERVE = 64 << 20
"""Bytes of address space beyond the limit that saying why may take."""
THREADS = 8


def live(line: socket.socket, zygote: int, *, open_database: bool) -> NoReturn:
    """Wait on `line` for an attempt, do it, and end."""
    os.setsid()
    die_with(zygote)
    adopt_orphans()
    connection = _database() if open_database else None
    _, descriptors, _, _ = socket.recv_fds(line, 16, 3)
    if len(descriptors) != 3:  # the zygote has no use for this worker any more
        os._exit(DONE)
    line.close()
    request, log, said = descriptors
    with os.fdopen(request, "rb") as written:
        order = json.load(written)
    _settle(order, log)
    with os.fdopen(said, "w", encoding="utf-8") as answer:
        told = _carry_out(order, connection)
        json.dump(told, answer)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # the task closed it
            stream.flush()
    os._exit(DONE if told["outcome"] == "done" else FAILED)


def _database() -> duckdb.DuckDBPyConnection:
    """The database that a task's relations belong to. Opening one takes longer than all the rest of a small task.

    What does not fit into its share of the memory limit is spilled to the folder in which the worker then is.
    """
    import duckdb  # noqa: PLC0415 - the zygote has imported it; a command may never need it

    threads = min(THREADS, len(os.sched_getaffinity(0)))
    config: dict[str, str | bool | int | float | list[str]] = {
        "threads": threads,
        "memory_limit": function.share_of(function.DEFAULT_MEMORY),
    }
    connection = duckdb.connect(":memory:", config=config)
    connection.execute("SET TimeZone = 'UTC'")
    duckdb.set_default_connection(connection)
    return connection


def _settle(order: dict[str, Any], log: int) -> None:
    """Take the place that was given: output, folder, environment, limits."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.close(nothing)
    os.close(log)
    sys.stdin = os.fdopen(0, closefd=False)
    sys.stdout = os.fdopen(1, "w", buffering=1, errors="backslashreplace", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, errors="backslashreplace", closefd=False)
    os.environ.clear()
    os.environ.update(order["environment"])
    os.chdir(order["scratch"])
    faulthandler.enable()
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    limit_memory(order["memory"])
    sys.dont_write_bytecode = True


def limit_memory(allowed: int) -> None:
    """Allow so many bytes of address space more than there are already."""
    present = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (present + allowed, present + allowed + RESERVE))


def lift_memory_limit() -> None:
    """Room to say what happened after the limit was hit."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))


def _carry_out(order: dict[str, Any], connection: duckdb.DuckDBPyConnection | None) -> dict[str, Any]:
    """What came of it: `outcome`, and what goes with that."""
    if order["kind"] == "command":
        return program.carry_out(order, _database)
    if order["kind"] == "connector":
        from penstock.adapters.connectors import bringing  # noqa: PLC0415 - most workers need none of it

        return bringing.carry_out(order, connection or _database(), lift_memory_limit)
    return function.carry_out(order, connection or _database(), lift_memory_limit)
