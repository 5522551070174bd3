"""A run: in order, transient failures again, others not; one failure stops its own branch and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from engine_bench import Bench

from penstock.engine.ports.warehouse import UnknownOutcomeError
from penstock.ledger.journal import LeaseLostError
from penstock.model.pipelines import Dataset, Retry
from penstock.sim.faults import Crash, Fault, Faults
from penstock.sim.projects import landed, project_of, sliced, view, whole

RAW, DAILY = landed("sim.raw"), sliced("sim.daily", "sim.raw")


def _bench(*datasets: Dataset, faults: Faults | None = None, missing: frozenset[str] = frozenset()) -> Bench:
    return Bench(project_of(datasets or (RAW, DAILY)), faults=faults or Faults(), missing=missing)


def test_everything_is_built_in_dependency_order() -> None:
    bench = _bench(RAW, DAILY, whole("sim.best", "sim.daily"), view("sim.seen", "sim.best"))
    report = bench.run(days=2)
    assert report.ok
    order = [published.dataset for published in report.published]
    assert order.index("sim.best") > max(n for n, name in enumerate(order) if name == "sim.daily")
    assert order[-1] == "sim.seen"
    assert bench.plan(2).works == ()
    (run,) = bench.journal.rows("runs")
    assert (run["state"], run["tasks"]) == ("published", 6)


def test_a_run_with_nothing_to_do_leaves_no_trace() -> None:
    bench = _bench()
    bench.run(days=1)
    before = bench.facts()
    assert bench.run(days=1).ok
    assert bench.facts() == before


def test_versions_are_defined_once() -> None:
    bench = _bench()
    bench.run(days=1)
    bench.run(days=2)
    assert bench.facts().count("VersionDefined") == 2
    assert {row["dataset"] for row in bench.journal.rows("versions")} == {"sim.raw", "sim.daily"}


@pytest.mark.parametrize("fault", [Fault.CONFLICT, Fault.COMMIT_LOST])
def test_a_transient_failure_is_tried_again_after_a_wait(fault: Fault) -> None:
    bench = _bench(RAW, faults=Faults(commits={1: fault, 2: fault}))
    report = bench.run()
    assert report.ok
    assert bench.faults.fired == bench.faults.asked
    assert [row["state"] for row in bench.attempts()] == ["failed", "failed", "published"]
    assert bench.progress == [
        ("sim.raw[2011-01-01/2011-01-02]", state) for state in ("retrying", "retrying", "published")
    ]
    assert 0.5 + 1.0 <= bench.clock.slept <= 1.0 + 2.0
    assert report.seconds == bench.clock.slept


def test_after_its_last_attempt_a_transient_failure_is_final() -> None:
    bench = _bench(RAW, faults=Faults(commits={1: Fault.CONFLICT, 2: Fault.CONFLICT, 3: Fault.CONFLICT}))
    report = bench.run()
    assert [failure.findings[0].code for failure in report.failures] == ["engine.conflict"]
    assert [row["attempt"] for row in bench.attempts(state="failed")] == [1, 2, 3]
    facts = [entry.fact for entry in bench.journal.entries() if entry.kind == "AttemptFailed"]
    assert [getattr(fact, "transient", None) for fact in facts] == [True, True, False]
    assert bench.journal.rows("runs")[0]["state"] == "failed"


def test_a_dataset_may_have_its_own_number_of_attempts() -> None:
    bench = _bench(replace(RAW, retry=Retry(attempts=1)), faults=Faults(commits={1: Fault.CONFLICT}))
    assert not bench.run().ok
    assert len(bench.attempts()) == 1


def test_a_permanent_failure_is_not_tried_again() -> None:
    bench = _bench(missing=frozenset({"sim.raw@2011-01-01"}))
    report = bench.run()
    assert [failure.findings[0].code for failure in report.failures] == ["source.missing_file"]
    assert bench.clock.slept == 0
    (attempt,) = bench.attempts()
    assert (attempt["state"], attempt["code"]) == ("failed", "source.missing_file")


def test_a_failure_skips_what_reads_it_and_nothing_else() -> None:
    other = landed("sim.other")
    bench = _bench(RAW, DAILY, whole("sim.best", "sim.daily"), other, missing=frozenset({"sim.raw@2011-01-02"}))
    report = bench.run(days=3)
    assert [failure.slice for failure in report.failures] == ["sim.raw[2011-01-02/2011-01-03]"]
    assert sorted(report.skipped) == ["sim.best", "sim.daily[2011-01-02/2011-01-03]"]
    assert len(report.published) == 7
    assert not bench.attempts(dataset="sim.best")


def test_the_next_run_builds_exactly_what_failed_and_what_waited_for_it() -> None:
    bench = _bench(missing=frozenset({"sim.raw@2011-01-02"}))
    bench.run(days=3)
    bench.files.missing = frozenset()
    report = bench.run(days=3)
    assert [str(published.interval) for published in report.published] == ["2011-01-02/2011-01-03"] * 2
    assert bench.plan(3).works == ()


def test_the_same_request_again_is_the_same_run_and_counts_its_attempts_on() -> None:
    bench = _bench(RAW, missing=frozenset({"sim.raw@2011-01-01"}))
    first = bench.run()
    bench.files.missing = frozenset()
    second = bench.run()
    assert first.run == second.run
    assert [(row["attempt"], row["state"]) for row in bench.attempts()] == [(1, "failed"), (2, "published")]
    assert bench.journal.rows("runs")[0]["state"] == "published"


def test_inputs_that_went_back_to_what_they_were_are_built_again() -> None:
    """The request is an old one then; the target must not take its publish id for work that is done."""
    bench = _bench(RAW, whole("sim.best", "sim.raw"))
    bench.run(days=2)
    runs = [bench.run(days=days) for days in (1, 2, 1, 2, 1)]
    assert [len(report.published) for report in runs] == [1] * 5
    assert len({report.run for report in runs}) == 2
    assert bench.warehouse.applied.total() == 3 + 5
    assert set(bench.warehouse.applied.values()) == {1}


def test_work_done_anew_is_still_done_once_whatever_crashes() -> None:
    datasets = (RAW, whole("sim.best", "sim.raw"))
    calm = _bench(*datasets)
    for days in (2, 1, 2, 1):
        calm.run(days=days)
    last = [int(line.split()[0]) for line in calm.faults.trace if "publish" in line][-1]
    bench = _bench(*datasets, faults=Faults(steps={last: Fault.CRASH_AFTER}))
    for days in (2, 1, 2):
        bench.run(days=days)
    with pytest.raises(Crash):
        bench.run(days=1)
    bench.lease()
    assert bench.run(days=1).published == ()
    assert bench.warehouse.applied == calm.warehouse.applied


def test_another_purpose_is_another_run() -> None:
    one, other = _bench(RAW), _bench(RAW)
    assert one.run(purpose="a").run != other.run(purpose="b").run


def test_an_executor_that_lost_its_lease_stops() -> None:
    bench = _bench()
    stale = bench.lease()
    bench.lease()
    bench.token = stale
    with pytest.raises(LeaseLostError):
        bench.run()
    assert bench.warehouse.applied == {}


def test_parallel_slices_give_what_one_after_the_other_gives() -> None:
    datasets = (RAW, DAILY, sliced("sim.more", "sim.daily", "sim.raw"), whole("sim.best", "sim.more"))
    alone, together = Bench(project_of(datasets)), Bench(project_of(datasets, parallel=4))
    assert alone.run(days=9).ok
    assert together.run(days=9).ok
    for dataset in datasets:
        assert sorted(alone.rows(dataset.name) or (), key=str) == sorted(together.rows(dataset.name) or (), key=str)
    assert set(together.warehouse.applied.values()) == {1}


def test_a_crash_in_one_of_several_threads_ends_the_run() -> None:
    bench = Bench(project_of((RAW,), parallel=3), faults=Faults(steps={9: Fault.CRASH_BEFORE}))
    with pytest.raises(Crash):
        bench.run(days=6)
    assert bench.journal.rows("runs")[0]["state"] == "running"
    bench.lease()
    assert bench.run(days=6).ok
    assert set(bench.warehouse.applied.values()) == {1}
    assert len(bench.rows("sim.raw") or ()) == 6


def test_an_unknown_outcome_is_never_handed_to_the_caller() -> None:
    for fault in (Fault.COMMIT_LOST, Fault.COMMIT_KEPT):
        bench = _bench(RAW, faults=Faults(commits={1: fault}))
        try:
            assert bench.run().ok
        except UnknownOutcomeError:  # pragma: no cover - what must not happen
            pytest.fail(f"{fault} reached the caller")
        assert bench.faults.fired == bench.faults.asked
