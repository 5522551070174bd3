"""What a program that writes a change may take: time, processes, memory, room. Whoever takes more is ended.

It is looked at from outside while the program runs: limits of the kernel's own count for each process alone, or not at
all for the superuser. In the time between two looks a program can take more than it may, and no more than that.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.adapters.processes.ancestry import children_of

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

_PAGE = os.sysconf("SC_PAGE_SIZE")
_PAUSE = 0.1
_SHARE = 10
"""Looking takes at most one part in so many of the time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """How much a program may take at once: processes, resident bytes of all of them, bytes and entries on its desk."""

    processes: int = 256
    memory: int = 4 << 30
    room: int = 2 << 30
    entries: int = 100_000


class Watch:
    """Looks after a running program until it is closed; `reason` says why it was ended, if it was."""

    def __init__(self, process: subprocess.Popen[bytes], desk: Path, seconds: float, allowance: Allowance) -> None:
        self._process, self._desk, self._allowance = process, desk, allowance
        self._until = time.monotonic() + seconds
        self._closed = threading.Event()
        self.is_late = False
        self.reason = ""
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Kill what still runs, with everything it started: the sandbox ends with its first process."""
        self._closed.set()
        self._thread.join()
        self._end()

    def _look(self) -> None:
        pause = _PAUSE
        while not self._closed.wait(pause):
            began = time.monotonic()
            self.is_late = began > self._until
            self.reason = _excess(self._process.pid, self._desk, self._allowance)
            if self.is_late or self.reason:
                self._end()
                return
            pause = max(_PAUSE, _SHARE * (time.monotonic() - began))

    def _end(self) -> None:
        if self._process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)


def _excess(pid: int, desk: Path, allowance: Allowance) -> str:
    """What a program takes too much of, in words; nothing if it keeps within bounds."""
    memory = room = 0
    for processes, descendant in enumerate(_descendants(pid), 1):
        memory += _resident(descendant)
        if processes > allowance.processes:
            return f"more than {allowance.processes:,} processes"
        if memory > allowance.memory:
            return f"more than {allowance.memory >> 20:,} MiB of memory"
    for entries, size in enumerate(_sizes(desk), 1):
        room += size
        if entries > allowance.entries:
            return f"more than {allowance.entries:,} files and folders"
        if room > allowance.room:
            return f"more than {allowance.room >> 20:,} MiB of files"
    return ""


def _descendants(pid: int) -> Iterator[int]:
    """Everything that descends from a process; an orphan descends from the first process of its sandbox."""
    waiting = [pid]
    while waiting:
        fresh = children_of(waiting.pop())
        waiting += fresh
        yield from fresh


def _resident(pid: int) -> int:
    with suppress(OSError, IndexError):  # it has ended since
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE
    return 0


def _sizes(folder: Path) -> Iterator[int]:
    """What every entry beneath a folder takes on the disk; links are not followed."""
    with suppress(OSError), os.scandir(folder) as entries:  # it is gone, or its owner closed it to us
        for entry in entries:
            with suppress(OSError):
                yield entry.stat(follow_symlinks=False).st_blocks * 512
                if entry.is_dir(follow_symlinks=False):
                    yield from _sizes(Path(entry.path))
