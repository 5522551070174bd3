"""One command works on a project at a time; the kernel gives the lock back when its holder is gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import apsw
import pytest

from penstock.adapters import lock
from penstock.adapters.lock import LOCKS, evict, exclusive, holders, writers
from penstock.model.errors import WaitingError

if TYPE_CHECKING:
    from pathlib import Path

HOLDER = """
import sys
from pathlib import Path
from penstock.adapters.lock import exclusive
with exclusive(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def _holder(path: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", HOLDER, str(path)]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def test_a_second_holder_is_told_who_has_it(tmp_path: Path) -> None:
    path = tmp_path / "state" / "executor.lock"
    (tmp_path / "state").mkdir()
    with _holder(path) as holder:
        with pytest.raises(WaitingError) as caught, exclusive(path):
            pytest.fail("two hold it")
        holder.communicate()
    finding = caught.value.findings[0]
    assert (finding.code, f"process {holder.pid}" in finding.message) == ("executor.busy", True)
    assert caught.value.exit_code == 4


def test_the_kernel_says_who_holds_it_and_only_that_process_can_be_evicted(tmp_path: Path) -> None:
    path, other = tmp_path / "executor.lock", tmp_path / "other.lock"
    with _holder(path) as holder, _holder(other) as innocent:
        assert (holders(path), holders(other)) == ({holder.pid}, {innocent.pid})
        assert not any(evict(path, pid) for pid in (str(innocent.pid), "0", "", "x", "9" * 30))
        assert innocent.poll() is None
        assert evict(path, str(holder.pid))
        holder.wait(10)
        assert (holder.returncode, holders(path)) == (-9, set())
        innocent.communicate()
    assert innocent.returncode == 0


def test_the_holder_of_a_file_with_the_same_number_on_another_device_is_not_its_holder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, listed = tmp_path / "executor.lock", tmp_path / "locks"
    with _holder(path) as holder:
        lines = LOCKS.read_text(encoding="ascii").splitlines()
        (line,) = [line for line in lines if line.split()[1] == "FLOCK" and line.split()[4] == str(holder.pid)]
        words = line.split()
        inode = words[5].rpartition(":")[2]
        listed.write_text(f"{line}\n{' '.join([*words[:4], '1', f'ff:7f:{inode}', *words[6:]])}\n")
        monkeypatch.setattr(lock, "LOCKS", listed)
        assert holders(path) == {holder.pid}
        assert not evict(path, "1")
        holder.communicate()


def test_a_number_that_was_given_to_another_process_before_the_kernel_was_asked_kills_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is killed is what was taken hold of before, and that has ended."""
    path = tmp_path / "executor.lock"
    signalled: list[int] = []
    kill = os.kill
    with _holder(path) as holder:

        def dies(_path: Path) -> set[int]:
            kill(holder.pid, signal.SIGKILL)
            holder.wait(10)
            return {holder.pid}

        monkeypatch.setattr(lock, "holders", dies)
        monkeypatch.setattr(os, "kill", lambda pid, _number: signalled.append(pid))
        assert evict(path, str(holder.pid))
    assert (holder.returncode, signalled) == (-9, [])


def test_a_killed_holders_lock_is_free(tmp_path: Path) -> None:
    path = tmp_path / "executor.lock"
    with _holder(path) as holder:
        holder.kill()
    assert holder.returncode == -9
    with exclusive(path):
        assert path.read_text(encoding="utf-8") != str(holder.pid)


def test_it_is_given_back_at_the_end_of_the_block_also_after_an_error(tmp_path: Path) -> None:
    path = tmp_path / "new" / "executor.lock"
    with pytest.raises(RuntimeError), exclusive(path):
        raise RuntimeError
    with exclusive(path):
        pass


def test_the_same_process_cannot_hold_it_twice(tmp_path: Path) -> None:
    path = tmp_path / "executor.lock"
    with exclusive(path):
        with pytest.raises(WaitingError), exclusive(path):
            pytest.fail("held twice")
        with pytest.raises(WaitingError), exclusive(path):
            pytest.fail("a refused holder gave it back")


WRITER = """
import sys
import apsw
connection = apsw.Connection(sys.argv[1])
connection.execute("BEGIN IMMEDIATE")
print("writing", flush=True)
sys.stdin.readline()
connection.execute("COMMIT")
print("written", flush=True)
sys.stdin.read()
"""


def test_who_writes_into_a_ledger_is_known_while_it_writes(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA journal_mode=WAL").get  # noqa: B018 - the mode changes as the answer is read
    connection.execute("CREATE TABLE one (n)")
    assert writers(path) == set()
    command = [sys.executable, "-c", WRITER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdin is not None
        assert writer.stdout.readline() == "writing\n"
        assert writers(path) == {writer.pid}
        assert list(connection.execute("SELECT * FROM one")) == []  # one who reads is none
        assert writers(path) == {writer.pid}
        print(file=writer.stdin, flush=True)
        assert writer.stdout.readline() == "written\n"
        assert writers(path) == set()
        writer.stdin.close()
    assert writers(tmp_path / "none.db") == set()
