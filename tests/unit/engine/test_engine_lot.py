"""Small tables published together: as if each had been published alone, and nothing of it before its time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from engine_bench import Bench, step_of
from fault_cases import Named

from penstock.engine.lot import MOST, SECONDS, is_light
from penstock.model.contracts import ColumnSpec, Contract, Rule, RuleKind
from penstock.model.findings import Severity
from penstock.model.pipelines import Dataset, Limits, Materialization, Retry
from penstock.sim.faults import Crash, Fault, Faults
from penstock.sim.projects import appended, coded, landed, merged, project_of, sliced, view, whole

RAW = landed("sim.raw")
A, B, C = (whole(f"sim.{letter}", "sim.raw") for letter in "abc")
MORE, LAST = whole("sim.more", "sim.b"), whole("sim.most", "sim.more")


def _bench(*datasets: Dataset, faults: Faults | None = None, **changes: Any) -> Bench:
    return Bench(project_of((RAW, *datasets)), faults=faults or Faults(), **changes)


def _publishes(bench: Bench) -> list[list[str]]:
    """The datasets of each publish, in order."""
    steps = [line.split(" publish ", 1)[1] for line in bench.faults.trace if " publish " in line]
    return [[name.split("/", 2)[2].partition("[")[0] for name in step.split(": ")[0].split(", ")] for step in steps]


def test_small_tables_are_published_together_in_one_transaction() -> None:
    bench = _bench(A, B, C)
    report = bench.run()
    assert report.ok
    assert _publishes(bench) == [["sim.raw"], ["sim.a", "sim.b", "sim.c"]]
    assert [published.rows for published in report.published] == [1] * 4
    assert set(bench.warehouse.applied.values()) == {1}
    assert bench.plan(1).works == ()


def test_a_chain_is_built_and_published_in_one_transaction() -> None:
    bench = _bench(B, MORE, LAST)
    assert bench.run().ok
    assert _publishes(bench) == [["sim.raw"], ["sim.b", "sim.more", "sim.most"]]


def test_a_table_over_a_view_of_the_same_transaction_sees_its_rows() -> None:
    bench = _bench(view("sim.seen", "sim.raw"), whole("sim.best", "sim.seen"))
    assert bench.run().ok
    assert _publishes(bench)[1:] == [["sim.seen", "sim.best"]]
    assert bench.rows("sim.seen") == bench.rows("sim.raw")


def test_together_gives_the_same_rows_as_one_after_the_other() -> None:
    datasets = (B, MORE, LAST, view("sim.seen", "sim.more"), whole("sim.best", "sim.seen", "sim.b"))
    together = _bench(*datasets)
    alone = _bench(*(replace(dataset, timeout=timedelta(hours=1)) for dataset in datasets))
    for bench in (together, alone):
        assert bench.run(days=2).ok
    assert len(_publishes(together)) < len(_publishes(alone)) == 2 + len(datasets)
    for dataset in datasets:
        assert together.rows(dataset.name) == alone.rows(dataset.name)


@pytest.mark.parametrize(
    ("dataset", "light"),
    [
        (A, True),
        (view("sim.a", "sim.raw"), True),
        (replace(A, timeout=timedelta(seconds=5)), False),
        (sliced("sim.a", "sim.raw"), False),
        (merged("sim.a", "sim.raw"), False),
        (appended("sim.a", "sim.raw"), False),
        (coded("sim.a", "sim.raw"), False),
        (RAW, False),
    ],
    ids=["table", "view", "timeout", "incremental", "merge", "append", "process", "source"],
)
def test_only_whole_queries_that_nobody_has_to_stop_are_built_together(dataset: Dataset, light: bool) -> None:
    assert is_light(dataset) is light


def test_a_table_with_a_horizon_is_built_in_no_lot_whatever_its_contract_says() -> None:
    assert is_light(A, {"sim.b": None})
    assert not is_light(A, {"sim.a": None})
    assert is_light(view("sim.a", "sim.raw"), {"sim.a": None}), "it has no rows of its own"


def test_a_lot_is_published_when_it_is_full() -> None:
    bench = _bench(*(whole(f"sim.d{number}", "sim.raw") for number in range(MOST + 6)))
    assert bench.run().ok
    assert [len(names) for names in _publishes(bench)] == [1, MOST, 6]


def test_a_lot_is_published_when_it_has_been_open_for_a_while() -> None:
    faults = Named()
    bench = _bench(A, B, C, faults=faults)
    for name in ("sim.a", "sim.b", "sim.c"):
        faults.tell[name] = lambda: bench.clock.sleep(SECONDS * 0.6)
    assert bench.run().ok
    assert [len(names) for names in _publishes(bench)] == [1, 2, 1]


def test_tables_of_a_pool_for_one_are_not_in_hand_together() -> None:
    bench = Bench(project_of((RAW, *(replace(each, limits=Limits(pool="db")) for each in (A, B))), pools={"db": 1}))
    assert bench.run().ok
    assert _publishes(bench) == [["sim.raw"], ["sim.a"], ["sim.b"]]


# -- nothing before its time ----------------------------------------------------------------------------------------


def test_nothing_of_a_lot_is_visible_before_all_of_it_is() -> None:
    faults = Named()
    bench = _bench(A, B, C, faults=faults)
    seen: list[object] = []
    faults.tell["sim.c"] = lambda: seen.extend((bench.rows("sim.a"), bench.rows("sim.b")))
    assert bench.run().ok
    assert seen == [None, None]
    assert bench.rows("sim.a") is not None


def test_intents_and_audits_of_all_are_on_disk_before_the_commit() -> None:
    bench = _bench(A, B, MORE)
    states: list[list[object]] = []
    bench.warehouse.witness = lambda publication: states.append(
        [row["state"] for row in bench.attempts(publish_id=publication.publish_id)]
    )
    assert bench.run().ok
    assert states == [["audited"]] * 4


def test_a_crash_before_the_commit_leaves_nothing_of_the_lot() -> None:
    calm = _bench(A, B, MORE)
    calm.run()
    bench = _bench(A, B, MORE, faults=Faults(steps={step_of(calm.faults.trace, "publish", 1): Fault.CRASH_BEFORE}))
    with pytest.raises(Crash):
        bench.run()
    assert bench.faults.fired == bench.faults.asked
    assert [bench.rows(name) for name in ("sim.a", "sim.b", "sim.more")] == [None] * 3
    bench.lease()
    assert bench.states()["sim.more"] == ["engine.abandoned"]
    assert bench.run().ok
    assert set(bench.warehouse.applied.values()) == {1}


def test_a_crash_between_commit_and_record_loses_nothing_of_the_lot() -> None:
    calm = _bench(A, B, MORE)
    calm.run()
    bench = _bench(A, B, MORE, faults=Faults(steps={step_of(calm.faults.trace, "publish", 1): Fault.CRASH_AFTER}))
    with pytest.raises(Crash):
        bench.run()
    assert bench.faults.fired == bench.faults.asked
    assert bench.states()["sim.a"] == ["audited"]
    bench.lease()
    assert bench.plan(1).works == ()
    assert bench.states() == calm.states()
    assert set(bench.warehouse.applied.values()) == {1}


# -- failures -------------------------------------------------------------------------------------------------------


def test_a_bad_query_in_the_middle_fails_alone() -> None:
    bench = _bench(A, B, C, MORE, faults=Named(broken=frozenset({"sim.b"})))
    report = bench.run()
    assert bench.states() == {
        "sim.raw": ["published"],
        "sim.a": ["published"],
        "sim.b": ["sim.broken"],
        "sim.c": ["published"],
    }
    assert [(failure.dataset, failure.findings[0].code) for failure in report.failures] == [("sim.b", "sim.broken")]
    assert report.skipped == ("sim.more",)
    assert set(bench.warehouse.applied.values()) == {1}
    assert (bench.rows("sim.b"), bench.rows("sim.more")) == (None, None)


def test_a_bad_query_at_the_end_of_a_chain_leaves_what_it_was_built_upon() -> None:
    bench = _bench(B, MORE, LAST, faults=Named(broken=frozenset({"sim.most"})))
    report = bench.run()
    assert {failure.dataset for failure in report.failures} == {"sim.most"}
    assert {published.dataset for published in report.published} == {"sim.raw", "sim.b", "sim.more"}
    assert set(bench.warehouse.applied.values()) == {1}


def test_a_bad_query_in_a_chain_skips_what_waits_for_it() -> None:
    bench = _bench(A, B, MORE, LAST, faults=Named(broken=frozenset({"sim.more"})))
    report = bench.run()
    assert [failure.dataset for failure in report.failures] == ["sim.more"]
    assert report.skipped == ("sim.most",)
    assert {published.dataset for published in report.published} == {"sim.raw", "sim.a", "sim.b"}


def test_a_query_that_fails_for_a_while_is_tried_again_and_holds_up_nobody() -> None:
    bench = _bench(A, B, C, MORE, faults=Named(passing={"sim.b": 2}))
    assert bench.run().ok
    assert bench.states()["sim.b"] == ["sim.passing", "published"]
    names = [name for publish in _publishes(bench) for name in publish]
    assert names.index("sim.c") < names.index("sim.b") < names.index("sim.more")


def _told(offending: str) -> Any:
    """An audit that is told that the rows of one dataset offend its contract's one check."""

    def answer(sql: str) -> list[tuple[Any, ...]]:
        if "count(*), " not in sql:
            return [("offending",)]
        return [(1, int(offending.replace(".", "__") in sql))]

    return answer


