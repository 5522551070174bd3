"""What every ledger store promises: facts and their state together, one chain, and only for the newest executor."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import TYPE_CHECKING, Protocol

import pytest

from penstock.adapters.ledger.opening import open_postgres
from penstock.adapters.ledger.sqlite import SqliteLedger
from penstock.ledger.facts import BackfillRequested, LeaseTaken, Promoted, RunFinished, RunQueued, RunStarted
from penstock.ledger.journal import GENESIS, Journal, LeaseLostError, LedgerDamagedError, Pulse, verify
from penstock.ledger.state import TABLES, refold
from penstock.sim.journal import MemoryJournal

pytest_plugins = ["postgres_server"]

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from penstock.adapters.ledger.postgres import PostgresLedger


class Ledger(Journal, Pulse, Protocol):
    """All that a store promises."""

    def flush(self) -> None: ...
    def newest(self) -> int: ...


def _ticking() -> Callable[[], str]:
    numbers = count(1)
    return lambda: f"moment {next(numbers):04d}"


@pytest.fixture(params=["memory", "sqlite", pytest.param("postgres", marks=pytest.mark.xdist_group("postgres"))])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    if request.param == "memory":
        yield MemoryJournal(_ticking())
        return
    if request.param == "sqlite":
        ledger: SqliteLedger | PostgresLedger = SqliteLedger(tmp_path / "ledger.db", _ticking())
    else:
        ledger = open_postgres(request.getfixturevalue("postgres"), f"{tmp_path}", _ticking())
    yield ledger
    assert ledger.check() == ()
    ledger.close()


def _lease(token: int, holder: str = "one") -> LeaseTaken:
    return LeaseTaken(name="executor", holder=holder, token=token)


def _queued(name: str, priority: int = 0) -> RunQueued:
    return RunQueued(
        run=name, trigger="manual", key="", pipeline="shop", datasets="", environment="prod", until="2011-01-02",
        priority=priority, by="me",
    )  # fmt: skip


def _agrees(journal: Ledger) -> bool:
    """Whether the chain is whole and the tables are its fold."""
    folded = refold(journal.entries())
    return verify(journal.entries()) == () and all(
        {tuple(row[key] for key in keys): dict(row) for row in journal.rows(table)} == folded[table]
        for table, (keys, _) in TABLES.items()
    )


def _run(name: str, **changes: str) -> RunStarted:
    return RunStarted(**{"run": name, "purpose": "test", "plan": "p", "tasks": 1, **changes})  # type: ignore[arg-type]


def test_an_empty_journal_has_no_entries_and_no_rows(journal: Ledger) -> None:
    assert list(journal.entries()) == []
    assert all(journal.rows(table) == () for table in TABLES)


def test_facts_are_numbered_stamped_and_chained_in_order(journal: Ledger) -> None:
    entries = [*journal.append(_run("a"), _run("b")), *journal.append(_run("c"))]
    assert [entry.seq for entry in entries] == [1, 2, 3]
    assert [entry.previous for entry in entries] == [GENESIS, entries[0].hash, entries[1].hash]
    assert [entry.at for entry in entries] == ["moment 0001", "moment 0002", "moment 0003"]
    assert list(journal.entries()) == entries
    assert verify(journal.entries()) == ()


def test_entries_are_read_from_any_number_on(journal: Ledger) -> None:
    journal.append(*(_run(name) for name in "abcd"))
    assert [entry.seq for entry in journal.entries(after=2)] == [3, 4]
    assert list(journal.entries(after=4)) == []


def test_a_fact_reads_back_as_it_was_given(journal: Ledger) -> None:
    fact = Promoted(promotion="p", environment="prod", mapping={"b": "2", "a": "größer"}, reason='it\'s "so"\n\0')
    (entry,) = journal.append(fact)
    assert entry.fact == next(journal.entries()).fact == fact


def test_nothing_appended_leaves_no_trace(journal: Ledger) -> None:
    assert journal.append() == ()
    assert list(journal.entries()) == []


def test_state_is_there_when_append_returns(journal: Ledger) -> None:
    journal.append(_run("a"))
    journal.append(RunFinished(run="a", state="failed", reason="why"))
    (row,) = journal.rows("runs")
    assert (row["state"], row["reason"], row["tasks"], row["started_at"]) == ("failed", "why", 1, "moment 0001")


def test_rows_are_found_by_their_columns_and_come_in_key_order(journal: Ledger) -> None:
    journal.append(_run("c", purpose="x"), _run("a", purpose="x"), _run("b", purpose="y"))
    assert [row["run"] for row in journal.rows("runs")] == ["a", "b", "c"]
    assert [row["run"] for row in journal.rows("runs", purpose="x")] == ["a", "c"]
    assert journal.rows("runs", run="z") == ()


def test_rows_without_a_value_are_found_by_none(journal: Ledger) -> None:
    journal.append(_run("a"), _run("b"), RunFinished(run="b", state="published"))
    assert [row["run"] for row in journal.rows("runs", finished_at=None)] == ["a"]


def test_a_column_that_is_not_there_is_an_error_and_not_an_empty_answer(journal: Ledger) -> None:
    with pytest.raises(KeyError, match="colour"):
        journal.rows("runs", colour="red")


def test_rows_read_are_not_the_state_itself(journal: Ledger) -> None:
    journal.append(_run("a"))
    (row,) = journal.rows("runs")
    dict(row)["state"] = "published"
    if isinstance(row, dict):
        row["state"] = "published"
    assert journal.rows("runs")[0]["state"] == "running"


def test_a_stale_token_is_refused_and_nothing_of_the_append_is_kept(journal: Ledger) -> None:
    journal.append(LeaseTaken(name="executor", holder="one", token=1))
    journal.append(LeaseTaken(name="executor", holder="two", token=2))
    with pytest.raises(LeaseLostError) as caught:
        journal.append(_run("a"), _run("b"), token=1)
    assert caught.value.findings[0].code == "ledger.lease_lost"
    assert journal.rows("runs") == ()
    assert len(list(journal.entries())) == 2
    journal.append(_run("c"), token=2)
    assert [row["run"] for row in journal.rows("runs")] == ["c"]


def test_a_token_that_nobody_took_is_refused(journal: Ledger) -> None:
    with pytest.raises(LeaseLostError):
        journal.append(_run("a"), token=1)
    journal.append(LeaseTaken(name="executor", holder="one", token=1))
    with pytest.raises(LeaseLostError):
        journal.append(_run("a"), token=2)


def test_who_says_what_it_saw_may_take_a_lease_with_a_larger_token_than_the_next(journal: Ledger) -> None:
    journal.append(_lease(5), token=0)
    journal.append(_lease(9), token=5)
    assert journal.pulse()[0] == 9
    with pytest.raises(LeaseLostError):
        journal.append(_lease(11))
    journal.append(_lease(10))


@pytest.mark.parametrize(("token", "seen"), [(9, 3), (9, 0), (5, 5), (4, 5)])
def test_a_lease_that_somebody_took_meanwhile_is_refused(journal: Ledger, token: int, seen: int) -> None:
    journal.append(_lease(5), token=0)
    with pytest.raises(LeaseLostError):
        journal.append(_lease(token), token=seen)
    assert journal.pulse()[0] == 5


def test_without_a_token_anybody_may_append(journal: Ledger) -> None:
    journal.append(LeaseTaken(name="executor", holder="one", token=1))
    journal.append(_run("a"))
    assert len(journal.rows("runs")) == 1


def test_many_threads_make_one_chain_whose_fold_is_the_state(journal: Ledger) -> None:
    journal.append(_lease(1))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: journal.append(_run(f"r{n % 20}"), _run(f"s{n}"), token=1), range(80)))
    assert [entry.seq for entry in journal.entries()] == list(range(1, 162))
    assert _agrees(journal)


def test_what_is_removed_between_two_facts_of_one_append_stays_removed(journal: Ledger) -> None:
    shown = [
        Promoted(promotion=name, environment="prod", mapping=mapping, reason="test")
        for name, mapping in (("p1", {"a": "1", "b": "1"}), ("p2", {"b": "2"}), ("p3", {"b": "3", "c": "3"}))
    ]
    journal.append(*shown[:2], _run("between"), shown[2])
    assert [(row["dataset"], row["version"]) for row in journal.rows("environments")] == [("b", "3"), ("c", "3")]
    assert _agrees(journal)


def test_many_threads_may_submit_and_append_at_once(journal: Ledger) -> None:
    def work(number: int) -> list[int]:
        first = journal.submit(_run(f"{number}-a"))
        second = journal.append(_run(f"{number}-b"), _run(f"{number}-c"))
        last = journal.submit(_run(f"{number}-d"))
        return [entry.seq for entry in (*first.result(), *second, *last.result())]

    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(work, range(60)))
    assert all(each == sorted(each) and each[2] == each[1] + 1 for each in numbers)
    assert sorted(number for each in numbers for number in each) == list(range(1, 241))
    assert _agrees(journal)


def test_what_is_submitted_is_recorded_in_order_and_before_what_is_appended_later(journal: Ledger) -> None:
    receipts = [journal.submit(_run(name)) for name in "abc"]
    (last,) = journal.append(_run("d"))
    assert [receipt.result()[0].seq for receipt in receipts] == [1, 2, 3]
    assert last.seq == 4
    assert [entry.fact for entry in journal.entries()] == [_run(name) for name in "abcd"]


def test_a_result_can_be_asked_for_again_and_out_of_order(journal: Ledger) -> None:
    first, second = journal.submit(_run("a")), journal.submit(_run("b"), _run("c"))
    assert [entry.seq for entry in second.result()] == [2, 3]
    assert first.result() == first.result() == tuple(journal.entries())[:1]


def test_a_flush_records_what_was_submitted(journal: Ledger) -> None:
    journal.submit(_run("a"))
    journal.flush()
    assert [row["run"] for row in journal.rows("runs")] == ["a"]
    journal.flush()
    assert journal.newest() == 1


def test_a_submission_under_a_stale_token_is_refused_alone_and_says_so_when_asked(journal: Ledger) -> None:
    journal.append(_lease(1), _lease(2))
    receipts = [journal.submit(_run(str(token)), token=token) for token in (2, 1, 2)]
    with pytest.raises(LeaseLostError):
        receipts[1].result()
    assert [receipts[0].result()[0].seq, receipts[2].result()[0].seq] == [3, 4]
    assert [entry.seq for entry in journal.entries()] == [1, 2, 3, 4]


def test_a_lease_submitted_before_makes_the_next_submission_stale(journal: Ledger) -> None:
    journal.append(_lease(1))
    journal.submit(_lease(2, "two"))
    late = journal.submit(_run("late"), token=1)
    with pytest.raises(LeaseLostError):
        late.result()
    assert journal.rows("runs") == ()


def test_a_submission_is_recorded_whole_or_not_at_all(journal: Ledger) -> None:
    """A map that lacks a key cannot be folded; what stands beside it in the same append is not kept either."""
    broken = BackfillRequested(backfill="b", plan="p", by="me", reason="late", stale="[[1]]")
    receipt = journal.submit(_run("a"), broken, _run("b"))
    after = journal.submit(_run("c"))
    with pytest.raises(LedgerDamagedError) as caught:
        receipt.result()
    assert caught.value.findings[0].code == "ledger.unrecordable"
    assert [entry.seq for entry in after.result()] == [1]
    assert [row["run"] for row in journal.rows("runs")] == ["c"]
    assert _agrees(journal)


def test_a_lease_is_taken_by_one_of_those_who_ask_for_the_same_token(journal: Ledger) -> None:
    """All of them read the newest token before; only the first one's is still the next."""

    def take(holder: int) -> bool:
        try:
            journal.append(_lease(1, str(holder)))
        except LeaseLostError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(take, range(24)))
    assert taken.count(True) == 1
    assert [row["holder"] for row in journal.rows("leases")] == [str(taken.index(True))]
    assert journal.newest() == 1


