"""Carrying out an export, over a target and a warehouse in memory."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from penstock.engine.exporting import Carried, ExportOrder, Renewal, carry_out
from penstock.model.errors import InputError, RunError, WaitingError
from penstock.model.exports import Export, ExportFormat, ExportMode
from penstock.model.findings import Finding
from penstock.model.intervals import Interval
from penstock.plan.exporting import Fate, Held, Piece, Stamp
from penstock.sim.journal import MemoryJournal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DAYS = tuple(Interval.parse(f"2024-03-0{day}/2024-03-0{day + 1}") for day in (1, 2, 3))
STAMP = Stamp(project="p", environment="prod", dataset="s.d", version="v1", mode=ExportMode.INTERVAL, columns=())
EXPORT = Export(
    dataset="s.d", format=ExportFormat.PARQUET, mode=ExportMode.INTERVAL, path="x-{interval_start:%d}.parquet"
)


@dataclass(slots=True)
class Shelf:
    """A target that remembers what it was given, and can end before or after it shows that."""

    shown: Held | None = None
    taken: list[str] = field(default_factory=list)
    renewals: list[Renewal] = field(default_factory=list)
    dies: str = ""

    def held(self, wanted: Sequence[Piece]) -> Held | None:
        del wanted
        return self.shown

    def take(self, piece: Piece, rows: Path) -> int:
        del rows
        self.taken.append(piece.key)
        return 2

    def show(self, renewal: Renewal) -> None:
        if self.dies == "before":
            raise RunError(Finding(code="test.died", message="before"))
        self.renewals.append(renewal)
        self.shown = Held(stamp=renewal.stamp, pieces=dict(renewal.pieces))
        if self.dies == "after":
            raise RunError(Finding(code="test.died", message="after"))


@dataclass(slots=True)
class Well:
    """A warehouse whose publish ids may become others while its rows are read."""

    ids: frozenset[str] = frozenset({"a"})
    then: frozenset[str] | None = None
    read: int = 0

    @contextmanager
    def rows(self, piece: Piece) -> Iterator[Path]:
        del piece
        self.read += 1
        if self.then is not None:
            self.ids = self.then
        yield Path("rows.parquet")

    def published(self) -> frozenset[str]:
        return self.ids


def _order(*publishes: str, stamp: Stamp = STAMP, window: Interval | None = None) -> ExportOrder:
    pieces = tuple(Piece(interval=day, publishes=(one,)) for day, one in zip(DAYS, publishes, strict=False))
    known = frozenset({"a", "b"})
    return ExportOrder(export=EXPORT, stamp=stamp, wanted=pieces, by="me", personal={}, known=known, window=window)


def _fates(carried: Carried) -> list[str]:
    return [str(step.fate) for step in carried.steps]


def test_a_repetition_reads_shows_and_records_nothing() -> None:
    journal, shelf, well = MemoryJournal(lambda: ""), Shelf(), Well()
    first = carry_out(journal, well, shelf, _order("a", "a"))
    assert (_fates(first), first.rows) == (["written", "written"], 4)
    entries = list(journal.entries())
    again = carry_out(journal, well, shelf, _order("a", "a"))
    assert (_fates(again), again.rows, well.read, len(shelf.renewals)) == (["reused", "reused"], 4, 2, 1)
    assert list(journal.entries()) == entries


def test_only_what_changed_is_read_and_the_rest_is_kept() -> None:
    journal, shelf, well = MemoryJournal(lambda: ""), Shelf(), Well()
    carry_out(journal, well, shelf, _order("a", "a", "a"))
    shelf.taken.clear()
    done = carry_out(journal, well, shelf, _order("a", "b"))
    assert _fates(done) == ["reused", "written", "removed"]
    assert shelf.taken == [str(DAYS[1])]
    assert [piece.key for piece in shelf.renewals[-1].removed] == [str(DAYS[2])]
    assert set(done.pieces) == {str(DAYS[0]), str(DAYS[1])}
    assert journal.rows("exports")[0]["pieces"] == 2


def test_a_crash_before_the_target_shows_it_records_nothing() -> None:
    journal, shelf = MemoryJournal(lambda: ""), Shelf(dies="before")
    with pytest.raises(RunError, match="before"):
        carry_out(journal, Well(), shelf, _order("a"))
    assert journal.rows("exports") == ()


def test_a_crash_between_the_target_and_the_ledger_is_settled_by_looking() -> None:
    journal, shelf = MemoryJournal(lambda: ""), Shelf(dies="after")
    with pytest.raises(RunError, match="after"):
        carry_out(journal, Well(), shelf, _order("a"))
    assert journal.rows("exports") == ()
    shelf.dies = ""
    done = carry_out(journal, Well(), shelf, _order("a"))
    assert _fates(done) == ["reused"]
    assert len(shelf.renewals) == 1
    assert journal.rows("exports")[0]["rows"] == 2


def test_what_was_left_half_done_is_tidied_though_nothing_is_missing() -> None:
    journal, shelf = MemoryJournal(lambda: ""), Shelf()
    carry_out(journal, Well(), shelf, _order("a"))
    assert shelf.shown is not None
    shelf.shown = replace(shelf.shown, settled=False)
    assert _fates(carry_out(journal, Well(), shelf, _order("a"))) == ["reused"]
    assert len(shelf.renewals) == 2


def test_rows_that_move_while_they_are_read_are_not_shown() -> None:
    journal, shelf = MemoryJournal(lambda: ""), Shelf()
    with pytest.raises(WaitingError, match="being written"):
        carry_out(journal, Well(then=frozenset({"a", "b"})), shelf, _order("a"))
    assert (shelf.shown, journal.rows("exports")) == (None, ())


def test_a_publish_that_the_ledger_does_not_know_is_waited_for() -> None:
    well = Well(ids=frozenset({"a", "unrecorded"}))
    with pytest.raises(WaitingError, match="not settled"):
        carry_out(MemoryJournal(lambda: ""), well, Shelf(), _order("a"))
    assert well.read == 0


def test_rows_that_are_being_deleted_are_not_read() -> None:
    well = Well()
    with pytest.raises(WaitingError, match="expiry"):
        carry_out(MemoryJournal(lambda: ""), well, Shelf(), replace(_order("a"), is_expiring=True))
    assert well.read == 0


def test_a_window_does_not_mix_versions() -> None:
    journal, shelf = MemoryJournal(lambda: ""), Shelf()
    carry_out(journal, Well(), shelf, _order("a", "a"))
    other = replace(STAMP, version="v2")
    with pytest.raises(InputError, match="another version"):
        carry_out(journal, Well(), shelf, _order("a", stamp=other, window=DAYS[0]))
    done = carry_out(journal, Well(), shelf, _order("a", stamp=other))
    assert done.count(Fate.WRITTEN) == 1
    assert shelf.renewals[-1].anew
    assert set(done.pieces) == {str(DAYS[0])}
