"""The shadow run on real data did not end well."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.findings import blocking
from penstock.policy.verdicts import carried, counted, judged

if TYPE_CHECKING:
    from penstock.model.findings import Verdict
    from penstock.policy.facts import ReviewFacts

GATE = "failed_run"


def judge(facts: ReviewFacts) -> Verdict:
    """Refuse a change whose run beside production failed anywhere."""
    findings = facts.run_findings
    compared = len(facts.diffs) + len(facts.new_datasets)
    return judged(
        GATE,
        carried(GATE, findings),
        good=f"The shadow run built {counted(compared, 'changed dataset')} with {counted(len(findings), 'remark')}.",
        bad=f"The shadow run failed with {counted(len(blocking(findings)), 'error')}.",
    )
