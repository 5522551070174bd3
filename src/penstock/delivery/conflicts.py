"""Which changes get in each other's way, by what their plans write and move: known before either is deployed.

Two changes conflict if they write one file, or if one makes another version of a dataset that lies up- or downstream
of what the other makes. Pages that are drawn from the whole project are drawn anew at each merge and do not count.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from penstock.author.documentation import ARCHITECTURE_FILE
from penstock.delivery.authoring import PLAN_JSON
from penstock.delivery.changes import list_changes
from penstock.delivery.stages import ENDED, ROLLING_BACK, Stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.delivery.changes import Change
    from penstock.delivery.ports import Repository
    from penstock.ledger.journal import Journal


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What a change writes and moves; `near` is that and all that lies up- and downstream of it."""

    files: frozenset[str]
    touched: frozenset[str]
    near: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """Another change, whether production has it already, and the datasets and files that both are about."""

    change: str
    promoted: bool
    datasets: tuple[str, ...]
    files: tuple[str, ...]

    @property
    def subject(self) -> str:
        """The datasets and files, in words."""
        named = (("dataset", self.datasets), ("file", self.files))
        return "; ".join(f"{word}{'s' if len(n) > 1 else ''} {', '.join(n)}" for word, n in named if n)

    def to_json(self) -> dict[str, Any]:
        """The conflict as plain values."""
        return {
            "change": self.change,
            "promoted": self.promoted,
            "datasets": list(self.datasets),
            "files": list(self.files),
        }

    def words(self, own: str) -> str:
        """What that means for the change `own`, and what to do about it."""
        if self.promoted:
            return f"{self.change} went live meanwhile ({self.subject}): penstock change rebase {own}"
        return f"{self.change}, under way, is about the same ({self.subject}): the later of the two must be rebased"


def between(mine: Reach, other: Reach) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The datasets and the files in which two changes get in each other's way; both empty if they do not."""
    datasets = (mine.near & other.touched) | (mine.touched & other.near)
    return tuple(sorted(datasets)), tuple(sorted(mine.files & other.files))


def conflicts_of(change: Change, journal: Journal, repository: Repository) -> tuple[Conflict, ...]:
    """Every change that gets in the way of one that is planned and not merged yet."""
    if not _is_planned(change) or change.merge_commit is not None:
        return ()
    return _conflicts(change, list_changes(journal), repository)


def all_conflicts(journal: Journal, repository: Repository) -> dict[str, tuple[Conflict, ...]]:
    """The same for every change that is planned and not merged yet, by its id; those without any are left out."""
    changes = list_changes(journal)
    found = {
        each.id: _conflicts(each, changes, repository)
        for each in changes
        if _is_planned(each) and each.merge_commit is None
    }
    return {identity: conflicts for identity, conflicts in found.items() if conflicts}


def waiting_behind(change: Change, journal: Journal, repository: Repository) -> tuple[str, ...]:
    """The changes under way that have to be rebased because this one is in production."""
    if change.merge_commit is None:
        return ()
    found = all_conflicts(journal, repository)
    return tuple(other for other, conflicts in found.items() if any(one.change == change.id for one in conflicts))


def _conflicts(change: Change, others: Sequence[Change], repository: Repository) -> tuple[Conflict, ...]:
    mine = reach_of(change, repository)
    found = []
    for other in others:
        if other.id == change.id or not _is_planned(other):
            continue
        merged = other.merge_commit
        if merged is not None and repository.is_ancestor(merged, change.base_commit):
            continue
        datasets, files = between(mine, reach_of(other, repository))
        if datasets or files:
            found.append(Conflict(change=other.id, promoted=merged is not None, datasets=datasets, files=files))
    return tuple(found)


def reach_of(change: Change, repository: Repository) -> Reach:
    """What a change's plan says that it writes and moves; nothing if there is no plan."""
    revision = change.branch if change.merge_commit is None else "HEAD"
    data = repository.show(revision, f"{change.folder}/{PLAN_JSON}")
    plan = json.loads(data) if data is not None else {}
    datasets = plan.get("datasets", {})
    touched = frozenset(name for kind in ("new", "altered", "moved", "removed") for name in datasets.get(kind, ()))
    written = frozenset(step["file"] for step in plan.get("steps", ()))
    return Reach(files=written - {ARCHITECTURE_FILE}, touched=touched, near=touched | set(plan.get("near", ())))


def _is_planned(change: Change) -> bool:
    """Whether it has a plan and may go live, or is live."""
    live = change.state not in ENDED or (change.state == "done" and change.merge_commit is not None)
    return Stage.DESIGN in change.passed and live and change.state != ROLLING_BACK
