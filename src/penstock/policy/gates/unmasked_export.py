"""An export takes personal data out of the project as it is, and the story does not say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.findings import Finding, Place, Severity
from penstock.policy.verdicts import counted, judged, listed, not_applicable

if TYPE_CHECKING:
    from penstock.model.findings import Verdict
    from penstock.policy.facts import ImplementationFacts, LeavingColumn

GATE = "unmasked_export"


def judge(facts: ImplementationFacts) -> Verdict:
    """Refuse personal columns that begin to leave unmasked, unless the story names the export and the column.

    That the export's own file lets them go is no declaration: the change wrote it.
    """
    if facts.project is None:
        return not_applicable(GATE, "The project cannot be read.")
    if not facts.project.exports:
        return not_applicable(GATE, "The project exports nothing.")
    findings = tuple(_finding(one, facts) for one in facts.leaving)
    blocked = [one for one in facts.leaving if not _is_declared(one, facts)]
    exports = counted(len(facts.project.exports), "export")
    return judged(
        GATE,
        findings,
        good=f"No personal column begins to leave unmasked and undeclared by {exports}.",
        bad=f"Personal columns leave unmasked: {listed(f'{one.export}.{one.column}' for one in blocked)}.",
    )


def _is_declared(one: LeavingColumn, facts: ImplementationFacts) -> bool:
    return one.column in facts.story.leaving.get(one.export, ())


def _finding(one: LeavingColumn, facts: ImplementationFacts) -> Finding:
    declared = _is_declared(one, facts)
    return Finding(
        code=f"gate.{GATE}",
        message=f"export {one.export} takes {one.dataset}.{one.column} out"
        + (", as the story says" if declared else ", and the story does not say so"),
        severity=Severity.NOTE if declared else Severity.ERROR,
        place=Place(file=one.file, dataset=one.dataset, field=one.column),
        found=f"{one.told}, unmasked, to {one.target}",
        expected="columns without personal data, or masked ones",
        remedy=f"leave the column out of `columns`, mask it in the dataset (mask_hash, mask_truncate, …), or name it in"
        f" {facts.story.file}: `leaving: {{{one.export}: [{one.column}]}}`",
    )
