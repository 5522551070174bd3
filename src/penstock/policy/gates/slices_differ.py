"""A dataset that is built slice by slice is not what one build over everything makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.findings import Severity, blocking
from penstock.policy.verdicts import as_note, carried, counted, failed, listed, not_applicable, passed
from penstock.quality.slicing import SliceOutcome

if TYPE_CHECKING:
    from penstock.model.findings import Verdict
    from penstock.policy.facts import ReviewFacts

GATE = "slices_differ"


def judge(facts: ReviewFacts) -> Verdict:
    """Refuse slices that depend on the order in which they are built; mention what their queries' text shows."""
    if blocking(facts.run_findings):
        return not_applicable(GATE, "The shadow run failed, so no slice could be tried.")
    if not facts.slices:
        return not_applicable(GATE, "The change makes or alters nothing that is built slice by slice.")
    findings = carried(GATE, (finding for verdict in facts.slices for finding in verdict.findings))
    different = [verdict.dataset for verdict in facts.slices if verdict.outcome is SliceOutcome.DIFFERENT]
    tried = [verdict for verdict in facts.slices if verdict.outcome is not SliceOutcome.NOT_TRIED]
    if different:
        summary = f"{listed(different)} built slice by slice is not what one build makes."
        return failed(GATE, summary, findings)
    orders = max((len({trial.scenario.order for trial in verdict.trials}) for verdict in tried), default=0)
    rest = len(facts.slices) - len(tried)
    untried = f"; {counted(rest, 'dataset')} not tried" if rest else ""
    summary = f"{counted(len(tried), 'dataset')} built slice by slice in up to {orders} orders: as one build{untried}."
    return passed(GATE, summary, [as_note(one) if one.severity is Severity.ERROR else one for one in findings])
