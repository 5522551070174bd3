"""Verdicts in their four kinds, made the same way by every gate."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from penstock.model.findings import Outcome, Severity, Verdict, blocking

if TYPE_CHECKING:
    from collections.abc import Iterable

    from penstock.model.findings import Finding


def passed(gate: str, summary: str, notes: Iterable[Finding] = ()) -> Verdict:
    """Nothing is in the way; `notes` are worth reading all the same."""
    return Verdict(gate=gate, outcome=Outcome.PASS, summary=summary, findings=tuple(notes))


def failed(gate: str, summary: str, findings: Iterable[Finding]) -> Verdict:
    """The findings are in the way."""
    return Verdict(gate=gate, outcome=Outcome.FAIL, summary=summary, findings=tuple(findings))


def needs_person(gate: str, summary: str, findings: Iterable[Finding]) -> Verdict:
    """A person has to answer or decide what the findings say."""
    return Verdict(gate=gate, outcome=Outcome.NEEDS_PERSON, summary=summary, findings=tuple(findings))


def not_applicable(gate: str, summary: str) -> Verdict:
    """There is nothing that this gate could judge."""
    return Verdict(gate=gate, outcome=Outcome.NOT_APPLICABLE, summary=summary)


def judged(gate: str, findings: tuple[Finding, ...], *, good: str, bad: str) -> Verdict:
    """A failure if any finding blocks, with the sentence `bad`; else a pass with the sentence `good`."""
    return failed(gate, bad, findings) if blocking(findings) else passed(gate, good, findings)


def carried(gate: str, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings made elsewhere, under the gate's code, with their own code as its detail."""
    return tuple(replace(finding, code=f"gate.{gate}.{finding.code}") for finding in findings)


def as_note(finding: Finding) -> Finding:
    """The finding as one that explains and does not block."""
    return replace(finding, severity=Severity.NOTE)


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """A count with its noun.

    >>> counted(1, "row"), counted(1200, "row"), counted(0, "join on the key", "joins on the key")
    ('1 row', '1,200 rows', '0 joins on the key')
    """
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def listed(names: Iterable[str], limit: int = 5) -> str:
    """The first few names, and how many more there are.

    >>> listed(["a", "b", "c"], limit=2)
    'a, b and 1 more'
    """
    all_names = list(names)
    shown = ", ".join(all_names[:limit])
    return f"{shown} and {len(all_names) - limit:,} more" if len(all_names) > limit else shown
