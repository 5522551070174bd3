"""Finds and kills processes by descent, which no new session, group or double fork can hide from a parent that adopts.

A process is told apart from a later one under the same number by the moment it started, and is signalled through a
file descriptor that means that process alone.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

Process = tuple[int, str]
"""A process: its number and when it started, as the kernel writes it."""

_PROC = Path("/proc")
_STARTED, _PARENT, _STATE = 19, 1, 0  # places after the name in /proc/PID/stat


def children_of(pid: int) -> frozenset[int]:
    """The processes whose parent is this one, zombies included."""
    found: set[int] = set()
    try:
        for thread in (_PROC / str(pid) / "task").iterdir():
            with suppress(ProcessLookupError):  # a thread that has just ended
                found.update(map(int, (thread / "children").read_text(encoding="ascii").split()))
    except FileNotFoundError:  # the process is gone, or the kernel keeps no such lists
        return _children_by_walk(pid) if (_PROC / str(pid)).exists() else frozenset()
    except ProcessLookupError:
        return frozenset()
    return frozenset(found)


def end_descendants(roots: Iterable[int]) -> None:
    """Kill these processes and all that descend from them: stopped first, so that none can fork out of reach."""
    held: dict[Process, int] = {}
    try:
        with suppress(OSError):  # too many for our descriptors: these first, and whoever asked looks again
            while fresh := _new_descendants(roots, held):
                for process in fresh:
                    descriptor = _hold(process)
                    if descriptor is not None:
                        held[process] = descriptor
                        _send(descriptor, signal.SIGSTOP)
        for descriptor in held.values():
            _send(descriptor, signal.SIGKILL)
    finally:
        for descriptor in held.values():
            os.close(descriptor)


def end_children(spared: frozenset[int] = frozenset(), seconds: float = 10.0) -> bool:
    """Kill every child of this process but the spared ones, with all they started, and reap them; whether none is left.

    Orphans that their parent's end hands to this process are killed too. Gives up after so many seconds on what the
    kernel cannot kill.
    """
    mine = os.getpid()
    until = time.monotonic() + seconds
    while left := children_of(mine) - spared:
        end_descendants(left)
        for pid in left:
            _reap(pid)
        if time.monotonic() > until:
            return False
    return True


def _reap(pid: int) -> None:
    with suppress(ChildProcessError):
        for _ in range(100):
            if os.waitpid(pid, os.WNOHANG)[0]:
                return
            time.sleep(0.001)


def _new_descendants(roots: Iterable[int], held: dict[Process, int]) -> list[Process]:
    fresh = []
    seen: set[int] = set()
    todo = list(roots)
    while todo:
        pid = todo.pop()
        if pid in seen:
            continue
        seen.add(pid)
        todo.extend(children_of(pid))
        fields = _fields(pid)
        if fields is not None and fields[_STATE] != "Z" and (pid, fields[_STARTED]) not in held:
            fresh.append((pid, fields[_STARTED]))
    return fresh


def _hold(process: Process) -> int | None:
    """A descriptor of exactly this process; None if it has ended."""
    pid, started = process
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    fields = _fields(pid)
    if fields is None or fields[_STARTED] != started:
        os.close(descriptor)
        return None
    return descriptor


def _send(descriptor: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        signal.pidfd_send_signal(descriptor, number)


def _fields(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat that come after the name, which may hold anything."""
    try:
        return (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def _children_by_walk(parent: int) -> frozenset[int]:
    pids = [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit()]
    return frozenset(pid for pid in pids if (fields := _fields(pid)) is not None and int(fields[_PARENT]) == parent)
