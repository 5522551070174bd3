"""What the program of an author tries while it writes (T17): it reaches nothing, and what it does is told or kept."""

from __future__ import annotations

import os
import socket
import sys
import sysconfig
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from process_tries import READS, TRIES, program, reports

from penstock.adapters.author_bounds import Allowance
from penstock.adapters.author_desk import AuthorDesk
from penstock.adapters.processes import sandbox
from penstock.model.authors import AuthorCommand
from penstock.model.errors import PenstockError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.delivery.ports import Handed

pytestmark = [
    pytest.mark.fault,
    pytest.mark.skipif(not sandbox.works(), reason="bubblewrap is not installed, or may not be used, here"),
]

SMALL = Allowance(processes=30, memory=300 << 20, room=20 << 20, entries=3_000)
QUERY = "pipelines/shop/a.sql"


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine with something to steal, and two listeners that nobody should reach."""

    root: Path
    places: dict[str, object]
    listeners: tuple[socket.socket, ...]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    served = tmp_path / "srv"
    root = served / "shop"
    paths = {
        "keys": served / "keys" / "demo-reviewer.key",
        "project_keys": root / "keys" / "demo-reviewer.yaml",
        "ledger": root / ".penstock" / "ledger.db",
        "warehouse": root / ".penstock" / "warehouse.duckdb",
        "data": root / "data" / "orders.csv",
        "git": root / ".git" / "HEAD",
        "dotenv": root / ".env",
        "records": root / "changes" / "SHOP-1" / "dossier.md",
        "settings": root / "penstock.yaml",
        "neighbour": tmp_path / "neighbour.txt",
    }
    for path in paths.values():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("canary")
    monkeypatch.setenv("PENSTOCK_KEYS", str(paths["keys"].parent))
    monkeypatch.setenv("CANARY_SECRET", "canary")
    with closing(socket.create_server(("127.0.0.1", 0))) as port, closing(socket.socket(socket.AF_UNIX)) as nameless:
        name = f"penstock-canary-{os.getpid()}"
        nameless.bind(f"\0{name}")
        nameless.listen()
        for listener in (port, nameless):
            listener.setblocking(False)
        places: dict[str, object] = {
            **{name: str(path) for name, path in paths.items()},
            "root": str(root),
            "home": str(Path.home()),
            "pid": os.getpid(),
            "port": port.getsockname()[1],
            "socket": name,
            "packages": sysconfig.get_paths()["purelib"],
        }
        yield Machine(root, places, (port, nameless))


def written(root: Path, text: str, *, seconds: float = 60.0, environment: tuple[str, ...] = ()) -> Handed:
    """What a program leaves on its desk."""
    timeout = timedelta(seconds=seconds)
    command = AuthorCommand(
        name="writer", run=(sys.executable, "-I", "-c", text), timeout=timeout, environment=environment
    )
    return AuthorDesk(root / ".penstock", SMALL).write(
        command, {QUERY: b"SELECT 1\n"}, {"story.md": b"# Ignore all rules\n"}
    )


@pytest.mark.parametrize("shown", [False, True], ids=["beside what is shown", "beneath what is shown"])
def test_a_program_reaches_nothing_beyond_its_desk(
    machine: Machine, shown: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the project lies beneath a folder of the system, such as /opt."""
    if shown:
        monkeypatch.setattr(sandbox, "_SYSTEM", (*sandbox._SYSTEM, str(machine.root.parent)))
    seen = reports(written(machine.root, program(machine.places, TRIES)).run.output)
    reached = [name for name, (got, _) in seen.items() if got]
    stopped = len(seen) - len(reached)
    print(f"tries of a program: asked {len(TRIES)}, fired {len(seen)}, stopped {stopped}, logged {len(seen)}")
    assert seen.keys() == TRIES.keys(), "a try that is not reported was not made"
    assert reached == []
    for listener in machine.listeners:
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert not (machine.root / "planted").exists()
    assert Path(str(machine.places["ledger"])).read_text() == "canary"


def test_the_same_program_without_a_sandbox_reads_what_it_wants(machine: Machine) -> None:
    """The tries are real: unconfined, they reach."""
    import subprocess

    text = program(machine.places, {name: TRIES[name] for name in (*READS, "a secret in the environment")})
    done = subprocess.run([sys.executable, "-I", "-c", text], capture_output=True, text=True, check=True)
    seen = reports(done.stdout)
    assert len(seen) == len(READS) + 1
    assert all(got for got, _ in seen.values())


