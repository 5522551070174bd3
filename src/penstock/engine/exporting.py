"""Carries out one export: what its target lacks is staged there, shown at once, and only then recorded.

Invariants: nothing that a reader of the target sees is half of an export's piece; what the target says it holds
decides, so that a repetition after a crash does nothing twice; the publishes noted are those whose rows were read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from penstock.ledger.facts import DatasetExported
from penstock.model.errors import InputError, WaitingError
from penstock.model.findings import Finding, Place
from penstock.plan.exporting import Fate, HeldPiece, digest_of, steps_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from penstock.ledger.journal import Journal
    from penstock.model.exports import Export
    from penstock.model.intervals import Interval
    from penstock.plan.exporting import Held, Piece, Stamp, Step


class Origin(Protocol):
    """Where an export's rows come from: one version in the warehouse."""

    def rows(self, piece: Piece) -> AbstractContextManager[Path]:
        """A piece's rows as a Parquet file, removed afterwards; each as of one moment."""
        ...

    def published(self) -> frozenset[str]:
        """The publish ids, no expiries, that the warehouse itself holds of what the rows come from."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """What a sink is to show at once: these pieces, of which `written` were taken and `removed` go.

    `anew`: what was there is of another stamp, and nothing of it stays.
    """

    stamp: Stamp
    pieces: Mapping[str, HeldPiece]
    written: tuple[Piece, ...]
    removed: tuple[Piece, ...]
    anew: bool


class Sink(Protocol):
    """A target of exports."""

    def held(self, wanted: Sequence[Piece]) -> Held | None:
        """What the target holds; None where there is nothing yet.

        Raises:
            RefusedError: it holds, where these pieces are to go, what this export did not write.
        """
        ...

    def take(self, piece: Piece, rows: Path) -> int:
        """Take in a piece's rows, from a Parquet file, where nobody sees them; how many."""
        ...

    def show(self, renewal: Renewal) -> None:
        """Show what was taken, and note with it what the target now holds.

        Raises:
            WaitingError: somebody else wrote there meanwhile.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What an export came to: its steps, and what the target holds now."""

    export: Export
    stamp: Stamp
    steps: tuple[Step, ...]
    pieces: Mapping[str, HeldPiece]

    @property
    def rows(self) -> int:
        """How many rows the target holds."""
        return sum(piece.rows for piece in self.pieces.values())

    def count(self, fate: Fate) -> int:
        """How many pieces became that."""
        return sum(step.fate is fate for step in self.steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOrder:
    """An export with what it has to hold now; `personal` maps the personal columns that leave to their kinds."""

    export: Export
    stamp: Stamp
    wanted: tuple[Piece, ...]
    by: str
    window: Interval | None = None
    personal: Mapping[str, str]
    known: frozenset[str]
    """The publish ids that the ledger knows of what the rows come from."""
    is_expiring: bool = False
    """Whether rows of that are being deleted, or a process that did so ended halfway."""


def carry_out(journal: Journal, origin: Origin, sink: Sink, order: ExportOrder) -> Carried:
    """Bring a target up to what its export is to hold; where that is so already, nothing is written.

    Raises:
        RefusedError: the target holds what is not this export's.
        InputError: a window is given, and the target holds another version.
        WaitingError: the warehouse or the target is being written by somebody else.
    """
    held = sink.held(order.wanted)
    anew = held is not None and held.stamp != order.stamp
    if anew and order.window is not None:
        raise InputError(_other_version(order))
    steps = steps_of(order.wanted, held, order.stamp, order.window)
    before = origin.published()
    if order.is_expiring or before - order.known:
        raise WaitingError(_moving(order))
    pieces = {} if held is None or anew else dict(held.pieces)
    for step in steps:
        if step.fate is Fate.REMOVED:
            pieces.pop(step.piece.key, None)
        elif step.fate is Fate.WRITTEN:
            with origin.rows(step.piece) as path:
                rows = sink.take(step.piece, path)
            pieces[step.piece.key] = HeldPiece(publishes=step.piece.publishes, rows=rows)
    if origin.published() != before:
        raise WaitingError(_moving(order))
    if held is None or anew or not held.settled or any(step.fate is not Fate.REUSED for step in steps):
        sink.show(
            Renewal(
                stamp=order.stamp,
                pieces=pieces,
                written=tuple(step.piece for step in steps if step.fate is Fate.WRITTEN),
                removed=tuple(step.piece for step in steps if step.fate is Fate.REMOVED),
                anew=anew,
            )
        )
    carried = Carried(export=order.export, stamp=order.stamp, steps=steps, pieces=pieces)
    _record(journal, order, carried)
    return carried


def _record(journal: Journal, order: ExportOrder, carried: Carried) -> None:
    """Record what the target holds now, unless the ledger says so already: it does not after a crash before this."""
    export, stamp = order.export, order.stamp
    digest = digest_of(stamp, carried.pieces)
    known = journal.rows("exports", target=export.target)
    if known and known[0]["digest"] == digest:
        return
    journal.append(
        DatasetExported(
            target=export.target,
            export=export.name,
            dataset=stamp.dataset,
            version=stamp.version,
            environment=stamp.environment,
            format=str(export.format),
            mode=str(stamp.mode),
            pieces=len(carried.pieces),
            written=carried.count(Fate.WRITTEN),
            removed=carried.count(Fate.REMOVED),
            rows=carried.rows,
            digest=digest,
            personal=dict(order.personal),
            by=order.by,
        )
    )


def _moving(order: ExportOrder) -> Finding:
    return Finding(
        code="export.moving",
        message=f"{order.stamp.dataset} is being written, or a run or an expiry of it was not settled yet",
        place=Place(dataset=order.stamp.dataset),
        expected="rows that stay while they are read, and whose publishes are recorded; nothing was exported",
        remedy="wait for it to end (`penstock run` settles what was killed), then export again",
    )


def _other_version(order: ExportOrder) -> Finding:
    return Finding(
        code="export.other_version",
        message=f"{order.export.target} holds rows of another version of {order.stamp.dataset}, or other columns",
        place=Place(dataset=order.stamp.dataset),
        found=f"--interval {order.window}",
        expected=f"an export of all intervals, after which it holds version {order.stamp.version} alone",
        remedy="export once without --interval",
    )
