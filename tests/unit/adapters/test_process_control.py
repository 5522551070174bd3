"""Nothing a task starts outlives it, its timeout, a stop, its fork server or its executor, whatever it does to hide."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest
from process_bench import Bench, alive, bench_in, pids_in, wait_for

from penstock.adapters.processes.ancestry import children_of
from penstock.model.errors import PenstockError, TransientError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.adapters.processes.runner import TaskProcesses
    from penstock.engine.ports.processes import Order

HIDING = """
    import os, signal, sys, time

    def hide(depth):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        if depth and os.fork() == 0:
            os.setsid()
            if os.fork():
                os._exit(0)  # the parent of the one that goes on is gone
            hide(depth - 1)
        with open({pids!r}, "a") as stream:
            stream.write(f"{{os.getpid()}}\\n")
        time.sleep(600)

    def make(rows):
        if os.fork() == 0:
            hide(3)
        while open({pids!r}).read().count("\\n") < 4:
            time.sleep(0.005)
        {then}
    """


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A bench of each test's own, since the tests break it."""
    made = bench_in(tmp_path)
    with made.processes:
        yield made


def _hiding(folder: Path, then: str) -> tuple[str, Path]:
    """A task that starts four processes which have left its session and ignore signals; then does something."""
    pids = folder / "pids"
    pids.touch()
    return dedent(HIDING).format(pids=str(pids), then=then), pids


class Background:
    """Something that runs in a thread, and how it ended."""

    def __init__(self, work: Any, *arguments: Any, **options: Any) -> None:
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(work, arguments, options))
        self._thread.start()

    def _run(self, work: Any, arguments: Any, options: Any) -> None:
        try:
            work(*arguments, **options)
        except PenstockError as error:
            self.error = error

    def join(self) -> BaseException | None:
        """How it ended."""
        self._thread.join(60)
        assert not self._thread.is_alive()
        return self.error


@pytest.mark.parametrize("then", ["return rows", "os._exit(1)", "os.kill(os.getpid(), 9)"])
def test_what_a_task_leaves_running_is_killed_before_its_end_is_told(bench: Bench, tmp_path: Path, then: str) -> None:
    code, pids = _hiding(tmp_path, then)
    if then == "return rows":
        bench.run(code)
    else:
        bench.refused(bench.run, code)
    left = pids_in(pids, 4)
    assert len(set(left)) == 4
    assert [pid for pid in left if alive(pid)] == []


def test_past_its_timeout_it_and_all_it_started_are_killed(bench: Bench, tmp_path: Path) -> None:
    code, pids = _hiding(tmp_path, "time.sleep(600)")
    finding = bench.refused(bench.run, code, timeout=2)
    assert (finding.code, "longer than 2 s" in finding.message) == ("task.timeout", True)
    assert [pid for pid in pids_in(pids, 4) if alive(pid)] == []


def test_stop_kills_a_runs_tasks_with_all_they_started_and_spares_other_runs(bench: Bench, tmp_path: Path) -> None:
    code, pids = _hiding(tmp_path, "time.sleep(600)")
    other = tmp_path / "other"
    waiting = f"""
        import os, time
        def make(rows):
            open({str(other)!r}, "w").write(f"{{os.getpid()}}\\n")
            while not os.path.exists({str(tmp_path / "go")!r}):
                time.sleep(0.005)
            return rows
        """
    doomed = Background(bench.run, code, run="doomed")
    spared = Background(bench.run, waiting, run="spared")
    hidden = pids_in(pids, 4)
    (survivor,) = pids_in(other, 1)
    assert bench.processes.stop("doomed") == 1
    assert [pid for pid in hidden if alive(pid)] == []
    assert alive(survivor)
    error = doomed.join()
    assert isinstance(error, PenstockError)
    assert error.findings[0].code == "task.stopped"
    (tmp_path / "go").touch()
    assert spared.join() is None


class Unwanted:
    """Processes whose every order was stopped before it could be found."""

    def __init__(self, processes: TaskProcesses) -> None:
        self._processes = processes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._processes, name)

    def run(self, order: Order) -> Any:
        return self._processes.run(replace(order, is_unwanted=lambda: True))


