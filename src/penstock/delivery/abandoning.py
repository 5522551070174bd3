"""The end of a change that nobody goes on with: nothing of it stays in the way, and nothing of others is touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.delivery.approval import keys_at
from penstock.delivery.rollout import follow_production
from penstock.delivery.stages import ABANDONED, ENDED
from penstock.delivery.tools import close_trees
from penstock.evidence.keys import Role
from penstock.ledger.facts import ChangeAbandoned
from penstock.model.errors import InputError, RefusedError
from penstock.model.findings import Finding, Place

if TYPE_CHECKING:
    from penstock.delivery.changes import Change
    from penstock.delivery.tools import Tools


def abandon(change: Change, by: str, reason: str, tools: Tools) -> None:
    """End a change that is not in production. A second time finishes what a crash left of the first.

    Raises:
        InputError: it has ended otherwise, or is merged.
        RefusedError: `by` is neither its author nor an approver of its base revision.
    """
    if change.state != ABANDONED:
        if change.state in ENDED or change.merge_commit is not None:
            raise InputError(_not_open(change))
        _refuse_others(change, by, tools)
        follow_production(tools, ending=change.id)
        tools.journal.append(ChangeAbandoned(change=change.id, by=by, reason=reason))
    clear_away(change, tools)


def clear_away(change: Change, tools: Tools) -> None:
    """Remove the checkouts of an abandoned change and set its branch aside; both may have happened already."""
    close_trees(change, tools)
    tools.repository.retire(change.branch, tools.root / ".penstock" / "worktrees" / change.id)


def _refuse_others(change: Change, by: str, tools: Tools) -> None:
    approvers = sorted(key.name for key in keys_at(change.base_commit, tools).values() if key.role is Role.APPROVER)
    if by.casefold() not in {name.casefold() for name in (change.author, *approvers)}:
        raise RefusedError(
            Finding(
                code="change.not_yours",
                message=f"{by} may not abandon {change.id}",
                place=Place(file="keys"),
                found=by,
                expected=f"its author {change.author}, or an approver: {', '.join(approvers) or 'there is none'}",
                remedy=f"ask one of them: penstock change abandon {change.id} --as NAME --reason …",
            )
        )


def _not_open(change: Change) -> Finding:
    how = "merged" if change.merge_commit is not None and change.state not in ENDED else change.state.replace("_", " ")
    return Finding(
        code="change.not_open",
        message=f"{change.id} cannot be abandoned: it is {how}",
        expected="a change that is not in production yet",
        remedy=f"`penstock change rollback {change.id}` takes a change out of production",
    )
