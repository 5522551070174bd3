"""An executor of several runs: retries that hold up nobody, limits shared, stopping that is complete, measures kept."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from engine_bench import Bench, day
from fault_cases import Named

from penstock.engine.executor import Executor
from penstock.engine.recovery import OPEN_STATES
from penstock.engine.requests import RunRequest
from penstock.engine.run import CANCELLED, INTERRUPTED, Request, RunReport
from penstock.engine.states import RunState
from penstock.ledger.facts import BackfillRequested
from penstock.ledger.journal import LeaseLostError
from penstock.model.errors import RunError, WaitingError
from penstock.model.findings import Finding
from penstock.model.pipelines import Dataset, Limits
from penstock.plan.build import Reason
from penstock.sim.clock import VirtualClock
from penstock.sim.faults import Fault, Faults
from penstock.sim.projects import appended, coded, landed, merged, project_of, sliced, view, whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from penstock.engine.ports.publishing import Publication
    from penstock.ledger.journal import Entry

RAW, OTHER = landed("sim.raw"), landed("sim.other")
DAILY, BEST = sliced("sim.daily", "sim.raw"), whole("sim.best", "sim.daily")


def _bench(*datasets: Dataset, faults: Faults | None = None, **changes: Any) -> Bench:
    return Bench(project_of(datasets or (RAW, DAILY, BEST)), faults=faults or Faults(), **changes)


def _finished(bench: Bench) -> dict[str, str]:
    return {str(row["run"]): str(row["state"]) for row in bench.journal.rows("runs")}


def _after(bench: Bench, kind: str) -> list[Entry]:
    """The entries after the last one of a kind."""
    entries = list(bench.journal.entries())
    last = max(entry.seq for entry in entries if entry.kind == kind)
    return entries[last:]


# -- retries --------------------------------------------------------------------------------------------------------


def test_a_retry_that_waits_holds_up_nothing_else() -> None:
    bench = _bench(OTHER, whole("sim.top", "sim.other"), RAW, DAILY, faults=Named(passing={"sim.other": 1}))
    assert bench.run(days=2).ok
    (again,) = (name for name, state in bench.progress if state == "retrying")
    done = [name for name, state in bench.progress if state == "published"]
    assert again.startswith("sim.other")
    assert done[-2:] == [again, "sim.top"]
    assert bench.clock.slept > 0


def test_all_that_wait_are_tried_again_when_their_own_time_has_come() -> None:
    faults = Named(passing={"sim.raw": 1, "sim.other": 2})
    bench = _bench(RAW, OTHER, faults=faults)
    assert bench.run().ok
    assert bench.states() == {"sim.raw": ["sim.passing", "published"], "sim.other": ["sim.passing"] * 2 + ["published"]}
    assert bench.progress[-1] == ("sim.other[2011-01-01/2011-01-02]", "published")


def test_after_the_last_attempt_nothing_is_said_to_be_tried_again() -> None:
    bench = _bench(RAW, faults=Named(passing={"sim.raw": 99}))
    (failure,) = bench.run().failures
    tried = len(bench.states()["sim.raw"])
    assert tried > 1
    assert failure.findings[0].remedy == (
        f"it was tried {tried} time(s), which is all that `retries` allows: penstock run tries it anew"
    )


# -- several runs ---------------------------------------------------------------------------------------------------


def test_runs_that_come_together_are_done_together_and_each_is_recorded() -> None:
    one, other = _bench(RAW), _bench(RAW)
    one.lease()
    executor = one.executor()
    first, second = (one.admit(executor, days, purpose=f"p{days}") for days in (1, 2))
    assert set(executor.runs) == {first.job.run, second.job.run}
    executor.drain()
    assert other.run(days=2).ok
    assert not executor.runs
    assert [running.report.state for running in (first, second) if running.report] == [RunState.PUBLISHED] * 2
    assert set(_finished(one).values()) == {"published"}
    assert one.rows("sim.raw") == other.rows("sim.raw")


def test_a_failure_of_one_run_is_none_of_the_other() -> None:
    bench = _bench(RAW, OTHER, missing=frozenset({"sim.raw@2011-01-01"}))
    executor = bench.executor()
    whole_run = bench.admit(executor, purpose="both")
    bench.project = bench.project.narrowed(["sim.other"])
    small = bench.admit(executor, purpose="one")
    executor.drain()
    assert whole_run.report is not None
    assert small.report is not None
    assert (whole_run.report.state, small.report.state) == (RunState.FAILED, RunState.PUBLISHED)


def test_a_run_with_more_priority_goes_first() -> None:
    bench = _bench(RAW, OTHER)
    executor = bench.executor()
    everything = bench.project
    bench.project = everything.narrowed(["sim.raw"])
    bench.admit(executor, days=3, purpose="patient")
    urgent = replace(everything.pipelines["sim"], priority=9)
    bench.project = replace(everything.narrowed(["sim.other"]), pipelines={"sim": urgent})
    bench.admit(executor, days=3, purpose="urgent")
    executor.drain()
    assert [name.partition("[")[0] for name, _ in bench.progress] == ["sim.other"] * 3 + ["sim.raw"] * 3


def test_an_empty_run_that_was_queued_ends_with_nothing() -> None:
    bench = _bench(RAW)
    bench.run()
    request = RunRequest(trigger="manual", key="k", environment="dev", until=day(1))
    bench.journal.append(request.fact())
    running = bench.admit(bench.executor(), queued=request.run)
    assert running.report is not None
    assert running.report.ok
    assert _finished(bench)[request.run] == "nothing"


def test_a_ledger_that_falters_once_a_run_has_started_ends_the_executor(monkeypatch: pytest.MonkeyPatch) -> None:
    """The run is recorded as running, and nobody here would go on with it: whoever comes next settles it."""
    bench = _bench(RAW)
    request = RunRequest(trigger="manual", key="k", environment="dev", until=day(1))
    bench.journal.append(request.fact())
    executor = bench.executor()
    rows = bench.journal.rows

    def falter(table: str, **given: Any) -> Any:
        found = rows(table, **given)
        if table == "runs" and found and found[0]["state"] == "running":
            raise RunError(Finding(code="ledger.not_read", message="the disk is slow"))
        return found

    with monkeypatch.context() as patched:
        patched.setattr(bench.journal, "rows", falter)
        with pytest.raises(RunError):
            bench.admit(executor, queued=request.run)
    with pytest.raises(RunError):
        executor.drain()
    assert bench.journal.rows("runs", run=request.run)[0]["state"] == "running"
    bench.lease()
    assert _finished(bench)[request.run] == "interrupted"


def test_what_is_queued_twice_is_one_run() -> None:
    bench = _bench(RAW)
    request = RunRequest(trigger="manual", key="k", environment="dev", until=day(1))
    for _ in range(2):
        bench.journal.append(request.fact())
    executor = bench.executor()
    bench.admit(executor, queued=request.run)
    executor.drain()
    bench.journal.append(request.fact())
    assert _finished(bench) == {request.run: "published"}
    assert bench.facts().count("RunQueued") == 1


def test_a_run_does_not_make_good_what_was_marked_after_it_was_planned() -> None:
    """Its table was made of the rows as they were, though it began after somebody wanted them restated."""
    bench = _bench(RAW, whole("sim.best", "sim.raw"))
    bench.run(days=1)
    planned = bench.plan(2)
    versions = {name: version.fingerprint for name, version in planned.versions.items()}
    marks = [
        ["sim.raw", versions["sim.raw"], "2011-01-01", "2011-01-02", str(Reason.ASKED_AGAIN)],
        ["sim.best", versions["sim.best"], "", "", str(Reason.UPSTREAM_AGAIN)],
    ]
    requested = BackfillRequested(backfill="b", plan="", by="somebody", reason="corrected", stale=json.dumps(marks))
    bench.journal.append(requested)
    executor = bench.executor()
    executor.admit(Request(purpose="planned before", project=bench.project, plan=planned))
    executor.drain()
    left = [str(work.slice) for work in bench.plan(2).works]
    assert left == ["sim.raw[2011-01-01/2011-01-02]", "sim.best"]
    assert bench.run(days=2).ok
    assert bench.plan(2).works == ()


# -- stopping -------------------------------------------------------------------------------------------------------


def test_a_run_cancelled_before_it_begins_does_nothing() -> None:
    bench = _bench()
    executor = bench.executor()
    running = bench.admit(executor)
    assert executor.cancel(running.job.run)
    executor.drain()
    assert running.report is not None
    assert running.report.state is RunState.CANCELLED
    assert [finding.code for finding in running.report.findings] == ["run.cancelled"]
    assert bench.attempts() == ()
    assert _finished(bench) == {running.job.run: "cancelled"}


def test_an_unknown_run_cannot_be_cancelled() -> None:
    assert not _bench().executor().cancel("r0")


@pytest.mark.parametrize(
    "dataset",
    [
        sliced("sim.made", "sim.raw"),
        whole("sim.made", "sim.raw"),
        view("sim.made", "sim.raw"),
        merged("sim.made", "sim.raw"),
        appended("sim.made", "sim.raw"),
        coded("sim.made", "sim.raw"),
    ],
    ids=["incremental", "table", "view", "merge", "append", "process"],
)
def test_cancelled_while_it_builds_a_run_publishes_nothing_more(dataset: Dataset) -> None:
    faults = Faults(efforts={2: Fault.CANCEL})  # the first is the landing of what it reads
    bench = _bench(RAW, dataset, whole("sim.top", "sim.made"), faults=faults)
    executor = bench.executor()
    running = bench.admit(executor)
    faults.on[Fault.CANCEL] = lambda: executor.cancel(running.job.run)
    executor.drain()
    assert faults.fired == faults.asked
    assert bench.states() == {"sim.raw": ["published"], "sim.made": [CANCELLED]}
    assert _finished(bench) == {running.job.run: "cancelled"}
    assert _after(bench, "RunFinished") == []
    assert bench.rows("sim.made") is None


def test_cancelled_while_its_process_works_a_run_kills_it() -> None:
    faults = Faults(efforts={3: Fault.CANCEL})  # after the landing, and the export of what it reads
    bench = _bench(RAW, coded("sim.made", "sim.raw"), faults=faults)
    executor = bench.executor()
    running = bench.admit(executor)
    faults.on[Fault.CANCEL] = lambda: executor.cancel(running.job.run)
    executor.drain()
    assert faults.fired == faults.asked
    assert bench.processes.stopped == {running.job.run: 1}
    assert bench.states()["sim.made"] == [CANCELLED]
    assert bench.rows("sim.made") is None


def test_cancelling_one_run_undoes_nothing_of_another_in_the_same_transaction() -> None:
    faults = Named()
    both = project_of((RAW, whole("sim.mine", "sim.raw"), OTHER, whole("sim.yours", "sim.other")))
    bench = Bench(both, faults=faults)
    executor = bench.executor()
    bench.project = both.narrowed(["sim.mine"])
    mine = bench.admit(executor, purpose="mine")
    bench.project = both.narrowed(["sim.yours"])
    yours = bench.admit(executor, purpose="yours")
    faults.tell["sim.mine"] = lambda: executor.cancel(mine.job.run)
    executor.drain()
    bench.project = both
    assert mine.report is not None
    assert yours.report is not None
    assert (mine.report.state, yours.report.state) == (RunState.CANCELLED, RunState.PUBLISHED)
    assert bench.rows("sim.mine") is None
    assert len(bench.rows("sim.yours") or ()) == 1
    assert bench.states()["sim.yours"] == ["published"]


def test_a_cancel_that_comes_too_late_for_its_own_run_disturbs_no_other() -> None:
    """The lane has taken the next piece, of another run, when what was to be stopped is published all the same."""
    patient = whole("sim.yours", "sim.other", timeout=timedelta(hours=1))
    both = project_of((RAW, whole("sim.mine", "sim.raw"), OTHER, patient))
    bench = Bench(both)
    executor = bench.executor()
    bench.project = both.narrowed(["sim.mine"])
    mine = bench.admit(executor, purpose="mine")
    bench.project = both.narrowed(["sim.yours"])
    yours = bench.admit(executor, purpose="yours")
    told: list[bool] = []

    def too_late(publication: Publication) -> None:
        if publication.dataset == "sim.mine":
            told.append(executor.cancel(mine.job.run))

    bench.warehouse.witness = too_late
    executor.drain()
    assert told == [True]
    assert [running.report and str(running.report.state) for running in (mine, yours)] == ["published", "published"]
    assert [row["code"] for row in bench.attempts(dataset="sim.yours")] == [None]


def test_a_process_whose_run_was_cancelled_before_it_could_be_killed_is_not_begun() -> None:
    faults = Named()
    bench = _bench(coded("sim.made"), faults=faults)
    executor = bench.executor()
    running = bench.admit(executor)
    faults.before["AttemptStarted"] = lambda: executor.cancel(running.job.run)
    executor.drain()
    assert faults.before == {}
    assert bench.processes.stopped == {running.job.run: 1}
    assert not [name for name in faults.reached if name.startswith("process")]
    assert _finished(bench) == {running.job.run: "cancelled"}


@pytest.mark.parametrize("how", [Executor.interrupt, Executor.wind_down])
def test_a_run_that_is_admitted_after_the_end_was_asked_for_is_interrupted_at_once(
    how: Callable[[Executor, str], None],
) -> None:
    bench = _bench()
    executor = bench.executor()
    how(executor, "no more")
    running = bench.admit(executor)
    executor.drain()
    assert running.report is not None
    assert running.report.state is RunState.INTERRUPTED
    assert [(row["state"], row["reason"]) for row in bench.journal.rows("runs")] == [("interrupted", "no more")]
    assert bench.attempts() == ()
    assert bench.run().ok


def test_an_end_that_cannot_be_recorded_ends_the_executor() -> None:
    bench = _bench()
    executor = bench.executor()
    busy = WaitingError(Finding(code="ledger.busy", message="busy"))

    def refuse(_report: RunReport) -> None:
        raise busy

    request = Request(purpose="test", project=bench.project, plan=bench.plan(1))
    running = executor.admit(request, conclude=refuse)
    with pytest.raises(WaitingError):
        executor.cancel(running.job.run)
    with pytest.raises(WaitingError):
        executor.drain()


def test_what_was_cancelled_is_finished_by_the_next_run() -> None:
    faults = Named()
    bench = _bench(faults=faults)
    executor = bench.executor()
    running = bench.admit(executor, days=2)
    faults.tell["query"] = lambda: executor.cancel(running.job.run)
    executor.drain()
    faults.tell.clear()
    assert _finished(bench) == {running.job.run: "cancelled"}
    assert bench.run(days=2, purpose="again").ok
    assert bench.plan(2).works == ()
    assert set(bench.warehouse.applied.values()) == {1}


def test_a_run_that_is_cancelled_when_all_is_done_is_done() -> None:
    faults = Named()
    bench = _bench(RAW, faults=faults)
    executor = bench.executor()
    running = bench.admit(executor)
    faults.before["publish"] = lambda: executor.cancel(running.job.run)
    executor.drain()
    assert _finished(bench) == {running.job.run: "published"}
    assert len(bench.rows("sim.raw") or ()) == 1


def test_a_run_cancelled_while_its_failure_is_recorded_is_not_tried_again() -> None:
    """The decision to try again was made before somebody cancelled; it no longer holds."""
    faults = Named(passing={"sim.raw": 1})
    bench = _bench(RAW, faults=faults)
    executor = bench.executor()
    running = bench.admit(executor)
    faults.before["AttemptFailed"] = lambda: executor.cancel(running.job.run)
    executor.drain()
    assert _finished(bench) == {running.job.run: "cancelled"}
    assert bench.states() == {"sim.raw": ["sim.passing"]}
    assert bench.clock.slept == 0
    assert _after(bench, "RunFinished") == []


def test_a_run_cancelled_while_it_waits_to_try_again_is_over_at_once() -> None:
    faults = Named(passing={"sim.other": 1})
    bench = _bench(OTHER, RAW, faults=faults)
    executor = bench.executor()
    running = bench.admit(executor)
    faults.tell["sim.raw"] = lambda: executor.cancel(running.job.run)
    executor.drain()
    assert bench.clock.slept == 0
    assert _finished(bench) == {running.job.run: "cancelled"}
    assert bench.states() == {"sim.other": ["sim.passing"], "sim.raw": [CANCELLED]}


def test_interrupted_everything_is_recorded_for_resume() -> None:
    faults = Named()
    bench = _bench(faults=faults)
    executor = bench.executor()
    running = bench.admit(executor)
    faults.tell["query"] = executor.interrupt
    executor.drain()
    assert bench.states() == {"sim.raw": ["published"], "sim.daily": [INTERRUPTED]}
    assert _finished(bench) == {running.job.run: "interrupted"}
    assert not [row for state in OPEN_STATES for row in bench.attempts(state=state)]
    assert bench.processes.stopped.total() == 1


def test_wound_down_what_is_in_hand_is_published_and_nothing_else_begins() -> None:
    faults = Named()
    bench = _bench(faults=faults)
    executor = bench.executor()
    running = bench.admit(executor, days=2)
    faults.tell["query"] = executor.wind_down
    executor.drain()
    assert bench.states() == {"sim.raw": ["published"] * 2, "sim.daily": ["published"]}
    assert _finished(bench) == {running.job.run: "interrupted"}
    assert bench.processes.stopped.total() == 0


def test_an_interrupted_run_goes_on_under_its_own_name() -> None:
    faults = Named()
    bench = _bench(faults=faults)
    request = RunRequest(trigger="manual", key="k", environment="dev", until=day(1))
    bench.journal.append(request.fact())
    executor = bench.executor()
    bench.admit(executor, queued=request.run)
    faults.tell["query"] = executor.interrupt
    executor.drain()
    faults.tell.clear()
    again = bench.executor()
    bench.admit(again, queued=request.run)
    again.drain()
    assert _finished(bench) == {request.run: "published"}
    assert bench.states() == {
        "sim.raw": ["published"],
        "sim.daily": [INTERRUPTED, "published"],
        "sim.best": ["published"],
    }


def test_an_executor_that_gives_up_records_nothing_more() -> None:
    faults = Named()
    bench = _bench(faults=faults)
    executor = bench.executor()
    bench.admit(executor)
    lost = RuntimeError("the heart stopped")
    faults.tell["query"] = lambda: executor.give_up(lost)
    with pytest.raises(RuntimeError, match="the heart stopped"):
        executor.drain()
    executor.wind_down()
    bench.journal.flush()
    assert "AttemptFailed" not in bench.facts()
    assert "RunFinished" not in bench.facts()
    bench.lease()
    assert bench.states()["sim.daily"] == ["engine.abandoned"]
    assert bench.run().ok
    assert set(bench.warehouse.applied.values()) == {1}


@pytest.mark.parametrize("step", ["AttemptStarted", "publish", "AttemptPublished", "RunFinished"])
def test_an_executor_whose_lease_was_taken_stops_wherever_it_is(step: str) -> None:
    faults = Named()
    bench = _bench(faults=faults)
    executor = bench.executor()
    bench.admit(executor)
    faults.before[step] = bench.take_over
    with pytest.raises(LeaseLostError):
        executor.drain()
    assert not faults.before
    bench.journal.flush()
    assert bench.facts()[-1] == "LeaseTaken"
    bench.lease()
    assert not [row for state in OPEN_STATES for row in bench.attempts(state=state)]
    assert bench.run().ok
    assert bench.plan(1).works == ()
    assert set(bench.warehouse.applied.values()) == {1}


# -- measures -------------------------------------------------------------------------------------------------------


class Working(VirtualClock):
    """A clock whose processor time passes with every look at it."""

    used = 0.0

    def cpu(self) -> float:
        self.used += 0.25
        return self.used


def test_how_long_each_waited_and_ran_and_what_it_used_is_recorded() -> None:
    faults = Named()
    bench = _bench(RAW, DAILY, coded("sim.made", "sim.daily"), faults=faults)
    bench.clock = Working(seed=1)
    for name, seconds in (("sim.raw", 2), ("query", 3), ("sim.made", 5)):
        faults.tell[name] = lambda seconds=seconds: bench.clock.sleep(seconds)  # type: ignore[misc]
    report = bench.run(days=2)
    rows = {str(row["dataset"]): json.loads(str(row["measured"])) for row in bench.attempts(state="published")}
    assert rows["sim.raw"] == {"queued": 2_000_000, "ran": 2_000_000, "cpu": 250_000, "bytes": 1}
    assert (rows["sim.daily"]["ran"], rows["sim.daily"]["cpu"]) == (3_000_000, 250_000)
    assert (rows["sim.made"]["ran"], rows["sim.made"]["memory"]) == (5_000_000, 0)
    assert {frozenset(published.measured) for published in report.published} >= {
        frozenset({"queued", "ran", "cpu", "bytes"})
    }


def test_a_failed_attempt_is_measured_too() -> None:
    faults = Named(broken=frozenset({"sim.raw"}))
    bench = _bench(RAW, faults=faults)
    faults.tell["sim.raw"] = lambda: bench.clock.sleep(4)
    bench.run()
    assert json.loads(str(bench.attempts()[0]["measured"]))["ran"] == 4_000_000


def test_limits_of_a_later_runs_project_hold_for_all() -> None:
    limited = replace(OTHER, limits=Limits(pool="db"))
    bench = Bench(project_of((limited,), pools={"db": 1}))
    executor = bench.executor()
    bench.admit(executor, days=2)
    bench.project = project_of((limited,), pools={"db": 2})
    bench.admit(executor, days=2, purpose="later")
    executor.drain()
    assert set(_finished(bench).values()) == {"published"}
