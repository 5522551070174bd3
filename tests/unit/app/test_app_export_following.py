"""Exports behind a server: what is told of a pass, and when there is another."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from penstock.app.export_following import AGAIN_AFTER, ExportFollower
from penstock.app.export_outcome import Done, Failed
from penstock.model.errors import RefusedError, WaitingError
from penstock.model.exports import Export, ExportFormat, ExportMode
from penstock.model.findings import Finding
from penstock.sim.clock import VirtualClock

if TYPE_CHECKING:
    from penstock.model.errors import PenstockError

EXPORT = Export(
    name="shop.days", dataset="shop.daily", format=ExportFormat.CSV, mode=ExportMode.WHOLE, environment="dev", path="x"
)


def _failed(error: type[PenstockError], code: str) -> Done:
    return Done(failed=(Failed(export=EXPORT, error=error(Finding(code=code, message="it is so"))),))


@dataclass
class Passes:
    """A follower over passes that end as they are told to."""

    outcomes: list[Done]
    said: list[str] = field(default_factory=list)
    clock: VirtualClock = field(default_factory=VirtualClock)

    def __post_init__(self) -> None:
        project = SimpleNamespace(exports={EXPORT.name: EXPORT})
        place: Any = SimpleNamespace(project=project, warehouse=None, clock=self.clock)
        self.follower = ExportFollower(place, "dev", self.said.append)

    def turn(self, *, after: float = 0.0) -> int:
        """One turn; how many passes are left then."""
        self.clock.sleep(after)
        self.follower.turn()
        self.follower.end(20)
        assert self.follower.failed == []
        return len(self.outcomes)


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> Passes:
    made = Passes([])
    monkeypatch.setattr("penstock.app.exporting.follow", lambda _place, _environment: made.outcomes.pop(0))
    return made


def test_there_is_a_pass_only_after_somebody_asked(passes: Passes) -> None:
    passes.outcomes += [Done(), Done()]
    assert passes.turn() == 2
    passes.follower.ask()
    assert [passes.turn(), passes.turn()] == [1, 1]


def test_what_has_to_wait_is_tried_again_and_told_of_the_second_time(passes: Passes) -> None:
    passes.outcomes += [_failed(WaitingError, "export.moving")] * 3
    passes.follower.ask()
    assert (passes.turn(), passes.said) == (2, [])
    assert passes.turn(after=AGAIN_AFTER / 2) == 2
    assert passes.turn(after=AGAIN_AFTER) == 1
    assert passes.said == ["export shop.days waits: it is so (export.moving)"]
    assert passes.turn(after=AGAIN_AFTER + 1) == 0
    assert len(passes.said) == 1


def test_what_failed_is_told_once_and_waits_for_the_next_pass(passes: Passes) -> None:
    passes.outcomes += [_failed(RefusedError, "export.not_ours")] * 2
    passes.follower.ask()
    assert [passes.turn(), passes.turn(after=60)] == [1, 1]
    passes.follower.ask()
    assert passes.turn() == 0
    assert passes.said == ["export shop.days failed: it is so (export.not_ours)"]
