"""A schedule played through: what is in time, what is late and by how much, what never comes."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

from penstock.model.intervals import Grain
from penstock.model.pipelines import Dataset, IntervalBy, Materialization, Pipeline, Retry, Sla, SqlTask
from penstock.model.schedule import parse_schedule
from penstock.plan.readiness import Pace, readiness

if TYPE_CHECKING:
    from penstock.policy.facts import Readiness

START = datetime(2026, 3, 1, tzinfo=UTC)


def dataset(name: str, *reads: str, retry: Retry | None = None) -> Dataset:
    return Dataset(
        name=name,
        file=f"pipelines/{name.replace('.', '/')}.sql",
        task=SqlTask(text="SELECT 1 AS a", reads=reads, query_digest="", edits=()),
        materialization=Materialization.INCREMENTAL,
        interval=IntervalBy(grain=Grain.DAY, column="day"),
        retry=retry,
    )


def pipeline(cron: str, ready_by: str = "07:00", zone: str = "UTC", end: datetime | None = None) -> Pipeline:
    return Pipeline(
        name="shop",
        file="pipelines/shop/pipeline.yaml",
        owner="team",
        schedule=parse_schedule(cron, zone),
        start=datetime(2026, 1, 1, tzinfo=UTC),
        end=end,
        sla=Sla(ready_by=time.fromisoformat(ready_by)),
        timezone=zone,
    )


def played(shop: Pipeline, *datasets: Dataset, **paces: Pace) -> Readiness:
    named = {f"shop.{name}": pace for name, pace in paces.items()}
    found = readiness(shop, datasets, named, START, lanes=2, seed=1)
    assert found is not None
    return found


def test_a_run_that_begins_before_the_deadline_and_is_quick_is_in_time() -> None:
    found = played(pipeline("0 6 * * *"), dataset("shop.orders"), orders=Pace(seconds=(60.0,), ended=1))
    assert (found.intervals, found.late, found.in_time, found.typical) == (90, 0, 1.0, timedelta(minutes=1))


def test_a_run_that_begins_after_it_is_late_every_day_by_as_much() -> None:
    found = played(pipeline("0 8 * * *"), dataset("shop.orders"), orders=Pace(seconds=(60.0,), ended=1))
    assert (found.late, found.first_late, found.worst) == (90, "2026-03-01", timedelta(hours=1, minutes=1))


def test_what_reads_the_other_waits_for_it() -> None:
    datasets = dataset("shop.orders"), dataset("shop.daily", "shop.orders")
    slow = {"orders": Pace(seconds=(2000.0,), ended=1), "daily": Pace(seconds=(2000.0,), ended=1)}
    assert played(pipeline("0 6 * * *"), *datasets, **slow).worst == timedelta(seconds=400)
    beside = dataset("shop.orders"), dataset("shop.daily")
    assert played(pipeline("0 6 * * *"), *beside, **slow).late == 0


def test_a_weekly_schedule_is_late_for_all_but_the_day_before_it() -> None:
    found = played(pipeline("0 6 * * 1"), dataset("shop.orders"), orders=Pace(seconds=(1.0,), ended=1))
    assert found.late == 90 - 13
    assert found.worst is not None
    assert found.worst > timedelta(days=5)


def test_failures_that_a_retry_mends_cost_time_and_those_for_good_cost_the_day() -> None:
    often = Pace(seconds=(60.0,), failed=50, ended=100)
    with_retries = dataset("shop.orders", retry=Retry(attempts=12, delay=1))
    without = dataset("shop.orders", retry=Retry(attempts=1))
    assert played(pipeline("0 6 * * *"), with_retries, orders=often).in_time > 0.99
    found = played(pipeline("0 6 * * *"), without, orders=often)
    assert 0.3 < found.in_time < 0.7
    assert found == played(pipeline("0 6 * * *"), without, orders=often)


def test_a_clock_change_moves_schedule_and_deadline_together() -> None:
    shop = pipeline("30 6 * * *", "07:00", "Europe/London")
    assert played(shop, dataset("shop.orders"), orders=Pace(seconds=(60.0,), ended=1)).late == 0


def test_nothing_is_promised_without_schedule_deadline_or_datasets() -> None:
    quick = {"shop.orders": Pace(seconds=(1.0,), ended=1)}
    assert readiness(pipeline("0 6 * * *"), (), quick, START, lanes=1) is None
    over = pipeline("0 6 * * *", end=START)
    found = readiness(over, (dataset("shop.orders"),), quick, START, lanes=1)
    assert found is not None
    assert (found.intervals, found.in_time) == (0, 1.0)
