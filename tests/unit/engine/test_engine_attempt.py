"""One attempt: recorded before it begins, judged before it is seen, published once, and never guessed about."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from engine_bench import Bench, step_of

from penstock.engine.attempt import carry_out, publish_id_of
from penstock.ledger.journal import LeaseLostError
from penstock.model.contracts import ColumnSpec, Contract, Rule, RuleKind
from penstock.model.errors import TaskError, TransientError
from penstock.model.findings import Severity
from penstock.model.pipelines import Dataset, Materialization, SqlTask
from penstock.sim.faults import Crash, Fault, Faults
from penstock.sim.projects import coded, landed, project_of, sliced, view, whole
from penstock.sql.rewriting import edits_of

RAW = landed("sim.raw")
CONTRACT = Contract(
    dataset="sim.raw",
    file="contracts/sim.raw.odcs.yaml",
    version="1.0.0",
    columns=(ColumnSpec(name="moment", type="TIMESTAMP"), ColumnSpec(name="value", type="VARCHAR")),
    rules=(Rule(kind=RuleKind.NOT_NULL, columns=("value",), name="value is known"),),
)


def _bench(*datasets: Dataset, **changes: Any) -> Bench:
    return Bench(project_of(datasets or (RAW,)), **changes)


def _counts(offending: int) -> Any:
    """An audit that is told how many rows offend the contract's one row-level check."""

    def answer(sql: str) -> list[tuple[Any, ...]]:
        if "_penstock_raw" in sql:  # the text of the one column that is cast: all of it is a moment
            return [(0,)]
        return [(1, offending)] if "count(*), " in sql else [("offending",)]

    return answer


def test_an_attempt_is_intended_audited_published_in_this_order() -> None:
    bench = _bench()
    ((work,), job) = bench.job()
    before = len(bench.facts())
    published = bench.attempt(work, 1, job)
    assert bench.facts()[before:] == ["AttemptStarted", "AttemptAudited", "AttemptPublished"]
    assert (published.rows, published.checks) == (1, ())
    assert len(bench.rows("sim.raw") or ()) == 1
    (row,) = bench.journal.rows("coverage")
    assert (row["dataset"], row["start"], row["end"], row["rows"]) == ("sim.raw", "2011-01-01", "2011-01-02", 1)


@pytest.mark.parametrize("step", ["AttemptStarted", "AttemptAudited", "publish"])
def test_nothing_is_visible_before_the_audit_is_recorded(step: str) -> None:
    calm = _bench()
    ((work,), job) = calm.job()
    carry_out(work, 1, job, calm.tools)
    bench = _bench(faults=Faults(steps={step_of(calm.faults.trace, step): Fault.CRASH_BEFORE}))
    ((work,), job) = bench.job()
    with pytest.raises(Crash):
        carry_out(work, 1, job, bench.tools)
    assert bench.faults.fired == bench.faults.asked
    assert bench.rows("sim.raw") is None
    assert bench.journal.rows("coverage") == ()


def test_a_failing_check_publishes_nothing_and_shows_rows() -> None:
    bench = _bench(replace(RAW, contract=CONTRACT), answer=_counts(1))
    ((work,), job) = bench.job()
    with pytest.raises(TaskError) as caught:
        carry_out(work, 1, job, bench.tools)
    (finding,) = caught.value.findings
    assert (finding.code, finding.place.field, finding.found) == ("check.failed", "value", "('offending',)")
    assert bench.rows("sim.raw") is None
    assert bench.warehouse.applied == {}
    (attempt,) = bench.attempts()
    assert (attempt["state"], attempt["failed_checks"]) == ("audited", '{"not_null:value":1}')


def test_a_failing_check_that_only_warns_publishes_and_is_recorded() -> None:
    warned = replace(CONTRACT.rules[0], severity=Severity.WARNING)
    bench = _bench(replace(RAW, contract=replace(CONTRACT, rules=(warned,))), answer=_counts(1))
    ((work,), job) = bench.job()
    published = carry_out(work, 1, job, bench.tools)
    assert [check.passed for check in published.checks] == [True, False]
    assert bench.attempts()[0]["failed_checks"] == '{"not_null:value":1}'
    assert len(bench.rows("sim.raw") or ()) == 1