def _promised(dataset: Dataset, severity: Severity = Severity.ERROR) -> Dataset:
    rule = Rule(kind=RuleKind.NOT_NULL, columns=("value",), name="value is known", severity=severity)
    columns = (ColumnSpec(name="moment", type="TIMESTAMP"), ColumnSpec(name="value", type="VARCHAR"))
    contract = Contract(dataset=dataset.name, file="c.yaml", version="1.0.0", columns=columns, rules=(rule,))
    return replace(dataset, contract=contract)


def test_rows_that_offend_a_contract_fail_alone() -> None:
    bench = _bench(_promised(A), _promised(B), _promised(C), MORE, answer=_told("sim.b"))
    report = bench.run()
    assert [(failure.dataset, failure.findings[0].code) for failure in report.failures] == [("sim.b", "check.failed")]
    assert report.skipped == ("sim.more",)
    assert (bench.rows("sim.b"), len(bench.rows("sim.a") or ()), len(bench.rows("sim.c") or ())) == (None, 1, 1)
    assert bench.attempts(dataset="sim.b")[0]["failed_checks"] == '{"not_null:value":1}'


def test_rows_that_offend_a_rule_that_warns_are_published_with_the_others() -> None:
    bench = _bench(_promised(A), _promised(B, Severity.WARNING), answer=_told("sim.b"))
    report = bench.run()
    assert report.ok
    assert _publishes(bench)[1:] == [["sim.a", "sim.b"]]
    assert bench.attempts(dataset="sim.b")[0]["failed_checks"] == '{"not_null:value":1}'


