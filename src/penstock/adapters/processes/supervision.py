"""One attempt, seen from the executor: its output is taken, its time is measured, its end is waited for."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from penstock.adapters.processes.forkserver import Wires
    from penstock.adapters.processes.logs import LogWriter

GRACE_SECONDS = 10.0
"""How long a killed attempt may take to be reported gone before the whole fork server is given up."""
START_SECONDS = 60.0
_CHUNK = 1 << 16
_MOST_SAID = 1 << 18


class NoRoomError(Exception):
    """The fork server could not start another process."""


class LostError(Exception):
    """The fork server ended or does not answer; `started` says whether the attempt had begun."""

    def __init__(self, *, started: bool) -> None:
        super().__init__("the fork server is gone")
        self.started = started


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a worker said of itself, or its task in its place: of that, only the kinds of the values are certain."""

    outcome: str = ""
    type: str = ""
    message: str = ""
    module: str = ""
    line: int | None = None
    code: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How an attempt's process ended: its wait status, what it said of itself, and what it used."""

    status: int
    said: Said
    cpu: int
    memory: int


@dataclass(slots=True)
class Attempt:
    """An attempt of a run. `stop` may be called from any thread and at any time."""

    run: str
    seconds: float
    timed_out: bool = False
    stopped: bool = False
    _process: int | None = None
    _killed_at: float | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def stop(self) -> None:
        """Kill it, or see to it that it is killed as soon as it begins."""
        with self._lock:
            self.stopped = True
            self._kill()

    def watch(self, wires: Wires, log: LogWriter) -> Ended:
        """Take what it prints and says until it has ended and nothing is left of what it started.

        Raises:
            LostError: nobody will tell.
            NoRoomError: it was not begun.
        """
        try:
            return self._watch(wires, log)
        except (LostError, NoRoomError):
            raise
        except BaseException:  # nobody waits for this attempt any more
            self.stop()
            with suppress(LostError, NoRoomError):
                self._watch(wires, log)
            raise
        finally:
            self._let_go()

    def _watch(self, wires: Wires, log: LogWriter) -> Ended:
        poller = select.poll()
        for descriptor in (wires.log, wires.said, wires.ended.fileno()):
            poller.register(descriptor, select.POLLIN)
        said = bytearray()
        until = time.monotonic() + START_SECONDS
        while True:
            ready = {
                descriptor for descriptor, _ in poller.poll(max(0.0, self._until(until) - time.monotonic()) * 1000)
            }
            if wires.log in ready and not _take(wires.log, log.write):
                poller.unregister(wires.log)
            if wires.said in ready and not _take(wires.said, said.extend):
                poller.unregister(wires.said)
            if wires.ended.fileno() in ready:
                told = self._hear(wires.ended)
                if told is not None:
                    _drain(wires.log, log.write)
                    _drain(wires.said, said.extend)
                    return Ended(said=_read(said), **told)
                until = time.monotonic() + self.seconds
            elif not ready and time.monotonic() >= self._until(until):
                self._run_out()

    def _until(self, until: float) -> float:
        """When to stop waiting: the attempt's time, or the grace after it was killed."""
        return until if self._killed_at is None else self._killed_at + GRACE_SECONDS

    def _run_out(self) -> None:
        with self._lock:
            if self._process is None or self._killed_at is not None:
                raise LostError(started=self._process is not None)
            self.timed_out = True
            self._kill()

    def _hear(self, ended: socket.socket) -> dict[str, int] | None:
        """What the zygote tells of the end; None when it tells of the beginning."""
        try:
            data, descriptors, _, _ = socket.recv_fds(ended, 4096, 1)
        except OSError:
            data, descriptors = b"", []
        if not data:
            raise LostError(started=self._process is not None)
        if not descriptors:
            told = _plain(data)
            if "refused" in told:
                raise NoRoomError(str(told["refused"]))
            if set(told) != {"status", "cpu", "memory"} or not all(type(value) is int for value in told.values()):
                raise LostError(started=self._process is not None)  # not our zygote's words
            return told
        with self._lock:
            self._process = descriptors[0]
            if self.stopped:
                self._kill()
        return None

    def _kill(self) -> None:
        if self._process is None or self._killed_at is not None:
            return
        self._killed_at = time.monotonic()
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._process, signal.SIGKILL)

    def _let_go(self) -> None:
        with self._lock:
            if self._process is not None:
                os.close(self._process)
                self._process = None


def _take(descriptor: int, sink: Any) -> bool:
    """Hand on what is there to read; False when nothing will come any more."""
    try:
        data = os.read(descriptor, _CHUNK)
    except BlockingIOError:
        return True
    sink(data)
    return bool(data)


def _drain(descriptor: int, sink: Any) -> None:
    """Hand on everything that is there. What still holds the other end is not waited for."""
    with suppress(BlockingIOError):
        while data := os.read(descriptor, _CHUNK):
            sink(data)


def _read(said: bytearray) -> Said:
    """What the worker said; nothing if it was interrupted."""
    told = _plain(bytes(said[:_MOST_SAID]))
    texts = {name: told[name] for name in ("outcome", "type", "message", "module") if type(told.get(name)) is str}
    numbers = {name: told[name] for name in ("line", "code") if type(told.get(name)) is int}
    return Said(**texts, **numbers)


def _plain(data: bytes) -> dict[str, Any]:
    """A JSON object, or an empty one for anything else."""
    try:
        told = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}
