"""The executor's end of its fork server: starts it when it is first needed, hands it orders, and ends it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from penstock.adapters.processes.zygote import MOST_BYTES, READY

if TYPE_CHECKING:
    from collections.abc import Sequence

KEPT = ("PATH", "LANG", "LC_ALL", "TZ")
START_SECONDS = 60.0
END_SECONDS = 10.0
_QUIET = {
    # Libraries that start threads when they are imported; a fork is a whole process only without them.
    "OPENBLAS_NUM_THREADS": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
    "_RJEM_MALLOC_CONF": "background_thread:false",
}


class NotStartedError(Exception):
    """An order was not begun: no fork server could be started, or it ended first."""


@dataclass(frozen=True, slots=True)
class Wires:
    """The executor's ends of what connects it with one attempt."""

    log: int
    said: int
    ended: socket.socket

    def close(self) -> None:
        """Let go of all of them."""
        os.close(self.log)
        os.close(self.said)
        self.ended.close()


class ForkServer:
    """A running fork server. `wrapping` is put before its command line, to confine it."""

    def __init__(self, wrapping: Sequence[str] = ()) -> None:
        """Start it, and wait until it can take orders.

        Raises:
            NotStartedError: it ended instead.
        """
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._sending = threading.Lock()
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the fork server runs
        self._spawned = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        with theirs:
            number = str(theirs.fileno())
            command = [*wrapping, sys.executable, "-P", "-m", "penstock.adapters.processes.zygote", number]
            # What confines the fork server ends with the thread that started it: this one lives as long as it does.
            keeper = threading.Thread(target=self._keep, args=(command, theirs.fileno()), daemon=True)
            keeper.start()
            self._spawned.wait()
        self._control.settimeout(START_SECONDS)
        with suppress(OSError):
            if self._control.recv(MOST_BYTES) == READY:
                self._control.settimeout(None)
                return
        complaint = self._complaint()
        self.close()
        raise NotStartedError(complaint)

    def _keep(self, command: list[str], descriptor: int) -> None:
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._complaints,
                env={name: os.environ[name] for name in KEPT if name in os.environ} | _QUIET,
                cwd="/",
                pass_fds=(descriptor,),
                start_new_session=True,
            )
        except OSError as error:
            self._complaints.write(str(error).encode())
            return
        finally:
            self._spawned.set()
        self._process.wait()

    @property
    def alive(self) -> bool:
        """Whether it can take orders."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The number of the process that was started."""
        assert self._process is not None  # noqa: S101 - a fork server that did not start is nobody's
        return self._process.pid

    def submit(self, order: dict[str, Any], *, libraries: Sequence[str], database: bool) -> Wires:
        """Hand over an order; the wires to its attempt.

        Raises:
            NotStartedError: the fork server is gone.
        """
        request = _in_memory(order)
        log, log_end = os.pipe()
        said, said_end = os.pipe()
        ended, ended_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        line = json.dumps({"libraries": list(libraries), "database": database}).encode()
        wires = Wires(log=log, said=said, ended=ended)
        try:
            with self._sending:
                socket.send_fds(self._control, [line], [request, log_end, said_end, ended_end.fileno()])
        except OSError as error:
            wires.close()
            raise NotStartedError(self._complaint()) from error
        finally:
            ended_end.close()
            for descriptor in (request, log_end, said_end):
                os.close(descriptor)
        for descriptor in (log, said):
            os.set_blocking(descriptor, False)
        return wires

    def close(self) -> None:
        """End it with everything that it started, and wait until all is gone."""
        self._control.close()
        if self._process is not None:
            try:
                self._process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._complaints.close()

    def _complaint(self) -> str:
        if self._complaints.closed:
            return "it was ended"
        self._complaints.seek(0)
        lines = self._complaints.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it ended without a word"


def _in_memory(order: dict[str, Any]) -> int:
    """A file in memory that holds the order: no size limit, on no disk, and read by the attempt alone."""
    descriptor = os.memfd_create("order")
    with os.fdopen(os.dup(descriptor), "wb") as stream:
        stream.write(json.dumps(order).encode())
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
