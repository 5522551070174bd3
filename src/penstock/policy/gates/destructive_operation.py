"""Something is destroyed that no rollback brings back, and the story does not say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.findings import Finding, Severity
from penstock.policy.destruction import operations
from penstock.policy.verdicts import counted, judged, listed

if TYPE_CHECKING:
    from penstock.model.findings import Verdict
    from penstock.policy.destruction import Operation
    from penstock.policy.facts import ImplementationFacts

GATE = "destructive_operation"
_UNDO = {
    "rewritten_branch": "find out who rewrote it (git reflog), put the commit back, and deliver the story again",
    "retention": "put the retention back in {file}",
    "history": "put the materialization back in {file}, or make a new dataset beside it",
    "pipeline": "put {file} back",
}


def judge(facts: ImplementationFacts) -> Verdict:
    """Refuse what cannot be undone unless the story names it; what it names is a note, and irreversible."""
    found = operations(facts)
    findings = tuple(_finding(one, facts) for one in found)
    named = [one.message for one in found if one.declared]
    undeclared = [one.subject for one in found if not one.declared]
    declared = f"; irreversible, as the story says: {listed(named, limit=3)}" if named else ""
    return judged(
        GATE,
        findings,
        good=f"Nothing is destroyed undeclared{declared}.",
        bad=f"{counted(len(undeclared), 'destructive operation')} undeclared: {listed(dict.fromkeys(undeclared))}.",
    )


def _finding(one: Operation, facts: ImplementationFacts) -> Finding:
    if one.declared:
        return Finding(
            code=f"gate.{GATE}.{one.detail}",
            message=f"{one.message}; the story says so, and it cannot be undone",
            severity=Severity.NOTE,
            place=one.place,
            found=one.found,
        )
    undo = _UNDO.get(one.detail, "take it out of {file}").format(file=one.place.file)
    declare = f", or name it in {facts.story.file}: `destructive: {{{one.subject}: why}}`"
    return Finding(
        code=f"gate.{GATE}.{one.detail}",
        message=f"{one.message}, and the story does not say so" if one.detail != "rewritten_branch" else one.message,
        place=one.place,
        found=one.found,
        expected=one.expected,
        remedy=undo if one.detail == "rewritten_branch" else f"{undo}{declare}",
    )
