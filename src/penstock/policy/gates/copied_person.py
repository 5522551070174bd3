"""A data test that the branch adds or edits holds the row of a person whom the real data has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.findings import blocking
from penstock.policy.verdicts import carried, counted, failed, listed, not_applicable, passed

if TYPE_CHECKING:
    from penstock.model.findings import Verdict
    from penstock.policy.facts import ReviewFacts

GATE = "copied_person"


def judge(facts: ReviewFacts) -> Verdict:
    """Refuse rows of persons in data tests; the finding shows none of their values."""
    if blocking(facts.run_findings):
        return not_applicable(GATE, "The shadow run failed, so there are no real rows to look in.")
    if not facts.copied:
        return passed(GATE, "No data test that the branch touches holds a person's row of the real data.")
    files = dict.fromkeys(str(finding.place.file) for finding in facts.copied)
    summary = f"{counted(len(facts.copied), 'case')} of data tests with rows of real persons, in {listed(files)}."
    return failed(GATE, summary, carried(GATE, facts.copied))
