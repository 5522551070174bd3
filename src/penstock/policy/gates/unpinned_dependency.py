"""A package that the change brings in is not pinned, its lock is not of its source, or policy forbids it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.findings import Finding, Place, Severity, blocking
from penstock.policy.dependencies.faults import faults_of
from penstock.policy.dependencies.newcomers import newcomers
from penstock.policy.dependencies.sheaf import Sheaf
from penstock.policy.verdicts import counted, judged, listed, not_applicable

if TYPE_CHECKING:
    from penstock.model.findings import Verdict
    from penstock.policy.dependencies.faults import Fault
    from penstock.policy.dependencies.newcomers import Newcomer
    from penstock.policy.facts import ImplementationFacts

GATE = "unpinned_dependency"


def judge(facts: ImplementationFacts) -> Verdict:
    """Refuse what the change makes wrong in dependency files; what was wrong before warns, what is new is a note."""
    if not facts.dependencies:
        return not_applicable(GATE, "No file names packages.")
    before = Sheaf.of({file.path: file.before for file in facts.dependencies if file.before is not None})
    after = Sheaf.of({file.path: file.after for file in facts.dependencies if file.after is not None})
    forbidden = facts.policy.forbidden_packages
    known = {fault.identity for fault in faults_of(before, forbidden)}
    faults = faults_of(after, forbidden)
    new = newcomers(before, after)
    findings = (*(_finding(one, old=one.identity in known) for one in faults), *(_note(one) for one in new))
    files = counted(len(facts.dependencies), "file")
    count = len(blocking(findings))
    named = listed(dict.fromkeys(fault.subject for fault in faults if fault.identity not in known))
    brought = f"; new: {listed([one.name for one in new])}" if new else ""
    return judged(
        GATE,
        findings,
        good=f"The change leaves nothing unpinned or out of step in {files} of dependencies{brought}.",
        bad=f"{counted(count, 'fault')} in {files} of dependencies: {named}.",
    )


def _finding(fault: Fault, *, old: bool) -> Finding:
    return Finding(
        code=f"gate.{GATE}.{fault.detail}",
        message=f"{fault.message}, as before" if old else fault.message,
        severity=Severity.WARNING if old else Severity.ERROR,
        place=Place(file=fault.path, line=fault.line),
        found=fault.found,
        expected=fault.expected,
        remedy=fault.remedy,
    )


def _note(one: Newcomer) -> Finding:
    along = f"brings along {listed(one.brings, limit=20)}" if one.brings else "brings nothing else along"
    return Finding(
        code=f"gate.{GATE}.new",
        message=f"{one.name} {one.version} is new in {one.path}",
        severity=Severity.NOTE,
        place=Place(file=one.path, line=one.line),
        found=f"asked for; {along}" if one.asked else "not asked for: something that was there needs it now",
    )
