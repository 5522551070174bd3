"""Which of the runs that wait may be taken up, and which are over before they begin.

Invariants: no two runs under way build the same dataset, so each interval is built by one of them and the rows of the
later one stay; of runs that would, the one that was asked for first goes first; a run that an executor left when it
died or was stopped goes on before those that wait.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from penstock.engine.requests import left_behind, queued, read_request
from penstock.engine.run import ABANDONED
from penstock.engine.states import RunState
from penstock.model.errors import InputError, RefusedError
from penstock.model.findings import Finding, Place

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from penstock.app.executing import Desk, Order
    from penstock.engine.requests import RunRequest
    from penstock.ledger.journal import Journal, Value

SHORT, LONG = 128, 2_000
"""How many waiting runs are looked at: each time something moved, and now and then, lest those in front block all."""
LONG_EVERY = 0.5
"""Seconds between two looks at a long line."""
MOST_DEATHS = 5
"""How many executors may die over one dataset of a run before it is given up."""
MOVES = frozenset({"RunQueued", "RunFinished", "RunCancelRequested"})
"""Kinds of facts after which another run may be taken up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A run that is over without having begun, and why."""

    run: str
    state: RunState
    reason: str = ""


@dataclass(slots=True)
class Taken:
    """What runs under way, and runs that come first, are about to build."""

    pipelines: set[tuple[str, str]] = field(default_factory=set)
    datasets: set[str] = field(default_factory=set)

    def add(self, request: RunRequest, datasets: frozenset[str]) -> None:
        """What a request builds is taken."""
        self.datasets |= datasets
        if request.pipeline:
            self.pipelines.add((request.pipeline, request.environment))

    def holds_up(self, request: RunRequest) -> bool:
        """Whether a request has to wait, as far as that shows without planning it."""
        return bool(request.pipeline) and (request.pipeline, request.environment) in self.pipelines


class Claims:
    """The line of waiting runs before one executor."""

    def __init__(self, ledger: Journal, desk: Desk) -> None:
        self._ledger, self._desk = ledger, desk
        self._moved = True
        self._looked_far = 0.0
        self._wants: dict[str, frozenset[str]] = {}

    def observe(self, kind: str) -> None:
        """A fact of this kind was recorded."""
        self._moved = self._moved or kind in MOVES

    def next(self, under_way: Sequence[Order], room: int, now: float) -> Iterator[Order | Ended]:
        """Runs to begin, up to `room`, and runs that ended by being looked at. `now` is in monotonic seconds.

        Raises:
            WaitingError, RunError: the warehouse or the ledger cannot be used; ask again later.
            LeaseLostError: another process executes.
        """
        far = now - self._looked_far >= LONG_EVERY
        if room <= 0 or not (self._moved or far):
            return
        taken = Taken()
        for order in under_way:
            taken.add(order.request, order.datasets)
        rows = self._waiting(LONG if far else SHORT)
        self._wants = {run: wants for row in rows if (wants := self._wants.get(run := str(row["run"]))) is not None}
        for row in rows:
            found = self._judge(row, taken)
            if found is None:
                continue
            yield found
            room -= not isinstance(found, Ended)
            if room <= 0:
                return
        self._moved = False
        self._looked_far = now if far else self._looked_far

    def _waiting(self, most: int) -> tuple[Mapping[str, Value], ...]:
        return (*left_behind(self._ledger), *queued(self._ledger, most))

    def _judge(self, row: Mapping[str, Value], taken: Taken) -> Order | Ended | None:
        """What becomes of one waiting run now: it begins, is over, or goes on waiting (None)."""
        request = read_request(row)
        if request is None:
            return None
        if row["cancel"]:
            reason = f"cancelled by {row['cancel']}"
            self._desk.record(request.run, RunState.CANCELLED, reason)
            return Ended(run=request.run, state=RunState.CANCELLED, reason=reason)
        wants = self._wants.get(request.run, frozenset())
        if taken.holds_up(request) or wants & taken.datasets:
            taken.add(request, wants)
            return None
        try:
            order = self._planned(row, request)
        except (InputError, RefusedError) as error:  # anything else is no fault of the run, and may pass
            self._desk.refuse(request, error)
            return Ended(run=request.run, state=RunState.FAILED, reason=str(error))
        if not order.plan.works:
            return Ended(run=request.run, state=self._desk.conclude(order))
        held_up = bool(order.datasets & taken.datasets)
        self._wants[request.run] = order.datasets
        taken.add(request, order.datasets)
        return None if held_up else order

    def _planned(self, row: Mapping[str, Value], request: RunRequest) -> Order:
        if row["state"] == str(RunState.INTERRUPTED):
            self._refuse_deadly(request.run)
        order = self._desk.order(request)
        self._desk.look_at_sources(order)
        if self._desk.restate(request):
            order = self._desk.order(request)
        self._desk.hold(order)
        return order

    def _refuse_deadly(self, run: str) -> None:
        """Do not let one run bring down executor after executor."""
        attempts = self._ledger.rows("attempts", run=run, code=ABANDONED)
        deaths = Counter(str(row["dataset"]) for row in attempts)
        if deaths and deaths.most_common(1)[0][1] >= MOST_DEATHS:
            raise RefusedError(_deadly(run, *deaths.most_common(1)[0]))


def _deadly(run: str, dataset: str, deaths: int) -> Finding:
    return Finding(
        code="run.deadly",
        message=f"{deaths} executors died while they built {dataset} for run {run}",
        place=Place(dataset=dataset),
        expected="an executor that lives through it",
        remedy=f"look at what ended them (memory, for one), then penstock retry {run}",
    )
