"""The process that runs suites: what it is asked, what it may not do, and how it ends."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from penstock.adapters.great_expectations.auditing import SuiteAuditor
from penstock.adapters.great_expectations.program import refuse_lost
from penstock.adapters.great_expectations.suites import load_suites
from penstock.model.errors import InputError, TaskError
from penstock.model.pipelines import Dataset, Materialization, Project, Settings
from penstock.model.sources import FileSource
from penstock.model.suites import Expectations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

SUITE: dict[str, Any] = {
    "name": "orders",
    "expectations": [{"type": "expect_column_to_exist", "kwargs": {"column": "n"}}],
}
FILES: Mapping[str, Any] = {
    "gx/expectations/orders.json": SUITE,
    "gx/expectations/more.json": {**SUITE, "name": "more"},
    "gx/validation_definitions/v.json": {"name": "v", "suite": {"name": "orders", "id": "1"}, "data": {}},
    "gx/validation_definitions/w.json": {"name": "w", "suite": {"name": "more", "id": "2"}, "data": {}},
    "gx/checkpoints/nightly.json": {
        "name": "nightly",
        "validation_definitions": [{"name": "v"}, {"name": "w"}],
        "actions": [{"type": "slack", "slack_webhook": "https://example.com"}],
    },
}
BODY_OF_SOMEBODY_WHO_CALLS = """\
import socket
with socket.create_connection(("127.0.0.1", {port}), timeout=5) as line:
    line.sendall(b"who uses what")
"""


def write(root: Path, files: Mapping[str, Any] = FILES) -> None:
    for name, document in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(document if isinstance(document, str) else json.dumps(document))


def held(*files: str, checkpoint: bool = False, timeout: timedelta | None = None) -> Dataset:
    uses = tuple(Expectations(dataset="shop.orders", file=file, is_checkpoint=checkpoint) for file in files)
    task = FileSource(path="orders.csv", columns=("n",))
    return Dataset(
        name="shop.orders",
        file="orders.yaml",
        task=task,
        materialization=Materialization.TABLE,
        suites=uses,
        timeout=timeout,
    )


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose modules the process finds before those that are installed."""
    folder = tmp_path / "modules"
    folder.mkdir()
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]).rstrip(":"))
    return folder


def audited(
    root: Path, dataset: Dataset, is_unwanted: Callable[[], bool] = lambda: False, rows: Path | None = None
) -> TaskError:
    scratch = root / "scratch"
    scratch.mkdir()
    project = Project(settings=Settings(name="shop"), pipelines={}, datasets={dataset.name: dataset})
    with pytest.raises(TaskError) as caught:
        SuiteAuditor(root, project).audit(dataset, rows or scratch / "rows.parquet", is_unwanted)
    return caught.value


# -- suites -----------------------------------------------------------------------------------------------------------


def test_a_checkpoint_stands_for_the_suites_of_its_validations(tmp_path: Path) -> None:
    write(tmp_path)
    uses = held("gx/checkpoints/nightly.json", checkpoint=True).suites
    assert [suite["name"] for suite in load_suites(tmp_path, uses)] == ["orders", "more"]
    assert load_suites(tmp_path, held("gx/expectations/orders.json").suites) == (SUITE,)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("gone.json", None),
        ("text.json", "no JSON"),
        ("list.json", "[]"),
        ("other.json", '{"name": "x"}'),
        ("empty.json", '{"name": "x", "expectations": []}'),
        ("deep.json", "[" * 200_000),
    ],
)
def test_a_file_that_is_no_suite_says_so(tmp_path: Path, file: str, text: str | None) -> None:
    write(tmp_path, {} if text is None else {file: text})
    with pytest.raises(InputError) as caught:
        load_suites(tmp_path, held(file).suites)
    assert [(one.code, one.place.file) for one in caught.value.findings] == [("expectations.no_suite", file)]


def test_every_file_that_cannot_be_used_is_named_at_once(tmp_path: Path) -> None:
    write(tmp_path, {"gx/checkpoints/c.json": {"validation_definitions": [{"name": "gone"}]}, "x/y/e.json": {}})
    broken = (
        *held("a.json", "b.json").suites,
        *held("gx/checkpoints/c.json", "x/y/e.json", checkpoint=True).suites,
    )
    with pytest.raises(InputError) as caught:
        load_suites(tmp_path, broken)
    assert [one.place.file for one in caught.value.findings] == [
        "a.json", "b.json", "gx/validation_definitions/gone.json", "x/y/e.json"
    ]  # fmt: skip


def test_a_link_that_leads_out_of_the_project_is_not_followed(tmp_path: Path) -> None:
    root = tmp_path / "project"
    write(tmp_path, {"outside.json": SUITE})
    root.mkdir()
    (root / "inside.json").symlink_to(tmp_path / "outside.json")
    with pytest.raises(InputError, match="leads out of the project"):
        load_suites(root, held("inside.json").suites)


# -- the process ------------------------------------------------------------------------------------------------------


