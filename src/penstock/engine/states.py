"""What a task and a run can be, and what may follow what: the run's state machine, pure."""

from __future__ import annotations

from enum import StrEnum


class TaskState(StrEnum):
    """Where one piece of a run's work stands.

    `waiting` for what it reads or for its next attempt, `queued` for a lane, `leased` by one, `running`, `auditing`
    what it staged; the other four are ends.
    """

    WAITING = "waiting"
    QUEUED = "queued"
    LEASED = "leased"
    RUNNING = "running"
    AUDITING = "auditing"
    PUBLISHED = "published"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


class RunState(StrEnum):
    """Where a run stands. An interrupted one is taken up again by `resume`; `nothing` was there to do."""

    QUEUED = "queued"
    RUNNING = "running"
    PUBLISHED = "published"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"
    NOTHING = "nothing"


OPEN = frozenset({TaskState.WAITING, TaskState.QUEUED, TaskState.LEASED, TaskState.RUNNING, TaskState.AUDITING})
HELD = frozenset({TaskState.LEASED, TaskState.RUNNING, TaskState.AUDITING})
"""States in which a lane has the work in its hands."""

FOLLOWS: dict[TaskState, frozenset[TaskState]] = {
    TaskState.WAITING: frozenset({TaskState.QUEUED, TaskState.SKIPPED, TaskState.CANCELLED}),
    TaskState.QUEUED: frozenset({TaskState.LEASED, TaskState.SKIPPED, TaskState.CANCELLED}),
    TaskState.LEASED: frozenset({TaskState.RUNNING, TaskState.CANCELLED}),
    TaskState.RUNNING: frozenset(
        {TaskState.AUDITING, TaskState.FAILED, TaskState.WAITING, TaskState.SKIPPED, TaskState.CANCELLED}
    ),
    TaskState.AUDITING: frozenset(
        {
            TaskState.PUBLISHED,
            TaskState.FAILED,
            TaskState.WAITING,
            TaskState.SKIPPED,
            TaskState.CANCELLED,
            TaskState.RUNNING,
        }
    ),
    TaskState.PUBLISHED: frozenset(),
    TaskState.FAILED: frozenset(),
    TaskState.SKIPPED: frozenset(),
    TaskState.CANCELLED: frozenset(),
}
"""What may follow each state.

`running` after `auditing` is work done again alone after its lot was undone; `waiting` and `skipped` after either is
work that was built upon something of its lot that came to nothing.
"""


def moved(state: TaskState, to: TaskState) -> TaskState:
    """The next state.

    Raises:
        ValueError: it may not follow.
    """
    if to not in FOLLOWS[state]:
        raise ValueError(f"{to} cannot follow {state}")
    return to
