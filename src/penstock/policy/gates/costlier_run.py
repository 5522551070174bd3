"""A scheduled run would handle many times the rows that it handles today."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from penstock.model.findings import Finding, Place, Severity, blocking
from penstock.policy.verdicts import counted, failed, listed, not_applicable, passed

if TYPE_CHECKING:
    from penstock.model.findings import Verdict
    from penstock.policy.facts import ReviewFacts
    from penstock.quality.rerunning import Effort, Rerun

GATE = "costlier_run"
SMALL = 50_000
"""Rows more than before that a run may handle whatever the ratio: what takes milliseconds costs nobody anything."""
SWOLLEN = 100
"""How many times the rows read a query that is new may hand on within itself."""


def judge(facts: ReviewFacts) -> Verdict:
    """Refuse a query whose run handles more than `policy.cost_ratio` times the rows of production's.

    Rows are counted, not seconds: they come out the same on every machine. Seconds are told beside them.
    """
    if blocking(facts.run_findings):
        return not_applicable(GATE, "The shadow run failed, so no run could be measured.")
    measured = [one for one in facts.reruns if one.effort is not None]
    if not measured:
        return not_applicable(GATE, "The change makes or alters no query that stores rows.")
    ratio = facts.policy.cost_ratio
    findings = [finding for one in measured if (finding := _finding(one, ratio)) is not None]
    if findings:
        names = listed(str(one.place.dataset) for one in findings)
        return failed(GATE, f"Each run of {names} would handle far more rows than it needs or needed.", findings)
    compared = [one for one in measured if one.before is not None]
    worst = max((_ratio(one) for one in compared), default=None)
    said = f", at most {worst:.2f} times as many rows as today" if worst is not None else ""
    return passed(
        GATE, f"{counted(len(measured), 'query', 'queries')} measured over one run each{said}.", _notes(measured)
    )


def _finding(one: Rerun, most: Decimal) -> Finding | None:
    effort, before = one.effort, one.before
    assert effort is not None  # noqa: S101 - chosen by that
    if before is not None:
        if effort.rows - before.rows <= SMALL or _ratio(one) <= most:
            return None
        found = f"{_words(effort)} a run over {one.span}; production's: {_words(before)}"
        message = f"{one.dataset} would handle {_ratio(one):,.1f} times as many rows in each run"
        expected = f"at most {most} times (policy.cost_ratio)"
    else:
        if effort.rows <= max(SWOLLEN * max(effort.read, one.rows, 1), 20 * SMALL):
            return None
        found = f"{_words(effort)} a run over {one.span}, of which {effort.read:,} are read and {one.rows:,} come out"
        message = f"{one.dataset} hands on {effort.rows / max(effort.read, 1):,.0f} times the rows that it reads"
        expected = f"at most {SWOLLEN} times"
    return Finding(
        code=f"gate.{GATE}",
        message=message,
        place=Place(file=one.file, dataset=one.dataset),
        found=found,
        expected=expected,
        remedy="join on keys, build by interval what grows with time, filter before joining; or have the cost waived",
    )


def _notes(measured: list[Rerun]) -> list[Finding]:
    return [
        Finding(
            code=f"gate.{GATE}.slower",
            message=f"a run of {one.dataset} took {one.effort.seconds:.1f} s, production's {one.before.seconds:.1f} s",
            severity=Severity.NOTE,
            place=Place(file=one.file, dataset=one.dataset),
            found=f"{_words(one.effort)}; before {_words(one.before)}",
        )
        for one in measured
        if one.effort and one.before and one.effort.seconds > max(2.0, 2 * one.before.seconds)
    ]


def _ratio(one: Rerun) -> Decimal:
    assert one.effort is not None and one.before is not None  # noqa: PT018, S101 - the callers looked
    return Decimal(one.effort.rows) / max(one.before.rows, 1)


def _words(effort: Effort) -> str:
    return f"{effort.rows:,} rows in {effort.seconds * 1000:,.0f} ms"
