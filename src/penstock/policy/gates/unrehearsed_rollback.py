"""Nobody has seen that the change can be taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.findings import Finding
from penstock.policy.verdicts import as_note, failed, passed

if TYPE_CHECKING:
    from penstock.model.findings import Verdict
    from penstock.policy.facts import ReviewFacts

GATE = "unrehearsed_rollback"
_SHOWN = 12


def judge(facts: ReviewFacts) -> Verdict:
    """Refuse until promotion and rollback were tried and readers saw the same before and after."""
    rehearsal = facts.rehearsal
    if rehearsal is None:
        finding = _finding("missing", "promotion and rollback were not tried", "no rehearsal", "one in a sandbox")
        return failed(GATE, "The way back was not rehearsed.", [finding])
    before, after = rehearsal.before[:_SHOWN], rehearsal.after[:_SHOWN]
    if rehearsal.before != rehearsal.after:
        message = "after the rollback readers see something else than before the promotion"
        finding = _finding("not_restored", message, f"digest {after}", f"digest {before}")
        return failed(
            GATE, f"The rehearsed rollback did not restore what was there ({after}, not {before}).", [finding]
        )
    times = f"promoted in {rehearsal.promote_ms:,} ms and rolled back in {rehearsal.rollback_ms:,} ms"
    summary = f"Rehearsed: {times}; readers see digest {before} again."
    if rehearsal.promoted != rehearsal.before or not _changes(facts):
        return passed(GATE, summary)
    message = "the rehearsed promotion changed nothing that readers see, although versions moved"
    note = as_note(_finding("no_effect", message, f"digest {before} before and after the promotion", "another digest"))
    return passed(GATE, f"{summary} The promotion itself changed nothing they see.", [note])


def _changes(facts: ReviewFacts) -> bool:
    return bool(facts.diffs or facts.new_datasets)


def _finding(detail: str, message: str, found: str, expected: str) -> Finding:
    return Finding(
        code=f"gate.{GATE}.{detail}",
        message=message,
        found=found,
        expected=expected,
        remedy="clear what kept the review from it, and resume the change; nothing is in production yet",
    )
