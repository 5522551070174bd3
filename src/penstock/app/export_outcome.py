"""What came of exports, and how it is told; costs nothing to import."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from penstock.model.exports import ExportMode
from penstock.model.findings import Severity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from penstock.engine.exporting import Carried
    from penstock.ledger.journal import Value
    from penstock.model.errors import PenstockError
    from penstock.model.exports import Export
    from penstock.model.findings import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """An export that did not come to its end, and why."""

    export: Export
    error: PenstockError


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What came of exports, each for itself."""

    carried: tuple[Carried, ...] = ()
    failed: tuple[Failed, ...] = ()


def result_of(done: Done, *, by_interval: bool = False) -> dict[str, Any]:
    """What came of exports, as plain values; of exports by interval each interval only where that is asked for."""
    return {
        "exports": [
            {
                "export": one.export.name or None,
                "target": one.export.target,
                "format": str(one.export.format),
                "environment": one.stamp.environment,
                "dataset": one.stamp.dataset,
                "version": one.stamp.version,
                "mode": str(one.stamp.mode),
                "rows": one.rows,
                "counts": {str(fate): one.count(fate) for fate in {step.fate for step in one.steps}},
                "pieces": _pieces(one) if by_interval or one.stamp.mode is ExportMode.WHOLE else None,
            }
            for one in done.carried
        ],
        "failed": [{"export": one.export.name or None, "target": one.export.target} for one in done.failed],
    }


def _pieces(one: Carried) -> list[dict[str, Any]]:
    return [
        {
            "interval": step.piece.key or None,
            "state": str(step.fate),
            "rows": one.pieces[step.piece.key].rows if step.piece.key in one.pieces else 0,
        }
        for step in one.steps
    ]


def rows_listed(rows: Sequence[Mapping[str, Value]]) -> list[dict[str, Any]]:
    """What the ledger says of targets, as plain values."""
    return [{**row, "export": row["export"] or None, "personal": json.loads(str(row["personal"]))} for row in rows]


def findings_of(done: Done) -> tuple[Finding, ...]:
    """What kept exports from their end, with the export that it kept."""
    return tuple(
        replace(finding, message=f"export {one.export.name or one.export.target}: {finding.message}")
        for one in done.failed
        for finding in one.error.findings
    )


def warnings_of(done: Done) -> tuple[Finding, ...]:
    """The same where exports are no more than what follows: what went before them stands."""
    return tuple(replace(finding, severity=Severity.WARNING) for finding in findings_of(done))
