"""One command works on a project at a time; the kernel gives the lock back when its holder is gone."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from penstock.adapters.lock import exclusive
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
