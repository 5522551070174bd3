"""After a crash: what the target says decides, and what was done is not done again."""

from __future__ import annotations

import pytest
from engine_bench import Bench, step_of

from penstock.engine.lease import take_lease
from penstock.engine.promotion import promote
from penstock.engine.recovery import recover
from penstock.ledger.facts import AttemptAudited, RunCancelRequested
from penstock.ledger.journal import LeaseLostError
from penstock.sim.faults import Crash, Fault, Faults
from penstock.sim.projects import landed, project_of, sliced

DATASETS = (landed("sim.raw"), sliced("sim.daily", "sim.raw"))


def _bench(faults: Faults | None = None) -> Bench:
    return Bench(project_of(DATASETS), faults=faults or Faults())


def _steps() -> list[str]:
    """The durable steps of a run without faults: executor, run, promotion."""
    bench = _bench()
    _run_and_show(bench)
    return bench.faults.trace


def _number(step: str) -> int:
    return step_of(_steps(), step)


def _run_and_show(bench: Bench) -> None:
    bench.run()
    promote(bench.journal, bench.warehouse, environment="prod", mapping={"sim.raw": "1"}, reason="t", token=bench.token)


def _crashed(step: str, fault: Fault) -> Bench:
    bench = _bench(Faults(steps={_number(step): fault}))
    with pytest.raises(Crash):
        _run_and_show(bench)
    assert bench.faults.fired == bench.faults.asked
    return bench


def test_with_nothing_left_open_nothing_is_recorded() -> None:
    bench = _bench()
    bench.run()
    before = bench.facts()
    assert recover(bench.journal, bench.warehouse, bench.token) == ()
    assert bench.facts() == before


@pytest.mark.parametrize("fault", [Fault.CRASH_BEFORE, Fault.CRASH_AFTER])
def test_an_attempt_that_published_nothing_is_abandoned_and_done_again(fault: Fault) -> None:
    bench = _crashed("AttemptAudited", fault)
    bench.lease()
    codes = [row["code"] for row in bench.attempts()]
    assert codes == ([] if fault is Fault.CRASH_BEFORE else ["engine.abandoned"])
    assert bench.run().ok
    assert set(bench.warehouse.applied.values()) == {1}


def test_rows_that_the_target_holds_are_recorded_and_not_built_again() -> None:
    bench = _crashed("publish", Fault.CRASH_AFTER)
    assert bench.attempts()[0]["state"] == "audited"
    token = bench.lease()
    assert (bench.attempts()[0]["state"], bench.attempts()[0]["rows"]) == ("published", 1)
    assert [row["dataset"] for row in bench.journal.rows("coverage")] == ["sim.raw"]
    assert token == 2
    bench.run()
    assert set(bench.warehouse.applied.values()) == {1}


def test_what_recovery_records_is_what_the_attempt_would_have_recorded() -> None:
    calm, killed = _bench(), _crashed("publish", Fault.CRASH_AFTER)
    calm.run()
    killed.lease()
    killed.run()

    def covered(bench: Bench) -> list[tuple[object, ...]]:
        names = ("dataset", "version", "start", "end", "rows", "inputs")
        return [tuple(row[name] for name in names) for row in bench.journal.rows("coverage")]

    assert covered(killed) == covered(calm)


def test_an_attempt_whose_start_is_not_in_the_ledger_covers_nothing() -> None:
    bench = _bench()
    bench.run()
    (publish_id,) = bench.warehouse.applied.keys() & {
        str(row["publish_id"]) for row in bench.attempts(dataset="sim.raw")
    }
    covered = bench.journal.rows("coverage")
    bench.journal.write(AttemptAudited(publish_id=publish_id, attempt=7, rows=1, checks=0, failed_checks={}))
    assert len(recover(bench.journal, bench.warehouse, bench.token)) == 1
    assert bench.journal.rows("coverage") == covered
    (settled,) = bench.attempts(attempt=7)
    assert (settled["state"], settled["code"]) == ("failed", "engine.abandoned")


def test_a_run_that_was_cut_off_is_interrupted() -> None:
    bench = _crashed("publish", Fault.CRASH_BEFORE)
    bench.lease()
    (run,) = bench.journal.rows("runs")
    assert (run["state"], run["reason"]) == ("interrupted", "its executor stopped")


def test_a_run_that_somebody_cancelled_before_its_executor_died_is_cancelled() -> None:
    bench = _crashed("publish", Fault.CRASH_BEFORE)
    (run,) = bench.journal.rows("runs")
    bench.journal.append(RunCancelRequested(run=str(run["run"]), by="somebody"))
    bench.lease()
    (run,) = bench.journal.rows("runs")
    assert (run["state"], run["reason"]) == ("cancelled", "its executor stopped")


def test_a_swap_that_happened_is_recorded_as_a_promotion() -> None:
    bench = _crashed("swap", Fault.CRASH_AFTER)
    assert bench.journal.rows("environments") == ()
    bench.lease()
    (row,) = bench.journal.rows("environments")
    assert (row["dataset"], row["version"]) == ("sim.raw", "1")
    assert bench.journal.rows("promotions")[0]["state"] == "promoted"


def test_a_swap_that_did_not_happen_stays_an_intention() -> None:
    bench = _crashed("swap", Fault.CRASH_BEFORE)
    bench.lease()
    assert bench.journal.rows("environments") == ()
    assert bench.journal.rows("promotions")[0]["state"] == "intended"


def test_recovery_killed_in_its_middle_is_done_by_the_next() -> None:
    killed = _number("publish")
    recovery = killed + 3  # the next executor's lease, its fence, and then what it settles
    bench = _bench(Faults(steps={killed: Fault.CRASH_AFTER, recovery: Fault.CRASH_BEFORE}))
    for attempt in (bench.run, bench.lease):
        with pytest.raises(Crash):
            attempt()
    assert bench.faults.fired == bench.faults.asked
    bench.lease()
    assert bench.run().ok
    assert set(bench.warehouse.applied.values()) == {1}


def test_a_ledger_that_knows_less_than_the_target_gives_tokens_beyond_the_targets() -> None:
    """As after a backup was restored, or after the ledger moved."""
    bench = _bench()
    bench.warehouse.show_token(7)
    assert bench.lease() == 8
    assert bench.run().ok


def test_a_lease_is_not_taken_from_whoever_took_it_since_one_looked() -> None:
    bench = _bench()
    seen = bench.lease()
    bench.take_over()
    with pytest.raises(LeaseLostError):
        take_lease(bench.journal, bench.warehouse, "late", seen)
    assert bench.journal.pulse()[0] == bench.token


def test_each_executors_token_is_larger_than_the_last() -> None:
    bench = _bench()
    assert [bench.lease() for _ in range(3)] == [1, 2, 3]