@pytest.mark.parametrize("token", [0, 1, 3, 9])
def test_a_lease_is_the_next_one_or_none(journal: Ledger, token: int) -> None:
    journal.append(_lease(1))
    with pytest.raises(LeaseLostError):
        journal.append(_run("a"), _lease(token))
    assert (journal.newest(), journal.rows("runs")) == (1, ())
    journal.append(_lease(2))
    assert journal.rows("leases")[0]["token"] == 2


def test_what_may_be_asked_once_makes_one_entry_however_often_it_is_asked(journal: Ledger) -> None:
    (first,) = journal.append(_queued("r1"))
    assert journal.append(_queued("r1", priority=5)) == ()
    (other,) = journal.append(_queued("r1"), _queued("r2"), _queued("r2"))
    together = [journal.submit(_queued("r3")), journal.submit(_queued("r3"), _run("x"))]
    assert [entry.kind for receipt in together for entry in receipt.result()] == ["RunQueued", "RunStarted"]
    assert (first.seq, other.seq, journal.newest()) == (1, 2, 4)
    backfill = BackfillRequested(backfill="b", plan="p", by="me", reason="late", stale="[]")
    assert len(journal.append(backfill, backfill)) == 1
    assert journal.append(backfill) == ()
    assert _agrees(journal)


