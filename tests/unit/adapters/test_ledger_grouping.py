"""Group commit: in order, one commit at a time, by whoever needs it first; nobody waits for what nobody does."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from penstock.adapters.ledger.grouping import GROUP_LIMIT, Grouping
from penstock.ledger.facts import RunStarted
from penstock.ledger.journal import LedgerDamagedError
from penstock.model.errors import WaitingError
from penstock.model.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from penstock.adapters.ledger.grouping import Request


def _run(number: int) -> RunStarted:
    return RunStarted(run=str(number), purpose="", plan="", tasks=0)


class Paper:
    """A disk that can be held, and remembers who wrote what on it."""

    def __init__(self) -> None:
        self.groups: list[list[str]] = []
        self.threads: list[int] = []
        self.free = threading.Event()
        self.free.set()
        self.busy = threading.Event()
        self.error: BaseException | None = None
        self._one = threading.Lock()

    def commit(self, group: Sequence[Request]) -> None:
        assert self._one.acquire(blocking=False), "two commits at once"
        try:
            self.busy.set()
            assert self.free.wait(10)
            if self.error is not None:
                error, self.error = self.error, None
                raise error
            facts = [fact.run for request in group for fact in request.facts if isinstance(fact, RunStarted)]
            self.groups.append(facts)
            self.threads.append(threading.get_ident())
            for request in group:
                request.entries = ()
        finally:
            self._one.release()

    def hold(self) -> None:
        self.free.clear()
        self.busy.clear()

    @property
    def written(self) -> list[str]:
        return [run for group in self.groups for run in group]


@pytest.fixture
def paper() -> Paper:
    return Paper()


@pytest.fixture
def grouping(paper: Paper) -> Iterator[Grouping]:
    grouping = Grouping(paper.commit, linger=0.001)
    yield grouping
    paper.free.set()
    grouping.close()


@pytest.fixture
def unattended(paper: Paper) -> Iterator[Grouping]:
    """One whose attendant never comes."""
    grouping = Grouping(paper.commit, linger=3600)
    yield grouping
    paper.free.set()
    grouping.close()


def _until(what: str, condition: object) -> None:
    assert callable(condition)
    for _ in range(5000):
        if condition():
            return
        time.sleep(0.002)
    raise AssertionError(f"it never came to pass: {what}")


def test_who_is_alone_commits_in_its_own_thread_all_that_was_handed_in(paper: Paper, unattended: Grouping) -> None:
    receipts = [unattended.submit((_run(number),), None) for number in range(5)]
    receipts[2].result()
    assert paper.groups == [["0", "1", "2", "3", "4"]]
    assert paper.threads == [threading.get_ident()]
    assert all(receipt.settled for receipt in receipts)


def test_a_result_that_is_there_costs_no_commit(paper: Paper, unattended: Grouping) -> None:
    receipt = unattended.submit((_run(0),), None)
    receipt.result()
    receipt.result()
    assert len(paper.groups) == 1


def test_what_nobody_waits_for_is_committed_by_the_attendant(paper: Paper, grouping: Grouping) -> None:
    for round_ in range(3):
        grouping.submit((_run(round_),), None)
        _until("committed", lambda wanted=round_ + 1: len(paper.written) == wanted)
    assert threading.get_ident() not in paper.threads


def test_what_comes_during_a_commit_waits_for_the_next_one_together(paper: Paper, unattended: Grouping) -> None:
    paper.hold()
    with ThreadPoolExecutor(6) as pool:
        first = pool.submit(unattended.submit((_run(0),), None).result)
        assert paper.busy.wait(10)
        rest = [unattended.submit((_run(number),), None) for number in range(1, 6)]
        others = [pool.submit(receipt.result) for receipt in rest]
        _until("all wait", lambda: all(receipt._gates for receipt in rest))
        paper.free.set()
        for future in (first, *others):
            assert future.result(10) == ()
    assert paper.groups == [["0"], ["1", "2", "3", "4", "5"]]


def test_more_than_a_group_holds_is_committed_in_several(paper: Paper, unattended: Grouping) -> None:
    receipts = [unattended.submit((_run(number),), None) for number in range(2 * GROUP_LIMIT + 1)]
    receipts[-1].result()
    assert [len(group) for group in paper.groups] == [GROUP_LIMIT, GROUP_LIMIT, 1]
    assert paper.written == [str(number) for number in range(2 * GROUP_LIMIT + 1)]


def test_several_threads_may_wait_for_one_receipt(paper: Paper, unattended: Grouping) -> None:
    paper.hold()
    with ThreadPoolExecutor(5) as pool:
        first = pool.submit(unattended.submit((_run(0),), None).result)
        assert paper.busy.wait(10)
        receipt = unattended.submit((_run(1),), None)
        futures = [pool.submit(receipt.result) for _ in range(4)]
        _until("all wait", lambda: len(receipt._gates or ()) == 4)
        paper.free.set()
        assert [future.result(10) for future in (first, *futures)] == [()] * 5
    assert paper.groups == [["0"], ["1"]]


def test_many_threads_are_all_answered_in_the_order_of_each(paper: Paper, grouping: Grouping) -> None:
    def work(start: int) -> None:
        for number in range(start, start + 40):
            receipt = grouping.submit((_run(number),), None, attended=number % 3 == 0)
            if number % 3 == 0:
                receipt.result()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(0, 8000, 1000)))
    grouping.flush()
    numbers = [int(run) for run in paper.written]
    assert len(numbers) == len(set(numbers)) == 320
    for start in range(0, 8000, 1000):
        mine = [number for number in numbers if start <= number < start + 40]
        assert mine == sorted(mine)


def test_closing_commits_what_is_pending_and_ends_the_attendant(paper: Paper) -> None:
    """At whatever moment of the attendant's round it happens."""
    for round_ in range(60):
        grouping = Grouping(paper.commit, linger=0.0002)
        grouping.submit((_run(round_),), None)
        time.sleep(0.0001 * (round_ % 7))
        closing = threading.Thread(target=grouping.close, daemon=True)
        closing.start()
        closing.join(10)
        assert not closing.is_alive()
    assert paper.written == [str(number) for number in range(60)]
    assert not [thread for thread in threading.enumerate() if thread.name == "penstock-ledger"]


