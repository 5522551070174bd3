"""What an export has to hold, and what of that its target holds already: pure, over the ledger's rows."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from penstock.model.intervals import Interval, parse_moment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from penstock.model.exports import ExportMode
    from penstock.model.intervals import Grain

    Row = Mapping[str, str | int | None]

VIEW = "view"
WHOLE = ""
"""The key of a piece that is everything."""


class Fate(StrEnum):
    """What becomes of a piece of an export."""

    WRITTEN = "written"
    REUSED = "reused"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """What is renewed at once: an interval, or everything.

    `publishes` are the publish ids that its rows come from, and the ids of the last expiries that took rows of it.
    """

    interval: Interval | None
    publishes: tuple[str, ...]

    @property
    def key(self) -> str:
        """By which targets know it."""
        return str(self.interval) if self.interval else WHOLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What the rows of an export are of; `columns` pairs names with types. A target of another stamp is made anew."""

    project: str
    environment: str
    dataset: str
    version: str
    mode: ExportMode
    columns: tuple[tuple[str, str], ...]
    key: tuple[str, ...] = ()

    @property
    def owner(self) -> tuple[str, str, str]:
        """Whose a target is: nobody else may write there."""
        return self.project, self.environment, self.dataset


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldPiece:
    """A piece as a target holds it."""

    publishes: tuple[str, ...]
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a target holds, by the keys of its pieces.

    Not `settled`: a process ended between the first and the last of its files; what it left is to be tidied.
    """

    stamp: Stamp
    pieces: Mapping[str, HeldPiece]
    settled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What becomes of a piece. One that is removed has no publish ids any more."""

    piece: Piece
    fate: Fate


def standing(
    dataset: str,
    version: str,
    versions: Callable[[str, str], Row | None],
    seen: frozenset[tuple[str, str]] = frozenset(),
) -> tuple[tuple[str, str], ...]:
    """The versions whose publishes make the rows of one: itself, and below a view all that it reads, sorted.

    `versions` finds the ledger's row of a dataset's version.
    """
    found = {(dataset, version)}
    row = versions(dataset, version)
    if row is None or row["materialization"] != VIEW or (dataset, version) in seen:
        return tuple(found)
    for name, other in json.loads(str(row["reads"] or "{}")).items():
        found |= set(standing(str(name), str(other), versions, seen | {(dataset, version)}))
    return tuple(sorted(found))


def whole_piece(coverage: Iterable[Row], expiries: Iterable[Row] = ()) -> Piece:
    """Everything, of the publishes that the ledger says stand, less what expired."""
    ids = {str(row["publish_id"]) for row in coverage} | {str(row["expiry"]) for row in expiries}
    return Piece(interval=None, publishes=tuple(sorted(ids)))


def interval_pieces(
    coverage: Iterable[Row],
    grain: Grain,
    window: Interval | None,
    expiries: Iterable[Row] = (),
    kept_from: datetime | None = None,
) -> tuple[Piece, ...]:
    """One piece for each interval that is built, or of those within a window; the newest publish of each stands.

    Intervals before `kept_from` are kept no more. An expiry that ended within one took rows of it.
    """
    ends = [(str(row["expiry"]), parse_moment(str(row["before"]))) for row in expiries]
    newest: dict[Interval, str] = {}
    for row in sorted(coverage, key=lambda row: int(row["seq"] or 0)):
        for interval in Interval.parse(f"{row['start']}/{row['end']}").split(grain):
            newest[interval] = str(row["publish_id"])
    return tuple(
        Piece(interval=interval, publishes=(publish, *(expiry for expiry, end in ends if interval.start < end)))
        for interval, publish in sorted(newest.items())
        if (window is None or window.contains(interval)) and (kept_from is None or interval.start >= kept_from)
    )


def steps_of(wanted: Sequence[Piece], held: Held | None, stamp: Stamp, window: Interval | None) -> tuple[Step, ...]:
    """What becomes of every piece that is wanted, or held and wanted no more; outside a window nothing does."""
    there = held.pieces if held is not None and held.stamp.mode is stamp.mode else {}
    same = held is not None and held.stamp == stamp
    steps = [Step(piece=piece, fate=_fate(piece, there, same=same)) for piece in wanted]
    gone = set(there) - {piece.key for piece in wanted}
    for key in sorted(gone):
        interval = Interval.parse(key) if key else None
        if window is None or (interval is not None and window.contains(interval)):
            steps.append(Step(piece=Piece(interval=interval, publishes=()), fate=Fate.REMOVED))
    return tuple(steps)


def _fate(piece: Piece, there: Mapping[str, HeldPiece], *, same: bool) -> Fate:
    known = there.get(piece.key)
    return Fate.REUSED if same and known is not None and known.publishes == piece.publishes else Fate.WRITTEN


def digest_of(stamp: Stamp, pieces: Mapping[str, HeldPiece]) -> str:
    """A digest of what a target holds: of which version, columns and publishes."""
    parts = [
        [stamp.project, stamp.environment, stamp.dataset, stamp.version, str(stamp.mode), stamp.columns, stamp.key],
        sorted((key, piece.publishes, piece.rows) for key, piece in pieces.items()),
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
