"""T7, the worker's part: a worker that stops past its timeout is killed, and continuing it later changes nothing."""

from __future__ import annotations

import os
import signal
import threading
import time
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest

from penstock.adapters.processes.identity import digest_now
from penstock.adapters.processes.runner import TaskProcesses
from penstock.engine.ports.processes import Order
from penstock.model.errors import TaskError
from penstock.model.pipelines import Dataset, Materialization, PythonTask

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.fault, pytest.mark.slow]

STOPS = 5
TIMEOUT_SECONDS = 2.0
AMPLE_SECONDS = 120.0
CODE = """
import os, time

def make(rows):
    place = {place!r}
    with open(f"{{place}}/pid.new", "w") as stream:
        stream.write(str(os.getpid()))
    os.rename(f"{{place}}/pid.new", f"{{place}}/pid")
    while not os.path.exists(f"{{place}}/go"):
        time.sleep(0.005)
    open(f"{{place}}/effect", "w").close()
    return rows
"""


@dataclass(slots=True)
class Trial:
    """One order, carried out in a thread, and what came of it."""

    processes: TaskProcesses
    place: Path
    seconds: float
    code: str = ""
    output_was_there: bool = False
    thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        task = PythonTask(function="make", reads_by_parameter={"rows": "shop.raw"}, code_digest="")
        file = f"{self.place.name}.py"
        dataset = Dataset(
            name="shop.made",
            file=file,
            task=replace(task, code_digest=digest_now(file, task, self.place)),
            materialization=Materialization.TABLE,
            timeout=timedelta(seconds=self.seconds),
        )
        with self.processes.scratch() as folder:
            given, output = folder / "rows.parquet", folder / "_output.parquet"
            duckdb.execute(f"COPY (SELECT 1 AS n) TO '{given}' (FORMAT parquet)")
            order = Order(run="r", log="l", dataset=dataset, inputs={"rows": given}, output=output, interval=None)
            try:
                self.processes.run(order)
            except TaskError as error:
                self.code = error.findings[0].code
            self.output_was_there = output.exists()

    def worker(self) -> int:
        """The worker's number, once it is at work."""
        until = time.monotonic() + 30
        while not (self.place / "pid").exists():
            assert time.monotonic() < until, "the worker never began"
            time.sleep(0.002)
        return int((self.place / "pid").read_text(encoding="utf-8"))


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[TaskProcesses]:
    """An executor's processes, with a project of one file for each trial."""
    with TaskProcesses(tmp_path, tmp_path / "spool", tmp_path / "logs") as made:
        yield made


def _begin(processes: TaskProcesses, folder: Path, number: int, seconds: float) -> Trial:
    place = folder / f"trial{number}"
    place.mkdir()
    (folder / f"{place.name}.py").write_text(CODE.format(place=str(place)), encoding="utf-8")
    return Trial(processes=processes, place=place, seconds=seconds)


def _state(pid: int) -> str:
    """The kernel's letter for what a process is doing; nothing if it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _stop(pid: int) -> bool:
    """Stop a process; whether the kernel says that it stands still."""
    os.kill(pid, signal.SIGSTOP)
    until = time.monotonic() + 10
    while _state(pid) not in {"T", "t"} and time.monotonic() < until:
        time.sleep(0.001)
    return _state(pid) in {"T", "t"}


def test_a_worker_stopped_past_its_timeout_is_killed_and_has_no_effect(
    processes: TaskProcesses, tmp_path: Path
) -> None:
    fired, passed = 0, 0
    for number in range(STOPS):
        trial = _begin(processes, tmp_path, number, TIMEOUT_SECONDS)
        pid = trial.worker()
        fired += _stop(pid)
        trial.thread.join()
        assert (trial.code, trial.output_was_there) == ("task.timeout", False)
        (trial.place / "go").touch()  # now it could go on, were it there
        with pytest.raises(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
        assert not (trial.place / "effect").exists()
        passed += 1
    print(f"stopped workers: asked {STOPS}, fired {fired}, passed {passed}")
    assert fired == passed == STOPS


def test_a_worker_continued_within_its_timeout_does_its_work(processes: TaskProcesses, tmp_path: Path) -> None:
    """So that the test above cannot pass because stopping alone spoils everything."""
    trial = _begin(processes, tmp_path, 0, AMPLE_SECONDS)
    pid = trial.worker()
    assert _stop(pid)
    os.kill(pid, signal.SIGCONT)
    (trial.place / "go").touch()
    trial.thread.join()
    assert (trial.code, trial.output_was_there) == ("", True)
    assert (trial.place / "effect").exists()