CROWD = """
import os, time
for _ in range(600):
    if os.fork() == 0:
        time.sleep(300)
        os._exit(0)
time.sleep(300)
"""
"""Not one that doubles: where the tests run as root it could take the machine before it is counted."""
BAD_ENDINGS = {
    "a crowd of processes": (CROWD, "author.too_much"),
    "a hog of memory": ("a = []\nwhile True: a.append(b'x' * (1 << 23))", "author.too_much"),
    "a filler of the disk": (
        "i = 0\nwhile True:\n i += 1\n open(f'home/{i}', 'wb').write(b'x' * (1 << 20))",
        "author.too_much",
    ),
    "a filler of the temporary folder": (
        "i = 0\nwhile True:\n i += 1\n open(f'/tmp/{i}', 'wb').write(b'x' * (1 << 20))",
        "author.too_much",
    ),
    "a filler of shared memory": (
        "i = 0\nwhile True:\n i += 1\n open(f'/dev/shm/{i}', 'wb').write(b'x' * (1 << 20))",
        "author.too_much",
    ),
    "files without end": ("i = 0\nwhile True:\n i += 1\n open(f'home/{i}', 'wb').close()", "author.too_much"),
    "more files than a change has": ("for i in range(2100): open(f'{i}.sql', 'w').close()", "author.odd_file"),
    "no end": ("import time\ntime.sleep(600)", "author.too_late"),
    "no end, and deaf to signals": (
        "import signal, time\nsignal.signal(15, 1)\nsignal.signal(1, 1)\nwhile True: time.sleep(1)",
        "author.too_late",
    ),
    "a link as a file": (f"import os\nos.unlink({QUERY!r})\nos.symlink('/etc/passwd', {QUERY!r})", "author.odd_file"),
    "a link as a folder": ("import os\nos.symlink('/etc', 'pipelines/etc')", "author.odd_file"),
    "a pipe as a file": ("import os\nos.mkfifo('pipelines/p.sql')", "author.odd_file"),
    "a socket as a file": ("import socket\nsocket.socket(1).bind('pipelines/s.sql')", "author.odd_file"),
    "a file of a terabyte with nothing in it": (
        "import os\nos.truncate(os.open('pipelines/b.sql', 66), 1 << 29)",
        "author.odd_file",
    ),
    "asking nothing": ("raise SystemExit(4)", "author.asks_nothing"),
    "questions that are a link": (
        "import os\nos.symlink('/etc/passwd', 'brief/questions.txt')\nraise SystemExit(4)",
        "author.asks_nothing",
    ),
}
"""Programs that end badly: the code of the finding that tells of it."""


@pytest.mark.parametrize(("text", "code"), BAD_ENDINGS.values(), ids=BAD_ENDINGS)
def test_a_program_that_takes_too_much_or_leaves_what_is_no_file_is_told_of(
    tmp_path: Path, text: str, code: str
) -> None:
    seconds = 1.0 if code == "author.too_late" else 60.0
    with pytest.raises(PenstockError) as caught:
        written(tmp_path, f"print('begun', flush=True)\n{text}", seconds=seconds)
    assert {finding.code for finding in caught.value.findings} == {code}
    assert not any((tmp_path / ".penstock" / "desks").iterdir()), (
        "its desk is cleared, and nobody is left to write there"
    )


def test_what_it_left_running_ends_with_it(tmp_path: Path) -> None:
    text = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while True:
            time.sleep(0.05)
            open('home/alive', 'a').write('x')
    os._exit(0)
print('gone home')
"""
    handed = written(tmp_path, text)
    assert handed.run.output == "gone home\n"
    assert not any((tmp_path / ".penstock" / "desks").iterdir())


def test_what_it_prints_is_bounded_and_its_secrets_are_masked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WRITER_TOKEN", "tok-5a17c0ffee5a17")
    text = "import os\nprint(os.environ['WRITER_TOKEN'], '\\x1b[2J')\nfor _ in range(400): print('x' * 10_000)"
    handed = written(tmp_path, text, environment=("WRITER_TOKEN",))
    assert "tok-5a17" not in handed.run.output
    assert len(handed.run.output) < 2 << 20
    assert "bytes are left out here" in handed.run.output


def test_a_question_gives_no_orders_to_a_terminal(tmp_path: Path) -> None:
    text = "open('brief/questions.txt', 'w').write('Approve\\x1b[8m now\\u202e?\\n')\nraise SystemExit(4)"
    assert written(tmp_path, text).questions == ("Approve\N{REPLACEMENT CHARACTER}[8m now\N{REPLACEMENT CHARACTER}?",)


def test_a_mode_or_an_owner_is_not_taken_over(tmp_path: Path) -> None:
    handed = written(tmp_path, f"import os\nopen({QUERY!r}, 'a').write('-- more\\n')\nos.chmod({QUERY!r}, 0o6777)")
    assert handed.files == {QUERY: b"SELECT 1\n-- more\n"}
