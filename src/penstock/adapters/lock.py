"""Who may execute: a lock on one file, which the kernel gives back when its holder dies, however it dies."""

from __future__ import annotations

import fcntl
import os
import signal
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.model.errors import WaitingError
from penstock.model.findings import Finding, Place

if TYPE_CHECKING:
    from collections.abc import Iterator

WAL_WRITE_LOCK = 120
"""The byte of an SQLite file's shared memory that is locked by whoever writes (its documentation of the WAL index)."""
LOCKS, MOUNTS = Path("/proc/locks"), Path("/proc/self/mountinfo")


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock file for the time of the block.

    Raises:
        WaitingError: another process holds it; the finding names its pid.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(descriptor, 100).decode(errors="replace").strip()
            finding = Finding(
                code="executor.busy",
                message=f"another penstock command is working on this project (process {holder or 'unknown'})",
                place=Place(file=str(path)),
                expected="one command at a time that builds, promotes or delivers",
                remedy="wait for it to end, then run this command again",
            )
            raise WaitingError(finding) from error
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        yield
    finally:
        os.close(descriptor)


def evict(path: Path, pid: str) -> bool:
    """Kill the process `pid` if the kernel says that it holds the lock; whether it did.

    What a file says about its holder may be old and the number somebody else's by now: the kernel's own list is asked,
    after the process was taken hold of, so that what is killed is what holds the lock.
    """
    if not pid.isdecimal() or not int(pid):
        return False
    try:
        process = os.pidfd_open(int(pid))
    except (OSError, OverflowError):  # it is gone, or never was
        return False
    try:
        if int(pid) not in holders(path):
            return False
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(process, signal.SIGKILL)
        return True
    finally:
        os.close(process)


def holders(path: Path) -> set[int]:
    """The processes that hold a lock on a file, by the kernel's word; none where it does not say."""
    return {int(words[4]) for words in _locks_on(path) if words[1] == "FLOCK"}


def writers(path: Path) -> set[int]:
    """The processes that hold the write lock of an SQLite file in WAL mode, by the kernel's word."""
    locks = _locks_on(path.with_name(f"{path.name}-shm"))
    held = [words for words in locks if words[1] == "POSIX" and words[3] == "WRITE"]
    return {int(words[4]) for words in held if words[7] == "EOF" or int(words[6]) <= WAL_WRITE_LOCK <= int(words[7])}


def _locks_on(path: Path) -> list[list[str]]:
    """The kernel's list for a file: number, kind, mode, read or write, process, file, first and last byte."""
    try:
        file = _as_listed(path)
        lines = LOCKS.read_text(encoding="ascii").splitlines()
    except OSError:
        return []
    return [words for line in lines if "->" not in line and (words := line.split())[5] == file]


def _as_listed(path: Path) -> str:
    """A file as the kernel's list names it: device and inode.

    The device is that of its mount: some file systems give `stat` another one for each of their subvolumes.
    """
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        told = Path(f"/proc/self/fdinfo/{descriptor}").read_text(encoding="ascii").split()
        mount = told[told.index("mnt_id:") + 1]
        inode = os.fstat(descriptor).st_ino
    finally:
        os.close(descriptor)
    mounts = [line.split(maxsplit=3) for line in MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines()]
    major, minor = next((words[2].split(":") for words in mounts if words[0] == mount), ("0", "0"))
    return f"{int(major):02x}:{int(minor):02x}:{inode}"