def test_an_interrupted_commit_leaves_nobody_waiting_and_the_next_one_works(paper: Paper, unattended: Grouping) -> None:
    """The interrupt strikes whoever happens to commit; the others of its group learn that the outcome is unknown."""
    mine, other = unattended.submit((_run(0),), None), unattended.submit((_run(1),), None)
    paper.error = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        mine.result()
    for receipt in (mine, other):
        with pytest.raises(LedgerDamagedError) as caught:
            receipt.result()
        assert caught.value.findings[0].code == "ledger.interrupted"
    unattended.submit((_run(2),), None).result()
    assert paper.written == ["2"]


def test_a_waiter_that_is_interrupted_passes_the_lead_on(paper: Paper, unattended: Grouping) -> None:
    """Its gate was opened to make it commit, and the interrupt came first."""
    request = unattended.submit((_run(0),), None)
    unattended._leading = True
    gate = request.wait_here()
    assert request.take_gate() is gate

    class Struck:
        def acquire(self) -> bool:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        unattended._chosen(request, Struck())  # type: ignore[arg-type]
    request.result()
    assert paper.written == ["0"]


class Closed:
    """A store that cannot begin for a while."""

    def __init__(self) -> None:
        self.closed, self.refused = True, 0
        self.opened = threading.Event()
        self.groups: list[list[str]] = []

    def commit(self, group: Sequence[Request]) -> WaitingError | None:
        if self.closed:
            self.refused += 1
            return WaitingError(Finding(code="ledger.busy", message="busy"))
        self.groups.append([fact.run for request in group for fact in request.facts if isinstance(fact, RunStarted)])
        for request in group:
            request.entries = ()
        self.opened.set()
        return None

    @property
    def written(self) -> list[str]:
        return [run for group in self.groups for run in group]


def test_what_could_not_be_begun_is_written_first_in_its_order_and_whoever_waited_is_told() -> None:
    store = Closed()
    grouping = Grouping(store.commit, linger=3600, again=3600)
    count = GROUP_LIMIT + 3
    for number in range(count):
        grouping.submit((_run(number),), None)
    told = grouping.submit((_run(-1),), None, attended=True)
    with pytest.raises(WaitingError):
        told.result()
    grouping.flush()
    assert (store.refused, grouping.waiting) == (2, count)
    store.closed = False
    grouping.submit((_run(count),), None, attended=True).result()
    assert store.written == [str(number) for number in range(count + 1)]
    grouping.close()


def test_what_could_not_be_begun_is_tried_again_though_nobody_comes() -> None:
    store = Closed()
    grouping = Grouping(store.commit, linger=0.001, again=0.001)
    grouping.submit((_run(1),), None)
    for _ in range(10_000):
        if store.refused >= 3:
            break
        time.sleep(0.001)
    assert store.refused >= 3
    store.closed = False
    assert store.opened.wait(10)
    assert store.written == ["1"]
    grouping.close()


def test_closed_before_it_could_be_begun_it_is_left_out_and_says_so() -> None:
    store = Closed()
    grouping = Grouping(store.commit, linger=3600)
    receipt = grouping.submit((_run(1),), None)
    grouping.close()
    with pytest.raises(LedgerDamagedError, match="closed before"):
        receipt.result()
