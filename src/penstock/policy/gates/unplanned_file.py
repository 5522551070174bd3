"""The branch touches a file that the plan does not name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.findings import Finding, Place
from penstock.policy.verdicts import counted, failed, listed, passed

if TYPE_CHECKING:
    from penstock.model.findings import Verdict
    from penstock.policy.facts import ImplementationFacts

GATE = "unplanned_file"


def judge(facts: ImplementationFacts) -> Verdict:
    """Refuse a branch that changes more than was planned, its own dossier under `changes/<ID>/` apart."""
    planned, own = set(facts.planned_files), f"changes/{facts.story.id}/"
    unplanned = sorted(path for path in facts.changed_files if path not in planned and not path.startswith(own))
    changed = counted(len(facts.changed_files), "changed file")
    if not unplanned:
        return passed(GATE, f"{changed}, every one planned.")
    findings = [_finding(path, facts.story.id) for path in unplanned]
    return failed(GATE, f"{len(unplanned):,} of {changed} not planned: {listed(unplanned)}.", findings)


def _finding(path: str, change: str) -> Finding:
    return Finding(
        code=f"gate.{GATE}",
        message=f"{path} is changed and the plan does not name it",
        place=Place(file=path),
        found="a change outside the plan",
        expected=f"only files of changes/{change}/plan.json and those under changes/{change}/",
        remedy=f"take {path} back to the base revision, or plan the change again with it",
    )
