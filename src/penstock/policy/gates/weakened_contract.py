"""A contract promises its readers less than before, and the story does not say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.contract.compatibility import Effect, compare
from penstock.model.findings import Finding, Place
from penstock.policy.verdicts import counted, failed, listed, not_applicable, passed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.contract.compatibility import ContractChange
    from penstock.model.findings import Verdict
    from penstock.policy.facts import ImplementationFacts

GATE = "weakened_contract"
UNMARKED = "personal_unmarked"
REMOVED = "column_removed"

_DECLARE = "keep the promise, or declare under `impact` in the story what its readers must expect"
_REMEDIES = {
    UNMARKED: "keep the tag; a person who knows better changes it on the base branch",
    REMOVED: "keep the column, or say `gone` of it under `impact` in the story, once its readers do without it",
}


def judge(facts: ImplementationFacts) -> Verdict:
    """Refuse a breaking change of a contract in what the story does not declare to move.

    What is said of a column is declared if the story lets that column move, anything else if it lets rows move. A
    column that somebody reads must be said to be gone: that its values may move tells its readers nothing. That a
    column is no longer personal data is never declared so: a person says it on the base branch.
    """
    if facts.base is None or facts.project is None:
        return not_applicable(GATE, "There is no project before or after to compare contracts with.")
    broken = [change for change in _breaking(facts) if not _is_declared(change, facts)]
    if not broken:
        return passed(GATE, "No contract promises less than before, beyond what the story declares.")
    findings = [_finding(change, facts) for change in broken]
    named = listed(sorted({change.dataset for change in broken}))
    return failed(GATE, f"{counted(len(broken), 'promise')} weakened undeclared in {named}.", findings)


def _breaking(facts: ImplementationFacts) -> Iterator[ContractChange]:
    assert facts.base is not None  # noqa: S101 - the caller looked
    assert facts.project is not None  # noqa: S101 - the caller looked
    for name, before in sorted(facts.base.datasets.items()):
        after = facts.project.datasets.get(name)
        if after is None or before.contract is None:
            continue
        changes = compare(before.contract, after.contract)
        yield from (change for change in changes if change.effect is Effect.BREAKING)


def _is_declared(change: ContractChange, facts: ImplementationFacts) -> bool:
    impact = facts.story.impact.get(change.dataset)
    if impact is None or change.kind == UNMARKED:
        return False
    bound = impact.rows if change.column is None else impact.bound_of(change.column)
    if bound is None or not bound.moves:
        return False
    return bound.gone or change.kind != REMOVED or not _readers(change, facts)


def _readers(change: ContractChange, facts: ImplementationFacts) -> tuple[str, ...] | None:
    """For whom it is breaking; None where that was not looked at."""
    return facts.broken_for.get((change.dataset, change.kind, change.column or ""))


def _finding(change: ContractChange, facts: ImplementationFacts) -> Finding:
    after = facts.project.datasets[change.dataset].contract if facts.project else None
    return Finding(
        code=f"gate.{GATE}",
        message=f"{change.dataset}: {change.reason}",
        place=Place(file=after.file if after else None, dataset=change.dataset, field=change.column),
        found=f"{change.kind.replace('_', ' ')}{_concerned(change, facts)}",
        expected="a contract that promises at least what it promised before",
        remedy=_REMEDIES.get(change.kind, _DECLARE),
    )


def _concerned(change: ContractChange, facts: ImplementationFacts) -> str:
    """For whom it is breaking, where that was looked at."""
    readers = _readers(change, facts)
    if readers is None:
        return ""
    return f"; breaking for {listed(readers)}" if readers else "; nobody known reads it"
