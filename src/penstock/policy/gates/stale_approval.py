"""An approval was given for other bytes than those that would be deployed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.findings import Finding, Place
from penstock.policy.approvals import shortages
from penstock.policy.verdicts import as_note, counted, judged, listed, not_applicable

if TYPE_CHECKING:
    from penstock.model.findings import Verdict
    from penstock.policy.facts import ApprovalFacts, DeploymentFacts

GATE = "stale_approval"


def judge(facts: DeploymentFacts) -> Verdict:
    """Refuse what changed since the review, and approvals of another review that no fresh ones replace."""
    review = facts.review_envelope_sha256
    signed = [one for one in facts.approvals if one.valid_signature]
    changed, rebuilt = sorted(facts.changed_since_review), sorted(facts.changed_versions)
    if not signed and not changed and not rebuilt:
        return not_applicable(GATE, "Nothing is approved and nothing changed since the review.")
    stale = [_stale(one, facts) for one in signed if one.envelope_sha256 != review]
    replaced = not shortages(facts)
    moved = (*(_changed(path, facts) for path in changed), *(_rebuilt(name, facts) for name in rebuilt))
    findings = (*(map(as_note, stale) if replaced else stale), *moved)
    counts = f"{len(stale):,} of {counted(len(signed), 'approval')} for another review"
    return judged(
        GATE,
        findings,
        good=f"{counts}; every file is as reviewed.",
        bad=f"{counts}; {_moved(changed, rebuilt)} changed since it"
        + (f": {listed((*changed, *rebuilt))}." if moved else "."),
    )


def _moved(changed: list[str], rebuilt: list[str]) -> str:
    files = counted(len(changed), "file")
    return f"{files} and {counted(len(rebuilt), 'version')}" if rebuilt else files


def _rebuilt(name: str, facts: DeploymentFacts) -> Finding:
    return Finding(
        code=f"gate.{GATE}.data",
        message=f"{name} does not hold the rows that were reviewed",
        place=Place(dataset=name),
        found="other rows than in the review",
        expected=f"the rows of review {facts.review_envelope_sha256[:12]}",
        remedy=f"deliver {facts.story.id} again: it is reviewed on the rows as they are, and approved anew",
    )


def _stale(approval: ApprovalFacts, facts: DeploymentFacts) -> Finding:
    return Finding(
        code=f"gate.{GATE}",
        message=f"{approval.name} approved another review than the last one",
        found=f"review {approval.envelope_sha256[:12] or 'of nothing'}",
        expected=f"review {facts.review_envelope_sha256[:12]}",
        remedy=f"have the last review read and approved: penstock change approve {facts.story.id} --as NAME",
    )


def _changed(path: str, facts: DeploymentFacts) -> Finding:
    return Finding(
        code=f"gate.{GATE}.changed",
        message=f"{path} is not what was reviewed",
        place=Place(file=path),
        found="other bytes than in the review",
        expected=f"the bytes of review {facts.review_envelope_sha256[:12]}",
        remedy=f"put {path} back as it was reviewed, or deliver {facts.story.id} again and have it approved anew",
    )