def test_a_run_that_began_is_not_queued_again(journal: Ledger) -> None:
    journal.append(_queued("r1"), _run("r1"))
    assert journal.append(_queued("r1")) == ()
    assert journal.rows("runs")[0]["state"] == "running"


def test_many_threads_queue_a_run_once(journal: Ledger) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda n: journal.append(_queued(f"r{n % 5}")), range(60)))
    assert sum(len(entries) for entries in made) == journal.newest() == 5


def test_the_queue_is_read_by_priority_and_then_as_it_was_asked(journal: Ledger) -> None:
    for name, priority in (("d", 0), ("c", 5), ("b", 0), ("a", 5), ("e", -3)):
        journal.append(_queued(name, priority))
    journal.append(_run("c"))
    waiting = journal.rows("runs", state="queued", order="queue")
    assert [row["run"] for row in waiting] == ["a", "d", "b", "e"]
    first = journal.rows("runs", state="queued", order="queue", limit=2)
    assert [row["run"] for row in first] == ["a", "d"]
    assert journal.rows("runs", limit=0) == ()


def test_rows_in_the_order_of_a_column_begin_with_those_that_lack_it_and_ties_come_in_key_order(
    journal: Ledger,
) -> None:
    journal.append(_run("b"), _run("a"), _queued("z"), _run("c", purpose="a"))
    assert [row["run"] for row in journal.rows("runs", order="purpose")] == ["z", "c", "a", "b"]
    assert [row["run"] for row in journal.rows("runs", order="run")] == ["a", "b", "c", "z"]