def test_checks_that_hold_are_counted() -> None:
    bench = _bench(replace(RAW, contract=CONTRACT), answer=_counts(0))
    ((work,), job) = bench.job()
    assert [check.passed for check in carry_out(work, 1, job, bench.tools).checks] == [True, True]
    assert bench.attempts()[0]["checks"] == 2


def test_columns_that_the_contract_does_not_promise_publish_nothing() -> None:
    other = replace(CONTRACT, columns=(*CONTRACT.columns, ColumnSpec(name="country", type="VARCHAR")), rules=())
    bench = _bench(replace(RAW, contract=other))
    ((work,), job) = bench.job()
    with pytest.raises(TaskError, match="country"):
        carry_out(work, 1, job, bench.tools)
    assert bench.rows("sim.raw") is None


def test_rows_outside_the_interval_are_refused() -> None:
    """A query that forgets its interval hands on every day; replacing by interval would double them."""
    careless = sliced("sim.daily", "sim.raw")
    assert isinstance(careless.task, SqlTask)
    text = "SELECT * FROM sim.raw"
    task = replace(careless.task, text=text, edits=edits_of(text), params=frozenset())
    bench = _bench(RAW, replace(careless, task=task))
    works, job = bench.job(days=2)
    for work in works[:2]:
        carry_out(work, 1, job, bench.tools)
    with pytest.raises(TaskError) as caught:
        carry_out(works[2], 1, job, bench.tools)
    assert caught.value.findings[0].code == "engine.rows_outside_interval"
    assert "1 of 2 rows" in caught.value.findings[0].message
    assert bench.rows("sim.daily") is None


def test_a_dataset_without_its_interval_column_is_refused() -> None:
    assert RAW.interval is not None
    bench = _bench(replace(RAW, interval=replace(RAW.interval, column="day")))
    ((work,), job) = bench.job()
    with pytest.raises(TaskError) as caught:
        carry_out(work, 1, job, bench.tools)
    assert (caught.value.findings[0].code, caught.value.findings[0].found) == (
        "engine.no_interval_column",
        "moment, value",
    )


def test_an_unknown_commit_that_was_kept_is_read_back() -> None:
    bench = _bench(faults=Faults(commits={1: Fault.COMMIT_KEPT}))
    ((work,), job) = bench.job()
    assert carry_out(work, 1, job, bench.tools).rows == 1
    assert bench.faults.fired == bench.faults.asked
    assert bench.warehouse.applied == {publish_id_of(job, work): 1}


def test_an_unknown_commit_that_was_lost_is_tried_again() -> None:
    bench = _bench(faults=Faults(commits={1: Fault.COMMIT_LOST}))
    ((work,), job) = bench.job()
    with pytest.raises(TransientError) as caught:
        carry_out(work, 1, job, bench.tools)
    assert caught.value.findings[0].code == "engine.commit_lost"
    assert bench.rows("sim.raw") is None
    assert bench.journal.rows("coverage") == ()


def test_an_attempt_repeated_publishes_once() -> None:
    bench = _bench()
    ((work,), job) = bench.job()
    for attempt in (1, 2):
        assert carry_out(work, attempt, job, bench.tools).rows == 1
    assert bench.warehouse.applied == {publish_id_of(job, work): 1}
    assert len(bench.rows("sim.raw") or ()) == 1


def test_an_executor_that_was_replaced_changes_nothing() -> None:
    bench = _bench()
    ((work,), job) = bench.job()
    bench.lease()
    with pytest.raises(LeaseLostError):
        carry_out(work, 1, job, bench.tools)
    assert bench.attempts() == ()
    assert bench.warehouse.applied == {}


