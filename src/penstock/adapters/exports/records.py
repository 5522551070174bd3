"""What a target notes of an export: in a manifest beside files, in the table `_penstock.exports` of a database.

Invariant: what cannot be read is nobody's, and is not written over.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from penstock.model.errors import RefusedError, WaitingError
from penstock.model.exports import ExportMode
from penstock.model.findings import Finding, Place
from penstock.plan.exporting import WHOLE, Held, HeldPiece, Stamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from penstock.adapters.exports.manifest import Manifest
    from penstock.engine.exporting import Renewal

SETUP = """
CREATE SCHEMA IF NOT EXISTS _penstock;
CREATE TABLE IF NOT EXISTS _penstock.exports (
    target TEXT, piece TEXT, stamp TEXT, dataset TEXT, version TEXT, publishes TEXT, row_count BIGINT,
    PRIMARY KEY (target, piece)
)"""
"""One row for each piece of each exported table, and one with an empty `piece` for all of it, in any database."""
COLUMNS = "piece, stamp, publishes, row_count"
INSERTED = "target, piece, stamp, dataset, version, publishes, row_count"


def stamp_text(stamp: Stamp) -> str:
    """A stamp as text that is equal for equal stamps."""
    parts = {
        "project": stamp.project,
        "environment": stamp.environment,
        "dataset": stamp.dataset,
        "version": stamp.version,
        "mode": str(stamp.mode),
        "columns": [list(column) for column in stamp.columns],
        "key": list(stamp.key),
    }
    return json.dumps(parts, sort_keys=True, ensure_ascii=False)


def read_stamp(text: str) -> Stamp:
    """The stamp of a text.

    Raises:
        ValueError: it is none.
    """
    try:
        parts: dict[str, Any] = json.loads(text)
        return Stamp(
            project=str(parts["project"]),
            environment=str(parts["environment"]),
            dataset=str(parts["dataset"]),
            version=str(parts["version"]),
            mode=ExportMode(parts["mode"]),
            columns=tuple((str(name), str(type_)) for name, type_ in parts["columns"]),
            key=tuple(str(name) for name in parts["key"]),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(str(error)) from error


def held_of(rows: Iterable[Sequence[Any]], target: str) -> Held | None:
    """What rows of the table of exports (`COLUMNS`) say that a table holds.

    Raises:
        RefusedError: they are none of ours.
    """
    found = {str(row[0]): row for row in rows}
    if WHOLE not in found:
        return None
    try:
        stamp = read_stamp(str(found[WHOLE][1]))
        pieces = {
            key: HeldPiece(publishes=tuple(json.loads(str(row[2]))), rows=int(row[3]))
            for key, row in found.items()
            if key != WHOLE or stamp.mode is ExportMode.WHOLE
        }
    except (ValueError, TypeError) as error:
        raise RefusedError(unreadable(target)) from error
    return Held(stamp=stamp, pieces=pieces)


def rows_of(renewal: Renewal, target: str) -> list[tuple[object, ...]]:
    """The rows of the table of exports (`INSERTED`) after a renewal."""
    stamp = renewal.stamp
    pieces = dict(renewal.pieces)
    pieces.setdefault(WHOLE, HeldPiece(publishes=(), rows=0))
    return [
        (
            target,
            key,
            stamp_text(stamp) if key == WHOLE else "",
            stamp.dataset,
            stamp.version,
            json.dumps(piece.publishes),
            piece.rows,
        )
        for key, piece in sorted(pieces.items())
    ]


def refuse_others(held: Held | Manifest, stamp: Stamp, target: str) -> None:
    """Refuse to write where another export does.

    Raises:
        RefusedError: it is another project's, environment's or dataset's.
    """
    if held.stamp.owner != stamp.owner:
        project, environment, dataset = held.stamp.owner
        raise RefusedError(not_ours(target, f"it holds {dataset} of {environment}, exported by the project {project}"))


def not_ours(target: str, found: str) -> Finding:
    """That something is where an export is to go."""
    return Finding(
        code="export.not_ours",
        message=f"{target} is there and was not written by this export",
        place=Place(file=target),
        found=found,
        expected="nothing there, or what this export wrote before",
        remedy="choose another target; --replace writes over what is there",
    )


def unreadable(target: str) -> Finding:
    """That what Penstock noted of a target is damaged."""
    return Finding(
        code="export.unreadable_record",
        message=f"what was noted of {target} when it was exported cannot be read",
        place=Place(file=target),
        expected="the manifest or the table _penstock.exports as Penstock wrote it",
        remedy="--replace writes the export anew over what is there",
    )


def taken_meanwhile(target: str) -> WaitingError:
    """That somebody else exported to the same table at the same time."""
    return WaitingError(
        Finding(
            code="export.concurrent",
            message=f"another process exported to {target} at the same time; nothing of this export was written",
            place=Place(file=target),
            expected="one export to a table at a time",
            remedy="run it again: it goes on from what is there",
        )
    )
