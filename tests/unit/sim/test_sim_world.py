"""The simulator over the real core: whatever is killed, taken over, cancelled or lost, everything is done, and once."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from penstock.engine import attempt, lot, recovery
from penstock.engine.executor import Executor
from penstock.engine.ports.warehouse import UnknownOutcomeError
from penstock.ledger.facts import RunFinished
from penstock.model.errors import TransientError
from penstock.model.intervals import subtract
from penstock.plan.build import Coverage
from penstock.sim.faults import COMMIT_FAULTS, EFFORT_FAULTS, STEP_FAULTS, Fault
from penstock.sim.judging import simulate
from penstock.sim.warehouse import MemoryWarehouse

if TYPE_CHECKING:
    from collections.abc import Iterable

ONCE_RED = (355, 578, 683, 773, 1745, 2145, 2839, 3766)
"""Seeds by which a fault of the engine, of the planner or of this harness was found."""
SEEDS = (*range(200), *ONCE_RED)
FAULTS = frozenset((*STEP_FAULTS, Fault.RESTATED, *COMMIT_FAULTS, *EFFORT_FAULTS))


@pytest.mark.fault
def test_everything_is_done_once_whatever_fails() -> None:
    asked, fired, runs, kinds = Counter[Fault](), Counter[Fault](), Counter[str](), Counter[str]()
    lives = 0
    broken: dict[int, tuple[str, ...]] = {}
    for seed in SEEDS:
        outcome = simulate(seed)
        asked += outcome.asked
        fired += outcome.fired
        runs += outcome.runs
        kinds += outcome.kinds
        lives += outcome.lives
        if outcome.violations:
            broken[seed] = outcome.violations
    told = f"seeds {len(SEEDS)}, executors {lives}, faults asked {asked.total()}, fired {fired.total()}: {fired}"
    print(told, runs, kinds, sep="; ")  # noqa: T201 - rule one
    assert not broken
    assert fired == asked
    assert all(fired[fault] >= 30 for fault in FAULTS)
    assert lives > len(SEEDS) + fired[Fault.CRASH_BEFORE]
    assert all(runs[state] >= 20 for state in ("published", "failed", "cancelled", "nothing"))
    assert all(kinds[kind] >= 50 for kind in ("incremental", "merge", "append", "table", "view"))


def test_the_same_seed_lives_the_same_life() -> None:
    assert simulate(7) == simulate(7)


def test_another_seed_lives_another_life() -> None:
    assert simulate(7).trace != simulate(8).trace


# -- the harness can see red ----------------------------------------------------------------------------------------


def _outcomes(seeds: Iterable[int] = range(60)) -> str:
    """What the first seeds whose promises are not kept tell of; a life that never ends is told of, too."""
    found: list[str] = []
    for seed in seeds:
        try:
            found += simulate(seed).violations
        except RuntimeError as error:
            found.append(str(error))
        if len(found) > 5:
            break
    return "\n".join(found)


def test_a_recovery_that_asks_nobody_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that takes every open attempt for lost builds some slice twice."""

    def asks_nobody(journal, _warehouse, token):  # type: ignore[no-untyped-def]
        return recovery.recover(journal, MemoryWarehouse({}), token)

    monkeypatch.setattr("penstock.engine.lease.recover", asks_nobody)
    assert "ledger None, target" in _outcomes()


def test_a_guess_about_an_unknown_commit_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that takes an unknown commit for a kept one loses rows."""
    monkeypatch.setattr(MemoryWarehouse, "published", lambda self, name: self._target.published.get(name, 1))
    assert "there is no relation" in _outcomes() or "other rows" in _outcomes()


def test_a_lot_published_before_its_intents_are_on_disk_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that does not wait for the receipt shows rows of which a crash leaves no trace."""

    def publish(self):  # type: ignore[no-untyped-def]
        self._receipt = None
        return whole(self)

    whole = lot.Lot.publish
    monkeypatch.setattr(lot.Lot, "publish", publish)
    assert "was visible while its attempts were" in _outcomes()


def test_an_engine_and_a_target_that_forget_what_was_published_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asking back is one line of defence, the target's own look for the id the other: without both, rows double."""

    def forgets(self, publication, staged, aside):  # type: ignore[no-untyped-def]
        self._target.published.pop(publication.publish_id, None)
        return applies(self, publication, staged, aside)

    def tries_again(session, publication, _tools, _made):  # type: ignore[no-untyped-def]
        try:
            return session.publish(publication)
        except UnknownOutcomeError as error:
            raise TransientError(attempt.commit_lost(publication.publish_id, publication.dataset)) from error

    applies = MemoryWarehouse.apply
    monkeypatch.setattr(MemoryWarehouse, "apply", forgets)
    monkeypatch.setattr(attempt, "_publish", tries_again)
    assert "applied 2 times" in _outcomes()


def test_a_run_that_goes_on_after_it_was_cancelled_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(self, run, state, reason="", *, gently=False):  # type: ignore[no-untyped-def]
        running = self._runs.get(run)
        if running is not None:
            self.tools.journal.append(RunFinished(run=run, state=str(state)), token=self.token)
        return running is not None

    monkeypatch.setattr(Executor, "_stop", stop)
    assert "had ended, and" in _outcomes()


def test_a_plan_that_merges_days_out_of_turn_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A planner that fills gaps of a merge and leaves what follows lets older rows replace newer ones."""

    def gaps(dataset, version, coverage, span, window):  # type: ignore[no-untyped-def]
        missing = subtract(span, coverage.covered(version)) if span else ()
        return tuple(cut for gap in missing if (cut := gap.within(window or gap)) is not None)

    monkeypatch.setattr(Coverage, "out_of_turn", lambda _self, _version: ())
    monkeypatch.setattr("penstock.plan.build._gaps", gaps)
    assert "holds other rows than if it were new" in _outcomes((35, 262, 325))


def test_a_selection_built_upon_what_is_missing_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A backfill of one dataset that runs ahead of what it reads covers days with rows made of nothing."""
    monkeypatch.setattr("penstock.plan.build._upon", lambda _dataset, missing, _lacking: missing)
    assert "holds other rows than if it were new" in _outcomes((2145, 2839, 3766))


def test_a_publish_that_makes_good_what_it_did_not_know_of_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that was planned before files were corrected must not count as having read the corrected ones."""

    def knowing(work, attempt_number, job, published):  # type: ignore[no-untyped-def]
        return replace(attempt.record_of(work, attempt_number, job, published), since=0)

    monkeypatch.setattr("penstock.engine.executor.record_of", knowing)
    assert "holds other rows than if it were new" in _outcomes((20, 57, 71))
