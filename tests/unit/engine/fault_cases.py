"""Fault plans by name instead of number, for tests that break one thing on purpose."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from penstock.engine.retry import AGAIN
from penstock.model.errors import TaskError, TransientError
from penstock.model.findings import Finding
from penstock.sim.faults import Faults

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from penstock.sim.faults import Fault


@dataclass(slots=True, kw_only=True)
class Named(Faults):
    """Efforts whose name ends with one of these fail, pass again after so many times, or tell somebody.

    Steps whose name holds a key of `before` call its value first, once. `reached` lists the efforts by name.
    """

    broken: frozenset[str] = frozenset()
    passing: dict[str, int] = field(default_factory=dict)
    tell: dict[str, Callable[[], object]] = field(default_factory=dict)
    before: dict[str, Callable[[], object]] = field(default_factory=dict)
    reached: list[str] = field(default_factory=list)

    def effort(self, name: str) -> None:
        """Somebody begins to make rows, or to fetch them."""
        Faults.effort(self, name)
        thing = name.rpartition(" ")[2]
        self.reached.append(name)
        if thing in self.tell:
            self.tell[thing]()
        if thing in self.broken:
            raise TaskError(Finding(code="sim.broken", message=f"{name} failed"))
        if self.passing.get(thing, 0):
            self.passing[thing] -= 1
            raise TransientError(Finding(code="sim.passing", message=f"{name} failed; it may pass", remedy=AGAIN))

    def _reached(self, kind: str, plan: Mapping[int, Fault], name: str = "") -> Fault | None:
        for part in [part for part in self.before if part in name]:
            self.before.pop(part)()
        return Faults._reached(self, kind, plan, name)
