"""What is built and still holds: marks make it stale, newer publishes clear them; a merge holds only in its order."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_rows import Book, day, days, slices

from penstock.plan.build import THOUGHT, Action, Reason, coverage_of, plan_build
from penstock.plan.versions import versions_of
from penstock.sim.projects import appended, coded, landed, merged, project_of, sliced, view, whole

RAW, DAILY, BEST = landed("sim.raw"), sliced("sim.daily", "sim.raw"), whole("sim.best", "sim.daily")
PROJECT = project_of((RAW, DAILY, BEST))
MERGED = project_of((RAW, merged("sim.newest", "sim.raw")))


def _mark(dataset: str, start: int | None = None, end: int | None = None, reason: Reason = Reason.ASKED_AGAIN):  # type: ignore[no-untyped-def]
    version = versions_of(PROJECT)[dataset].fingerprint
    bounds = (str(day(start).date()), str(day(end).date())) if start is not None and end is not None else ("", "")
    return (dataset, version, *bounds, str(reason))


def _reasons(book: Book, until: int = 4) -> dict[str, tuple[Reason, ...]]:
    return {step.dataset: step.reasons for step in book.plan(PROJECT, until).steps}


# -- stale marks ----------------------------------------------------------------------------------------------------


def test_what_is_marked_is_missing_and_the_rest_is_not() -> None:
    book = Book().complete(PROJECT, 4).mark([_mark("sim.raw", 1, 3)])
    assert slices(book.plan(PROJECT, 4)) == ["sim.raw[2011-01-02/2011-01-03]", "sim.raw[2011-01-03/2011-01-04]"]
    assert _reasons(book)["sim.raw"] == (Reason.ASKED_AGAIN,)


def test_a_marked_table_is_built_again() -> None:
    book = Book().complete(PROJECT, 4).mark([_mark("sim.best", reason=Reason.UPSTREAM_AGAIN)])
    assert slices(book.plan(PROJECT, 4)) == ["sim.best"]
    assert _reasons(book)["sim.best"] == (Reason.UPSTREAM_AGAIN,)


def test_a_newer_publish_clears_a_mark() -> None:
    book = Book().complete(PROJECT, 4).mark([_mark("sim.raw", 1, 3), _mark("sim.best")])
    book.complete(PROJECT, 4)
    assert book.plan(PROJECT, 4).works == ()


def test_a_publish_from_before_the_mark_clears_nothing() -> None:
    book = Book().mark([_mark("sim.raw", 0, 1)]).complete(PROJECT, 2)
    assert book.plan(PROJECT, 2).works == ()
    book.mark([_mark("sim.raw", 0, 1)])
    assert slices(book.plan(PROJECT, 2)) == ["sim.raw[2011-01-01/2011-01-02]"]


def test_what_was_built_again_of_a_mark_leaves_the_rest_of_it_stale() -> None:
    book = Book().complete(PROJECT, 4).mark([_mark("sim.raw", 0, 4)])
    first, *rest = book.plan(PROJECT, 4).works
    book.publish([first])
    assert slices(book.plan(PROJECT, 4)) == [str(work.slice) for work in rest]
    assert _reasons(book)["sim.raw"] == (Reason.ASKED_AGAIN,)


def test_what_is_stale_and_what_never_was_there_are_told_apart() -> None:
    book = Book().complete(PROJECT, 2).mark([_mark("sim.raw", 1, 2)])
    assert _reasons(book, 3)["sim.raw"] == (Reason.ASKED_AGAIN, Reason.MISSING)


def test_a_mark_on_another_version_is_none_on_this() -> None:
    book = Book().complete(PROJECT, 2)
    book.mark([("sim.raw", "another", "2011-01-01", "2011-01-02", str(Reason.ASKED_AGAIN))])
    assert book.plan(PROJECT, 2).works == ()


def test_a_mark_over_part_of_a_slice_leaves_the_other_part_covered() -> None:
    project = project_of((landed("sim.raw", batch=4),))
    book = Book().complete(project, 4)
    book.mark(
        [
            (
                "sim.raw",
                versions_of(project)["sim.raw"].fingerprint,
                "2011-01-02",
                "2011-01-03",
                "a backfill asks for it again",
            )
        ]
    )
    assert slices(book.plan(project, 4)) == ["sim.raw[2011-01-02/2011-01-03]"]


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 3), st.booleans()), max_size=8))
def test_coverage_is_what_was_published_after_the_last_mark_on_it(moves: list[tuple[int, int, bool]]) -> None:
    """Day by day: covered is what was published and not marked since."""
    book, held = Book(), dict.fromkeys(range(9), False)
    version = versions_of(PROJECT)["sim.raw"]
    for start, length, is_publish in moves:
        span = range(start, start + length)
        if is_publish:
            plan = plan_build(PROJECT, coverage_of([]), day(start + length), frozenset({"sim.raw"}))
            book.publish(work for work in plan.works if work.slice.interval and work.slice.interval.start >= day(start))
        else:
            book.mark([_mark("sim.raw", start, start + length)])
        held.update(dict.fromkeys(span, is_publish))
    covered = book.coverage.covered(version)
    assert {number for number, holds in held.items() if holds} == {
        number for number in held if any(span.contains(days(number, number + 1)) for span in covered)
    }


def test_what_is_stale_beneath_a_selection_is_built_with_it() -> None:
    """Rows made of what is to be restated would count as made since, and never be made again."""
    book = Book().complete(PROJECT, 4)
    book.mark([_mark("sim.raw", 0, 3), _mark("sim.daily", 0, 3, Reason.UPSTREAM_AGAIN), _mark("sim.best")])
    plan = book.plan(PROJECT, 4, select=frozenset({"sim.daily"}), window=days(1, 2))
    assert slices(plan) == ["sim.raw[2011-01-02/2011-01-03]", "sim.daily[2011-01-02/2011-01-03]"]
    assert plan.works[1].after == (0,)


def test_a_selection_waits_for_what_is_missing_beneath_it() -> None:
    """Rows made of nothing would count as made: the day would never be built when what it reads is there."""
    book = Book().complete(PROJECT, 2).publish(Book().plan(PROJECT, 4, window=days(3, 4)).works[:1])
    assert slices(book.plan(PROJECT, 4, select=frozenset({"sim.daily"}))) == ["sim.daily[2011-01-04/2011-01-05]"]
    assert slices(book.plan(PROJECT, 4))[:2] == ["sim.raw[2011-01-03/2011-01-04]", "sim.daily[2011-01-03/2011-01-04]"]


def test_a_selection_over_a_view_waits_for_what_is_missing_beneath_that() -> None:
    project = project_of((RAW, view("sim.seen", "sim.raw"), sliced("sim.daily", "sim.seen")))
    book = Book().complete(project, 2)
    assert book.plan(project, 4, select=frozenset({"sim.daily"})).works == ()


def test_what_reads_a_selected_dataset_that_waits_waits_too() -> None:
    project = project_of((RAW, DAILY, sliced("sim.more", "sim.daily")))
    book = Book().complete(project, 2)
    assert book.plan(project, 4, select=frozenset({"sim.daily", "sim.more"})).works == ()


# -- windows and narrowing ------------------------------------------------------------------------------------------


def test_a_window_leaves_intervals_outside_it_alone() -> None:
    plan = Book().plan(PROJECT, 4, window=days(1, 2))
    assert slices(plan) == ["sim.raw[2011-01-02/2011-01-03]", "sim.daily[2011-01-02/2011-01-03]", "sim.best"]
    assert plan.steps[0].missing == (days(1, 2),)


def test_a_window_in_which_nothing_is_missing_builds_nothing_not_even_tables() -> None:
    book = Book().complete(PROJECT, 2)
    plan = book.plan(PROJECT, 4, window=days(0, 2))
    assert plan.works == ()
    assert plan.steps[0].reasons == (Reason.UP_TO_DATE,)


def test_a_window_that_cuts_an_interval_leaves_it_alone() -> None:
    """Built of part of what it reads, it would count as all of it, and nothing would ever build it again."""
    window = days(1, 3)
    cut = type(window)(window.start + timedelta(hours=6), window.end)
    assert slices(Book().plan(PROJECT, 4, window=cut))[0] == "sim.raw[2011-01-03/2011-01-04]"


def test_a_mark_holds_against_a_publish_whose_run_began_before_it() -> None:
    """What was in flight may have read the rows as they were before the restatement."""
    book = Book().complete(PROJECT, 4)
    (key,) = [key for key in book.rows if key[0] == "sim.raw" and key[2] == "2011-01-02"]
    book.stale[key] = {**book.rows[key], "reason": str(Reason.ASKED_AGAIN), "seq": book.seq + 1}
    in_flight, after = book.seq + 2, book.seq + 3
    book.rows[key] = {**book.rows[key], "seq": in_flight, "since": book.seq}
    assert "sim.raw[2011-01-02/2011-01-03]" in slices(book.plan(PROJECT, 4))
    book.rows[key] = {**book.rows[key], "seq": after, "since": in_flight}
    assert "sim.raw[2011-01-02/2011-01-03]" not in slices(book.plan(PROJECT, 4))


def test_a_plan_does_not_make_good_what_was_marked_after_it_was_made() -> None:
    book = Book().complete(PROJECT, 2)
    before = book.plan(PROJECT, 4)
    book.mark([_mark("sim.raw", 2, 3)])
    after = book.plan(PROJECT, 4)
    assert before.since <= book.seq < after.since
    thought = [{**row, "seq": THOUGHT} for row in book.stale.values()]
    assert coverage_of(list(book.rows.values()), thought).since == before.since


def test_a_table_built_in_a_window_is_built_again_when_the_rest_is_there() -> None:
    book = Book().publish(Book().plan(PROJECT, 4, window=days(1, 2)).works)
    assert slices(book.plan(PROJECT, 4))[-1] == "sim.best"
    assert book.complete(PROJECT, 4).plan(PROJECT, 4).works == ()


def test_a_narrowed_project_has_the_same_versions() -> None:
    datasets = (
        RAW,
        DAILY,
        BEST,
        view("sim.seen", "sim.best"),
        coded("sim.made", "sim.daily"),
        appended("sim.all", "sim.raw"),
    )
    project = project_of((*datasets, merged("sim.newest", "sim.daily")))
    versions = versions_of(project)
    for name in project.datasets:
        narrowed = versions_of(project.narrowed([name]))
        assert narrowed == {other: version for other, version in versions.items() if other in narrowed}
        assert name in narrowed


def test_a_narrowed_project_plans_the_same_work() -> None:
    narrow = PROJECT.narrowed(["sim.daily"])
    book = Book().complete(PROJECT, 2)
    assert slices(book.plan(narrow, 4)) == slices(book.plan(PROJECT, 4, select=frozenset({"sim.raw", "sim.daily"})))


# -- merges ---------------------------------------------------------------------------------------------------------


def test_slices_of_a_merge_wait_for_each_other_and_for_what_they_read() -> None:
    plan = Book().plan(MERGED, 3)
    waits = {str(work.slice): {str(plan.works[number].slice) for number in work.after} for work in plan.works}
    assert waits["sim.newest[2011-01-01/2011-01-02]"] == {"sim.raw[2011-01-01/2011-01-02]"}
    assert waits["sim.newest[2011-01-03/2011-01-04]"] == {
        "sim.raw[2011-01-03/2011-01-04]",
        "sim.newest[2011-01-02/2011-01-03]",
    }


def test_days_of_a_merge_that_came_too_early_are_merged_again() -> None:
    book = Book().publish(Book().plan(MERGED, 3, window=days(2, 3)).works)
    plan = book.plan(MERGED, 3)
    assert slices(plan) == [
        "sim.raw[2011-01-01/2011-01-02]",
        "sim.raw[2011-01-02/2011-01-03]",
        *(f"sim.newest[2011-01-0{number}/2011-01-0{number + 1}]" for number in (1, 2, 3)),
    ]
    assert book.publish(plan.works).plan(MERGED, 3).works == ()


def test_days_of_a_merge_that_came_too_early_are_known_though_everything_is_covered() -> None:
    """Whoever merged the earlier days died before the later ones: the ledger's order tells."""
    book = Book().publish(Book().plan(MERGED, 3, window=days(2, 3)).works)
    plan = book.plan(MERGED, 3)
    book.publish(work for work in plan.works if not str(work.slice).startswith("sim.newest[2011-01-03"))
    again = book.plan(MERGED, 3)
    assert slices(again) == ["sim.newest[2011-01-03/2011-01-04]"]
    assert again.steps[-1].reasons == (Reason.OUT_OF_TURN,)
    assert again.steps[-1].action is Action.BACKFILL