def test_text_is_ordered_by_code_point(journal: Ledger) -> None:
    names = ["a", "B", "Z", "b", "ä", "é", "_", "-", "~", "1", "10", "2", "\U0001f600", "\uffee"]
    journal.append(*(_run(name) for name in names))
    assert [row["run"] for row in journal.rows("runs")] == sorted(names)


def test_an_order_that_is_no_column_is_an_error(journal: Ledger) -> None:
    with pytest.raises(KeyError, match="colour"):
        journal.rows("runs", order="colour")


def test_beats_are_counted_for_the_newest_executor_alone(journal: Ledger) -> None:
    assert journal.pulse() == (0, 0)
    assert not journal.beat(0)
    assert not journal.beat(1)
    journal.append(_lease(1))
    assert journal.pulse() == (1, 0)
    assert [journal.beat(1), journal.beat(1)] == [True, True]
    assert journal.pulse() == (1, 2)
    journal.append(_lease(2, "two"))
    assert journal.pulse() == (2, 0)
    assert not journal.beat(1)
    assert journal.pulse() == (2, 0)
    assert journal.beat(2)
    assert journal.pulse() == (2, 1)


def test_a_beat_is_no_fact(journal: Ledger) -> None:
    journal.append(_lease(1))
    journal.beat(1)
    assert journal.newest() == 1
    assert _agrees(journal)
