"""What every warehouse promises the engine: each publish once, whole, by the newest executor; swaps likewise."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from store_cases import DATASET, Place, database, days, opened, publication, publish, swap

from penstock.model.contracts import ColumnSpec, Contract, OnFailure, Rule, RuleKind
from penstock.model.errors import PenstockError, TaskError, TransientError
from penstock.model.pipelines import Materialization
from penstock.plan.versions import Version, relation_of
from penstock.quality.sifting import sieve_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from store_cases import Rows

    from penstock.engine.ports.publishing import Publication, Sifted
    from penstock.engine.ports.warehouse import Session
    from penstock.model.intervals import Interval

pytest_plugins = ["postgres_server"]
RELATION = relation_of(DATASET, "1")
QUARANTINE = OnFailure.QUARANTINE


POSTGRES = pytest.param("postgres", marks=pytest.mark.xdist_group("postgres"))


@pytest.fixture(params=["memory", "duckdb", POSTGRES])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    if request.param != "postgres":
        with opened(request.param, tmp_path) as place:
            yield place
        return
    with database(request.getfixturevalue("postgres")) as address, opened("postgres", tmp_path, address) as place:
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
    assert place.warehouse.fenced_at() == 0
    place.warehouse.fence(5)
    place.warehouse.fence(3)
    assert place.warehouse.fenced_at() == 5
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


# -- merged by key, appended from an offset -------------------------------------------------------------------------


def _merge(publish_id: str, **changes: Any) -> Publication:
    return publication(
        publish_id, materialization=Materialization.MERGE, interval=None, **{"key": ("moment",), **changes}
    )


def _append(publish_id: str, base: int | None, **changes: Any) -> Publication:
    values = {"materialization": Materialization.APPEND, "interval": None, "offset": "moment", **changes}
    return publication(
        publish_id, base=None if base is None else days(base, base + 1).start.replace(tzinfo=None), **values
    )


def test_a_merge_replaces_rows_of_the_same_key_and_keeps_the_others(place: Place) -> None:
    assert publish(place, _merge("p"), [(0, "a"), (1, "b")]) == 2
    assert publish(place, _merge("q"), [(1, "x"), (2, "c")]) == 2
    assert place.read(RELATION) == [(0, "a"), (1, "x"), (2, "c")]


def test_a_merge_may_be_by_several_columns(place: Place) -> None:
    by_both = {"key": ("moment", "value")}
    publish(place, _merge("p", **by_both), [(0, "a"), (0, "b")])
    publish(place, _merge("q", **by_both), [(0, "b"), (1, "b")])
    assert place.read(RELATION) == [(0, "a"), (0, "b"), (1, "b")]


def test_keys_without_a_value_are_equal_in_a_merge(place: Place) -> None:
    publish(place, _merge("p"), [(None, "a"), (0, "b")])
    publish(place, _merge("q"), [(None, "c")])
    assert place.read(RELATION) == [(0, "b"), (None, "c")]


def test_a_merge_of_two_new_rows_with_one_key_is_refused_whole(place: Place) -> None:
    publish(place, _merge("p"), [(0, "a")])
    with pytest.raises(TaskError) as caught:
        publish(place, _merge("q"), [(0, "x"), (1, "y"), (1, "z")])
    assert caught.value.findings[0].code == "engine.doubled_key"
    assert place.warehouse.published("q") is None
    assert place.read(RELATION) == [(0, "a")]


def test_a_merge_of_no_rows_changes_none(place: Place) -> None:
    publish(place, _merge("p"), [(0, "a")])
    assert publish(place, _merge("q"), []) == 0
    assert place.read(RELATION) == [(0, "a")]


def test_an_append_adds_to_what_is_there(place: Place) -> None:
    assert publish(place, _append("p", None), [(0, "a"), (0, "b")]) == 2
    assert publish(place, _append("q", 0), [(1, "c")]) == 1
    assert publish(place, _append("q", 0), [(1, "c")]) == 1
    assert place.read(RELATION) == [(0, "a"), (0, "b"), (1, "c")]


@pytest.mark.parametrize("base", [None, 0, 2])
def test_an_append_that_does_not_go_on_where_it_ended_is_refused(place: Place, base: int | None) -> None:
    publish(place, _append("p", None), [(0, "a"), (1, "b")])
    with pytest.raises(TransientError) as caught:
        publish(place, _append("q", base), [(3, "beyond")])
    assert caught.value.findings[0].code == "engine.offset_moved"
    assert place.warehouse.published("q") is None
    assert place.read(RELATION) == [(0, "a"), (1, "b")]
    assert publish(place, _append("r", 1), [(2, "c")]) == 1


@pytest.mark.parametrize("row", [(0, "before"), (1, "again"), (None, "at no time")])
def test_an_append_adds_only_what_lies_beyond_what_is_there(place: Place, row: tuple[int | None, str]) -> None:
    """A row at or before the offset would be added again by every run, and one without it never be passed."""
    publish(place, _append("p", None), [(0, "a"), (1, "b")])
    with pytest.raises(TaskError) as caught:
        publish(place, _append("q", 1), [(2, "c"), row])
    assert caught.value.findings[0].code == "engine.offset_not_beyond"
    assert place.warehouse.published("q") is None
    assert place.read(RELATION) == [(0, "a"), (1, "b")]


def test_how_far_a_column_reaches_is_its_largest_value_or_nothing(place: Place) -> None:
    with place.warehouse.session() as session:
        assert session.newest(RELATION, "moment") is None
    publish(place, _append("p", None), [])
    with place.warehouse.session() as session:
        assert session.newest(RELATION, "moment") is None
    publish(place, publication("q"), [(1, "b"), (0, "a"), (None, "c")])
    with place.warehouse.session() as session:
        assert session.newest(RELATION, "moment") == days(1, 2).start.replace(tzinfo=None)
        assert session.newest(RELATION, "value") == "c"


# -- built together -------------------------------------------------------------------------------------------------


def _table(name: str, **changes: Any) -> Publication:
    """A table of `sim` that is made whole."""
    values = {"dataset": f"sim.{name}", "relation": _relation(name), "materialization": Materialization.TABLE}
    return publication(name, column=None, interval=None, **{**values, **changes})


def _relation(name: str) -> str:
    return relation_of(f"sim.{name}", "1")


def _all_of(name: str) -> str:
    return f"SELECT * FROM {_relation(name)}"


def test_what_is_built_is_seen_by_its_own_connection_alone_until_it_is_committed(place: Place) -> None:
    publish(place, publication("p"), [(0, "a"), (0, "b")])
    with place.warehouse.session() as session:
        assert session.build(_table("one"), _all_of("daily"), {}).rows == 2
        assert session.build(_table("two"), _all_of("one"), {}).rows == 2
        for name in ("one", "two"):
            assert place.warehouse.published(name) is None
            with pytest.raises(PenstockError):
                place.read(_relation(name))
        session.commit()
        assert place.read(_relation("two")) == [(0, "a"), (0, "b")]
    assert [place.warehouse.published(name) for name in ("one", "two")] == [2, 2]


def test_a_view_is_built_beside_tables_and_stores_no_rows(place: Place) -> None:
    publish(place, publication("p"), [(0, "a")])
    sql = _all_of("daily")
    with place.warehouse.session() as session:
        seen = _table("seen", materialization=Materialization.VIEW, view_sql=sql)
        assert session.build(seen, sql, {}).rows == 0
        assert session.build(_table("top"), _all_of("seen"), {}).rows == 1
        session.commit()
    publish(place, publication("q", interval=days(1, 2)), [(1, "b")])
    assert place.read(_relation("seen")) == [(0, "a"), (1, "b")]
    assert place.read(_relation("top")) == [(0, "a")]
    assert place.warehouse.published("seen") == 0


def test_what_is_rolled_back_never_was(place: Place) -> None:
    publish(place, publication("p"), [(0, "a")])
    with place.warehouse.session() as session:
        session.build(_table("one"), _all_of("daily"), {})
        session.rollback()
        session.commit()
        session.build(_table("two"), _all_of("daily"), {})
        session.commit()
    assert [place.warehouse.published(name) for name in ("one", "two")] == [None, 1]
    with pytest.raises(PenstockError):
        place.read(_relation("one"))


def test_a_session_that_ends_takes_what_it_did_not_commit_with_it(place: Place) -> None:
    publish(place, publication("p"), [(0, "a")])
    with place.warehouse.session() as session:
        session.build(_table("one"), _all_of("daily"), {})
    assert place.warehouse.published("one") is None
    with pytest.raises(PenstockError):
        place.read(_relation("one"))


def test_a_query_that_fails_can_be_rolled_back_with_all_before_it(place: Place) -> None:
    publish(place, publication("p"), [(0, "a")])
    with place.warehouse.session() as session:
        session.build(_table("one"), _all_of("daily"), {})
        with pytest.raises(TaskError):
            session.build(_table("two"), _all_of("nowhere"), {})
        session.rollback()
        session.build(_table("three"), _all_of("daily"), {})
        session.commit()
    assert [place.warehouse.published(name) for name in ("one", "two", "three")] == [None, None, 1]


def test_a_commit_with_an_id_that_is_there_already_keeps_nothing(place: Place) -> None:
    publish(place, publication("p"), [(0, "a")])
    for rows in ("daily", "two"):
        with place.warehouse.session() as session:
            session.build(_table("two"), _all_of("daily"), {})
            session.build(_table("one" if rows == "two" else "other"), _all_of("daily"), {})
            if rows == "daily":
                session.commit()
                continue
            with pytest.raises(TransientError):
                session.commit()
    assert [place.warehouse.published(name) for name in ("two", "other", "one")] == [1, 1, None]


def test_an_older_executor_cannot_commit_what_it_builds(place: Place) -> None:
    """The newer one shows itself before the transaction begins: DuckDB lets no other process in while one is open."""
    publish(place, publication("p"), [(0, "a")])
    place.warehouse.fence(2)
    with place.warehouse.session() as session:
        session.build(_table("one"), _all_of("daily"), {})
        session.build(_table("two"), _all_of("one"), {})
        with pytest.raises(TaskError) as caught:
            session.commit()
    assert caught.value.findings[0].code == "engine.fenced"
    assert [place.warehouse.published(name) for name in ("one", "two")] == [None, None]
    with pytest.raises(PenstockError):
        place.read(_relation("one"))


def test_a_commit_of_nothing_is_nothing(place: Place) -> None:
    with place.warehouse.session() as session:
        session.commit()
        session.rollback()


@pytest.mark.parametrize(
    "use",
    [
        pytest.param(lambda session: session.build(_table("one"), _all_of("daily"), {}), id="build"),
        pytest.param(lambda session: session.stage_query(_all_of("daily"), {}), id="stage"),
        pytest.param(lambda session: session.publish(publication("q", interval=days(1, 2))), id="publish"),
        pytest.param(lambda session: session.commit(), id="commit"),
        pytest.param(lambda session: session.fetch(_all_of("daily")), id="fetch"),
    ],
)
def test_an_interrupted_session_refuses_whatever_follows(place: Place, use: Callable[[Session], object]) -> None:
    publish(place, publication("p"), [(0, "a")])
    with place.warehouse.session() as session:
        session.stage_file(place.file([(1, "b")]))
        session.build(_table("zero"), _all_of("daily"), {})
        session.interrupt()
        with pytest.raises(PenstockError):
            use(session)
    assert [place.warehouse.published(name) for name in ("zero", "one", "q")] == [None] * 3
    assert place.read(RELATION) == [(0, "a")]


def test_an_interrupt_of_a_session_that_ended_does_no_harm(place: Place) -> None:
    with place.warehouse.session() as session:
        pass
    session.interrupt()
    assert publish(place, publication("p"), [(0, "a")]) == 1


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


# -- what nothing needs any more --------------------------------------------------------------------------------------


def _version(version: str, dataset: str = DATASET) -> Version:
    return Version(dataset=dataset, fingerprint=version, relation=relation_of(dataset, version))


def _whole(version: str, dataset: str = DATASET) -> Publication:
    return publication(
        f"p{version}/{dataset}", dataset=dataset, version=version, relation=relation_of(dataset, version),
        materialization=Materialization.TABLE, column=None, interval=None,
    )  # fmt: skip


def _over(version: str, over: str) -> Publication:
    return publication(
        f"v{version}", dataset="sim.seen", version=version, relation=relation_of("sim.seen", version),
        materialization=Materialization.VIEW, column=None, interval=None, view_sql=f"SELECT * FROM {over}",
    )  # fmt: skip


def _publish_view(place: Place, version: str, over: str) -> None:
    with place.warehouse.session() as session:
        session.stage_view(f"SELECT * FROM {over}")
        session.publish(_over(version, over))


def test_holdings_are_the_versions_that_are_there_and_what_reads_them(place: Place) -> None:
    publish(place, _whole("1"), [(0, "a"), (0, "b")])
    _publish_view(place, "1", RELATION)
    place.warehouse.swap(swap("s1", daily="1"))
    found = [(each.rows, each.reads, each.is_version) for each in place.warehouse.holdings()]
    assert sorted(found, key=str) == sorted(
        [(2, (), True), (None, (RELATION,), True), (None, (RELATION,), False)], key=str
    )


def test_a_dropped_version_is_gone_and_its_publish_ids_with_it(place: Place) -> None:
    publish(place, _whole("1"), [(0, "a")])
    publish(place, _whole("2"), [(0, "b")])
    dropped = place.warehouse.drop([_version("1")], 1)
    assert dropped.relations == {RELATION}
    assert [each.relation for each in place.warehouse.holdings()] == [relation_of(DATASET, "2")]
    assert place.warehouse.published(_whole("1").publish_id) is None
    assert place.warehouse.published(_whole("2").publish_id) == 1
    assert publish(place, _whole("1"), [(0, "c"), (0, "d")]) == 2
    assert len(place.read(RELATION)) == 2


def test_dropping_again_what_is_gone_is_dropping(place: Place) -> None:
    publish(place, _whole("1"), [(0, "a")])
    assert place.warehouse.drop([_version("1")], 1).relations == {RELATION}
    assert place.warehouse.drop([_version("1"), _version("9")], 1).relations == {RELATION, relation_of(DATASET, "9")}


def test_a_version_that_an_environment_shows_is_not_dropped(place: Place) -> None:
    publish(place, _whole("1"), [(0, "a")])
    place.warehouse.swap(swap("s1", daily="1"))
    assert place.warehouse.drop([_version("1")], 1).relations == frozenset()
    assert place.seen("prod", DATASET) == [(0, "a")]
    assert place.warehouse.published(_whole("1").publish_id) == 1


def test_what_a_view_that_stays_reads_is_not_dropped(place: Place) -> None:
    publish(place, _whole("1"), [(0, "a")])
    _publish_view(place, "1", RELATION)
    _publish_view(place, "2", relation_of("sim.seen", "1"))
    shown = {"sim.seen": ("2", relation_of("sim.seen", "2"))}
    place.warehouse.swap(replace(swap("s1"), mapping=shown))
    wanted = [_version("1"), _version("1", "sim.seen")]
    assert place.warehouse.drop(wanted, 1).relations == frozenset()
    assert place.seen("prod", "sim.seen") == [(0, "a")]
    place.warehouse.swap(swap("s2"))
    every = [*wanted, _version("2", "sim.seen")]
    assert place.warehouse.drop(every, 1).relations == {each.relation for each in every}
    assert place.warehouse.holdings() == ()


def test_an_older_executor_cannot_drop(place: Place) -> None:
    publish(place, _whole("1"), [(0, "a")])
    place.warehouse.fence(2)
    with pytest.raises(TaskError) as caught:
        place.warehouse.drop([_version("1")], 1)
    assert caught.value.findings[0].code == "engine.fenced"
    assert place.read(RELATION) == [(0, "a")]


# -- rows that are put aside ----------------------------------------------------------------------------------------


def _contract(*rules: Rule, **changes: Any) -> Contract:
    columns = (ColumnSpec(name="moment", type="TIMESTAMP"), ColumnSpec(name="value", type="VARCHAR"))
    return Contract(dataset=DATASET, file="c", version="1.0.0", columns=columns, rules=rules, **changes)


def _only(*values: str, policy: OnFailure = OnFailure.QUARANTINE) -> Rule:
    return Rule(kind=RuleKind.ACCEPTED_VALUES, columns=("value",), values=values, name="known value", on_failure=policy)


LETTERS = _contract(_only("a", "b", "c", "d"))


def _sifted(place: Place, what: Publication, rows: Rows, contract: Contract = LETTERS) -> Sifted:
    sieve = sieve_of(contract, first_by=what.column if what.interval else what.offset)
    assert sieve is not None
    with place.warehouse.session() as session:
        session.stage_file(place.file(rows))
        sifted = session.sift(sieve, what)
        assert session.publish(replace(what, at="2011-01-09T00:00:00+00:00")) == sifted.staged.rows
    return sifted


def _aside(place: Place, version: str = "1", interval: Interval | None = None) -> list[str | None]:
    return [row.row["value"] for row in place.warehouse.quarantined(DATASET, version, interval)]


def test_offending_rows_are_put_aside_with_their_reasons_and_the_others_published(place: Place) -> None:
    sifted = _sifted(place, publication("p", interval=days(0, 2)), [(0, "a"), (0, "?"), (1, "b"), (1, "!")])
    assert (sifted.staged.rows, sifted.quarantined) == (2, 2)
    assert (dict(sifted.caught), dict(sifted.nulled)) == ({"accepted_values:value": 2}, {})
    assert place.read(RELATION) == [(0, "a"), (1, "b")]
    first, second = place.warehouse.quarantined(DATASET, "1")
    assert (first.row["value"], second.row["value"]) == ("?", "!")
    assert first.reasons == (("accepted_values:value", "known value"),)
    assert (first.publish_id, first.recorded_at) == ("p", "2011-01-09T00:00:00+00:00")
    assert (first.moment, second.moment) == tuple(days(day, 3).start.replace(tzinfo=None) for day in (0, 1))
    assert first.interval == (days(0, 2).start.replace(tzinfo=None), days(0, 2).end.replace(tzinfo=None))


def test_a_row_with_several_faults_is_put_aside_once_with_all_of_them(place: Place) -> None:
    named = Rule(kind=RuleKind.PATTERN, columns=("value",), pattern="^[a-z]", name="it's lower", on_failure=QUARANTINE)
    sifted = _sifted(place, publication("p"), [(0, "a"), (0, "?")], _contract(_only("a"), named))
    assert (sifted.quarantined, dict(sifted.caught)) == (1, {"accepted_values:value": 1, "pattern:value": 1})
    (row,) = place.warehouse.quarantined(DATASET, "1")
    assert [name for _, name in row.reasons] == ["known value", "it's lower"]


def test_a_value_is_made_null_where_the_rule_says_so(place: Place) -> None:
    sifted = _sifted(place, publication("p"), [(0, "a"), (0, "?")], _contract(_only("a", policy=OnFailure.NULL)))
    assert (sifted.quarantined, dict(sifted.nulled)) == (0, {"accepted_values:value": 1})
    assert place.read(RELATION) == [(0, "a"), (0, None)]
    assert place.warehouse.quarantined(DATASET, "1") == ()


def test_a_value_made_null_may_still_be_missed_and_its_row_is_put_aside_as_it_came(place: Place) -> None:
    there = Rule(kind=RuleKind.NOT_NULL, columns=("value",), on_failure=QUARANTINE)
    contract = _contract(_only("a", policy=OnFailure.NULL), there)
    sifted = _sifted(place, publication("p"), [(0, "a"), (0, "?")], contract)
    assert (sifted.quarantined, dict(sifted.nulled), dict(sifted.caught)) == (1, {}, {"not_null:value": 1})
    assert place.read(RELATION) == [(0, "a")]
    assert _aside(place) == ["?"]


def test_of_rows_that_share_a_key_the_first_by_its_moment_stays(place: Place) -> None:
    once = Rule(kind=RuleKind.UNIQUE, columns=("value",), name="once", on_failure=QUARANTINE)
    rows = [(2, "a"), (0, "a"), (1, "b"), (1, "a"), (1, None)]
    sifted = _sifted(place, publication("p", interval=days(0, 3)), rows, _contract(once))  # type: ignore[arg-type]
    assert dict(sifted.caught) == {"unique:value": 2}
    assert place.read(RELATION) == [(0, "a"), (1, "b"), (1, None)]
    assert [row.moment for row in place.warehouse.quarantined(DATASET, "1")] == [
        days(day, 3).start.replace(tzinfo=None) for day in (1, 2)
    ]


def test_a_rebuild_of_a_part_replaces_what_was_put_aside_of_it_and_nothing_else(place: Place) -> None:
    _sifted(place, publication("p", interval=days(0, 3)), [(0, "?"), (1, "!"), (2, "a")])
    _sifted(place, publication("q", interval=days(1, 2)), [(1, "!")])
    assert _aside(place) == ["?", "!"]
    assert _aside(place, interval=days(1, 2)) == ["!"]
    _sifted(place, publication("r", interval=days(1, 2)), [(1, "b")])
    assert _aside(place) == ["?"]
    assert place.read(RELATION) == [(1, "b"), (2, "a")]


def test_a_table_made_anew_has_its_quarantine_anew(place: Place) -> None:
    table = publication("p", materialization=Materialization.TABLE, column=None, interval=None)
    _sifted(place, table, [(None, "a"), (None, "?")])
    assert _aside(place) == ["?"]
    _sifted(place, replace(table, publish_id="q"), [(None, "a"), (None, "!"), (None, "!")])
    assert _aside(place) == ["!", "!"]
    _sifted(place, replace(table, publish_id="r"), [(None, "a")])
    assert _aside(place) == []


def test_a_merge_takes_a_row_back_whose_key_came_again(place: Place) -> None:
    _sifted(place, _merge("p"), [(0, "?"), (1, "!"), (2, "a")])
    _sifted(place, _merge("q"), [(0, "b"), (3, "?"), (1, "!")])
    assert sorted(map(str, _aside(place))) == ["!", "?"]
    assert place.read(RELATION) == [(0, "b"), (2, "a")]
    _sifted(place, replace(_merge("r"), interval=days(0, 1)), [(None, "?")])
    _sifted(place, replace(_merge("s"), interval=days(0, 1)), [])
    assert sorted(map(str, _aside(place))) == ["!", "?"]


def test_rows_without_a_key_stay_aside_until_the_same_row_comes_again(place: Place) -> None:
    _sifted(place, _merge("p"), [(None, "?"), (0, "a")])
    _sifted(place, _merge("q"), [(None, "!"), (None, "?"), (1, "b")])
    assert sorted(map(str, _aside(place))) == ["!", "?"]
    _sifted(place, _merge("r"), [(2, "c")])
    assert sorted(map(str, _aside(place))) == ["!", "?"]


def test_an_append_puts_a_row_aside_once_however_often_it_is_read(place: Place) -> None:
    """What lies beyond the newest row that was added comes again with the next run."""
    _sifted(place, _append("p", None), [(0, "a"), (1, "?")])
    _sifted(place, _append("q", 0), [(1, "?"), (2, "b"), (3, "!")])
    assert _aside(place) == ["?", "!"]
    _sifted(place, _append("r", 2), [(3, "c")])
    assert _aside(place) == ["?"]
    assert place.read(RELATION) == [(0, "a"), (2, "b"), (3, "c")]


def test_what_is_published_twice_is_put_aside_once(place: Place) -> None:
    _sifted(place, publication("p"), [(0, "?"), (0, "a")])
    with place.warehouse.session() as session:
        session.stage_file(place.file([(0, "!"), (0, "!")]))
        sieve = sieve_of(LETTERS)
        assert sieve is not None
        session.sift(sieve, publication("p"))
        assert session.publish(publication("p")) == 1
    assert _aside(place) == ["?"]


def test_what_an_older_executor_sifted_is_not_kept(place: Place) -> None:
    place.warehouse.fence(2)
    with pytest.raises(TaskError):
        _sifted(place, publication("p", token=1), [(0, "?")])
    assert place.warehouse.quarantine_sums() == ()


def test_what_was_put_aside_of_a_version_is_dropped_with_it(place: Place) -> None:
    for version in ("1", "2"):
        what = publication(version, version=version)
        _sifted(place, what, [(0, "?"), (0, "a")])
    place.warehouse.drop([Version(dataset=DATASET, fingerprint="1", relation=RELATION)], token=1)
    assert (_aside(place, "1"), _aside(place, "2")) == ([], ["?"])
    (left,) = place.warehouse.quarantine_sums()
    assert (left.dataset, left.version, left.rows) == (DATASET, "2", 1)
    assert left.reasons == (("accepted_values:value", "known value"),)


def test_what_was_put_aside_outlives_its_executor(place: Place) -> None:
    _sifted(place, publication("p"), [(0, "?"), (0, "a")])
    place.reopen()
    assert _aside(place) == ["?"]
