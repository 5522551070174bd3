"""What may run next: what waits for nothing, within every limit, the most urgent first; what waits for a failure never.

The last test lets Hypothesis play executor (`frontier_game`): limits hold, nothing is forgotten, and everything ends.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from frontier_game import KEYS, Game, works_of
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.engine.frontier import Bounds, Frontier, Item, Key
from penstock.engine.limits import bounds_of, limits_of
from penstock.engine.states import OPEN, TaskState
from penstock.model.pipelines import Limits
from penstock.plan.build import Coverage, plan_build
from penstock.sim.clock import EPOCH
from penstock.sim.projects import landed, project_of, whole

FREE = Bounds()
POOL: Key = ("pool", "db")
PIPELINE: Key = ("pipeline", "sim")


def _frontier(*after: tuple[int, ...], bounds: dict[int, Bounds] | None = None, **limits: int) -> Frontier:
    """A frontier with one run `r`; limits are on pools of that name."""
    frontier = Frontier({("pool", name): size for name, size in limits.items()})
    frontier.admit("r", works_of(*after), lambda work: (bounds or {}).get(work.number, FREE), now=0.0)
    return frontier


def _taken(frontier: Frontier, now: float = 0.0) -> list[Item]:
    taken = []
    while (item := frontier.take(now)) is not None:
        taken.append(item)
    return taken


def _numbers(items: list[Item]) -> list[int]:
    return [item.work.number for item in items]


def _run(frontier: Frontier, item: Item, now: float = 0.0) -> None:
    """An item from lease to publish."""
    item.move(TaskState.RUNNING)
    item.move(TaskState.AUDITING)
    frontier.finish(item, now)


def _fail(frontier: Frontier, item: Item) -> None:
    item.move(TaskState.RUNNING)
    frontier.fail(item)


def _pooled(*numbers: int, priority: int = 0) -> dict[int, Bounds]:
    return dict.fromkeys(numbers, Bounds(keys=(POOL,), priority=priority))


# -- order ----------------------------------------------------------------------------------------------------------


def test_only_what_waits_for_nothing_is_ready() -> None:
    assert _numbers(_taken(_frontier((), (), (0,), (0, 1)))) == [0, 1]


def test_work_is_ready_when_the_last_that_it_waits_for_is_published() -> None:
    frontier = _frontier((), (), (0, 1))
    first, second = _taken(frontier)
    _run(frontier, second)
    assert _taken(frontier) == []
    _run(frontier, first)
    assert _numbers(_taken(frontier)) == [2]


def test_nothing_is_handed_out_twice() -> None:
    frontier = _frontier((), (0,))
    (first,) = _taken(frontier)
    _run(frontier, first)
    assert _numbers(_taken(frontier)) == [1]
    assert _taken(frontier) == []


def test_waiting_for_what_is_not_in_the_plan_is_no_waiting() -> None:
    assert _numbers(_taken(_frontier((99,)))) == [0]


def test_the_most_urgent_is_first_and_of_equals_the_one_that_was_queued_first() -> None:
    urgent, late = Bounds(priority=5), Bounds(priority=-1)
    frontier = _frontier((), (), (), (), bounds={0: late, 2: urgent, 3: urgent})
    assert _numbers(_taken(frontier)) == [2, 3, 1, 0]


def test_runs_of_one_priority_are_served_in_the_order_of_their_coming() -> None:
    frontier = _frontier((), ())
    frontier.admit("s", works_of((), ()), now=0.0)
    assert [(item.run, item.work.number) for item in _taken(frontier)] == [("r", 0), ("r", 1), ("s", 0), ("s", 1)]


def test_an_urgent_run_overtakes_one_that_came_before() -> None:
    frontier = _frontier((), ())
    frontier.admit("s", works_of(()), lambda _work: Bounds(priority=1), now=0.0)
    assert [item.run for item in _taken(frontier)] == ["s", "r", "r"]


# -- failures -------------------------------------------------------------------------------------------------------


def test_what_waits_for_a_failure_is_skipped_directly_or_not() -> None:
    frontier = _frontier((), (), (0,), (2,), (1,))
    first, second = _taken(frontier)
    _fail(frontier, first)
    _run(frontier, second)
    assert _numbers(_taken(frontier)) == [4]
    states = {number: item.state for number, item in frontier.close("r").items()}
    assert (states[2], states[3]) == (TaskState.SKIPPED, TaskState.SKIPPED)


def test_what_waits_for_a_failure_and_for_something_else_stays_skipped() -> None:
    frontier = _frontier((), (), (0, 1))
    first, second = _taken(frontier)
    _fail(frontier, first)
    _run(frontier, second)
    assert _taken(frontier) == []
    assert frontier.over("r")


def test_a_failure_of_one_run_is_none_of_another() -> None:
    frontier = _frontier((), (0,))
    frontier.admit("s", works_of((), (0,)), now=0.0)
    mine, theirs = _taken(frontier)
    _fail(frontier, mine)
    assert (frontier.over("r"), frontier.over("s")) == (True, False)
    _run(frontier, theirs)
    assert [(item.run, item.work.number) for item in _taken(frontier)] == [("s", 1)]


def test_what_is_to_be_tried_again_waits_for_its_moment() -> None:
    frontier = _frontier(())
    (item,) = _taken(frontier)
    item.move(TaskState.RUNNING)
    frontier.again(item, 7.5)
    assert frontier.next_at() == 7.5
    assert frontier.take(7.4) is None
    assert not frontier.idle
    assert frontier.take(7.5) is item


def test_work_that_is_due_again_may_be_begun_by_somebody_else() -> None:
    """Whoever decides on further lanes has to see it."""
    frontier = _frontier(())
    (item,) = _taken(frontier)
    item.move(TaskState.RUNNING)
    frontier.again(item, 7.5)
    assert not frontier.has_ready(7.0)
    assert frontier.has_ready(7.5)


# -- limits ---------------------------------------------------------------------------------------------------------


def test_no_more_than_a_limit_is_in_hand() -> None:
    frontier = _frontier((), (), (), bounds=_pooled(0, 1, 2), db=2)
    first, second = _taken(frontier)
    _run(frontier, first)
    (third,) = _taken(frontier)
    assert _numbers([first, second, third]) == [0, 1, 2]


def test_a_full_pool_holds_back_its_own_work_alone() -> None:
    frontier = _frontier((), (), (), bounds=_pooled(0, 1), db=1)
    assert _numbers(_taken(frontier)) == [0, 2]


def test_several_runs_share_a_pool() -> None:
    frontier = _frontier((), bounds=_pooled(0), db=1)
    frontier.admit("s", works_of(()), lambda _work: Bounds(keys=(POOL,)), now=0.0)
    (first,) = _taken(frontier)
    _run(frontier, first)
    assert [item.run for item in _taken(frontier)] == ["s"]


def test_of_those_that_wait_for_a_pool_the_most_urgent_gets_it() -> None:
    frontier = _frontier((), (), (), bounds={**_pooled(0, 1), **_pooled(2, priority=3)}, db=1)
    (first,) = _taken(frontier)
    assert _numbers([first]) == [2]
    _run(frontier, first)
    assert _numbers(_taken(frontier)) == [0]


@pytest.mark.parametrize("end", ["published", "failed", "again", "dropped"])
def test_however_work_ends_it_gives_back_what_it_held(end: str) -> None:
    frontier = _frontier((), (), bounds=_pooled(0, 1), db=1)
    (first,) = _taken(frontier)
    first.move(TaskState.RUNNING)
    match end:
        case "published":
            first.move(TaskState.AUDITING)
            frontier.finish(first, 0.0)
        case "failed":
            frontier.fail(first)
        case "again":
            frontier.again(first, 100.0)
        case _:
            frontier.drop(first)
    assert _numbers(_taken(frontier)) == [1]


def test_a_cancelled_item_in_front_does_not_keep_a_pool_closed() -> None:
    """The place in the queue of what was cancelled goes to the next that waits for the same."""
    frontier = _frontier((), bounds=_pooled(0), db=1)
    for run in ("s", "t"):
        frontier.admit(run, works_of(()), lambda _work: Bounds(keys=(POOL,)), now=0.0)
    (first,) = _taken(frontier)
    frontier.cancel("s")
    _run(frontier, first)
    assert [item.run for item in _taken(frontier)] == ["t"]


def test_what_an_item_cannot_use_for_another_limit_goes_to_the_next() -> None:
    """The first of two that waited for the pool also needs the pipeline, which is full: the second gets the pool."""
    both, pool, pipeline = Bounds(keys=(POOL, PIPELINE)), Bounds(keys=(POOL,)), Bounds(keys=(PIPELINE,))
    frontier = Frontier({POOL: 1, PIPELINE: 1})
    frontier.admit("r", works_of((), (), (), ()), lambda work: (pool, pipeline, both, pool)[work.number], now=0.0)
    in_pool, in_pipeline = _taken(frontier)
    assert _numbers([in_pool, in_pipeline]) == [0, 1]
    _run(frontier, in_pool)
    (next_in_pool,) = _taken(frontier)
    assert next_in_pool.work.number == 3
    _run(frontier, in_pipeline)
    _run(frontier, next_in_pool)
    assert _numbers(_taken(frontier)) == [2]


def test_a_limit_that_was_raised_is_used_at_once() -> None:
    frontier = _frontier((), (), (), (), bounds=_pooled(0, 1, 2, 3), db=1)
    assert _numbers(_taken(frontier)) == [0]
    frontier.limit({POOL: 3})
    assert _numbers(_taken(frontier)) == [1, 2]


def test_a_limit_that_was_lowered_holds_from_then_on() -> None:
    frontier = _frontier((), (), (), bounds=_pooled(0, 1, 2), db=2)
    first, second = _taken(frontier)
    frontier.limit({POOL: 1})
    _run(frontier, first)
    assert _taken(frontier) == []
    _run(frontier, second)
    assert _numbers(_taken(frontier)) == [2]


def test_a_projects_limits_are_those_of_its_pools_pipelines_and_datasets() -> None:
    limits = Limits(pool="db", concurrency=3, priority=4)
    datasets = (whole("sim.a", "sim.b", limits=limits), landed("sim.b"))
    project = project_of(datasets, pools={"db": 2}, concurrency=5, priority=10)
    assert limits_of(project) == {POOL: 2, PIPELINE: 5, ("dataset", "sim.a"): 3}
    works = plan_build(project, Coverage(intervals={}, inputs={}), EPOCH + timedelta(days=1)).works
    bounds = {work.slice.dataset: bounds_of(project, work) for work in works}
    assert bounds["sim.a"] == Bounds(keys=(POOL, PIPELINE, ("dataset", "sim.a")), priority=14)
    assert bounds["sim.b"] == Bounds(keys=(PIPELINE,), priority=10)


# -- cancelling -----------------------------------------------------------------------------------------------------


def test_cancelling_leaves_only_what_is_in_hand() -> None:
    frontier = _frontier((), (), (0,))
    first = frontier.take(0.0)
    assert first is not None
    assert frontier.cancel("r") == (first,)
    assert frontier.take(0.0) is None
    assert not frontier.over("r")
    first.move(TaskState.RUNNING)
    frontier.drop(first)
    assert frontier.over("r")
    assert {item.state for item in frontier.close("r").values()} == {TaskState.CANCELLED}


def test_cancelling_one_run_lets_the_others_be() -> None:
    frontier = _frontier((), ())
    frontier.admit("s", works_of(()), now=0.0)
    assert frontier.cancel("r") == ()
    assert [item.run for item in _taken(frontier)] == ["s"]


def test_what_was_to_be_tried_again_is_cancelled_too() -> None:
    frontier = _frontier(())
    (item,) = _taken(frontier)
    item.move(TaskState.RUNNING)
    frontier.again(item, 5.0)
    frontier.cancel("r")
    assert frontier.take(6.0) is None
    assert frontier.over("r")


# -- work upon work of the same transaction -------------------------------------------------------------------------


def _ahead(frontier: Frontier, *built: Item) -> Item | None:
    return frontier.ahead(list(built), 0.0, lambda _item: True)


def test_a_lane_may_go_ahead_with_what_waits_only_for_what_it_has_built() -> None:
    frontier = _frontier((), (), (0,), (0, 1))
    first, second = _taken(frontier)
    ahead = _ahead(frontier, first)
    assert ahead is not None
    assert (ahead.work.number, ahead.state) == (2, TaskState.LEASED)
    assert _ahead(frontier, first) is None
    both = _ahead(frontier, second, first)
    assert both is not None
    assert both.work.number == 3


def test_a_lane_does_not_go_ahead_with_what_does_not_suit_it() -> None:
    frontier = _frontier((), (0,))
    (first,) = _taken(frontier)
    assert frontier.ahead([first], 0.0, lambda _item: False) is None


def test_a_lane_does_not_go_ahead_into_a_full_pool() -> None:
    frontier = _frontier((), (), (1,), bounds=_pooled(0, 2), db=1)
    _, second = _taken(frontier)
    assert _ahead(frontier, second) is None
    _run(frontier, second)
    assert _taken(frontier) == []


def test_equal_numbers_of_another_run_are_not_what_is_waited_for() -> None:
    frontier = _frontier((), (), (0, 1))
    frontier.admit("s", works_of((), ()), now=0.0)
    mine = frontier.take(0.0)
    frontier.take(0.0)
    theirs = _taken(frontier)[1]
    assert mine is not None
    assert (theirs.run, theirs.work.number) == ("s", 1)
    assert _ahead(frontier, theirs, mine) is None


def test_work_put_back_waits_anew_for_what_it_was_built_upon() -> None:
    frontier = _frontier((), (0,), bounds=_pooled(1), db=1)
    (first,) = _taken(frontier)
    ahead = _ahead(frontier, first)
    assert ahead is not None
    ahead.move(TaskState.RUNNING)
    frontier.put_back(ahead)
    assert ahead.state is TaskState.WAITING
    assert _taken(frontier) == []
    _run(frontier, first)
    assert _taken(frontier) == [ahead]


def test_work_put_back_is_skipped_if_what_it_was_built_upon_failed() -> None:
    frontier = _frontier((), (0,), (1,))
    (first,) = _taken(frontier)
    ahead = _ahead(frontier, first)
    assert ahead is not None
    ahead.move(TaskState.RUNNING)
    _fail(frontier, first)
    frontier.put_back(ahead)
    assert {number: item.state for number, item in frontier.close("r").items()} == {
        0: TaskState.FAILED,
        1: TaskState.SKIPPED,
        2: TaskState.SKIPPED,
    }


# -- whatever an executor does --------------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_whatever_an_executor_does_limits_hold_and_everything_ends(data: st.DataObject) -> None:
    game = Game(data)
    game.admit()
    moves = (game.take, game.take, game.take, game.end, game.end, game.audit, game.ahead, game.wait)
    rare = (game.admit, game.cancel, game.limit)
    for _ in range(data.draw(st.integers(10, 60))):
        move = data.draw(st.sampled_from(moves + rare if data.draw(st.integers(0, 5)) == 0 else moves))
        before = {key: game.room(key) for key in KEYS}
        move()
        if move != game.limit:
            game.check(before)
    game.finish()
    for run, items in game.items.items():
        ended = game.frontier.close(run)
        assert ended == items
        assert not {item.state for item in items.values()} & OPEN
        for number, item in items.items():
            if item.state is TaskState.SKIPPED:
                lost = {game.state(run, other) for other in item.work.after}
                assert lost & {TaskState.FAILED, TaskState.SKIPPED, TaskState.CANCELLED}, (
                    f"{number} skipped for nothing"
                )
            if item.state is TaskState.PUBLISHED:
                assert all(game.state(run, other) is TaskState.PUBLISHED for other in item.work.after)