def test_without_the_package_the_extra_is_named(tmp_path: Path, stand_in: Path) -> None:
    write(tmp_path)
    (stand_in / "great_expectations.py").write_text("raise ModuleNotFoundError('gone', name='great_expectations')\n")
    (finding,) = audited(tmp_path, held("gx/expectations/orders.json")).findings
    assert finding.code == "expectations.not_installed"
    assert ".[great-expectations]" in (finding.remedy or "")


def test_no_connection_leaves_the_process(tmp_path: Path, stand_in: Path) -> None:
    write(tmp_path)
    with answered() as (port, heard):
        caller = BODY_OF_SOMEBODY_WHO_CALLS.format(port=port)
        (stand_in / "great_expectations.py").write_text(caller)
        subprocess.run([sys.executable, "-c", caller], check=True)
        assert heard == [b"who uses what"], "the call would have been heard"
        (finding,) = audited(tmp_path, held("gx/expectations/orders.json")).findings
        assert heard == [b"who uses what"]
    assert finding.code == "expectations.broken"
    assert "nothing leaves the process" in (finding.found or "")


@contextmanager
def answered() -> Iterator[tuple[int, list[bytes]]]:
    """A server on this machine that keeps what it hears."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def listen() -> None:
            while True:
                try:
                    line, _ = server.accept()
                except OSError:
                    return
                with line:
                    while part := line.recv(1000):
                        heard.append(part)

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1], heard
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def test_its_environment_holds_no_secret(tmp_path: Path, stand_in: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path)
    monkeypatch.setenv("WAREHOUSE_PASSWORD", "hunter2")
    (stand_in / "great_expectations.py").write_text(
        "import os, sys\nsys.exit(' '.join(sorted(os.environ)) + os.environ['GX_ANALYTICS_ENABLED'])\n"
    )
    (finding,) = audited(tmp_path, held("gx/expectations/orders.json")).findings
    assert "WAREHOUSE_PASSWORD" not in (finding.found or "")
    assert (finding.found or "").endswith("false")


def test_it_is_ended_with_the_datasets_time(tmp_path: Path, stand_in: Path) -> None:
    write(tmp_path)
    sleeping_module(stand_in, tmp_path)
    dataset = held("gx/expectations/orders.json", timeout=timedelta(seconds=1))
    (finding,) = audited(tmp_path, dataset).findings
    assert (finding.code, "longer than 1 s" in finding.message) == ("expectations.broken", True)


def test_it_is_ended_when_its_run_is_stopped(tmp_path: Path, stand_in: Path) -> None:
    write(tmp_path)
    sleeping_module(stand_in, tmp_path)
    began = tmp_path / "began"
    (finding,) = audited(tmp_path, held("gx/expectations/orders.json"), lambda: bool(read(began))).findings
    assert "was stopped" in finding.message
    with pytest.raises(ProcessLookupError):
        os.kill(int(read(began)), 0)


def read(path: Path) -> str:
    return path.read_text() if path.is_file() else ""


def sleeping_module(folder: Path, root: Path) -> None:
    said = f"pathlib.Path({str(root / 'began')!r}).write_text(str(os.getpid()))"
    (folder / "great_expectations.py").write_text(f"import os, pathlib, time\n{said}\ntime.sleep(600)\n")


@pytest.mark.slow
@pytest.mark.parametrize(
    "lost",
    [
        {"type": "expect_column_values_to_be_in_sett", "kwargs": {"column": "n", "value_set": [1]}},
    ],
)
def test_an_expectation_that_great_expectations_would_leave_out_fails_the_attempt(
    tmp_path: Path, lost: dict[str, Any]
) -> None:
    pytest.importorskip("great_expectations")
    write(tmp_path, {"s.json": {**SUITE, "expectations": [*SUITE["expectations"], lost]}})
    duckdb.execute(f"COPY (SELECT 1 AS n) TO '{tmp_path}/rows.parquet' (FORMAT parquet)")
    (finding,) = audited(tmp_path, held("s.json"), rows=tmp_path / "rows.parquet").findings
    assert finding.code == "expectations.broken"
    assert lost["type"] in f"{finding.message} {finding.found}"


def test_what_is_asked_twice_and_kept_once_is_not_lost() -> None:
    one, other = SUITE["expectations"][0], {"type": "expect_x", "kwargs": {"column": "n"}}
    refuse_lost([one, one, other], [one["type"], "expect_x"])
    with pytest.raises(ValueError, match=r"1 of 2 .* expect_x"):
        refuse_lost([one, other], [one["type"]])


def test_a_severity_that_there_is_not_is_told_before_anything_runs(tmp_path: Path) -> None:
    wrong = {**SUITE["expectations"][0], "severity": "error"}
    write(tmp_path, {"s.json": {**SUITE, "expectations": [wrong]}})
    with pytest.raises(InputError) as caught:
        load_suites(tmp_path, held("s.json").suites)
    assert "critical" in (caught.value.findings[0].expected or "")
