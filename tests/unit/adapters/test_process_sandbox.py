"""Code that nobody has approved sees its project and the system, read-only: no key, home, network or other process."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from process_bench import Bench, alive, bench_in

from penstock.adapters.processes import sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(not sandbox.works(), reason="bubblewrap is not installed, or may not be used, here")


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with keys and other things in it; the project lies within, as people's projects do."""
    home = tmp_path / "home"
    for path in (
        ".config/penstock/keys/me.key",
        "keys/me.key",
        ".ssh/id",
        "project/.penstock/ledger.db",
        "project/.env",
    ):
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_text("secret", encoding="utf-8")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("PENSTOCK_KEYS", str(home / "keys"))
    return home


@pytest.fixture
def bench(places: Path) -> Iterator[Bench]:
    made = bench_in(places, confined=True)
    with made.processes:
        yield made


def test_an_ordinary_task_works_confined(bench: Bench) -> None:
    bench.write("rates.py", "FACTOR = 2\n")
    code = "from rates import FACTOR\ndef make(rows):\n    return rows.project(f'n * {FACTOR} AS n')\n"
    assert bench.processes.isolation == "bubblewrap"
    assert bench.run(code).rows == [(2,), (4,), (6,)]
    assert len(bench.command("sh", "-c", 'cp "$PENSTOCK_INPUT_ROWS" "$PENSTOCK_OUTPUT"').rows) == 3


@pytest.mark.parametrize(
    "path", [".config/penstock/keys/me.key", "keys/me.key", ".ssh/id", "project/.penstock/ledger.db", "logs"]
)
def test_what_is_none_of_its_business_is_not_there(bench: Bench, places: Path, path: str) -> None:
    (places / "logs").mkdir(exist_ok=True)
    finding = bench.refused(
        bench.run, f"import os\ndef make(rows):\n    return os.stat({str(places / path)!r}) and rows\n"
    )
    assert "FileNotFoundError" in finding.message
    assert (places / path).exists()


def test_a_file_of_local_settings_cannot_be_read(bench: Bench, places: Path) -> None:
    finding = bench.refused(bench.run, f"def make(rows):\n    open({str(places / 'project/.env')!r})\n")
    assert "PermissionError" in finding.message


def test_it_can_write_to_its_folder_and_nowhere_else(bench: Bench, places: Path) -> None:
    code = f"""
        import os
        def make(rows):
            written = []
            for folder in ({str(places / "project")!r}, "/usr", "/etc", os.path.dirname(os.__file__), "/"):
                try:
                    open(f"{{folder}}/written", "w")
                    written.append(folder)
                except OSError:
                    pass
            open("here", "w")
            open("/tmp/private", "w")
            assert written == [], written
            return rows
        """
    assert len(bench.run(code).rows) == 3
    assert not Path("/tmp/private").exists()  # noqa: S108 - that it is not there is the point


@pytest.mark.parametrize(
    "what",
    ["socket.create_connection(('127.0.0.1', PORT), 2)", "socket.create_connection(('192.0.2.1', 80), 2)"],
)
def test_there_is_no_network(bench: Bench, what: str) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        what = what.replace("PORT", str(server.getsockname()[1]))
        finding = bench.refused(bench.run, f"import socket\ndef make(rows):\n    {what}\n    return rows\n")
    assert "OSError" in finding.message or "ConnectionRefusedError" in finding.message


def test_it_sees_no_process_but_those_of_its_sandbox(bench: Bench) -> None:
    code = """
        import os, duckdb
        def make(rows):
            texts = [open(f"/proc/{pid}/environ", "rb").read() for pid in os.listdir("/proc") if pid.isdigit()]
            found = sum(b"PENSTOCK_KEYS" in text for text in texts)
            return duckdb.sql(f"SELECT {len(texts)} < 12 AS few, {found} AS found")
        """
    assert bench.run(code).rows == [(True, 0)]


def test_past_its_timeout_it_is_killed_with_what_it_started(bench: Bench) -> None:
    """Process numbers are others inside, so that it is the output's end that shows it."""
    finding = bench.refused(
        bench.run, "import os, time\ndef make(rows):\n    os.fork()\n    time.sleep(600)\n", timeout=2
    )
    assert finding.code == "task.timeout"
    assert (
        len(bench.run("import os\ndef make(rows):\n    assert len(os.listdir('/proc')) < 99\n    return rows\n").rows)
        == 3
    )


def test_unconfined_it_could_do_all_that(places: Path) -> None:
    """So that the tests above cannot pass for another reason."""
    bench = bench_in(places / "open")
    with bench.processes:
        assert bench.processes.isolation == "process"
        code = f"import os\ndef make(rows):\n    return os.stat({str(places / 'keys/me.key')!r}) and rows\n"
        assert len(bench.run(code).rows) == 3


def test_when_the_fork_server_is_closed_nothing_of_the_sandbox_is_left(bench: Bench) -> None:
    bench.run("def make(rows):\n    return rows\n")
    server = bench.processes._server
    assert server is not None
    assert alive(server.pid)
    bench.processes.close()
    assert not alive(server.pid)
