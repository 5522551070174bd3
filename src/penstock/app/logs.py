"""`logs`: what the Python tasks and commands of a run printed, or print just now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.adapters.processes.logs import follow, logs_of, name_of
from penstock.app.wiring import LOGS
from penstock.engine.states import RunState
from penstock.model.errors import InputError
from penstock.model.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.app.wiring import Workplace

UNDER_WAY = frozenset({RunState.QUEUED, RunState.RUNNING})


def printed(place: Workplace, run: str) -> tuple[tuple[str, str], ...]:
    """Each log of a run by the name of the work it belongs to, and its text, oldest first.

    Raises:
        InputError: there is no such run.
    """
    _state(place, run)
    found = logs_of(place.state / LOGS, run)
    return tuple((name_of(path), path.read_text(encoding="utf-8", errors="replace")) for path in found)


def lines(place: Workplace, run: str) -> Iterator[tuple[str, str]]:
    """Name and line as they are printed, from the first one on, until the run is over.

    Raises:
        InputError: there is no such run.
    """
    _state(place, run)
    return follow(place.state / LOGS, run, lambda: not _goes_on(place, run))


def _goes_on(place: Workplace, run: str) -> bool:
    """Whether more of it may come: one that was interrupted goes on if somebody executes, such as who took over."""
    state = _state(place, run)
    return state in UNDER_WAY or (state == RunState.INTERRUPTED and place.is_held())


def _state(place: Workplace, run: str) -> str:
    rows = place.ledger.rows("runs", run=run)
    if not rows:
        raise InputError(
            Finding(
                code="run.unknown",
                message=f"there is no run {run}",
                found=run,
                expected="a run of this project",
                remedy="penstock runs lists them",
            )
        )
    return str(rows[0]["state"])
