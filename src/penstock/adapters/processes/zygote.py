"""The fork server of one executor: a warm process with nothing of any project in it, and a fresh fork for each attempt.

Invariants: no thread runs and no database is open here, so that a fork is a whole process; a child does one attempt
and ends; what an attempt leaves running is killed before its end is told; when the executor ends, however it ends, a
guardian that does nothing else kills everything below it, and so it does when the fork server itself ends.

    executor -- guardian -- zygote -- worker -- whatever the task starts

The executor sends a line of JSON and four descriptors over the control socket: the request (a file in memory, which
only the attempt reads), the pipe for what the task prints, the pipe for what the attempt says about itself, and the
socket for what the zygote says about the attempt: `started`, with a descriptor of the process, and how it ended; or
that there was no room to start it.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import traceback
import warnings
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from penstock.adapters.processes import worker
from penstock.adapters.processes.ancestry import children_of, end_children
from penstock.adapters.processes.linux import adopt_orphans, die_with

if TYPE_CHECKING:
    import resource

LIBRARIES = ("narwhals", "numpy", "pandas", "polars", "pyarrow")
READY = b"ready"
MOST_BYTES = 4096
SPARES = 2
SETTLING_MS = 30
IDLE_MS = 300_000


@dataclass(frozen=True, slots=True)
class Spare:
    """A child that has opened its database and waits on `line` for its one attempt."""

    pid: int
    line: socket.socket


@dataclass(slots=True)
class Zygote:
    """The fork server's state: workers at an attempt by process, and those that wait for one."""

    control: socket.socket
    attempts: dict[int, socket.socket] = field(default_factory=dict)
    spares: list[Spare] = field(default_factory=list)
    warm: set[str] = field(default_factory=set)
    bell: tuple[int, int] = field(default_factory=os.pipe)
    filling: bool = True

    def serve(self) -> None:
        """Take orders until the executor is gone, or has had no use for it for long; it will start another one."""
        for end in self.bell:
            os.set_blocking(end, False)
        signal.set_wakeup_fd(self.bell[1], warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        self._warm_up(["duckdb"])
        open_and_close_database()
        self.control.send(READY)
        poller = select.poll()
        poller.register(self.control, select.POLLIN)
        poller.register(self.bell[0], select.POLLIN)
        while True:
            ready = poller.poll(self._patience())
            if not ready and not self._lacks_spares():
                return
            if not ready:
                self._add_spare()
            for descriptor, _ in ready:
                if descriptor == self.bell[0]:
                    with suppress(BlockingIOError):
                        os.read(self.bell[0], 4096)
                    self._reap()
                elif not self._take():
                    return

    def _warm_up(self, libraries: list[str]) -> None:
        """Import what is installed of these libraries; children forked before that are of no use any more."""
        fresh = [name for name in libraries if name not in self.warm]
        if not fresh:
            return
        self.warm.update(fresh)
        for name in fresh:
            for module in (name, *companions_of(name)):
                with suppress(ImportError):  # the task's own import will say so, where it stands
                    importlib.import_module(module)
        for spare in self.spares:
            spare.line.close()
        self.spares.clear()
        gc.collect()
        gc.freeze()

    def _lacks_spares(self) -> bool:
        return self.filling and len(self.spares) < SPARES

    def _patience(self) -> int | None:
        """Milliseconds to wait for something to do before doing something unasked; spares let the work go first."""
        if self._lacks_spares():
            return SETTLING_MS if self.attempts else 0
        return None if self.attempts else IDLE_MS

    def _add_spare(self) -> None:
        try:
            self.spares.append(self._fork(open_database=True))
        except OSError:  # no room for another process now; the next order will try again
            self.filling = False

    def _take(self) -> bool:
        """Give one order to a worker; False once the executor is gone."""
        data, descriptors, _, _ = socket.recv_fds(self.control, MOST_BYTES, 4)
        if not data:
            return False
        *wires, told = descriptors
        ended = socket.socket(fileno=told)
        order = json.loads(data)
        self._warm_up([name for name in order["libraries"] if name in LIBRARIES])
        try:
            self._give(wires, ended, database=order["database"])
        except OSError as error:
            with ended, suppress(OSError):
                ended.send(json.dumps({"refused": error.strerror}).encode())
        for descriptor in wires:
            os.close(descriptor)
        self.filling = True
        return True

    def _give(self, wires: list[int], ended: socket.socket, *, database: bool) -> None:
        spare = self.spares.pop(0) if database and self.spares else self._fork(open_database=False)
        with spare.line:
            process = os.pidfd_open(spare.pid)
            try:
                socket.send_fds(spare.line, [b"go"], wires)
                self.attempts[spare.pid] = ended
                socket.send_fds(ended, [b"started"], [process])
            except OSError:  # the worker or the executor's end is gone
                signal.pidfd_send_signal(process, signal.SIGKILL)
                raise
            finally:
                os.close(process)

    def _fork(self, *, open_database: bool) -> Spare:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        zygote = os.getpid()
        pid = os.fork()
        if pid:
            theirs.close()
            return Spare(pid, ours)
        try:
            ours.close()
            self._forget()
            worker.live(theirs, zygote, open_database=open_database)
        except BaseException:  # noqa: BLE001 - a child's front door: it never returns into the zygote's loop
            traceback.print_exc()
        finally:
            os._exit(worker.BROKEN)

    def _forget(self) -> None:
        """In a child: let go of every descriptor that means the executor or another attempt."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for end in self.bell:
            os.close(end)
        self.control.close()
        for ended in self.attempts.values():
            ended.close()
        for spare in self.spares:
            spare.line.close()

    def _reap(self) -> None:
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            ended = self.attempts.pop(pid, None)
            if ended is not None:
                self._tell(ended, status, usage)
            elif any(spare.pid == pid for spare in self.spares):
                self.spares = [spare for spare in self.spares if spare.pid != pid]
                self.filling = False  # another one would end as well, until something has changed

    def _tell(self, ended: socket.socket, status: int, usage: resource.struct_rusage) -> None:
        self._sweep()
        cpu = int((usage.ru_utime + usage.ru_stime) * 1_000_000)
        told = {"status": status, "cpu": cpu, "memory": usage.ru_maxrss * 1024}
        with ended, suppress(OSError):
            ended.send(json.dumps(told).encode())

    def _sweep(self) -> None:
        """Kill what ended attempts have left: every child that is neither at work nor waiting."""
        spared = frozenset(self.attempts) | frozenset(spare.pid for spare in self.spares)
        if children_of(os.getpid()) - spared:
            end_children(spared)


def companions_of(library: str) -> tuple[str, ...]:
    """What is imported sooner or later once a library is used for rows."""
    if library == "pandas":
        return ("pyarrow", "pyarrow.pandas_compat")
    if library == "pyarrow" and sys.modules["duckdb"].__version__.startswith("1."):
        return ("pyarrow.dataset", "pandas")  # DuckDB looks for these when it is first given an Arrow table
    return ()


def open_and_close_database() -> None:
    """Have DuckDB's memory and code in place, which saves each worker a fifth of the time to open its own.

    What is closed leaves no thread behind; a fork with one would hang. DuckDB before 2.0 opens a database of its own
    accord when it is imported, and that is closed as well.
    """
    import duckdb  # noqa: PLC0415 - imported by now

    if _threads() > 1:
        duckdb.default_connection().close()
    with duckdb.connect(":memory:", config={"threads": 1}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
    if _threads() > 1:
        raise RuntimeError("DuckDB has left a thread behind: workers cannot be forked")


def _threads() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


def guard(control: socket.socket, zygote: int) -> NoReturn:
    """Wait until the executor or the zygote is gone, then kill all that is left below here."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    process = os.pidfd_open(zygote)
    poller = select.poll()
    poller.register(control, 0)  # the other end's closing shows without being asked for
    poller.register(process, select.POLLIN)
    poller.poll()
    end_children()
    os._exit(0)


def main() -> None:
    """`python -m penstock.adapters.processes.zygote DESCRIPTOR`: the control socket's number."""
    warnings.filterwarnings("ignore", message="This process .* is multi-threaded", category=DeprecationWarning)
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    adopt_orphans()
    guardian = os.getpid()
    pid = os.fork()
    if pid:
        guard(control, pid)
    die_with(guardian)
    adopt_orphans()
    Zygote(control).serve()


if __name__ == "__main__":
    main()
