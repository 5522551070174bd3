"""The simulator's ledger can lose what was handed in and not yet recorded, as a crash would."""

from __future__ import annotations

import pytest
from ledger_cases import AT, run_started

from penstock.ledger.facts import LeaseTaken
from penstock.ledger.journal import LeaseLostError
from penstock.sim.faults import Crash, Fault, Faults
from penstock.sim.journal import MemoryJournal


def _names(journal: MemoryJournal) -> list[object]:
    return [row["run"] for row in journal.rows("runs")]


def test_what_was_submitted_is_not_there_until_something_is_appended() -> None:
    journal = MemoryJournal(lambda: AT)
    journal.submit(run_started("a"))
    assert (_names(journal), journal.pending) == ([], (run_started("a"),))
    journal.append(run_started("b"))
    assert (_names(journal), journal.pending) == (["a", "b"], ())


def test_a_crash_loses_what_was_pending_and_nothing_else() -> None:
    journal = MemoryJournal(lambda: AT)
    journal.append(run_started("a"))
    receipt = journal.submit(run_started("b"))
    assert journal.lose_pending() == 1
    journal.append(run_started("c"))
    assert _names(journal) == ["a", "c"]
    with pytest.raises(RuntimeError, match="crash"):
        receipt.result()


def test_all_that_is_pending_is_one_durable_step() -> None:
    faults = Faults()
    journal = MemoryJournal(lambda: AT, faults)
    receipts = [journal.submit(run_started(name)) for name in "ab"]
    receipts[0].result()
    receipts[1].result()
    journal.append(run_started("c"))
    journal.flush()
    assert faults.trace == ["1 append RunStarted, RunStarted", "2 append RunStarted"]


@pytest.mark.parametrize(("fault", "kept"), [(Fault.CRASH_BEFORE, []), (Fault.CRASH_AFTER, ["a", "b"])])
def test_a_crash_at_the_step_keeps_all_of_it_or_nothing(fault: Fault, kept: list[str]) -> None:
    faults = Faults(steps={1: fault})
    journal = MemoryJournal(lambda: AT, faults)
    journal.submit(run_started("a"))
    with pytest.raises(Crash):
        journal.append(run_started("b"))
    journal.lose_pending()
    assert (_names(journal), faults.fired) == (kept, faults.asked)


def test_another_process_writes_past_what_is_pending_here() -> None:
    journal = MemoryJournal(lambda: AT)
    journal.write(LeaseTaken(name="executor", holder="one", token=1))
    receipt = journal.submit(run_started("late"), token=1)
    journal.write(LeaseTaken(name="executor", holder="two", token=2))
    with pytest.raises(LeaseLostError):
        receipt.result()
    assert (_names(journal), journal.newest()) == ([], 2)
