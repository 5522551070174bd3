"""What may run next: only what waits for nothing; what waits for a failure never does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from penstock.engine.frontier import Frontier, WorkState
from penstock.model.pipelines import Slice
from penstock.plan.build import Work
from penstock.plan.versions import Version


def _works(*after: tuple[int, ...]) -> tuple[Work, ...]:
    return tuple(
        Work(
            number=number,
            slice=Slice(dataset=f"sim.d{number}"),
            version=Version(dataset=f"sim.d{number}", fingerprint="0", relation="r"),
            after=waits,
        )
        for number, waits in enumerate(after)
    )


def _taken(frontier: Frontier) -> list[int]:
    taken = []
    while (work := frontier.take()) is not None:
        taken.append(work.number)
    return taken


def test_only_what_waits_for_nothing_is_ready() -> None:
    assert _taken(Frontier(_works((), (), (0,), (0, 1)))) == [0, 1]


def test_work_is_ready_when_the_last_that_it_waits_for_is_done() -> None:
    works = _works((), (), (0, 1))
    frontier = Frontier(works)
    _taken(frontier)
    frontier.done(works[1])
    assert _taken(frontier) == []
    frontier.done(works[0])
    assert _taken(frontier) == [2]


def test_nothing_is_handed_out_twice() -> None:
    works = _works((), (0,))
    frontier = Frontier(works)
    assert _taken(frontier) == [0]
    frontier.done(works[0])
    assert _taken(frontier) == [1]
    assert _taken(frontier) == []


def test_what_waits_for_a_failure_is_skipped_directly_or_not() -> None:
    works = _works((), (), (0,), (2,), (1,))
    frontier = Frontier(works)
    _taken(frontier)
    frontier.failed(works[0])
    assert [work.number for work in frontier.skipped()] == [2, 3]
    frontier.done(works[1])
    assert _taken(frontier) == [4]


def test_what_waits_for_a_failure_and_for_something_else_stays_skipped() -> None:
    works = _works((), (), (0, 1))
    frontier = Frontier(works)
    _taken(frontier)
    frontier.failed(works[0])
    frontier.done(works[1])
    assert _taken(frontier) == []
    assert frontier.states[2] is WorkState.SKIPPED


def test_stopping_leaves_only_what_runs() -> None:
    works = _works((), (), (0,))
    frontier = Frontier(works)
    frontier.take()
    frontier.stop()
    assert frontier.take() is None
    assert frontier.running == 1
    assert [work.number for work in frontier.skipped()] == [1, 2]


def test_waiting_for_what_is_not_in_the_plan_is_no_waiting() -> None:
    assert _taken(Frontier(_works((99,)))) == [0]


@given(st.data())
def test_every_item_ends_done_failed_or_skipped_and_in_order(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 9))
    after = [
        tuple(data.draw(st.sets(st.integers(0, number - 1), max_size=3))) if number else () for number in range(count)
    ]
    works = _works(*after)
    frontier, running, done, failed = Frontier(works), list[Work](), set[int](), set[int]()
    while True:
        while (work := frontier.take()) is not None:
            assert set(work.after) <= done
            running.append(work)
        if not running:
            break
        work = running.pop(data.draw(st.integers(0, len(running) - 1)))
        if data.draw(st.booleans()):
            frontier.done(work)
            done.add(work.number)
        else:
            frontier.failed(work)
            failed.add(work.number)
    skipped = {work.number for work in frontier.skipped()}
    assert done | failed | skipped == set(range(count))
    assert all(set(works[number].after) & (failed | skipped) for number in skipped)
