"""Differences as plain values, for `--json`; totals and percents as text, exact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.delivery.pages.tables import diff_json

if TYPE_CHECKING:
    from penstock.quality.comparison import DatasetDiff
    from penstock.quality.distributions import ColumnDistribution, SideDistribution


def diff_values(diff: DatasetDiff) -> dict[str, Any]:
    """One dataset's difference; `examples` are objects here, not sentences."""
    return {
        **diff_json(diff),
        "key": list(diff.key),
        "schema_retyped": {name: {"old": old, "new": new} for name, old, new in diff.schema_retyped},
        "examples": [
            {"key": dict(one.key), "column": one.column, "old": one.old, "new": one.new} for one in diff.examples
        ],
        "distributions": {shape.name: _distribution(shape) for shape in diff.distributions},
    }


def _distribution(shape: ColumnDistribution) -> dict[str, Any]:
    bins = shape.histogram
    return {
        "kind": str(shape.kind),
        "masked": shape.masked,
        "old": _side(shape.old),
        "new": _side(shape.new),
        "histogram": {"edges": list(bins.edges), "old": list(bins.old), "new": list(bins.new)} if bins else None,
    }


def _side(side: SideDistribution) -> dict[str, Any]:
    return {
        "rows": side.rows,
        "nulls": side.nulls,
        "distinct_estimated": side.distinct,
        "min": side.minimum,
        "max": side.maximum,
        "mean": _finite(side.mean),
        "stddev": _finite(side.stddev),
        "quantiles": {f"{share:g}": value for share, value in side.quantiles},
        "frequent": [{"value": one.value, "rows": one.rows} for one in side.frequent],
    }


def _finite(value: float | None) -> float | None:
    """JSON has no infinity."""
    return value if value is not None and abs(value) < float("inf") else None
