"""A data test or another example that the branch adds holds what looks like a person's own value."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from penstock.model.findings import Severity
from penstock.policy.verdicts import counted, failed, listed, not_applicable, passed

if TYPE_CHECKING:
    from penstock.model.findings import Verdict
    from penstock.policy.facts import ImplementationFacts

GATE = "personal_data_in_sample"


def judge(facts: ImplementationFacts) -> Verdict:
    """Refuse examples with values that are, or could be, somebody's."""
    if facts.project is None:
        return not_applicable(GATE, "The project cannot be read.")
    if not facts.samples:
        return passed(GATE, "No example that the branch adds holds what looks like a person's value.")
    files = dict.fromkeys(str(finding.place.file) for finding in facts.samples)
    findings = [replace(finding, code=f"gate.{GATE}", severity=Severity.ERROR) for finding in facts.samples]
    summary = f"What looks like persons' values stands in {counted(len(files), 'file')}: {listed(files)}."
    return failed(GATE, summary, findings)
