"""Runs one program for a command task, and makes sure that the rows it leaves are a Parquet file."""

from __future__ import annotations

import resource
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import duckdb


def carry_out(order: dict[str, Any], open_database: Callable[[], duckdb.DuckDBPyConnection]) -> dict[str, Any]:
    """Do a command's order."""
    try:
        done = subprocess.run(
            order["argv"],
            cwd=order["root"],
            stdin=subprocess.DEVNULL,
            preexec_fn=lambda: _limit(order["program_memory"]),
            check=False,
        )
    except OSError as error:
        return {"outcome": "no_program", "message": error.strerror or str(error)}
    if done.returncode != 0:
        return {"outcome": "program_ended", "code": done.returncode}
    left = Path(order["left"])
    if left.is_symlink() or not left.is_file():
        return {"outcome": "no_rows", "message": f"the program left no file at PENSTOCK_OUTPUT ({left.name})"}
    return _rows(left, order, open_database())


def _limit(memory: int) -> None:
    """In the program's process, before it starts: what it may write to; address space that is only reserved is free."""
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))


def _rows(left: Path, order: dict[str, Any], connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    import duckdb  # noqa: PLC0415 - only after the program did its work

    if left.stat().st_size == 0:
        return {
            "outcome": "wrong_result",
            "message": f"what the program left is no {order['format']} file: it is empty",
        }
    try:
        if order["format"] == "csv":
            _read_text(left, connection).write_parquet(order["output"])
        else:
            connection.read_parquet(str(left))
    except duckdb.Error as error:
        return {"outcome": "wrong_result", "message": f"what the program left is no {order['format']} file: {error}"}
    return {"outcome": "done"}


def _read_text(file: Path, connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
    """A CSV file's rows, every column as text: what a program writes has no types."""
    return connection.read_csv(
        str(file), header=True, all_varchar=True, sep=",", quotechar='"', escapechar='"', skiprows=0
    )
