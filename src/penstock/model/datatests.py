"""A unit test on data: rows given to a task, rows expected from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.model.intervals import Interval

Row = "Mapping[str, object]"


@dataclass(frozen=True, slots=True, kw_only=True)
class DataTest:
    """One case of a `tests/*.test.yaml` file.

    `given` maps each dataset read to its rows; `expect` holds the rows the task must return, in any order.
    A column left out of a given row is NULL. `interval` is bound when the task is incremental.
    """

    dataset: str
    name: str
    file: str
    line: int
    given: Mapping[str, tuple[Mapping[str, object], ...]]
    expect: tuple[Mapping[str, object], ...]
    interval: Interval | None = None
    description: str = ""
