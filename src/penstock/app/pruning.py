"""`prune`: which versions nothing needs any more, and taking them out of the warehouse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.app.wiring import STATE, operator
from penstock.delivery.rollout import FOLLOWING
from penstock.model.errors import InputError
from penstock.model.findings import Finding, Place
from penstock.plan.retention import ENDED, Judged, Named, judge
from penstock.plan.versions import versions_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import timedelta

    from penstock.app.wiring import Workplace
    from penstock.engine.ports.relations import Holding
    from penstock.engine.removal import Removal
    from penstock.ledger.journal import Value
    from penstock.model.pipelines import Project
    from penstock.plan.build import VersionKey

UNFINISHED = ("queued", "running", "interrupted")
DISCARDED = frozenset({"rejected", "rolled_back", "abandoned"})
"""States of a change that ended without staying in production."""
UNKNOWN = ("running", "audited")
"""States of an attempt whose outcome is not recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """The versions that may go and those that stay, and relations that the ledger knows nothing of.

    `rows` maps each relation at the target to its rows; views have none.
    """

    going: tuple[Judged, ...]
    staying: tuple[Judged, ...]
    unknown: tuple[str, ...]
    rows: Mapping[str, int | None]

    @property
    def rows_going(self) -> int:
        """How many rows go."""
        return sum(self.rows.get(judged.version.relation) or 0 for judged in self.going)


def survey(place: Workplace, keep: timedelta | None, say: Callable[[str], None]) -> Survey:
    """What a prune would remove now; `say` is told if it has to wait for a process that writes.

    `keep` is for how long a version stays after its last use (None: as `penstock.yaml` says).

    Raises:
        InputError: the project, or that of a change under way, cannot be read: nobody can say what it needs.
    """
    if not place.ledger.rows("versions", limit=1) and not place.ledger.rows("removals", limit=1):
        return Survey(going=(), staying=(), unknown=(), rows={})
    return _surveyed(place, keep, place.reading(say).holdings())


def prune(place: Workplace, keep: timedelta | None) -> tuple[Survey, Removal | None]:
    """Remove what nothing needs; what there was, and what came of it (None: there was nothing to remove).

    Raises:
        WaitingError: another command works on this project.
        InputError: as `survey`.
    """
    from penstock.engine.removal import remove  # noqa: PLC0415 - only when something is removed

    place.hold()
    if not place.ledger.rows("versions", limit=1) and not place.ledger.rows("removals", limit=1):
        return Survey(going=(), staying=(), unknown=(), rows={}), None
    place.refuse_lost_warehouse()
    token = place.token()
    seen = _surveyed(place, keep, place.warehouse.holdings())
    if not seen.going:
        return seen, None
    versions = [judged.version for judged in seen.going]
    return seen, remove(place.ledger, place.warehouse, versions, by=operator(), token=token)


def prune_built_by(place: Workplace, change: str) -> Removal | None:
    """Remove the versions that nothing needs and nobody but this change, which has ended, has built.

    Raises:
        InputError: as `survey`.
    """
    from penstock.engine.removal import remove  # noqa: PLC0415 - only when something is removed

    own = _built_by(place, [change])
    if not own:
        return None
    place.refuse_lost_warehouse()
    token = place.token()
    seen = _surveyed(place, None, place.warehouse.holdings())
    going = [each.version for each in seen.going if (each.version.dataset, each.version.fingerprint) in own]
    return remove(place.ledger, place.warehouse, going, by=operator(), token=token) if going else None


def _built_by(place: Workplace, changes: Iterable[str]) -> frozenset[VersionKey]:
    """The versions of which every attempt was made by a run of one of these changes."""
    ledger = place.ledger
    purposes = [f"{word} of {change}" for change in changes for word in ("shadow", "observation")]
    runs = {str(row["run"]) for purpose in purposes for row in ledger.rows("runs", purpose=purpose)}
    tried = {(str(row["dataset"]), str(row["version"])) for run in runs for row in ledger.rows("attempts", run=run)}
    return frozenset(
        key
        for key in tried
        if all(str(row["run"]) in runs for row in ledger.rows("attempts", dataset=key[0], version=key[1]))
    )


