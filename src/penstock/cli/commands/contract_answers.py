"""What `penstock contract check` and `diff` found, as text and as plain values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.app.contract_checking import Outcome
from penstock.cli.answers import plain
from penstock.contract.compatibility import Effect
from penstock.delivery.pages import tables
from penstock.model.findings import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.app.contract_checking import CheckedContract, CheckedContracts
    from penstock.app.contract_diffing import ContractDifference
    from penstock.contract.compatibility import ContractChange
    from penstock.plan.contract_impact import Impact
    from penstock.quality.checks import CheckResult

_MARK = {Severity.ERROR: "FAILS", Severity.WARNING: "warns", Severity.NOTE: "notes"}


def check_values(found: CheckedContracts) -> dict[str, Any]:
    """The checked contracts as JSON values."""
    return {
        "ok": found.ok,
        "schema": found.by_schema,
        "contracts": {
            one.dataset: {
                "file": one.file,
                "outcome": str(one.outcome),
                "version": one.said,
                "rows": one.rows,
                "checks": [_check_values(one, result) for result in one.results],
                "not_judged": dict(one.unjudged),
            }
            for one in found.contracts
        },
    }


def _check_values(one: CheckedContract, result: CheckResult) -> dict[str, Any]:
    names, rows = one.examples.get(result.id, ((), ()))
    return {
        "id": result.id,
        "name": result.name,
        "column": result.column,
        "severity": str(result.severity),
        "passed": result.passed,
        "failed_rows": result.failed_rows,
        "rows": result.total_rows,
        "message": result.message,
        "examples": [dict(zip(names, row, strict=True)) for row in rows],
    }


def check_text(found: CheckedContracts) -> str:
    """The checked contracts for people: a line each, and below it what does not hold."""
    parts = []
    for one in found.contracts:
        parts.append(f"{one.dataset}: {_verdict(one)}\n")
        parts += [f"  {line}\n" for line in _failures(one)]
    counts = {outcome: sum(1 for one in found.contracts if one.outcome is outcome) for outcome in Outcome}
    said = ", ".join(f"{count} {str(outcome).replace('_', ' ')}" for outcome, count in counts.items() if count)
    by = "schema, reading and data" if found.by_schema else "reading and data"
    return "".join(parts) + f"{len(found.contracts)} contract(s) held against {by}: {said or 'none'}\n"


def _verdict(one: CheckedContract) -> str:
    if one.outcome is Outcome.BROKEN:
        return f"the document is wrong, in {len(one.findings)} place(s)"
    if one.outcome is Outcome.NOT_JUDGED:
        return "the document is right; not held against data"
    if one.rows is None:
        return "the document is right; no rows are built"
    passed = sum(1 for result in one.results if result.passed)
    total = len(one.results) + len(one.unjudged)
    return f"{passed} of {total} checks hold for {one.rows:,} rows ({one.said})"


def _failures(one: CheckedContract) -> Iterator[str]:
    for result in one.results:
        if result.passed:
            continue
        yield f"{_MARK[result.severity]}  {result.message}"
        names, rows = one.examples.get(result.id, ((), ()))
        if rows:
            cells = [names, *(tuple(str("NULL" if value is None else plain(value)) for value in row) for row in rows)]
            yield from (f"       {line}" for line in tables.columns(cells).splitlines())
    for identity, why in one.unjudged.items():
        yield f"not judged  {identity}: {why}"


def diff_values(found: ContractDifference) -> dict[str, Any]:
    """The difference of two contracts as JSON values."""
    return {
        "dataset": found.dataset,
        "old": found.old,
        "new": found.new,
        "versions": list(found.versions),
        "effect": str(found.effect),
        "breaks": list(found.breaks),
        "changes": [_change_values(change) for change in found.changes],
        "consumers": {
            one.consumer: {
                "effect": str(one.effect),
                "dataset": one.inside,
                "reads": None if one.reads is None else list(one.reads),
                "changes": [_change_values(change) for change in one.changes],
            }
            for one in found.impacts
        },
    }


def _change_values(change: ContractChange) -> dict[str, Any]:
    return {"kind": change.kind, "effect": str(change.effect), "column": change.column, "reason": change.reason}


def diff_text(found: ContractDifference) -> str:
    """The difference of two contracts for people: what changes, then for whom."""
    if not found.changes:
        return f"{found.dataset}: {found.old} and {found.new} promise the same\n"
    before, after = (version or "no contract" for version in found.versions)
    head = f"{found.dataset}: {before} → {after} ({found.old} → {found.new})\n"
    changed = [(f"  {change.effect}", change.kind, change.reason) for change in found.changes]
    rows = [("for whom", "it is", "reads", "because of")]
    rows += [(one.consumer, str(one.effect), _reads(one), _because(one)) for one in found.impacts]
    end = f"breaking for {', '.join(found.breaks)}\n" if found.breaks else "breaking for nobody\n"
    return f"{head}{tables.columns(changed)}\n{tables.columns(rows)}\n{end}"


def _reads(one: Impact) -> str:
    if one.reads is None:
        return "all of it"
    listed = ", ".join(one.reads) or "no column"
    return listed if len(listed) <= 50 else f"{listed[:47]}…"


def _because(one: Impact) -> str:
    worst = [change for change in one.changes if change.effect is one.effect and one.effect is not Effect.NONE]
    return ", ".join(dict.fromkeys(f"{change.kind} {change.column or ''}".strip() for change in worst))
