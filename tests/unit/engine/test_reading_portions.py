"""How much of a database an attempt reads follows from what is published already."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest

from penstock.engine.ports.arrivals import Portion
from penstock.engine.ports.publishing import Publication
from penstock.engine.reading import landed, needs_staging, portion_of
from penstock.model.databases import Cursor, DatabaseEngine, DatabaseSource
from penstock.model.errors import TaskError
from penstock.model.intervals import Grain, Interval
from penstock.model.pipelines import Dataset, IntervalBy, Materialization

if TYPE_CHECKING:
    from penstock.engine.ports.warehouse import Session

DAY = Interval.parse("2024-01-02/2024-01-03")


class Held:
    """A session whose dataset holds this newest value."""

    def __init__(self, newest: object) -> None:
        self.value = newest

    def newest(self, relation: str, column: str) -> object:
        assert (relation, column) == ("r", "at")
        return self.value


def _dataset(cursor: Cursor | None = None, **changes: Any) -> Dataset:
    task = DatabaseSource(
        engine=DatabaseEngine.POSTGRES, types={"at": "TIMESTAMP"}, connection="X", table="t", cursor=cursor
    )
    return Dataset(name="s.t", file="t.source.yaml", task=task, materialization=Materialization.MERGE, **changes)


def _portion(newest: object, dataset: Dataset, interval: Interval | None = None) -> Portion:
    publication = Publication(
        publish_id="p",
        run="r",
        dataset="s.t",
        version="v",
        relation="r",
        materialization=dataset.materialization,
        token=1,
        interval=interval,
    )
    return portion_of(cast("Session", Held(newest)), publication, dataset)


@pytest.mark.parametrize(
    ("newest", "overlap", "since"),
    [
        (None, timedelta(hours=1), None),
        (datetime(2024, 1, 2, 3, tzinfo=UTC), None, datetime(2024, 1, 2, 3, tzinfo=UTC)),
        (datetime(2024, 1, 2, 3, tzinfo=UTC), timedelta(hours=4), datetime(2024, 1, 1, 23, tzinfo=UTC)),
        (date(2024, 1, 2), timedelta(hours=1), date(2024, 1, 1)),
        (date(2024, 1, 2), timedelta(days=1), date(2024, 1, 1)),
        (1000, 1, 999),
        (datetime(2024, 1, 2, tzinfo=UTC), timedelta(days=999_999), None),
    ],
)
def test_a_cursor_goes_on_from_the_newest_row_held_less_the_overlap(
    newest: object, overlap: timedelta | int | None, since: object
) -> None:
    assert _portion(newest, _dataset(Cursor(column="at", overlap=overlap))) == Portion(since=since)


@pytest.mark.parametrize("newest", [datetime.max.replace(tzinfo=UTC), date.max, datetime.min.replace(tzinfo=UTC)])
def test_an_infinite_value_is_no_place_to_go_on_from(newest: object) -> None:
    with pytest.raises(TaskError) as caught:
        _portion(newest, _dataset(Cursor(column="at")))
    assert caught.value.findings[0].code == "source.endless_cursor"


def test_an_interval_or_everything_rests_on_nothing_held() -> None:
    by_day = _dataset(interval=IntervalBy(grain=Grain.DAY, column="at"))
    assert _portion(None, by_day, DAY) == Portion(interval=DAY, column="at")
    assert _portion(None, _dataset()) == Portion()


def test_rows_that_may_be_too_old_do_not_go_into_their_table_as_they_come() -> None:
    whole = replace(_dataset(), materialization=Materialization.TABLE)
    assert not needs_staging(whole, {"s.other"})
    assert needs_staging(whole, {"s.t"}), "the horizon stays, though no contract says anything of it"


def test_where_nothing_reads_databases_the_attempt_says_so() -> None:
    with (
        pytest.raises(TaskError, match="nothing here reads databases"),
        landed(*cast("Any", (None, None, _dataset(), None, None))),
    ):
        pass