def _surveyed(place: Workplace, keep: timedelta | None, holdings: Sequence[Holding]) -> Survey:
    ledger = place.ledger
    before = (place.clock.now() - (place.settings.retention if keep is None else keep)).isoformat()
    changes = ledger.rows("changes")
    under_way = [row for row in changes if row["state"] not in ENDED]
    named = Named(
        versions=ledger.rows("versions"),
        environments=ledger.rows("environments"),
        promotions=[_without_way_back(row) for row in ledger.rows("promotions")],
        changes=changes,
        unfinished=_unfinished(place),
        unknown=[row for state in UNKNOWN for row in ledger.rows("attempts", state=state)],
        files=_made_by(place.project),
        branches=frozenset(key for row in under_way for key in _branch(place, str(row["change"]))),
        reads={holding.relation: holding.reads for holding in holdings if holding.reads},
        discarded=_built_by(place, [str(row["change"]) for row in changes if row["state"] in DISCARDED]),
    )
    # what was used since a change under way was opened may be what it was looked at with
    judged = judge(named, _used(place), min([before, *(str(row["opened_at"]) for row in under_way)]))
    known = {each.version.relation for each in judged}
    known |= {str(row["relation"]) for row in ledger.rows("removals") if row["state"] != "removed"}
    return Survey(
        going=tuple(each for each in judged if not each.needs),
        staying=tuple(each for each in judged if each.needs),
        unknown=tuple(each.relation for each in holdings if each.is_version and each.relation not in known),
        rows={holding.relation: holding.rows for holding in holdings},
    )


def _without_way_back(row: Mapping[str, Value]) -> Mapping[str, Value]:
    """A promotion; one that let a canary's environment follow production again is not rolled back."""
    return {**row, "previous": None} if row["reason"] == FOLLOWING and row["state"] == "promoted" else row


def _unfinished(place: Workplace) -> list[Mapping[str, Value]]:
    """The attempts of runs that have not ended."""
    ledger = place.ledger
    runs = [str(row["run"]) for state in UNFINISHED for row in ledger.rows("runs", state=state)]
    return [row for run in runs for row in ledger.rows("attempts", run=run)]


def _used(place: Workplace) -> Callable[[VersionKey], Iterable[str]]:
    """When a version was worked on, by its attempts."""

    def moments(key: VersionKey) -> Iterable[str]:
        rows = place.ledger.rows("attempts", dataset=key[0], version=key[1])
        return [str(row["finished_at"] or row["started_at"] or "") for row in rows]

    return moments


def _branch(place: Workplace, change: str) -> frozenset[VersionKey]:
    """The versions of a change's own files, as they stand in its worktree; none where it has none."""
    root = place.root / STATE / "worktrees" / change
    if not root.is_dir():
        return frozenset()
    from penstock.adapters.folder import load_project  # noqa: PLC0415 - only with a change under way
    from penstock.adapters.git import GitRepository  # noqa: PLC0415 - as above
    from penstock.project.reading import read_project  # noqa: PLC0415 - as above

    try:
        return _made_by(place.with_key(read_project(load_project(root / GitRepository(place.root).prefix))))
    except InputError as error:
        raise InputError(_unreadable(change, error)) from error


def _made_by(project: Project) -> frozenset[VersionKey]:
    return frozenset((name, version.fingerprint) for name, version in versions_of(project).items())


def _unreadable(change: str, error: InputError) -> Finding:
    return Finding(
        code="prune.unreadable_change",
        message=f"the files of {change}, which is under way, cannot be read, so nobody can say which versions it needs",
        place=Place(file=f"{STATE}/worktrees/{change}"),
        found=error.findings[0].message,
        expected="a change whose project can be read, or that has ended",
        remedy=f"penstock change show {change}; penstock change reject {change} --as NAME --reason … ends it",
    )
