"""Bad rows through whole runs: put aside with their publish, made anew with their interval, and never too many."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from duckdb_bench import ORDERS, Shop, all_orders, newest_orders, query, shops
from engine_bench import Bench, day, step_of

from penstock.engine.attempt import carry_out
from penstock.engine.lot import is_light
from penstock.model.contracts import ColumnSpec, Contract, OnFailure, Rule, RuleKind
from penstock.model.errors import TaskError
from penstock.model.intervals import Interval
from penstock.model.pipelines import Dataset, Materialization
from penstock.sim.faults import Crash, Fault, Faults
from penstock.sim.projects import landed, project_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ASIDE, NULL = OnFailure.QUARANTINE, OnFailure.NULL
LANDED = {"id": "VARCHAR", "state": "VARCHAR", "_file": "VARCHAR", "_interval_start": "TIMESTAMP"}
TOLD = {"id": "VARCHAR", "state": "VARCHAR", "told": "TIMESTAMP"}
KNOWN = Rule(kind=RuleKind.ACCEPTED_VALUES, columns=("state",), values=("new", "paid"), name="known", on_failure=ASIDE)


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Shop]]:
    with shops(tmp_path) as maker:
        yield maker


def _promised(dataset: Dataset, types: dict[str, str], *rules: Rule, **changes: Any) -> Dataset:
    columns = tuple(ColumnSpec(name=name, type=type_) for name, type_ in types.items())
    values = {"max_quarantined": Decimal(1), **changes}
    contract = Contract(dataset=dataset.name, file="c", version="1", columns=columns, rules=rules, **values)
    return replace(dataset, contract=contract)


def _aside(shop: Shop, name: str, column: str = "state") -> list[str | None]:
    version = shop.plan(9).versions[name].fingerprint
    return [row.row[column] for row in shop.warehouse.quarantined(name, version)]


def _again(shop: Shop, number: int) -> None:
    """Build one day once more, as a backfill would."""
    for name in shop.project.datasets:
        version = shop.plan(9).versions[name].fingerprint
        rows = [row for row in shop.journal.rows("coverage") if row["dataset"] == name and row["version"] == version]
        assert rows
    window = Interval(day(number), day(number + 1))
    shop.journal.tables["coverage"].clear()
    assert shop.run(days=9, purpose=f"again {number}", window=window).ok


# -- sources, whose text is cast ------------------------------------------------------------------------------------


def test_text_of_files_becomes_what_the_contract_says(make: Callable[..., Shop]) -> None:
    shop = make(_promised(ORDERS, {**LANDED, "state": "INTEGER"}))
    shop.arrive(0, a="1", b="2")
    report = shop.run(days=1)
    assert report.ok
    assert shop.rows("sim.orders", "id, state") == [("a", 1), ("b", 2)]
    assert [check.id for check in report.published[0].checks] == ["type:state"]


def test_text_that_does_not_cast_fails_with_counts_and_examples_and_without_a_policy_nothing_else(
    make: Callable[..., Shop],
) -> None:
    shop = make(_promised(ORDERS, {**LANDED, "state": "INTEGER"}))
    shop.arrive(0, a="1 many", b="2 few many")
    report = shop.run(days=1)
    (finding,) = report.findings
    assert (finding.code, finding.place.field) == ("check.failed", "state")
    assert "not so in 3 of 5 rows" in finding.message
    assert finding.found == "'few'; 'many'"
    (attempt,) = shop.journal.rows("attempts")
    assert json.loads(str(attempt["failed_checks"])) == {"type:state": 3}
    assert not shop.holds("sim.orders")


def test_personal_text_that_does_not_cast_is_not_shown(make: Callable[..., Shop]) -> None:
    source = _promised(ORDERS, {**LANDED, "state": "INTEGER"})
    assert source.contract is not None
    columns = tuple(replace(spec, personal="age") if spec.name == "state" else spec for spec in source.contract.columns)
    shop = make(replace(source, contract=replace(source.contract, columns=columns)))
    shop.arrive(0, a="forty")
    (finding,) = shop.run(days=1).findings
    assert finding.found == "'•••'"


@pytest.mark.parametrize(("policy", "left", "kept"), [(ASIDE, [1], ["many"]), (NULL, [1, None], [])])
def test_text_that_does_not_cast_follows_its_columns_policy(
    make: Callable[..., Shop], policy: OnFailure, left: list[int | None], kept: list[str]
) -> None:
    source = _promised(ORDERS, {**LANDED, "state": "INTEGER"}, on_failure=policy)
    shop = make(source)
    shop.arrive(0, a="1 many")
    report = shop.run(days=1)
    assert report.ok
    assert [row[0] for row in shop.rows("sim.orders", "state")] == left
    assert _aside(shop, "sim.orders") == kept
    (published,) = report.published
    assert (published.rows, published.quarantined) == (len(left), len(kept))
    assert dict(published.nulled) == ({"type:state": 1} if policy is NULL else {})


# -- every way of keeping rows --------------------------------------------------------------------------------------


def test_a_corrected_day_empties_its_quarantine_and_the_others_stay(make: Callable[..., Shop]) -> None:
    shop = make(_promised(ORDERS, LANDED, KNOWN))
    shop.arrive(0, a="new", b="lost")
    shop.arrive(1, c="gone", d="paid")
    assert shop.run(days=2).ok
    assert _aside(shop, "sim.orders") == ["lost", "gone"]
    shop.arrive(0, a="new", b="paid")
    _again(shop, 0)
    assert _aside(shop, "sim.orders") == ["gone"]
    assert shop.rows("sim.orders", "id, state") == [("a", "new"), ("b", "paid"), ("d", "paid")]


def test_a_rebuild_never_doubles_what_was_put_aside(make: Callable[..., Shop]) -> None:
    shop = make(_promised(ORDERS, LANDED, KNOWN))
    shop.arrive(0, a="lost", b="new")
    assert shop.run(days=1).ok
    _again(shop, 0)
    assert _aside(shop, "sim.orders") == ["lost"]


def test_a_table_is_sifted_whole_and_judged_by_what_is_left(make: Callable[..., Shop]) -> None:
    text = "SELECT id, state, _interval_start AS told FROM sim.orders"
    shop = make(ORDERS, _promised(query("sim.all", text, "sim.orders"), TOLD, KNOWN))
    shop.arrive(0, a="new", b="lost")
    report = shop.run(days=1)
    assert report.ok
    assert [check.passed for published in report.published for check in published.checks] == [True]
    assert (shop.rows("sim.all", "id"), _aside(shop, "sim.all", "id")) == ([("a",)], ["b"])


def test_a_merge_keeps_the_older_row_where_the_newer_one_is_bad(make: Callable[..., Shop]) -> None:
    shop = make(ORDERS, _promised(newest_orders(), TOLD, KNOWN))
    shop.arrive(0, a="new")
    shop.arrive(1, a="lost")
    shop.arrive(2, b="new")
    assert shop.run(days=3).ok
    assert shop.rows("sim.newest", "id, state") == [("a", "new"), ("b", "new")]
    assert _aside(shop, "sim.newest") == ["lost"]
    shop.arrive(3, a="paid")
    assert shop.run(days=4).ok
    assert shop.rows("sim.newest", "id, state") == [("a", "paid"), ("b", "new")]
    assert _aside(shop, "sim.newest") == []


def test_a_merge_of_doubled_keys_can_put_the_later_ones_aside(make: Callable[..., Shop]) -> None:
    once = Rule(kind=RuleKind.UNIQUE, columns=("id",), on_failure=ASIDE)
    shop = make(ORDERS, _promised(newest_orders(), TOLD, once))
    shop.arrive(0, a="paid new")
    assert shop.run(days=1).ok
    assert shop.rows("sim.newest", "id, state") == [("a", "new")]
    assert _aside(shop, "sim.newest") == ["paid"]


def test_an_append_reads_a_bad_row_again_and_keeps_it_once(make: Callable[..., Shop]) -> None:
    shop = make(ORDERS, _promised(all_orders(), TOLD, KNOWN))
    shop.arrive(0, a="new")
    shop.arrive(1, b="lost")
    assert shop.run(days=2).ok
    assert _aside(shop, "sim.told") == ["lost"]
    shop.arrive(2, c="gone")
    assert shop.run(days=3).ok
    assert _aside(shop, "sim.told") == ["lost", "gone"]
    shop.arrive(3, d="paid")
    assert shop.run(days=4).ok
    assert shop.rows("sim.told", "id, state") == [("a", "new"), ("d", "paid")]
    assert _aside(shop, "sim.told") == ["lost", "gone"]


def test_rows_outside_their_interval_are_never_put_aside(make: Callable[..., Shop]) -> None:
    """Nobody could say with which interval they would have to be replaced."""
    text = "SELECT id, state, TIMESTAMP '1999-01-01' AS told FROM sim.orders WHERE _interval_start >= $interval_start"
    by = ORDERS.interval
    assert by is not None
    sliced = query(
        "sim.cut", text, "sim.orders", materialization=Materialization.INCREMENTAL, interval=replace(by, column="told")
    )
    shop = make(ORDERS, _promised(sliced, TOLD, KNOWN))
    shop.arrive(0, a="lost")
    assert [finding.code for finding in shop.run(days=1).findings] == ["engine.rows_outside_interval"]
    assert shop.warehouse.quarantine_sums() == ()


# -- how many, and where it is told ---------------------------------------------------------------------------------


def test_more_than_the_contract_allows_fails_after_all(make: Callable[..., Shop]) -> None:
    shop = make(_promised(ORDERS, LANDED, KNOWN, max_quarantined=Decimal("0.5")))
    shop.arrive(0, a="new paid lost gone")
    shop.arrive(1, a="new lost gone")
    report = shop.run(days=2)
    (finding,) = report.findings
    assert finding.code == "quarantine.too_many"
    assert "2 of 3 rows" in finding.message
    assert finding.found == "known: 2"
    assert _aside(shop, "sim.orders") == ["gone", "lost"]
    failed = next(row for row in shop.journal.rows("attempts") if row["state"] == "failed")
    assert (failed["quarantined"], failed["rows"], failed["caught"]) == (2, 1, '{"accepted_values:state":2}')


def test_what_is_left_must_still_meet_the_rules_without_a_policy(make: Callable[..., Shop]) -> None:
    short = Rule(kind=RuleKind.SQL, columns=("id",), sql="SELECT * FROM {table} WHERE id = 'b'", name="no b")
    shop = make(_promised(ORDERS, LANDED, KNOWN, short))
    shop.arrive(0, a="lost", b="new")
    assert [finding.code for finding in shop.run(days=1).findings] == ["check.failed"]
    assert shop.warehouse.quarantine_sums() == ()
    assert not shop.holds("sim.orders")


def test_the_ledger_tells_what_was_put_aside_and_made_null(make: Callable[..., Shop]) -> None:
    shop = make(_promised(ORDERS, {**LANDED, "id": "INTEGER"}, KNOWN))
    contract = shop.project.datasets["sim.orders"].contract
    assert contract is not None
    nulled = tuple(replace(spec, on_failure=NULL) if spec.name == "id" else spec for spec in contract.columns)
    other = make(replace(ORDERS, contract=replace(contract, columns=nulled)))
    other.arrive(0, **{"1": "new", "x": "paid lost"})
    assert other.run(days=1).ok
    (attempt,) = other.journal.rows("attempts")
    assert (attempt["rows"], attempt["quarantined"]) == (2, 1)
    assert (attempt["caught"], attempt["nulled"]) == ('{"accepted_values:state":1}', '{"type:id":1}')
    (row,) = other.warehouse.quarantined("sim.orders", other.plan(1).versions["sim.orders"].fingerprint)
    assert (row.row["id"], row.recorded_at[:10]) == ("x", "2011-01-01")


def test_a_dataset_that_is_sifted_has_a_transaction_of_its_own() -> None:
    whole = query("sim.all", "SELECT * FROM sim.orders", "sim.orders")
    assert is_light(whole)
    assert is_light(_promised(whole, LANDED, replace(KNOWN, on_failure=None)))
    assert not is_light(_promised(whole, LANDED, KNOWN))


# -- killed, fenced, lost -------------------------------------------------------------------------------------------

SEEN = landed("sim.raw")
SIFTED = _promised(
    SEEN,
    {"moment": "TIMESTAMP", "value": "VARCHAR"},
    Rule(kind=RuleKind.ACCEPTED_VALUES, columns=("value",), values=("never",), on_failure=ASIDE),
)


def _all_well(sql: str) -> list[tuple[Any, ...]]:
    return [(0,)] if "_penstock_raw" in sql else [(1, 0)]


@pytest.mark.parametrize("fault", [Fault.CRASH_BEFORE, Fault.CRASH_AFTER])
def test_a_crash_around_the_publish_keeps_both_or_neither(fault: Fault) -> None:
    calm = Bench(project_of([SIFTED]), answer=_all_well)
    ((work,), job) = calm.job()
    carry_out(work, 1, job, calm.tools)
    steps = {step_of(calm.faults.trace, "publish"): fault}
    bench = Bench(project_of([SIFTED]), answer=_all_well, faults=Faults(steps=steps))
    ((work,), job) = bench.job()
    with pytest.raises(Crash):
        carry_out(work, 1, job, bench.tools)
    assert bench.faults.fired == bench.faults.asked
    aside = bench.warehouse.quarantine_sums()
    assert bool(aside) is (bench.rows("sim.raw") is not None) is (fault is Fault.CRASH_AFTER)
    assert bench.run().ok
    assert [one.rows for one in bench.warehouse.quarantine_sums()] == [1]


def test_an_attempt_of_a_newer_executor_leaves_nothing_of_the_older_one() -> None:
    bench = Bench(project_of([SIFTED]), answer=_all_well)
    ((work,), job) = bench.job()
    bench.warehouse.show_token(job.token + 1)
    with pytest.raises(TaskError):
        carry_out(work, 1, job, bench.tools)
    assert bench.warehouse.quarantine_sums() == ()
