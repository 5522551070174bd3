"""A Python task runs in a process of its own: rows in, rows out, its mistakes with their line, no secrets, in time."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

import duckdb
import pytest

from penstock.adapters.python.runner import WorkerRunner
from penstock.model.errors import TaskError
from penstock.model.pipelines import Dataset, Materialization, PythonTask

if TYPE_CHECKING:
    from penstock.model.findings import Finding

Run = Callable[..., list[tuple[object, ...]]]
FILE = "pipelines/shop/made.py"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Write a task's file, run its function `make` on rows 1, 2, 3, and read what it left."""

    def run(code: str, timeout: float | None = None) -> list[tuple[object, ...]]:
        file = tmp_path / "project" / FILE
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(code), encoding="utf-8")
        runner = WorkerRunner(tmp_path / "project", tmp_path / "spool")
        dataset = Dataset(
            name="shop.made",
            file=FILE,
            task=PythonTask(function="make", reads_by_parameter={"rows": "shop.raw"}, code_digest=""),
            materialization=Materialization.TABLE,
            timeout=timedelta(seconds=timeout) if timeout else None,
        )
        with runner.scratch() as folder:
            given, output = folder / "rows.parquet", folder / "_output.parquet"
            duckdb.execute(f"COPY (SELECT unnest([1, 2, 3]) AS n) TO '{given}' (FORMAT parquet)")
            runner.run(dataset, {"rows": given}, output, None)
            made = duckdb.execute(f"SELECT * FROM read_parquet('{output}')").fetchall()
        assert not folder.exists()
        return made

    return run


def _refused(run: Run, code: str, timeout: float | None = None) -> Finding:
    with pytest.raises(TaskError) as caught:
        run(code, timeout)
    (finding,) = caught.value.findings
    return finding


def test_a_relation_goes_in_and_a_relation_comes_out(run: Run) -> None:
    assert run("def make(rows):\n    return rows.aggregate('sum(n) AS total')\n") == [(6,)]


def test_it_may_import_code_of_its_project(run: Run, tmp_path: Path) -> None:
    (tmp_path / "project").mkdir(parents=True)
    (tmp_path / "project" / "rates.py").write_text("FACTOR = 2\n", encoding="utf-8")
    assert run("from rates import FACTOR\ndef make(rows):\n    return rows.project(f'n * {FACTOR} AS n')\n") == [
        (2,),
        (4,),
        (6,),
    ]


def test_a_mistake_is_reported_with_its_own_line(run: Run) -> None:
    finding = _refused(
        run,
        """
        def make(rows):
            return divide(rows)

        def divide(rows):
            raise ValueError("no such country: Atlantis")
        """,
    )
    assert finding.code == "task.failed"
    assert "ValueError: no such country: Atlantis" in finding.message
    assert (finding.place.file, finding.place.line) == (FILE, 6)


def test_what_it_prints_does_not_hide_its_mistake(run: Run) -> None:
    finding = _refused(
        run,
        """
        import sys
        def make(rows):
            print("hello")
            sys.stderr.write("half a line")
            raise KeyError("day")
        """,
    )
    assert (finding.message, finding.place.line) == ("shop.made: KeyError: 'day'", 6)


def test_a_file_that_is_no_python_is_reported(run: Run) -> None:
    assert "SyntaxError" in _refused(run, "def make(rows:\n").message


@pytest.mark.parametrize("returned", ["None", "[1, 2]", "'rows'"])
def test_anything_but_a_relation_is_refused(run: Run, returned: str) -> None:
    finding = _refused(run, f"def make(rows):\n    return {returned}\n")
    assert "expected a DuckDB relation" in finding.message


@pytest.mark.parametrize("way", ["sys.exit(0)", "os._exit(0)"])
def test_leaving_early_is_a_failure_and_not_an_empty_result(run: Run, way: str) -> None:
    finding = _refused(run, f"import os, sys\ndef make(rows):\n    {way}\n")
    assert (finding.code, "left no rows" in finding.message) == ("task.failed", True)


def test_a_killed_worker_is_a_failure(run: Run) -> None:
    finding = _refused(run, "import os\ndef make(rows):\n    os.kill(os.getpid(), 9)\n")
    assert "code -9" in finding.message


def test_too_much_memory_is_a_failure_of_the_task_alone(run: Run) -> None:
    finding = _refused(run, "def make(rows):\n    return bytearray(8 << 30)\n")
    assert "MemoryError" in finding.message


def test_it_sees_no_secret_of_the_environment(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PENSTOCK_PASSPHRASE", "open sesame")
    monkeypatch.setenv("PENSTOCK_KEYS", "/keys")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "xyz")
    code = """
        import os, duckdb
        def make(rows):
            names = ",".join(sorted(os.environ))
            return duckdb.sql(f"SELECT '{names}' AS names, '{os.environ['HOME']}' AS home, '{os.getcwd()}' AS here")
        """
    ((names, home, here),) = run(code)
    assert set(str(names).split(",")) <= {"PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "HOME"}
    assert home == here
    assert Path(str(home)).parent == tmp_path / "spool"


def test_its_standard_input_and_output_are_its_own(run: Run, capfd: pytest.CaptureFixture[str]) -> None:
    run("import sys\nprint('loud')\ndef make(rows):\n    assert sys.stdin.read() == ''\n    return rows\n")
    assert capfd.readouterr() == ("", "")


def _sleeper(pids: Path, *, session: bool) -> str:
    return f"""
        import os, subprocess, sys, time
        def make(rows):
            sleep = [sys.executable, "-c", "import time; time.sleep(30)"]
            given = {{"start_new_session": True}} if {session} else {{"stderr": subprocess.DEVNULL}}
            child = subprocess.Popen(sleep, **given)
            with open({str(pids)!r}, "w") as stream:
                stream.write(f"{{os.getpid()}} {{child.pid}}")
            time.sleep(30)
        """


def test_past_its_timeout_it_and_all_it_started_are_killed(run: Run, tmp_path: Path) -> None:
    finding = _refused(run, _sleeper(tmp_path / "pids", session=False), timeout=1.5)
    assert (finding.code, "longer than 1.5 s" in finding.message) == ("task.timeout", True)
    worker, child = (int(pid) for pid in (tmp_path / "pids").read_text(encoding="utf-8").split())
    assert not _alive(worker)
    for _ in range(300):  # the kernel has it; init takes it away
        if not _alive(child):
            break
        time.sleep(0.01)
    assert not _alive(child)


def test_a_process_that_left_the_group_cannot_hold_up_the_executor(run: Run, tmp_path: Path) -> None:
    """It keeps the worker's standard error open; the executor does not wait for its end."""
    pids = tmp_path / "pids"
    assert _refused(run, _sleeper(pids, session=True), timeout=1.5).code == "task.timeout"
    child = int(pids.read_text(encoding="utf-8").split()[1])
    assert _alive(child)
    os.kill(child, signal.SIGKILL)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
