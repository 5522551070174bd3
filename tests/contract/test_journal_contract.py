"""What every ledger store promises: facts and their state together, one chain, and only for the newest executor."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import TYPE_CHECKING

import pytest

from penstock.adapters.ledger.sqlite import SqliteLedger
from penstock.ledger.facts import LeaseTaken, Promoted, RunFinished, RunStarted
from penstock.ledger.journal import GENESIS, Journal, LeaseLostError, verify
from penstock.ledger.state import TABLES, refold
from penstock.sim.journal import MemoryJournal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def _ticking() -> Callable[[], str]:
    numbers = count(1)
    return lambda: f"moment {next(numbers):04d}"


@pytest.fixture(params=["memory", "sqlite"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Journal]:
    if request.param == "memory":
        yield MemoryJournal(_ticking())
        return
    ledger = SqliteLedger(tmp_path / "ledger.db", _ticking())
    yield ledger
    ledger.close()


def _run(name: str, **changes: str) -> RunStarted:
    return RunStarted(**{"run": name, "purpose": "test", "plan": "p", "tasks": 1, **changes})  # type: ignore[arg-type]


def test_an_empty_journal_has_no_entries_and_no_rows(journal: Journal) -> None:
    assert list(journal.entries()) == []
    assert all(journal.rows(table) == () for table in TABLES)


def test_facts_are_numbered_stamped_and_chained_in_order(journal: Journal) -> None:
    entries = [*journal.append(_run("a"), _run("b")), *journal.append(_run("c"))]
    assert [entry.seq for entry in entries] == [1, 2, 3]
    assert [entry.previous for entry in entries] == [GENESIS, entries[0].hash, entries[1].hash]
    assert [entry.at for entry in entries] == ["moment 0001", "moment 0002", "moment 0003"]
    assert list(journal.entries()) == entries
    assert verify(journal.entries()) == ()


def test_entries_are_read_from_any_number_on(journal: Journal) -> None:
    journal.append(*(_run(name) for name in "abcd"))
    assert [entry.seq for entry in journal.entries(after=2)] == [3, 4]
    assert list(journal.entries(after=4)) == []


def test_a_fact_reads_back_as_it_was_given(journal: Journal) -> None:
    fact = Promoted(promotion="p", environment="prod", mapping={"b": "2", "a": "größer"}, reason='it\'s "so"\n\0')
    (entry,) = journal.append(fact)
    assert entry.fact == next(journal.entries()).fact == fact


def test_nothing_appended_leaves_no_trace(journal: Journal) -> None:
    assert journal.append() == ()
    assert list(journal.entries()) == []


def test_state_is_there_when_append_returns(journal: Journal) -> None:
    journal.append(_run("a"))
    journal.append(RunFinished(run="a", state="failed", reason="why"))
    (row,) = journal.rows("runs")
    assert (row["state"], row["reason"], row["tasks"], row["started_at"]) == ("failed", "why", 1, "moment 0001")


def test_rows_are_found_by_their_columns_and_come_in_key_order(journal: Journal) -> None:
    journal.append(_run("c", purpose="x"), _run("a", purpose="x"), _run("b", purpose="y"))
    assert [row["run"] for row in journal.rows("runs")] == ["a", "b", "c"]
    assert [row["run"] for row in journal.rows("runs", purpose="x")] == ["a", "c"]
    assert journal.rows("runs", run="z") == ()


def test_rows_without_a_value_are_found_by_none(journal: Journal) -> None:
    journal.append(_run("a"), _run("b"), RunFinished(run="b", state="published"))
    assert [row["run"] for row in journal.rows("runs", finished_at=None)] == ["a"]


def test_a_column_that_is_not_there_is_an_error_and_not_an_empty_answer(journal: Journal) -> None:
    with pytest.raises(KeyError, match="colour"):
        journal.rows("runs", colour="red")


def test_rows_read_are_not_the_state_itself(journal: Journal) -> None:
    journal.append(_run("a"))
    (row,) = journal.rows("runs")
    dict(row)["state"] = "published"
    if isinstance(row, dict):
        row["state"] = "published"
    assert journal.rows("runs")[0]["state"] == "running"


def test_a_stale_token_is_refused_and_nothing_of_the_append_is_kept(journal: Journal) -> None:
    journal.append(LeaseTaken(name="executor", holder="one", token=1))
    journal.append(LeaseTaken(name="executor", holder="two", token=2))
    with pytest.raises(LeaseLostError) as caught:
        journal.append(_run("a"), _run("b"), token=1)
    assert caught.value.findings[0].code == "ledger.lease_lost"
    assert journal.rows("runs") == ()
    assert len(list(journal.entries())) == 2
    journal.append(_run("c"), token=2)
    assert [row["run"] for row in journal.rows("runs")] == ["c"]


def test_a_token_that_nobody_took_is_refused(journal: Journal) -> None:
    with pytest.raises(LeaseLostError):
        journal.append(_run("a"), token=1)
    journal.append(LeaseTaken(name="executor", holder="one", token=1))
    with pytest.raises(LeaseLostError):
        journal.append(_run("a"), token=2)


def test_without_a_token_anybody_may_append(journal: Journal) -> None:
    journal.append(LeaseTaken(name="executor", holder="one", token=1))
    journal.append(_run("a"))
    assert len(journal.rows("runs")) == 1


def test_many_threads_make_one_chain_whose_fold_is_the_state(journal: Journal) -> None:
    journal.append(LeaseTaken(name="executor", holder="one", token=1))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: journal.append(_run(f"r{n % 20}"), _run(f"s{n}"), token=1), range(80)))
    assert verify(journal.entries()) == ()
    assert [entry.seq for entry in journal.entries()] == list(range(1, 162))
    folded = refold(journal.entries())
    for table, (keys, _) in TABLES.items():
        assert {tuple(row[key] for key in keys): dict(row) for row in journal.rows(table)} == folded[table]
