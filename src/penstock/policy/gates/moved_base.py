"""The base moved beneath the change: what was reviewed is not what would be merged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.findings import Finding, Place
from penstock.policy.verdicts import counted, failed, listed, passed

if TYPE_CHECKING:
    from penstock.model.findings import Verdict
    from penstock.policy.facts import DeploymentFacts

GATE = "moved_base"


def judge(facts: DeploymentFacts) -> Verdict:
    """Refuse while files that the change writes or depends on are newer on the base."""
    conflicts = sorted(facts.base_conflicts)
    if not conflicts:
        return passed(GATE, "The base has not moved in any file that matters to the change.")
    findings = [_finding(path, facts) for path in conflicts]
    summary = f"{counted(len(conflicts), 'file')} moved on the base since the change began: {listed(conflicts)}."
    return failed(GATE, summary, findings)


def _finding(path: str, facts: DeploymentFacts) -> Finding:
    change = facts.story.id
    anew = f"penstock change rebase {change}: from its design on it begins again from the base as it is, and has to be"
    if facts.merged_by_hand:
        return Finding(
            code=f"gate.{GATE}",
            message=f"somebody merged change/{change}, and {path} on the base is not what was reviewed",
            place=Place(file=path),
            found="other bytes on the base than on the branch",
            expected="the base that the change was built and reviewed on, and its own bytes beside it",
            remedy=f"undo the merge by a commit (git revert -m 1 COMMIT), then {anew} approved anew",
        )
    return Finding(
        code=f"gate.{GATE}",
        message=f"{path} was changed on the base since {change} began",
        place=Place(file=path),
        found="a newer version on the base",
        expected="the version that the change was built and reviewed on",
        remedy=f"{anew} approved anew",
    )
