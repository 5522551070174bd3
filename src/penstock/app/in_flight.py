"""Changes under way beside each other: who is in whose way, which of them nobody touches, and giving one up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.adapters.git import GitRepository
from penstock.app import pruning
from penstock.app.delivering import Watcher, make_tools
from penstock.delivery.abandoning import abandon as end_change
from penstock.delivery.changes import find_change, list_changes
from penstock.delivery.conflicts import all_conflicts, conflicts_of
from penstock.delivery.stages import ENDED
from penstock.delivery.tools import settings_in
from penstock.model.intervals import parse_moment
from penstock.policy.rules import Policy

if TYPE_CHECKING:
    from penstock.app.wiring import Workplace
    from penstock.delivery.changes import Change
    from penstock.delivery.conflicts import Conflict
    from penstock.engine.removal import Removal


def conflicts(place: Workplace) -> dict[str, tuple[Conflict, ...]]:
    """Every change that is not merged and in whose way others are, with those."""
    if not place.ledger.rows("stages", stage="design", state="passed"):
        return {}
    return all_conflicts(place.ledger, GitRepository(place.root))


def conflicts_with(place: Workplace, change: Change) -> tuple[Conflict, ...]:
    """What is in the way of one change."""
    return conflicts_of(change, place.ledger, GitRepository(place.root))


def untouched(place: Workplace) -> dict[str, int]:
    """Changes under way that nobody has touched for longer than policy has it, and for how many days."""
    under_way = [each for each in list_changes(place.ledger) if each.state not in ENDED and not each.merge_commit]
    if not under_way:
        return {}
    repository, now = GitRepository(place.root), place.clock.now()
    most = Policy.of(settings_in(repository, repository.head())).abandon_after_days
    days = {each.id: (now - parse_moment(each.updated_at)).days for each in under_way}
    return {change: count for change, count in days.items() if count >= most}


def abandon(place: Workplace, change_id: str, by: str | None, reason: str) -> tuple[Change, Removal | None]:
    """End a change that nobody goes on with, and remove the versions that nothing but it has built and needs."""
    place.hold()
    change = find_change(place.ledger, change_id)
    tools = make_tools(place, change.author, Watcher())
    end_change(change, by or tools.repository.author() or "someone", reason, tools)
    removed = pruning.prune_built_by(place, change_id)
    return find_change(place.ledger, change_id), removed
