"""The state machine of a change: facts in, the next step and what is missing out. Pure.

A stage is entered, done, and passed when its exit gates hold; a person's answer or approval is a state to wait in,
not a failure. Doing a stage again begins at the commit at which it was entered.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Stage(StrEnum):
    """The five stages, in order."""

    DISCOVERY = "discovery"
    DESIGN = "design"
    IMPLEMENTATION = "implementation"
    REVIEW = "review"
    DEPLOYMENT = "deployment"

    @property
    def number(self) -> int:
        """1 to 5."""
        return tuple(Stage).index(self) + 1


ENDED = frozenset({"done", "rejected", "rolled_back"})
ROLLING_BACK = "rolling_back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What decides a change's next step. `passed` maps each passed stage to its envelope's SHA-256."""

    state: str
    passed: Mapping[Stage, str]
    unanswered: tuple[str, ...]
    approvals: int
    approvals_needed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Do a stage."""

    stage: Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Nothing to do until a person acts: `what` is missing, `how` it is given (a command with the change's id)."""

    stage: Stage
    what: str
    how: str


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """The change has ended in `state`."""

    state: str


Step = Work | Wait | End


def next_step(change: str, progress: Progress) -> Step:
    """What comes next for a change."""
    if progress.state in ENDED:
        return End(state=progress.state)
    if progress.state == ROLLING_BACK:
        return Work(stage=Stage.DEPLOYMENT)
    stage = next((stage for stage in Stage if stage not in progress.passed), None)
    if stage is None:
        return End(state="done")
    if stage in {Stage.DISCOVERY, Stage.DESIGN} and progress.unanswered:
        count = len(progress.unanswered)
        return Wait(
            stage=stage,
            what=f"{count} question{'s' if count > 1 else ''} without an answer: {', '.join(progress.unanswered)}",
            how=f'penstock change answer {change} {progress.unanswered[0]} "…"',
        )
    if stage is Stage.DEPLOYMENT and progress.approvals < progress.approvals_needed:
        missing = progress.approvals_needed - progress.approvals
        return Wait(
            stage=stage,
            what=f"{missing} approval{'s' if missing > 1 else ''} by someone other than the author",
            how=f"penstock change approve {change} --as NAME",
        )
    return Work(stage=stage)
