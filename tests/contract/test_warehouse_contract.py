"""What every warehouse promises the engine: each publish once, whole, by the newest executor; swaps likewise."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from store_cases import DATASET, Place, days, opened, publication, publish, swap

from penstock.model.errors import TaskError, TransientError
from penstock.model.pipelines import Materialization
from penstock.plan.versions import relation_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RELATION = relation_of(DATASET, "1")


@pytest.fixture(params=["memory", "duckdb"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with opened(request.param, tmp_path) as place:
        yield place


def test_a_publish_id_is_applied_once(place: Place) -> None:
    assert publish(place, publication("p"), [(0, "a"), (0, "b")]) == 2
    assert publish(place, publication("p"), [(0, "c")]) == 2
    assert place.read(RELATION) == [(0, "a"), (0, "b")]


def test_what_was_published_is_known_and_nothing_else(place: Place) -> None:
    publish(place, publication("p"), [(0, "a")])
    assert place.warehouse.published("p") == 1
    assert place.warehouse.published("q") is None


def test_publishing_no_rows_is_publishing(place: Place) -> None:
    assert publish(place, publication("p"), []) == 0
    assert place.warehouse.published("p") == 0
    assert place.read(RELATION) == []


def test_an_interval_is_replaced_and_what_lies_around_it_kept(place: Place) -> None:
    publish(place, publication("p", interval=days(0, 3)), [(0, "a"), (1, "b"), (2, "c")])
    publish(place, publication("q", interval=days(1, 2)), [(1, "x"), (1, "y")])
    assert place.read(RELATION) == [(0, "a"), (1, "x"), (1, "y"), (2, "c")]


def test_an_interval_begins_with_its_start_and_ends_before_its_end(place: Place) -> None:
    publish(place, publication("p", interval=days(0, 4)), [(0, "a"), (1, "b"), (2, "c"), (3, "d")])
    publish(place, publication("q", interval=days(1, 3)), [])
    assert place.read(RELATION) == [(0, "a"), (3, "d")]


def test_a_table_is_replaced_whole(place: Place) -> None:
    table = publication("p", materialization=Materialization.TABLE, column=None, interval=None)
    publish(place, table, [(None, "a"), (None, "b")])
    publish(place, replace(table, publish_id="q"), [(None, "c")])
    assert place.read(RELATION) == [(None, "c")]


def test_a_view_shows_what_its_query_reads_as_it_grows(place: Place) -> None:
    publish(place, publication("p"), [(0, "a")])
    seen = relation_of("sim.seen", "1")
    view = publication(
        "v", dataset="sim.seen", relation=seen, materialization=Materialization.VIEW, column=None, interval=None,
        view_sql=f"SELECT * FROM {RELATION}",
    )  # fmt: skip
    with place.warehouse.session() as session:
        session.stage_view(f"SELECT * FROM {RELATION}")
        assert session.publish(view) == 0
    publish(place, publication("q", interval=days(1, 2)), [(1, "b")])
    assert place.read(seen) == [(0, "a"), (1, "b")]
    assert place.warehouse.published("v") == 0


def test_staging_counts_rows_and_names_columns(place: Place) -> None:
    with place.warehouse.session() as session:
        staged = session.stage_file(place.file([(0, "a"), (1, "b")]))
    assert (staged.rows, staged.columns) == (2, (("moment", "TIMESTAMP"), ("value", "VARCHAR")))


def test_what_is_staged_is_nobody_elses(place: Place) -> None:
    with place.warehouse.session() as one, place.warehouse.session() as other:
        one.stage_file(place.file([(0, "mine")]))
        other.stage_file(place.file([(1, "yours")]))
        one.publish(publication("p"))
        other.publish(publication("q", interval=days(1, 2)))
    assert place.read(RELATION) == [(0, "mine"), (1, "yours")]


def test_an_export_is_what_a_query_reads_within_its_bounds(place: Place) -> None:
    publish(place, publication("p", interval=days(0, 3)), [(0, "a"), (1, "b"), (2, "c")])
    path = place.file([])
    bounds = days(1, 2)
    params = {
        "interval_start": bounds.start.replace(tzinfo=None),
        "interval_end": bounds.end.replace(tzinfo=None),
    }
    sql = f'SELECT * FROM {RELATION} WHERE "moment" >= $interval_start AND "moment" < $interval_end'
    with place.warehouse.session() as session:
        session.export(sql, params, path)
        assert session.stage_file(path).rows == 1


def test_an_older_executor_cannot_publish(place: Place) -> None:
    publish(place, publication("p", token=1), [(0, "a")])
    place.warehouse.fence(2)
    with pytest.raises(TaskError) as caught:
        publish(place, publication("q", token=1), [(0, "stale")])
    assert caught.value.findings[0].code == "engine.fenced"
    assert place.warehouse.published("q") is None
    assert place.read(RELATION) == [(0, "a")]
    assert publish(place, publication("r", token=2), [(0, "new")]) == 1


def test_an_older_executor_cannot_swap(place: Place) -> None:
    publish(place, publication("p"), [(0, "a")])
    place.warehouse.fence(2)
    with pytest.raises(TaskError) as caught:
        place.warehouse.swap(swap("s", token=1, daily="1"))
    assert caught.value.findings[0].code == "engine.fenced"
    assert not place.warehouse.swapped("s")
    assert place.shown("prod") == {}


def test_a_fence_never_goes_back(place: Place) -> None:
    place.warehouse.fence(5)
    place.warehouse.fence(3)
    with pytest.raises(TaskError):
        publish(place, publication("p", token=4), [(0, "a")])


def test_an_older_executor_is_not_even_told_that_its_own_publish_is_there(place: Place) -> None:
    """It is to stop; whoever replaced it asks `published`."""
    publish(place, publication("p", token=1), [(0, "a")])
    place.warehouse.fence(2)
    with pytest.raises(TaskError):
        publish(place, publication("p", token=1), [(0, "b")])
    assert place.warehouse.published("p") == 1
    assert place.read(RELATION) == [(0, "a")]


def _two_versions(place: Place) -> None:
    publish(place, publication("p", version="1"), [(0, "old")])
    publish(place, publication("q", version="2"), [(0, "new")])
    more = relation_of("sim.more", "1")
    publish(place, publication("m", dataset="sim.more", relation=more), [(0, "more")])


def test_an_environment_shows_exactly_the_mapping(place: Place) -> None:
    _two_versions(place)
    place.warehouse.swap(swap("s", daily="1", more="1"))
    place.warehouse.swap(swap("t", daily="2"))
    assert place.shown("prod") == {"sim.daily": "2"}
    assert place.seen("prod", "sim.daily") == [(0, "new")]
    assert place.visible("prod") == ["sim.daily"]


def test_a_swap_is_done_once_whatever_was_shown_since(place: Place) -> None:
    _two_versions(place)
    for promotion, version in (("s", "1"), ("t", "2"), ("s", "1")):
        place.warehouse.swap(swap(promotion, daily=version))
    assert place.shown("prod") == {"sim.daily": "2"}
    assert place.seen("prod", "sim.daily") == [(0, "new")]


def test_swaps_are_known_and_nothing_else(place: Place) -> None:
    _two_versions(place)
    place.warehouse.swap(swap("s", daily="1"))
    assert place.warehouse.swapped("s")
    assert not place.warehouse.swapped("t")


def test_environments_stand_beside_each_other(place: Place) -> None:
    _two_versions(place)
    place.warehouse.swap(swap("s", daily="1"))
    place.warehouse.swap(swap("t", environment="dev", daily="2"))
    assert (place.seen("prod", "sim.daily"), place.seen("dev", "sim.daily")) == ([(0, "old")], [(0, "new")])


def test_an_environment_can_be_emptied(place: Place) -> None:
    _two_versions(place)
    place.warehouse.swap(swap("s", daily="1"))
    place.warehouse.swap(swap("t"))
    assert (place.shown("prod"), place.visible("prod")) == ({}, [])


def test_a_shown_version_grows_before_its_readers_eyes(place: Place) -> None:
    _two_versions(place)
    place.warehouse.swap(swap("s", daily="1"))
    publish(place, publication("later", interval=days(1, 2)), [(1, "next")])
    assert place.seen("prod", "sim.daily") == [(0, "old"), (1, "next")]


def test_slices_of_one_dataset_may_be_published_from_several_threads(place: Place) -> None:
    """A conflict is allowed if it says that it may pass; what is lost is not."""

    def slice_(number: int) -> int:
        rows = [(number, f"{number}-{n}") for n in range(20)]
        for _ in range(20):
            try:
                return publish(place, publication(f"p{number}", interval=days(number, number + 1)), rows)
            except TransientError:
                continue
        raise AssertionError("it never passed")

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(slice_, range(12))) == [20] * 12
    assert len(place.read(RELATION)) == 240
    assert all(place.warehouse.published(f"p{number}") == 20 for number in range(12))


def test_the_same_publish_from_several_threads_is_applied_once(place: Place) -> None:
    def once(number: int) -> int:
        for _ in range(20):
            try:
                return publish(place, publication("p"), [(0, str(number))])
            except TransientError:
                continue
        raise AssertionError("it never passed")

    publish(place, publication("first", interval=days(5, 6)), [])
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(once, range(4))) == [1] * 4
    assert len(place.read(RELATION)) == 1


def test_what_was_acknowledged_outlives_the_executor(place: Place) -> None:
    _two_versions(place)
    place.warehouse.fence(3)
    place.warehouse.swap(swap("s", token=3, daily="1"))
    place.reopen()
    assert place.read(RELATION) == [(0, "old")]
    assert (place.warehouse.published("p"), place.warehouse.swapped("s")) == (1, True)
    assert place.shown("prod") == {"sim.daily": "1"}
    with pytest.raises(TaskError):
        publish(place, publication("stale", token=2), [])
