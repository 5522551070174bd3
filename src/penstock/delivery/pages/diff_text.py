"""Differences as text for a terminal: what moved, by how much, in which shape, and a few rows of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.delivery.pages.tables import columns, example_text, number, percent, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from penstock.quality.comparison import ColumnMovement, DatasetDiff
    from penstock.quality.distributions import ColumnDistribution, SideDistribution

_LEVELS = "▁▂▃▄▅▆▇█"
_WIDEST = 24
"""Characters of a value in a table of distributions."""
_HEADS = ("", "", "NULLs", "distinct", "min", "median", "max", "mean", "shape")


def diff_text(diff: DatasetDiff) -> str:
    """One dataset's difference."""
    how = f"by {', '.join(diff.key)}" if diff.key else "as multisets of rows"
    lines = [f"{diff.dataset}: {number(diff.old_rows)} → {number(diff.new_rows)} rows, compared {how}"]
    if diff.empty:
        return f"{lines[0]}: nothing is different\n"
    counts = [f"{number(diff.added)} added", f"{number(diff.removed)} removed"]
    counts += [f"{number(diff.changed)} changed"] if diff.key else []
    lines.append(f"  rows: {', '.join(counts)}")
    lines += [f"  schema: {change}" for change in _schema(diff)]
    parts = ["\n".join(lines) + "\n", _movements(diff.columns), _shapes(diff.distributions)]
    parts.append("".join(f"  e.g. {example_text(example)}\n" for example in diff.examples))
    return "\n".join(part for part in parts if part)


def _schema(diff: DatasetDiff) -> Iterator[str]:
    yield from (f"+ {name}" for name in diff.schema_added)
    yield from (f"- {name}" for name in diff.schema_removed)
    yield from (f"~ {name}: {old} → {new}" for name, old, new in diff.schema_retyped)


def _movements(all_columns: Sequence[ColumnMovement]) -> str:
    moved = [column for column in all_columns if column.moved]
    if not moved:
        return ""
    rows = [("  column", "values changed", "total before", "total now", "movement")]
    rows += [
        (
            f"  {column.name}",
            number(column.changed_rows),
            number(column.old_total),
            number(column.new_total),
            percent(column.percent),
        )
        for column in moved
    ]
    still = [column.name for column in all_columns if not column.moved]
    return columns(rows) + (f"  did not move: {shortened(', '.join(still))}\n" if still else "")


def _shapes(shapes: Sequence[ColumnDistribution]) -> str:
    rows: list[tuple[str, ...]] = [_HEADS] if shapes else []
    for shape in shapes:
        bars = (shape.histogram.old, shape.histogram.new) if shape.histogram else ((), ())
        highest = max((*bars[0], *bars[1], 1))
        rows += [
            (f"  {shape.name}", "before", *_side(shape.old), spark(bars[0], highest)),
            ("", "now", *_side(shape.new), spark(bars[1], highest)),
        ]
    return columns(rows) + "".join(line for shape in shapes for line in _frequent(shape))


def _side(side: SideDistribution) -> tuple[str, ...]:
    median = next((value for share, value in side.quantiles if share == 0.5), None)
    values = [_value(text) for text in (side.minimum, median, side.maximum)]
    return (number(side.nulls), f"~{side.distinct:,}", *values, "–" if side.mean is None else f"{side.mean:,.6g}")


def _value(text: str | None) -> str:
    return "–" if text is None else shortened(text, _WIDEST)


def _frequent(shape: ColumnDistribution) -> Iterator[str]:
    """The most frequent values of a column that has no histogram."""
    if shape.histogram is None and (shape.old.frequent or shape.new.frequent):
        for word, side in (("before", shape.old), ("now", shape.new)):
            shown = ", ".join(f"{shortened(one.value, _WIDEST)} ({one.rows:,})" for one in side.frequent)
            yield f"  {shape.name} {word}: {shown or '–'}\n"


def spark(counts: Sequence[int], highest: int) -> str:
    """Counts as a row of bars, empty bins blank.

    >>> spark((0, 1, 4, 8), 8)
    ' ▁▄█'
    """
    return "".join(_LEVELS[max(0, -(-count * len(_LEVELS) // highest) - 1)] if count else " " for count in counts)
