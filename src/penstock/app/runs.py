"""Runs by their id: what became of them, stopping them, doing again what failed, going on with what was interrupted."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from penstock.app.running import Ran, Runner
from penstock.app.supervising import signalled
from penstock.app.wiring import operator
from penstock.engine.recovery import OPEN_STATES
from penstock.engine.requests import RETRY, has_ended, queued, read_request, run_row
from penstock.engine.states import RunState
from penstock.ledger.facts import RunCancelRequested, RunFinished, RunStarted
from penstock.model.errors import InputError, RefusedError, WaitingError
from penstock.model.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from penstock.app.running import Follower
    from penstock.app.wiring import Workplace
    from penstock.engine.requests import RunRequest
    from penstock.ledger.journal import Value

PATIENCE = 60.0
"""Seconds that `cancel` waits for a run to end before it says that it has not."""
LOOK_EVERY = 0.2
NEAR = 4_000
"""How many of the journal's last entries are looked at first for the newest runs."""
AT_ONCE = 100


def recent(place: Workplace, most: int) -> tuple[Mapping[str, Value], ...]:
    """The runs that wait, those under way, and the newest of the others, as the ledger has them."""
    ledger = place.ledger
    running = ledger.rows("runs", state=str(RunState.RUNNING))
    known = {row["run"] for row in running}
    others = [row for run in newest_runs(place, most) if run not in known and (row := run_row(ledger, run)) is not None]
    others = [row for row in others if row["state"] != str(RunState.QUEUED)]
    begun = sorted([*running, *others], key=lambda row: str(row["started_at"] or row["finished_at"]), reverse=True)
    return (*queued(ledger, most), *begun)[:most]


def newest_runs(place: Workplace, most: int) -> list[str]:
    """The ids of runs that began or ended last, by the journal's end: there may be a million before them."""
    newest, span = place.ledger.newest(), NEAR
    while True:
        entries = place.ledger.entries(max(0, newest - span))
        facts = [entry.fact for entry in entries if entry.kind in {"RunStarted", "RunFinished"}]
        runs = dict.fromkeys(fact.run for fact in reversed(facts) if isinstance(fact, RunStarted | RunFinished))
        if len(runs) >= most or span >= newest:
            return list(runs)[:most]
        span *= 8


def look(place: Workplace, run: str) -> tuple[Mapping[str, Value], tuple[Mapping[str, Value], ...]]:
    """What the ledger says about a run, and about each of its attempts in the order of their beginning.

    Raises:
        InputError: there is no such run.
    """
    attempts = place.ledger.rows("attempts", run=run)
    return _row(place, run), tuple(sorted(attempts, key=lambda row: str(row["started_at"])))


def cancel(place: Workplace, run: str) -> Mapping[str, int]:
    """Stop a run, and prove that nothing of it runs any more; how many of its slices ended in which state.

    Raises:
        InputError: there is no such run, or it is over; also if it came to its end before it could be stopped.
        WaitingError: whoever executes it did not stop it in time; it will as soon as it can.
    """
    row = _row(place, run)
    if has_ended(row):
        raise InputError(_over(run, row))
    place.ledger.append(RunCancelRequested(run=run, by=operator()))
    row = _row(place, run)
    if row["state"] in {str(RunState.QUEUED), str(RunState.INTERRUPTED)}:
        # whoever starts it from now on looks for the request before anything of it begins (Executor.admit)
        _record_cancelled(place, run)
    _wait_until_stopped(place, run)
    row = _row(place, run)
    if row["state"] != str(RunState.CANCELLED):
        raise InputError(_over(run, row))
    return Counter(str(attempt["state"]) for attempt in place.ledger.rows("attempts", run=run))


def _wait_until_stopped(place: Workplace, run: str) -> None:
    began = place.clock.monotonic()
    with signalled() as stop:
        while not _is_stopped(place, run):
            if stop.is_set() or place.clock.monotonic() - began > PATIENCE:
                raise WaitingError(_not_yet(run))
            if place.may_hold():  # nobody executes: what was under way died with its executor
                place.settle()
                if _row(place, run)["state"] == str(RunState.INTERRUPTED):  # it was left before it saw the request
                    _record_cancelled(place, run)
            stop.wait(LOOK_EVERY)