def test_an_executor_replaced_between_audit_and_publish_changes_nothing() -> None:
    calm = _bench()
    ((work,), job) = calm.job()
    carry_out(work, 1, job, calm.tools)
    bench = _bench(faults=Faults(steps={step_of(calm.faults.trace, "publish"): Fault.TAKEOVER}))
    bench.faults.on[Fault.TAKEOVER] = lambda: bench.warehouse.show_token(99)
    ((work,), job) = bench.job()
    with pytest.raises(TaskError) as caught:
        carry_out(work, 1, job, bench.tools)
    assert bench.faults.fired == bench.faults.asked
    assert caught.value.findings[0].code == "engine.fenced"
    assert bench.rows("sim.raw") is None


def test_intent_and_audit_reach_the_disk_together_and_before_the_publish() -> None:
    """One wait for the disk is enough where nothing outside happens before the publish."""
    bench = _bench()
    ((work,), job) = bench.job()
    before = len(bench.faults.trace)
    carry_out(work, 1, job, bench.tools)
    steps = [line.split(" ", 1)[1] for line in bench.faults.trace[before:]]
    assert steps == ["append AttemptStarted, AttemptAudited", f"publish {publish_id_of(job, work)}"]


def test_what_a_process_does_outside_is_intended_on_disk_before_it_begins() -> None:
    bench = _bench(RAW, coded("sim.made", "sim.raw"))
    (raw, made), job = bench.job()
    bench.attempt(raw, 1, job)
    bench.faults.efforts = {bench.faults.seen["efforts"] + 2: Fault.BROKEN}  # after the export of its input
    with pytest.raises(TaskError, match=r"process of sim\.made"):
        carry_out(made, 1, job, bench.tools)
    assert bench.journal.pending == ()
    assert bench.attempts(dataset="sim.made")[0]["state"] == "running"


def test_a_slice_built_again_replaces_its_own_interval_alone() -> None:
    bench = _bench()
    works, job = bench.job(days=3)
    for work in works:
        carry_out(work, 1, job, bench.tools)
    carry_out(works[1], 1, replace(job, run="r2"), bench.tools)
    assert bench.warehouse.applied.total() == 4
    moments = sorted(str(moment) for moment, _ in bench.rows("sim.raw") or ())
    assert moments == [f"2011-01-0{number} 00:00:00" for number in (1, 2, 3)]


@pytest.mark.parametrize(
    ("dataset", "rows"),
    [
        (sliced("sim.made", "sim.raw"), 1),
        (whole("sim.made", "sim.raw"), 1),
        (view("sim.made", "sim.raw"), 0),
        (coded("sim.made", "sim.raw"), 1),
        (coded("sim.made", "sim.raw", batch=1), 1),
    ],
    ids=["incremental", "table", "view", "python table", "python incremental"],
)
def test_every_kind_of_task_is_published(dataset: Dataset, rows: int) -> None:
    bench = _bench(RAW, dataset)
    works, job = bench.job()
    outcomes = [carry_out(work, 1, job, bench.tools) for work in works]
    assert outcomes[-1].rows == rows
    assert len(bench.rows("sim.made") or ()) == 1
    assert not [path for path in bench.drive if "scratch" in str(path) or "land" in str(path)]


def test_a_view_that_is_no_query_is_refused() -> None:
    bench = _bench(replace(coded("sim.made", "sim.raw"), materialization=Materialization.VIEW), RAW)
    works, job = bench.job()
    carry_out(works[0], 1, job, bench.tools)
    with pytest.raises(TaskError) as caught:
        carry_out(works[1], 1, job, bench.tools)
    assert caught.value.findings[0].code == "engine.view_without_query"


def test_an_incremental_python_task_sees_its_interval_alone() -> None:
    bench = _bench(RAW, coded("sim.made", "sim.raw", batch=1))
    works, job = bench.job(days=2)
    for work in works:
        carry_out(work, 1, job, bench.tools)
    assert [str(moment)[:10] for moment, _ in bench.rows("sim.made") or ()] == ["2011-01-01", "2011-01-02"]
