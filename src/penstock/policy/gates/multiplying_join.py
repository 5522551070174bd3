"""A join repeats rows, and something downstream of it moved that should not have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.findings import Finding, Place
from penstock.policy.joins import joins_behind
from penstock.policy.movements import contradictions
from penstock.policy.verdicts import as_note, counted, failed, listed, passed

if TYPE_CHECKING:
    from penstock.model.findings import Verdict
    from penstock.policy.facts import Multiplying, ReviewFacts

GATE = "multiplying_join"


def judge(facts: ReviewFacts) -> Verdict:
    """Refuse a join that repeats rows behind undeclared movement; only mention one that harmed nothing."""
    joins = facts.multiplying
    if not joins:
        return passed(GATE, "No join that the change adds repeats rows.")
    harmed = _harmed(facts)
    findings = [_finding(join, harmed.get(_spot(join), ())) for join in joins]
    worst = max(join.copies for join in joins)
    summary = f"{counted(len(joins), 'join')} with up to {worst:,} rows for one key"
    if not harmed:
        return passed(GATE, f"{summary}; nothing moved undeclared behind it.", map(as_note, findings))
    names = sorted({name for moved in harmed.values() for name in moved})
    shown = [one if _spot(join) in harmed else as_note(one) for join, one in zip(joins, findings, strict=True)]
    return failed(GATE, f"{summary}, and undeclared movement behind it in {listed(names)}.", shown)


def _spot(join: Multiplying) -> tuple[str, int, str]:
    return (join.file, join.line, join.joined)


def _harmed(facts: ReviewFacts) -> dict[tuple[str, int, str], tuple[str, ...]]:
    """For each join the datasets at or behind it in which rows or values moved against the declaration."""
    harmed: dict[tuple[str, int, str], tuple[str, ...]] = {}
    for diff in facts.diffs:
        faults = contradictions(diff, facts.story.impact.get(diff.dataset))
        for spot in {_spot(join) for one in faults for join in joins_behind(one, diff, facts)}:
            harmed[spot] = (*harmed.get(spot, ()), diff.dataset)
    return harmed


def _finding(join: Multiplying, harmed: tuple[str, ...]) -> Finding:
    keys = f", for instance {'; '.join(join.examples[:3])}" if join.examples else ""
    moved = f"; {listed(harmed)} moved undeclared" if harmed else ""
    return Finding(
        code=f"gate.{GATE}",
        message=f"the join of {join.dataset} with {join.joined} repeats rows up to {join.copies:,} times{moved}",
        place=Place(file=join.file, line=join.line, excerpt=join.excerpt, dataset=join.dataset),
        found=f"up to {join.copies:,} rows of {join.joined} for one key{keys}",
        expected="at most one row for each key",
        remedy=f"aggregate or deduplicate {join.joined} before the join, or complete the join's key",
    )
