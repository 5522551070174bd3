"""Starts a worker process for a Python task: own process group, no secrets, limits on time and memory."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.model.errors import TaskError
from penstock.model.findings import Finding, Place
from penstock.model.pipelines import PythonTask

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from penstock.model.intervals import Interval
    from penstock.model.pipelines import Dataset

DEFAULT_TIMEOUT_SECONDS = 600.0
MEMORY_BYTES = 4 << 30
_KEPT = ("PATH", "LANG", "LC_ALL", "TZ")


class WorkerRunner:
    """A `PythonRunner`. `root` is the project (or the worktree under review) whose code the worker may import."""

    def __init__(self, root: Path, spool: Path) -> None:
        self._root, self._spool = root, spool

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A folder in the spool, removed afterwards."""
        self._spool.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._spool, prefix="task-") as folder:
            yield Path(folder)

    def run(self, dataset: Dataset, inputs: Mapping[str, Path], output: Path, interval: Interval | None) -> None:
        """Run the task's function; see `PythonRunner.run`."""
        task = dataset.task
        assert isinstance(task, PythonTask)  # noqa: S101 - the engine sends nothing else
        request = {
            "root": str(self._root),
            "file": str(self._root / dataset.file),
            "function": task.function,
            "inputs": {name: str(path) for name, path in inputs.items()},
            "output": str(output),
            "interval": str(interval) if interval else None,
        }
        timeout = dataset.timeout.total_seconds() if dataset.timeout else DEFAULT_TIMEOUT_SECONDS
        code, errors = _spawn(json.dumps(request), output.parent, timeout, dataset.name)
        if code != 0 or not output.exists():
            raise TaskError(_failed(dataset, code, errors))


def _spawn(request: str, folder: Path, timeout: float, dataset: str) -> tuple[int, str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "penstock.adapters.python.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=folder,
        env={name: os.environ[name] for name in _KEPT if name in os.environ} | {"HOME": str(folder)},
        start_new_session=True,
        preexec_fn=_limit,  # noqa: PLW1509 - only async-signal-safe calls run in it
        text=True,
    )
    try:
        _, errors = process.communicate(request, timeout=timeout)
    except subprocess.TimeoutExpired as error:
        _kill(process)
        finding = Finding(
            code="task.timeout",
            message=f"the Python task ran longer than {timeout:g} s and was stopped",
            place=Place(dataset=dataset),
            remedy="make it cheaper or raise its timeout",
        )
        raise TaskError(finding) from error
    return process.returncode, errors


def _kill(process: subprocess.Popen[str]) -> None:
    """End the worker and its group. What it started beyond the group may hold its pipes: nobody waits for that."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for stream in (process.stdin, process.stderr):
        if stream is not None:
            with suppress(OSError):
                stream.close()


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _failed(dataset: Dataset, code: int, errors: str) -> Finding:
    last = errors.strip().splitlines()[-1] if errors.strip() else ""
    try:
        said = json.loads(last)
        message, line = f"{said['type']}: {said['message']}", said["line"]
    except (ValueError, KeyError, TypeError):
        what = f"ended with code {code}" if code else "left no rows"
        message, line = f"the worker {what}: {last[:300]}".rstrip(": "), None
    return Finding(
        code="task.failed",
        message=f"{dataset.name}: {message}",
        place=Place(file=dataset.file, line=line, dataset=dataset.name),
        expected="a function that returns a DuckDB relation",
        remedy="correct the function; nothing of it was published",
    )
