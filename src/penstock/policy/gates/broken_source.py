"""The files that the story brings in cannot be read as it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.findings import blocking
from penstock.policy.verdicts import carried, counted, judged, not_applicable

if TYPE_CHECKING:
    from penstock.model.findings import Verdict
    from penstock.policy.facts import DiscoveryFacts

GATE = "broken_source"


def judge(facts: DiscoveryFacts) -> Verdict:
    """Refuse while something is wrong with the source files themselves."""
    sources, findings = len(facts.story.sources), facts.source_findings
    if not sources and not findings:
        return not_applicable(GATE, "The story brings in no files.")
    return judged(
        GATE,
        carried(GATE, findings),
        good=f"{counted(sources, 'source')} read as the story says, {counted(len(findings), 'remark')}.",
        bad=f"{counted(len(blocking(findings)), 'fault')} in the files of {counted(sources, 'source')}.",
    )