def test_what_was_stopped_before_it_could_be_found_is_not_begun(bench: Bench, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    stopped = replace(bench, processes=Unwanted(bench.processes))  # type: ignore[arg-type]
    finding = stopped.refused(stopped.run, f"def make(rows):\n    open({str(begun)!r}, 'w')\n    return rows\n")
    assert finding.code == "task.stopped"
    assert not begun.exists()
    assert bench.processes.stop() == 0


def test_stop_waits_for_nothing_when_nothing_runs(bench: Bench) -> None:
    assert bench.processes.stop() == 0
    assert bench.processes.stop("r1") == 0


def test_stop_ends_even_what_has_only_just_begun(bench: Bench) -> None:
    for _ in range(20):
        begun = Background(bench.run, "import time\ndef make(rows):\n    time.sleep(600)\n")
        wait_for(bench.processes.stop)
        assert begun.join() is not None


def test_a_fork_server_that_dies_takes_its_tasks_along_and_is_replaced(bench: Bench, tmp_path: Path) -> None:
    code, pids = _hiding(tmp_path, "time.sleep(600)")
    running = Background(bench.run, code)
    hidden = pids_in(pids, 4)
    guardian, zygote = _helpers(bench)
    os.kill(zygote, signal.SIGKILL)
    error = running.join()
    assert isinstance(error, TransientError)
    assert error.findings[0].code == "task.fork_server_lost"
    assert [pid for pid in (guardian, zygote, *hidden) if alive(pid)] == []
    assert bench.run("def make(rows):\n    return rows\n").rows == [(1,), (2,), (3,)]


def test_a_fork_server_that_died_between_two_orders_is_replaced_without_a_word(bench: Bench) -> None:
    bench.run("def make(rows):\n    return rows\n")
    for which in (0, 1):
        victim = _helpers(bench)[which]
        os.kill(victim, signal.SIGKILL)
        assert len(bench.run("def make(rows):\n    return rows\n").rows) == 3
        assert not alive(victim)


def test_a_fork_server_that_hangs_is_given_up_and_all_below_it_killed(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("penstock.adapters.processes.supervision.GRACE_SECONDS", 0.2)
    code, pids = _hiding(tmp_path, "time.sleep(600)")
    running = Background(bench.run, code, timeout=3)
    hidden = pids_in(pids, 4)
    os.kill(_helpers(bench)[1], signal.SIGSTOP)
    error = running.join()
    assert isinstance(error, PenstockError)
    assert error.findings[0].code == "task.timeout"
    assert [pid for pid in hidden if alive(pid)] == []
    assert len(bench.run("def make(rows):\n    return rows\n").rows) == 3


EXECUTOR = """
    import sys
    sys.path.insert(0, {tests!r})
    from pathlib import Path
    from process_bench import bench_in

    bench = bench_in(Path({folder!r}))
    bench.run({code!r})
    """


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_when_the_executor_dies_nothing_is_left(tmp_path: Path, number: signal.Signals) -> None:
    code, pids = _hiding(tmp_path, "time.sleep(600)")
    text = dedent(EXECUTOR).format(tests=str(Path(__file__).parent), folder=str(tmp_path / "its"), code=code)
    executor = subprocess.Popen([sys.executable, "-c", text], stderr=subprocess.DEVNULL)
    hidden = pids_in(pids, 4)
    below = _descendants(executor.pid)
    assert set(hidden) <= below
    executor.send_signal(number)
    executor.wait()
    wait_for(lambda: not any(alive(pid) for pid in below))


def test_closing_ends_everything_and_removes_its_folder(bench: Bench) -> None:
    bench.run("def make(rows):\n    return rows\n")
    guardian, zygote = _helpers(bench)  # not all below us: other tests of this process keep theirs
    below = {guardian, zygote} | _descendants(guardian)
    bench.processes.close()
    assert [pid for pid in below if alive(pid)] == []
    assert list((bench.folder / "spool").iterdir()) == []


def test_the_fork_server_has_one_thread_and_no_database(bench: Bench) -> None:
    """A fork of anything else would hold locks and memory of threads that are not there."""
    bench.run("def make(rows):\n    return rows\n", modules=("duckdb",))
    _, zygote = _helpers(bench)
    assert len(list(Path(f"/proc/{zygote}/task").iterdir())) == 1


def _helpers(bench: Bench) -> tuple[int, int]:
    """Guardian and zygote of a bench's fork server."""
    server = bench.processes._server
    assert server is not None
    (zygote,) = children_of(server.pid)
    return server.pid, zygote


def _descendants(pid: int) -> set[int]:
    found: set[int] = set()
    todo = [pid]
    while todo:
        fresh = children_of(todo.pop()) - found
        found |= fresh
        todo.extend(fresh)
    return found