# -- the commit -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [Fault.CONFLICT, Fault.COMMIT_LOST])
def test_after_a_commit_that_kept_nothing_each_is_done_again_alone(fault: Fault) -> None:
    bench = _bench(A, B, C, faults=Faults(commits={2: fault}))
    assert bench.run().ok
    assert bench.faults.fired == bench.faults.asked
    assert _publishes(bench)[1:] == [["sim.a", "sim.b", "sim.c"], ["sim.a"], ["sim.b"], ["sim.c"]]
    assert set(bench.warehouse.applied.values()) == {1}
    assert bench.clock.slept == 0


def test_an_unknown_commit_that_was_kept_is_read_back_for_the_whole_lot() -> None:
    bench = _bench(A, B, C, faults=Faults(commits={2: Fault.COMMIT_KEPT}))
    assert bench.run().ok
    assert bench.faults.fired == bench.faults.asked
    assert _publishes(bench)[1:] == [["sim.a", "sim.b", "sim.c"]]
    assert bench.states() == {f"sim.{name}": ["published"] for name in ("raw", "a", "b", "c")}


def test_what_was_built_upon_something_undone_waits_for_it_anew() -> None:
    bench = _bench(B, MORE, LAST, faults=Faults(commits={2: Fault.CONFLICT, 3: Fault.CONFLICT}))
    assert bench.run().ok
    assert bench.faults.fired == bench.faults.asked
    assert bench.states() == {
        "sim.raw": ["published"],
        "sim.b": ["engine.conflict", "published"],
        "sim.more": ["engine.undone", "published"],
        "sim.most": ["engine.undone", "published"],
    }
    assert set(bench.warehouse.applied.values()) == {1}


def test_an_attempt_that_its_lot_undid_is_not_held_against_it() -> None:
    """A dataset with two attempts has both for itself."""
    more = replace(MORE, retry=Retry(attempts=2, delay=1.0))
    faults = Faults(commits=dict.fromkeys((2, 3, 4, 6), Fault.CONFLICT))
    bench = _bench(B, more, faults=faults)
    report = bench.run()
    assert faults.fired == faults.asked
    assert bench.states()["sim.more"] == ["engine.undone", "engine.conflict", "published"]
    assert report.ok


def test_a_commit_that_never_passes_fails_what_was_built_and_skips_what_waits() -> None:
    bench = _bench(B, MORE, faults=Faults(commits=dict.fromkeys(range(2, 20), Fault.CONFLICT)))
    report = bench.run()
    assert [failure.dataset for failure in report.failures] == ["sim.b"]
    assert report.skipped == ("sim.more",)
    assert bench.states()["sim.b"] == ["engine.conflict"] * 3


def test_a_view_in_a_lot_stores_no_rows() -> None:
    bench = _bench(view("sim.seen", "sim.raw"), A)
    report = bench.run(days=2)
    assert {published.dataset: published.rows for published in report.published}["sim.seen"] == 0
    assert bench.project.datasets["sim.seen"].materialization is Materialization.VIEW
    assert len(bench.rows("sim.seen") or ()) == 2
