"""What a plan will take is what its datasets took before; nobody knows where one was never built."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ledger_rows import Book, day

from penstock.plan.build import BuildPlan, coverage_of, plan_build, plan_digest
from penstock.plan.estimate import Estimate, Past, estimates, seconds_of
from penstock.sim.projects import landed, project_of, sliced, whole

PROJECT = project_of((landed("sim.raw"), sliced("sim.daily", "sim.raw"), whole("sim.best", "sim.daily")))
HISTORY = {
    "sim.raw": [Past(ran=1.0, rows=10), Past(ran=9.0, rows=30), Past(ran=2.0, rows=20)],
    "sim.daily": [Past(ran=0.5, cpu=0.25, rows=2)],
    "sim.best": [Past(ran=4.0), Past(ran=6.0)],
}


def built(until: int = 3, book: Book | None = None) -> BuildPlan:
    book = book or Book()
    return plan_build(PROJECT, coverage_of(list(book.rows.values())), day(until))


def test_each_dataset_takes_the_median_of_what_its_slices_took() -> None:
    found = estimates(built(), HISTORY)
    count = sum(1 for work in built().works if work.slice.dataset == "sim.raw")
    assert found["sim.raw"] == Estimate(seconds=count * 2.0, cpu_seconds=0.0, rows=count * 20, bytes=0, slices_seen=3)
    assert found["sim.daily"].cpu_seconds > 0


def test_lanes_share_the_work_but_not_one_chain() -> None:
    plan, found = built(), estimates(built(), HISTORY)
    one, many = seconds_of(plan, found, 1), seconds_of(plan, found, 100)
    assert one == pytest.approx(sum(each.seconds for each in found.values()))
    assert many is not None
    assert one is not None
    assert many < one or len(plan.works) == 3
    assert many >= 5.0  # the whole table comes after everything


def test_what_was_never_built_takes_nobody_knows_how_long() -> None:
    found = estimates(built(), {"sim.raw": HISTORY["sim.raw"], "sim.daily": []})
    assert set(found) == {"sim.raw"}
    assert seconds_of(built(), found, 2) is None


def test_nothing_to_do_takes_no_time() -> None:
    plan = built(book=Book().complete(PROJECT, 3))
    assert plan.works == ()
    assert seconds_of(plan, {}, 2) == 0.0


def test_a_digest_names_the_work_the_words_and_the_environment_with_what_it_shows() -> None:
    def digest(until: int = 3, environment: str = "dev", shown: str = "a", said: str = "") -> str:
        datasets = {name: replace(one, description=said) for name, one in PROJECT.datasets.items()}
        return plan_digest(built(until), replace(PROJECT, datasets=datasets), environment, {"sim.raw": shown})

    assert digest() == digest()
    assert len({digest(), digest(4), digest(environment="prod"), digest(shown="b"), digest(said="new words")}) == 5
