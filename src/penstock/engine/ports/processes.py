"""What runs in a process of its own: Python and command tasks, and tools that judge rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from penstock.model.intervals import Interval
    from penstock.model.pipelines import Dataset
    from penstock.quality.check_values import CheckResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One attempt's call of a Python or command task, or of a connector, which may go on from a `state`.

    `inputs` are Parquet files by parameter; the rows are expected at `output`. `log` names the attempt's log within
    those of its `run`; what the task prints goes there, bounded, without the values of secrets. `is_unwanted` is asked
    once `Processes.stop` would find the order: whoever stopped its run before that did not.
    """

    run: str
    log: str
    dataset: Dataset
    interval: Interval | None
    inputs: Mapping[str, Path] = field(default_factory=dict)
    output: Path = Path()
    is_unwanted: Callable[[], bool] = lambda: False
    state: str | None = None


class Processes(Protocol):
    """Runs Python and command tasks in processes of their own, within limits, without secrets they do not declare."""

    def run(self, order: Order) -> Mapping[str, int]:
        """Carry out an order; what was measured: `cpu` in microseconds, `memory` at its peak in bytes.

        Raises:
            TaskError: the task failed, left no rows, ran out of time or memory, or was stopped.
        """
        ...

    def scratch(self) -> AbstractContextManager[Path]:
        """A folder for inputs and output that the warehouse may read, removed afterwards."""
        ...

    def stop(self, run: str | None = None) -> int:
        """Kill what runs (for a run, or at all) with everything it started, and wait until it is gone; how many."""
        ...


class Auditor(Protocol):
    """Holds rows against suites of another tool."""

    def audit(self, dataset: Dataset, rows: Path, is_unwanted: Callable[[], bool]) -> tuple[CheckResult, ...]:
        """What the dataset's suites find in a Parquet file of its rows; files beside it may be written.

        Raises:
            TaskError: a suite cannot be read or run, the tool is not there, ran out of time, or was stopped.
        """
        ...
