"""The author would write over files that somebody edited by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.findings import Finding, Place
from penstock.policy.verdicts import counted, failed, listed, passed

if TYPE_CHECKING:
    from penstock.model.findings import Verdict
    from penstock.policy.facts import DesignFacts

GATE = "hand_edited_files"


def judge(facts: DesignFacts) -> Verdict:
    """Refuse while the change would lose what a person wrote."""
    edited = sorted(facts.base_files_edited_by_hand)
    planned = counted(len(facts.planned_files), "planned file")
    if not edited:
        return passed(GATE, f"No hand edit would be lost in {planned}.")
    findings = [_finding(path, facts.story.id) for path in edited]
    summary = f"{counted(len(edited), 'file')} edited by hand would be written over: {listed(edited)}."
    return failed(GATE, summary, findings)


def _finding(path: str, story: str) -> Finding:
    return Finding(
        code=f"gate.{GATE}",
        message=f"{path} was edited by hand since it was written, and {story} would write over it",
        place=Place(file=path),
        found="bytes that the author did not write",
        expected="the file as the author wrote it",
        remedy="say in a story what the edit does and undo it by hand, or deliver this change with `author: files`",
    )
