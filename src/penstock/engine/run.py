"""What a run is asked to do, what it is while it is under way, and what it came to."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from penstock.engine.states import RunState
from penstock.model.findings import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from penstock.engine.attempt import Job, Published
    from penstock.model.pipelines import Project
    from penstock.plan.build import BuildPlan, Work


ABANDONED = "engine.abandoned"
UNDONE = "engine.undone"
CANCELLED = "engine.cancelled"
INTERRUPTED = "engine.interrupted"
NO_FAULT = frozenset({ABANDONED, UNDONE, CANCELLED, INTERRUPTED})
"""Codes of attempts that ended by no fault of their dataset: with their executor, their lot or their run."""
CANCELLED_RUN, INTERRUPTED_RUN = "run.cancelled", "run.interrupted"
"""Codes of the findings of runs that were stopped."""
BY_SIGNAL = "a signal stopped its process"
"""Why a run was interrupted that a person, or whoever else ends processes, did not want to go on by itself."""
STOPPED = frozenset({RunState.CANCELLED, RunState.INTERRUPTED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A slice that could not be built, and why."""

    slice: str
    dataset: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """What a run did: what was published, what failed, what was left out because of it. `seconds` of wall time."""

    run: str
    state: RunState = RunState.NOTHING
    published: tuple[Published, ...] = ()
    failures: tuple[Failure, ...] = ()
    skipped: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether everything was built."""
        return self.state in {RunState.PUBLISHED, RunState.NOTHING}

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Everything that went wrong; a run that was stopped says so."""
        found = tuple(finding for failure in self.failures for finding in failure.findings)
        return (*found, _stopped(self.run, self.state)) if self.state in STOPPED else found


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to run: a plan of a project's versions, and why.

    `queued` is the id of a run that waits in the ledger; without one, equal requests are the same run.
    """

    purpose: str
    project: Project
    plan: BuildPlan
    queued: str = ""

    @property
    def run(self) -> str:
        """The run's id."""
        return self.queued or "r" + hashlib.sha256(f"{self.purpose}\n{self.plan.digest}".encode()).hexdigest()[:15]


@dataclass(slots=True, kw_only=True)
class Running:
    """A run under way: its constants and what has come of it so far. `reason` says why it was `stopped`."""

    job: Job
    began: float
    attempts: Mapping[str, int]
    notice: Callable[[Work, str], None] = lambda _work, _state: None
    conclude: Callable[[RunReport], None] = lambda _report: None
    closing: bool = False
    published: list[Published] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    stopped: RunState | None = None
    reason: str = ""
    report: RunReport | None = None


def _stopped(run: str, state: RunState) -> Finding:
    if state is RunState.CANCELLED:
        remedy = f"penstock retry {run} builds what is left"
        return Finding(code=CANCELLED_RUN, message=f"run {run} was {state}", remedy=remedy)
    return Finding(
        code=INTERRUPTED_RUN,
        message=f"run {run} was {state}; what it had published stays",
        severity=Severity.WARNING,
        remedy=f"penstock resume goes on with it, penstock cancel {run} gives it up",
    )