def _record_cancelled(place: Workplace, run: str) -> None:
    """End a run that is not under way."""
    place.ledger.append(RunFinished(run=run, state=str(RunState.CANCELLED), reason=f"cancelled by {operator()}"))


def retry(place: Workplace, run: str, follower: Follower) -> Ran:
    """Do again what a run did not get done: the same request, of which what was published is there already.

    Raises:
        InputError: there is no such run, it is not over, or it left nothing.
    """
    row = _row(place, run)
    request = read_request(row)
    if request is None:
        raise InputError(_of_a_delivery(run, str(row["purpose"])))
    if not has_ended(row):
        raise InputError(_still_going(run, row))
    again = replace(
        request,
        trigger=RETRY,
        known_as="",
        key=f"{run} {place.clock.now().isoformat()}",
        by=operator(),
    )
    return Runner(place, follower).run(again)


def resume(place: Workplace, follower: Follower) -> tuple[Ran, ...]:
    """Go on with every run that was interrupted or waits in the queue, in order.

    Raises:
        WaitingError: another process executes; it does what is queued by itself if it is `penstock serve`.
    """
    place.hold()
    place.settle()
    runner = Runner(place, follower)
    done: list[Ran] = []
    for row in _left(place):
        request = read_request(row)
        if request is None:
            continue
        done.append(_resumed(runner, request))
        if done[-1].interrupted:
            break
    return tuple(done)


def _left(place: Workplace) -> Iterator[Mapping[str, Value]]:
    """Runs to go on with: those that were interrupted, then those that wait, as long as there are any."""
    yield from place.ledger.rows("runs", state=str(RunState.INTERRUPTED), order="queue")
    while rows := queued(place.ledger, AT_ONCE):
        yield from rows


def _resumed(runner: Runner, request: RunRequest) -> Ran:
    """Go on with one; what cannot be begun is recorded as failed, and the others go on."""
    try:
        return runner.run(request)
    except (InputError, RefusedError) as error:
        return runner.refused(request, error)


def _row(place: Workplace, run: str) -> Mapping[str, Value]:
    row = run_row(place.ledger, run)
    if row is None:
        raise InputError(
            Finding(
                code="run.unknown",
                message=f"there is no run {run}",
                found=run,
                expected="the id of a run of this project",
                remedy="penstock runs lists them",
            )
        )
    return row


def _is_stopped(place: Workplace, run: str) -> bool:
    """Whether the ledger says that a run has ended and that none of its attempts is open."""
    row = run_row(place.ledger, run)
    attempts = place.ledger.rows("attempts", run=run)
    return row is not None and has_ended(row) and not any(attempt["state"] in OPEN_STATES for attempt in attempts)


def _over(run: str, row: Mapping[str, Value]) -> Finding:
    return Finding(
        code="run.over",
        message=f"run {run} is over: {row['state']}",
        found=str(row["state"]),
        expected="a run that is queued, running or interrupted",
        remedy="there is nothing to cancel",
    )


def _not_yet(run: str) -> Finding:
    return Finding(
        code="run.not_stopped",
        message=f"run {run} has not stopped yet",
        expected="its executor to interrupt what it is doing",
        remedy=f"the request stands; look again with penstock runs, or penstock cancel {run}",
    )


def _still_going(run: str, row: Mapping[str, Value]) -> Finding:
    interrupted = row["state"] == str(RunState.INTERRUPTED)
    return Finding(
        code="run.not_over",
        message=f"run {run} is {row['state']}",
        expected="a run that is over",
        remedy=f"{'penstock resume goes on with it' if interrupted else 'wait for it'}, or penstock cancel {run}",
    )


def _of_a_delivery(run: str, purpose: str) -> Finding:
    return Finding(
        code="run.of_a_change",
        message=f"run {run} belongs to a change ({purpose})",
        expected="a run that somebody or a schedule asked for",
        remedy="penstock change resume ID goes on with a change",
    )
