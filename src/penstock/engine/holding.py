"""Holds rows that are there to checks that their contract gained: what nobody judged is not shown under it.

Slices are judged one by one, as they would be if they were built now; those that a plan builds anew it leaves to that.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from penstock.engine.audit import EXAMPLES
from penstock.model.findings import Finding, Place
from penstock.model.intervals import Interval, parse_moment, stamp, subtract
from penstock.model.pipelines import Materialization
from penstock.quality import checks as quality
from penstock.quality.setting import Setting
from penstock.quality.standing import with_rules
from penstock.sql.identifiers import literal, quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from penstock.engine.ports.warehouse import Session, Warehouse
    from penstock.ledger.journal import Journal
    from penstock.model.contracts import Contract, Rule
    from penstock.model.pipelines import Dataset
    from penstock.plan.build import BuildPlan
    from penstock.quality.checks import CheckResult

MOST = 20
"""How many offences of one dataset are said."""


def offences(
    journal: Journal, warehouse: Warehouse, dataset: Dataset, rules: Sequence[Rule], plan: BuildPlan
) -> tuple[Finding, ...]:
    """What of a dataset's built rows does not keep these rules of its contract; nothing if it was never built."""
    contract, version = dataset.contract, plan.versions[dataset.name]
    built = journal.rows("coverage", dataset=dataset.name, version=version.fingerprint)
    if contract is None or not built:
        return ()
    relations = {name: plan.versions[name].relation for name in contract.related if name in plan.versions}
    held = with_rules(contract, rules)
    found: list[Finding] = []
    with warehouse.session() as session:
        for interval, relation in _pieces(dataset, version.relation, built, plan):
            found += _judged(session, held, relation, _setting(dataset, interval, relations))
            if len(found) >= MOST:
                break
    return tuple(found[:MOST])


def _pieces(
    dataset: Dataset, relation: str, built: Sequence[Mapping[str, object]], plan: BuildPlan
) -> Iterator[tuple[Interval | None, str]]:
    """Each slice of what is built and stays, with the text that stands for its rows after FROM.

    Of rows that were deleted because they are past their retention, nothing can be asked.
    """
    works = [work.slice.interval for work in plan.works if work.slice.dataset == dataset.name]
    kept_whole = dataset.materialization in {Materialization.MERGE, Materialization.APPEND}
    if dataset.interval is None or kept_whole:
        if kept_whole or not works:
            yield None, relation
        return
    column = quote(dataset.interval.column)
    again = [interval for interval in works if interval is not None]
    horizon = plan.horizons.get(dataset.name)
    for row in built:
        if not row["start"]:
            continue
        span = Interval(parse_moment(str(row["start"])), parse_moment(str(row["end"])))
        gone = [Interval(span.start, horizon)] if horizon is not None and span.start < horizon else []
        for piece in subtract(span, [*again, *gone]):
            start, end = (literal(moment.replace(tzinfo=None)) for moment in (piece.start, piece.end))
            yield piece, f"(SELECT * FROM {relation} WHERE {column} >= {start} AND {column} < {end})"


def _setting(dataset: Dataset, interval: Interval | None, relations: Mapping[str, str]) -> Setting:
    by = dataset.interval
    if by is None or interval is None:
        return Setting(relations=relations)
    return Setting(until=interval.end, relations=relations, interval=interval, grain=by.grain, column=by.column)


def _judged(session: Session, contract: Contract, relation: str, setting: Setting) -> Iterator[Finding]:
    interval = setting.interval
    setting = replace(setting, relations={**setting.relations, contract.dataset: relation})
    plan = quality.compile_checks(contract, relation, setting)
    by_id = {check.id: check for check in plan.checks}
    for result in quality.run_checks(plan, session.fetch).results:
        if result.passed:
            continue
        query = quality.examples_query(by_id[result.id], relation, EXAMPLES, setting)
        rows = session.fetch(query) if query else []
        yield _offence(contract, result, interval, rows)


def _offence(
    contract: Contract, result: CheckResult, interval: Interval | None, rows: Sequence[tuple[object, ...]]
) -> Finding:
    of = f" of {interval}" if interval else ""
    again = f"penstock backfill {contract.dataset}"
    again += f" --start {stamp(interval.start)} --end {stamp(interval.end)}" if interval else ""
    return Finding(
        code="check.not_held",
        message=f"{contract.dataset}: rows{of} were built before the contract had this check: {result.message}",
        place=Place(file=contract.file, dataset=contract.dataset, field=result.column),
        found="; ".join(str(tuple(str(value) for value in row)) for row in rows)[:500] or result.found or None,
        expected=f"rows that keep it: {result.name}",
        remedy=f"correct what makes them; `{again}` builds the same again; or take the check back",
    )