def test_a_window_merges_nothing_again_that_is_not_within_it() -> None:
    book = Book().publish(Book().plan(MERGED, 3, window=days(2, 3)).works)
    assert slices(book.plan(MERGED, 3, window=days(2, 3))) == []
    assert slices(book.plan(MERGED, 3, window=days(0, 1)))[-1] == "sim.newest[2011-01-01/2011-01-02]"


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 3), st.data())
def test_a_merge_ends_as_if_it_had_been_made_in_order(batch: int, data: st.DataObject) -> None:
    """Whatever windows were run, backfilled, or broken off: of each key the newest day's row stays."""
    project = project_of((RAW, merged("sim.newest", "sim.raw", batch=batch)))
    version = versions_of(project)["sim.newest"].fingerprint
    book, rows, last = Book(), dict[int, int](), 7

    def build(window: object, share: float) -> None:
        works = book.plan(project, last, window=window).works
        for work in works[: round(len(works) * share)]:
            book.publish([work])
            if work.slice.dataset == "sim.newest" and work.slice.interval:
                first, end = ((at - day(0)).days for at in (work.slice.interval.start, work.slice.interval.end))
                rows.update({number % 2: number for number in range(first, end)})

    for _ in range(data.draw(st.integers(0, 5))):
        start = data.draw(st.integers(0, last - 1))
        window = days(start, data.draw(st.integers(start + 1, last)))
        if data.draw(st.booleans()):
            book.mark(
                [("sim.newest", version, str(window.start.date()), str(window.end.date()), str(Reason.ASKED_AGAIN))]
            )
        build(data.draw(st.sampled_from((window, None))), data.draw(st.sampled_from((0.0, 0.3, 0.7, 1.0))))
    build(None, 1.0)
    assert book.plan(project, last).works == ()
    assert rows == {number % 2: number for number in range(last)}
