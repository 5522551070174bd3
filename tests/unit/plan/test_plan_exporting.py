"""What an export has to hold, and what becomes of each of its pieces."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from penstock.model.exports import ExportMode
from penstock.model.intervals import Grain, Interval
from penstock.plan.exporting import (
    Fate,
    Held,
    HeldPiece,
    Stamp,
    digest_of,
    interval_pieces,
    standing,
    steps_of,
    whole_piece,
)

STAMP = Stamp(
    project="p", environment="prod", dataset="s.d", version="v1", mode=ExportMode.INTERVAL, columns=(("a", "DATE"),)
)
Row = dict[str, str | int | None]


def _row(start: str, end: str, publish: str, seq: int) -> Row:
    return {"start": start, "end": end, "publish_id": publish, "seq": seq}


def _held(stamp: Stamp = STAMP, **pieces: str) -> Held:
    keys = {name: f"2024-03-{name[1:]}/2024-03-{int(name[1:]) + 1:02}" for name in pieces}
    return Held(stamp=stamp, pieces={keys[name]: HeldPiece(publishes=(one,), rows=1) for name, one in pieces.items()})


THREE = (_row("2024-03-01", "2024-03-04", "first", 1), _row("2024-03-02", "2024-03-03", "again", 2))


def test_the_newest_publish_of_each_interval_stands() -> None:
    pieces = interval_pieces(THREE, Grain.DAY, None)
    assert {piece.key: piece.publishes for piece in pieces} == {
        "2024-03-01/2024-03-02": ("first",),
        "2024-03-02/2024-03-03": ("again",),
        "2024-03-03/2024-03-04": ("first",),
    }
    assert interval_pieces(tuple(reversed(THREE)), Grain.DAY, None) == pieces, "whatever order the rows come in"


def test_a_window_holds_the_intervals_that_lie_wholly_in_it() -> None:
    window = Interval.parse("2024-03-01T12:00/2024-03-03")
    assert [piece.key for piece in interval_pieces(THREE, Grain.DAY, window)] == ["2024-03-02/2024-03-03"]


def test_a_whole_export_rests_on_every_publish() -> None:
    assert whole_piece(THREE).publishes == ("again", "first")
    assert whole_piece(THREE).key == ""


def test_what_expired_alters_what_is_wanted() -> None:
    expiries: tuple[Row, ...] = ({"expiry": "e1", "before": "2024-03-02T12:00"},)
    assert whole_piece(THREE, expiries).publishes == ("again", "e1", "first")
    pieces = interval_pieces(THREE, Grain.DAY, None, expiries, datetime(2024, 3, 2, tzinfo=UTC))
    assert {piece.key: piece.publishes for piece in pieces} == {
        "2024-03-02/2024-03-03": ("again", "e1"),
        "2024-03-03/2024-03-04": ("first",),
    }


def test_a_view_stands_on_what_it_reads_however_far_up() -> None:
    rows: dict[tuple[str, str], Row] = {
        ("s.top", "1"): {"materialization": "view", "reads": '{"s.mid": "2", "s.side": "4"}'},
        ("s.mid", "2"): {"materialization": "view", "reads": '{"s.low": "3"}'},
        ("s.low", "3"): {"materialization": "table", "reads": '{"s.deep": "9"}'},
        ("s.side", "4"): {"materialization": "incremental", "reads": "{}"},
    }
    found = standing("s.top", "1", lambda name, version: rows.get((name, version)))
    assert found == (("s.low", "3"), ("s.mid", "2"), ("s.side", "4"), ("s.top", "1"))
    assert standing("s.low", "3", lambda name, version: rows.get((name, version))) == (("s.low", "3"),)


def test_what_was_published_anew_is_written_what_is_gone_removed_the_rest_reused() -> None:
    wanted = interval_pieces(THREE, Grain.DAY, None)
    steps = steps_of(wanted, _held(d01="first", d02="first", d05="first"), STAMP, None)
    assert {step.piece.key: step.fate for step in steps} == {
        "2024-03-01/2024-03-02": Fate.REUSED,
        "2024-03-02/2024-03-03": Fate.WRITTEN,
        "2024-03-03/2024-03-04": Fate.WRITTEN,
        "2024-03-05/2024-03-06": Fate.REMOVED,
    }


def test_outside_a_window_nothing_is_removed() -> None:
    window = Interval.parse("2024-03-01/2024-03-02")
    steps = steps_of(interval_pieces(THREE, Grain.DAY, window), _held(d05="first"), STAMP, window)
    assert [step.fate for step in steps] == [Fate.WRITTEN]


def test_another_stamp_is_written_anew_whatever_its_publishes() -> None:
    wanted = interval_pieces(THREE, Grain.DAY, None)
    held = _held(d01="first", d02="again", d03="first")
    assert {step.fate for step in steps_of(wanted, held, STAMP, None)} == {Fate.REUSED}
    for other in (
        replace(STAMP, version="v2"),
        replace(STAMP, columns=(("a", "TIMESTAMP"),)),
        replace(STAMP, key=("a",)),
    ):
        assert {step.fate for step in steps_of(wanted, held, other, None)} == {Fate.WRITTEN}


def test_a_digest_is_of_stamp_and_publishes() -> None:
    pieces = _held(d01="first").pieces
    digests = {
        digest_of(STAMP, pieces),
        digest_of(replace(STAMP, version="v2"), pieces),
        digest_of(STAMP, _held(d01="again").pieces),
        digest_of(STAMP, _held(d02="first").pieces),
    }
    assert len(digests) == 4
    assert digest_of(STAMP, dict(pieces)) in digests
