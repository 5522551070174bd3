"""What runs inside a task's own process: load one project file, call one function, write its rows.

Started as `python -m penstock.adapters.python.worker` with a JSON request on standard input. It is the only place
that imports a project's code, and it has no secrets, no warehouse and no ledger to reach.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import duckdb


def main() -> int:
    """Do the request; the exit code is 0, or 3 with one line of JSON on standard error."""
    request = json.load(sys.stdin)
    try:
        _run(request)
    except Exception as error:  # noqa: BLE001 - the project's code may raise anything; it becomes a finding outside
        said = {"type": type(error).__name__, "message": str(error), "line": _line_of(error, request)}
        sys.stderr.write(f"\n{json.dumps(said)}\n")
        return 3
    return 0


def _run(request: dict[str, Any]) -> None:
    sys.path.insert(0, request["root"])
    connection = duckdb.connect(":memory:")
    function = _load(Path(request["file"]), request["function"])
    arguments: dict[str, Any] = {name: connection.read_parquet(path) for name, path in request["inputs"].items()}
    result = function(**arguments)
    if not isinstance(result, duckdb.DuckDBPyRelation):
        raise TypeError(f"{request['function']} returned {type(result).__name__}, expected a DuckDB relation")
    result.write_parquet(request["output"])


def _load(path: Path, name: str) -> Any:
    spec = importlib.util.spec_from_file_location("penstock_task", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, name)


def _line_of(error: BaseException, request: dict[str, Any]) -> int | None:
    """The last line of the project's own file in the traceback."""
    line = None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == request["file"]:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


if __name__ == "__main__":
    sys.exit(main())
