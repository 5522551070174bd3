"""Faults of the process that executes, one after another, while others stand by.

`kill`: it dies. `stop`: it is stopped until another has taken over, and continued then. `wake`: it is stopped and
continued about when its lease ends, so that it may be alive while another kills it.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from statistics import median
from typing import TYPE_CHECKING

from serving_world import NeverError, Servers, state_of, wait_until

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

STOPPED = "T"


class Fault(StrEnum):
    """What happens to the executor."""

    KILL = "kill"
    STOP = "stop"
    WAKE = "wake"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fired:
    """One fault: the executor's token, whether runs were under way, seconds until another took over (None: nobody)."""

    fault: Fault
    token: int
    working: bool
    takeover: float | None


@dataclass(slots=True, kw_only=True)
class Tally:
    """Faults asked for and what came of them."""

    asked: int
    fired: list[Fired] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """The figures."""
        kinds = ", ".join(f"{sum(each.fault is kind for each in self.fired)} {kind}" for kind in Fault)
        working = sum(each.working for each in self.fired)
        parts = [f"asked {self.asked}, fired {len(self.fired)} ({kinds}; {working} with runs under way)"]
        for kind in Fault:
            times = [each.takeover for each in self.fired if each.fault is kind and each.takeover is not None]
            if times:
                parts.append(f"taken over after {kind}: p50 {median(times):.2f} s, max {max(times):.2f} s")
        return "; ".join(parts)


def disturb(servers: Servers, faults: Sequence[Fault], chance: random.Random, *, pause: float) -> Tally:
    """Bring the faults about; before each the executor works for up to `pause` seconds more."""
    tally = Tally(asked=len(faults))
    for fault in faults:
        pid, token = wait_until(servers.leader, "a leader")
        time.sleep(chance.uniform(0, pause))
        working = bool(servers.world.rows("SELECT 1 FROM runs WHERE state = 'running' LIMIT 1"))
        takeover = _wake(servers, pid, token, chance) if fault is Fault.WAKE else _end(servers, fault, pid, token)
        tally.fired.append(Fired(fault=fault, token=token, working=working, takeover=takeover))
        if pid not in servers.alive:
            servers.start(1)
            if servers.ended[pid] != -signal.SIGKILL:
                tally.wrong.append(f"{fault} of token {token}: the executor ended with {servers.ended[pid]}")
    return tally


def _end(servers: Servers, fault: Fault, pid: int, token: int) -> float:
    """Kill or stop the executor; the seconds until the first fact of the next one."""
    began = time.monotonic()
    if fault is Fault.KILL:
        os.kill(pid, signal.SIGKILL)
    else:
        _stop(pid)
    takeover = _taken_over(servers, token) - began
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)  # it was killed by the one that took over: this wakes nobody
    servers.gone(pid)
    return takeover


def _wake(servers: Servers, pid: int, token: int, chance: random.Random) -> float | None:
    """Stop the executor and continue it near the end of its lease; it stays the executor, or was killed in time."""
    began = time.monotonic()
    _stop(pid)
    time.sleep(servers.lease + chance.uniform(-0.2, 0.8))
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)
    try:
        taken = _taken_over(servers, token, patience=3.0)
    except NeverError:
        return None
    servers.gone(pid)
    return taken - began


def _stop(pid: int) -> None:
    os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: True if state_of(pid) == STOPPED else None, f"the stop of {pid} ({state_of(pid)})", 5.0)


def _taken_over(servers: Servers, token: int, patience: float = 60.0) -> float:
    """When a newer token was first seen in the ledger."""

    def seen() -> float | None:
        (newest,) = servers.world.rows("SELECT max(token) FROM leases")[0]
        return time.monotonic() if newest > token else None

    return wait_until(seen, f"a takeover from token {token}", patience)
