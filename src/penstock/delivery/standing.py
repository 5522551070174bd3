"""What a review has been given so far: its approvals, what the change is besides, and who is still missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.delivery.approval import approvals_of, author_key, trusted_keys
from penstock.delivery.sealing import envelopes
from penstock.delivery.stages import ENDED, Progress, Stage
from penstock.delivery.tools import policy_at
from penstock.evidence.canonical import digest
from penstock.evidence.envelope import open_envelope
from penstock.policy.approvals import approvers, shortages

if TYPE_CHECKING:
    from pathlib import Path

    from penstock.delivery.changes import Change
    from penstock.delivery.tools import Tools
    from penstock.evidence.statements import Statement
    from penstock.policy.facts import ApprovalFacts
    from penstock.policy.rules import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A review and the approvals of it. `irreversible` are the steps that it names as such."""

    policy: Policy
    author: str
    author_key_id: str
    review_envelope_sha256: str
    approvals: tuple[ApprovalFacts, ...]
    labels: tuple[str, ...]
    irreversible: tuple[str, ...]


def standing_of(change: Change, root: Path, tools: Tools) -> Standing:
    """How the review of a change stands; its stage must have passed."""
    facts = review_statement(change, root, tools).facts
    return Standing(
        policy=policy_at(tools, change.base_commit),
        author=change.author,
        author_key_id=author_key(change, root, tools),
        review_envelope_sha256=change.passed[Stage.REVIEW],
        approvals=approvals_of(change, root, tools),
        labels=tuple(map(str, facts.get("labels", ()))),
        irreversible=tuple(map(str, facts.get("irreversible", ()))),
    )


def review_statement(change: Change, root: Path, tools: Tools) -> Statement:
    """The statement of the review that passed."""
    sha256 = change.passed[Stage.REVIEW]
    data = next(data for _, data in envelopes(change, root, tools) if digest(data) == sha256)
    return open_envelope(data, trusted_keys(change, root, tools)).statement


def progress_of(change: Change, tools: Tools) -> Progress:
    """What decides a change's next step. What is in production already waits for nobody's approval."""
    needed = policy_at(tools, change.base_commit).approvals
    if Stage.REVIEW not in change.passed or change.promotion is not None or change.state in ENDED:
        return change.progress(needed, needed)
    root = tools.worktree(change)
    if change.passed[Stage.REVIEW] not in {digest(data) for _, data in envelopes(change, root, tools)}:
        return change.progress(0, needed)  # the branch is on another machine
    standing = standing_of(change, root, tools)
    particular = [each for each in shortages(standing) if each.quorum.words]
    return change.progress(
        len(approvers(standing)),
        needed,
        missing=tuple(each.words for each in particular),
        irreversible=standing.irreversible,
    )
