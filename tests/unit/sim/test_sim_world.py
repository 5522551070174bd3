"""The simulator over the real core: whatever is killed, taken over or lost, each slice is applied exactly once."""

from __future__ import annotations

from collections import Counter

import pytest

from penstock.engine import lease
from penstock.ledger.facts import AttemptFailed
from penstock.sim.faults import COMMIT_FAULTS, STEP_FAULTS, Fault
from penstock.sim.world import simulate

ONCE_RED = (444, 459, 773, 1343)
"""A table over a view ran ahead of the slices beneath it."""
SEEDS = (*range(200), *ONCE_RED)


@pytest.mark.fault
def test_every_slice_is_applied_exactly_once_whatever_fails() -> None:
    asked: Counter[Fault] = Counter()
    fired: Counter[Fault] = Counter()
    lives = 0
    broken: dict[int, tuple[str, ...]] = {}
    for seed in SEEDS:
        outcome = simulate(seed)
        asked += outcome.asked
        fired += outcome.fired
        lives += outcome.lives
        if outcome.violations:
            broken[seed] = outcome.violations
    summary = f"seeds {len(SEEDS)}, executors {lives}, faults asked {asked.total()}, fired {fired.total()}: {fired}"
    print(summary)  # noqa: T201 - rule one
    assert not broken
    assert fired == asked
    assert all(fired[fault] >= 50 for fault in (*STEP_FAULTS, *COMMIT_FAULTS))
    assert lives > len(SEEDS) + fired[Fault.CRASH_BEFORE]


def test_the_same_seed_lives_the_same_life() -> None:
    assert simulate(7) == simulate(7)


def test_another_seed_lives_another_life() -> None:
    assert simulate(7).trace != simulate(8).trace


def _violations() -> str:
    return "\n".join(text for seed in range(30) for text in simulate(seed).violations)


def test_a_recovery_that_asks_nobody_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The harness can see red: an engine that gives up every open attempt builds some slice twice."""

    def gives_up(journal, warehouse, token):  # type: ignore[no-untyped-def]
        for state in ("running", "audited"):
            for row in journal.rows("attempts", state=state):
                abandoned = AttemptFailed(
                    publish_id=row["publish_id"], attempt=row["attempt"], code="x", message="x", transient=True
                )
                journal.append(abandoned, token=token)
        return ()

    monkeypatch.setattr(lease, "recover", gives_up)
    assert "applied under 2 publish ids" in _violations()


def test_a_guess_about_an_unknown_commit_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The harness can see red: an engine that takes an unknown commit for a kept one loses rows."""
    monkeypatch.setattr("penstock.sim.warehouse.MemoryWarehouse.published", lambda _self, _publish_id: 1)
    assert "holds other rows than without faults" in _violations()
