"""Where tests run tasks in processes: a project's folder, an executor's processes, and ways to look at them."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from penstock.adapters.processes.identity import digest_now
from penstock.adapters.processes.runner import TaskProcesses
from penstock.engine.ports.processes import Order
from penstock.model.errors import PenstockError
from penstock.model.pipelines import CommandTask, Dataset, Materialization, PythonTask

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from penstock.model.findings import Finding
    from penstock.model.intervals import Interval

FOLDER = "pipelines/shop"
ROWS = "SELECT unnest([1, 2, 3]) AS n"
_numbers = count()


@dataclass(slots=True)
class Bench:
    """A project and what runs its tasks. A task's rows are those of `given`, unless it says otherwise."""

    folder: Path
    processes: TaskProcesses
    measured: Mapping[str, int] | None = None
    log: str = ""

    def write(self, path: str, text: str) -> Path:
        """A file of the project."""
        file = self.folder / "project" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(text), encoding="utf-8")
        return file

    def run(self, code: str, *, given: str = ROWS, timeout: float | None = None, run: str = "r1", **task: Any) -> Any:
        """Write a task's file, run its function `make` on the rows of a query, and give back what it left."""
        file = f"{FOLDER}/made{next(_numbers)}.py"
        self.write(file, code)
        values = {"function": "make", "reads_by_parameter": {"rows": "shop.raw"}, "code_digest": "", **task}
        return self._carry_out(file, PythonTask(**values), given=given, timeout=timeout, run=run)

    def command(
        self,
        *argv: str,
        given: str = ROWS,
        timeout: float | None = None,
        run: str = "r1",
        interval: Interval | None = None,
        **task: Any,
    ) -> Any:
        """Run a command on the rows of a query, and give back what it left."""
        values = {"argv": argv, "reads_by_parameter": {"rows": "shop.raw"}, "code_digest": "", **task}
        return self._carry_out(
            f"{FOLDER}/made.command.yaml",
            CommandTask(**values),
            given=given,
            timeout=timeout,
            run=run,
            interval=interval,
        )

    def refused(self, work: Callable[..., Any], *arguments: Any, **options: Any) -> Finding:
        """The one finding with which something ends."""
        with pytest.raises(PenstockError) as caught:
            work(*arguments, **options)
        (finding,) = caught.value.findings
        return finding

    def _carry_out(
        self,
        file: str,
        task: PythonTask | CommandTask,
        *,
        given: str,
        timeout: float | None,
        run: str,
        interval: Interval | None = None,
    ) -> Any:
        dataset = Dataset(
            name="shop.made",
            file=file,
            task=replace(task, code_digest=task.code_digest or digest_now(file, task, self.folder / "project")),
            materialization=Materialization.TABLE,
            timeout=timedelta(seconds=timeout) if timeout else None,
        )
        self.log = f"log{next(_numbers)}"
        with self.processes.scratch() as folder, duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            inputs = {name: folder / f"{name}.parquet" for name in task.reads_by_parameter}
            for path in inputs.values():
                connection.execute(f"COPY ({given}) TO '{path}' (FORMAT parquet)")
            output = folder / "_output.parquet"
            order = Order(run=run, log=self.log, dataset=dataset, inputs=inputs, output=output, interval=interval)
            self.measured = self.processes.run(order)
            return _left(connection.read_parquet(str(output)))

    def printed(self, run: str = "r1") -> str:
        """What the last task printed."""
        return (self.folder / "logs" / run / f"{self.log}.log").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Left:
    """The rows that a task left, also as text, and their columns with types."""

    columns: dict[str, str]
    texts: list[tuple[str, ...]]
    rows: list[tuple[Any, ...]]


def _left(relation: duckdb.DuckDBPyRelation) -> Left:
    columns = dict(zip(relation.columns, map(str, relation.types), strict=True))
    texts = relation.project("CAST(COLUMNS(*) AS VARCHAR)").fetchall()
    zoned = any("WITH TIME ZONE" in kind for kind in columns.values())  # fetching those takes one more library
    return Left(columns=columns, texts=texts, rows=[] if zoned else relation.fetchall())


def bench_in(folder: Path, *, confined: bool = False) -> Bench:
    """A bench in a folder of its own; close its `processes` when done."""
    (folder / "project").mkdir(parents=True, exist_ok=True)
    processes = TaskProcesses(folder / "project", folder / "spool", folder / "logs", confined=confined)
    return Bench(folder=folder, processes=processes)


def alive(pid: int) -> bool:
    """Whether a process is there and is no zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return fields[0] not in {"Z", "X"}


def wait_for(happens: Callable[[], Any], seconds: float = 30.0) -> Any:
    """What a condition gives once it is true; the test fails if it never is."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = happens()
        if found:
            return found
        time.sleep(0.005)
    raise AssertionError("it did not happen")


def pids_in(file: Path, number: int) -> list[int]:
    """The process numbers that a task has written to a file, once there are so many."""

    def read() -> list[int]:
        text = file.read_text(encoding="utf-8") if file.exists() else ""
        found = [int(word) for word in text.split("\n")[:-1]]
        return found if len(found) >= number else []

    pids: list[int] = wait_for(read)
    return pids
