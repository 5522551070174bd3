"""Where a data diff and the declared impact disagree.

- What is not named in the impact, or bounded by nothing but zero, must not move at all.
- A numeric column is measured by its total, any other by the share of rows whose value changed, rows by their count.
- Where values had fractions some have to be left, whatever the total says: only `any` lets them all go.
- Percentages are exact: nothing is rounded before it is held against a bound.
- Without a key a changed value looks like one row that went and one that came, so rows are judged by their count alone.
- A numeric key column's total says nothing of its own: it moves when rows come and go, and those are judged as rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING

from penstock.model.stories import Impact

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.model.stories import Bound
    from penstock.quality.comparison import ColumnMovement, DatasetDiff


class Fault(StrEnum):
    """How a diff contradicts a declaration."""

    UNDECLARED = "undeclared"
    OUT_OF_BOUNDS = "out_of_bounds"
    NEVER_CAME = "never_came"
    SCHEMA = "schema"
    OUTSIDE = "outside"
    COARSER = "coarser"
    UNBOUNDED = "unbounded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contradiction:
    """One disagreement. `column` is None for rows; `figures` say what was measured, `declared` what was allowed."""

    fault: Fault
    dataset: str
    column: str | None
    figures: str
    declared: str

    @property
    def is_movement(self) -> bool:
        """Whether rows or values moved that should not have, or too far."""
        return self.fault in {Fault.UNDECLARED, Fault.OUT_OF_BOUNDS, Fault.OUTSIDE, Fault.COARSER, Fault.UNBOUNDED}


def contradictions(diff: DatasetDiff, impact: Impact | None) -> tuple[Contradiction, ...]:
    """Everything in which a dataset's diff disagrees with its declared impact (None: nothing may move)."""
    declared = impact or Impact(dataset=diff.dataset)
    return (*_rows(diff, declared), *_columns(diff, declared), *_every_column(diff, declared), *_schema(diff, declared))


def outside(diff: DatasetDiff, impact: Impact) -> tuple[Contradiction, ...]:
    """Everything that moved in a diff of the rows in which nothing may move."""
    still = contradictions(diff, None)
    return tuple(
        replace(one, fault=Fault.OUTSIDE, declared=f"nothing but rows with {impact.where}")
        for one in still
        if one.fault is Fault.UNDECLARED
    )


def unbounded(diff: DatasetDiff, impact: Impact | None, most: Decimal) -> tuple[Contradiction, ...]:
    """Every number that moved by more than `most` percent, by total and by mean, where `any` is all that is said.

    At least half of the rows have other values: what goes with rows that go is no movement of values.
    """
    if impact is None or not (diff.old_rows and diff.new_rows):
        return ()
    moved = [column for column in diff.columns if column.numeric and 2 * column.changed_rows >= diff.old_rows]
    return tuple(
        _contradiction(Fault.UNBOUNDED, diff, column.name, column_figures(column, diff), bound)
        for column, bound in ((column, impact.bound_of(column.name)) for column in moved)
        if bound is not None and not bound.low.is_finite() and not bound.gone
        if _is_beyond(column, Fraction(1), most)
        if _is_beyond(column, Fraction(diff.old_rows, diff.new_rows), most)
    )


def _is_beyond(column: ColumnMovement, share: Fraction, most: Decimal) -> bool:
    """Whether the new total times a share is so much more or less than the old one; zero cannot be put into percent."""
    old, new = Fraction(column.old_total or 0), Fraction(column.new_total or 0) * share
    return old != 0 and abs(new - old) * 100 > abs(old) * Fraction(most)


def expects_movement(impact: Impact) -> bool:
    """Whether standing still would contradict any of a dataset's declared bounds."""
    return any(_expects(bound) for bound in (impact.rows, impact.every_column, *impact.columns.values()))


def moved_rows(diff: DatasetDiff) -> bool:
    """Whether rows came or went, as far as the diff can tell."""
    if diff.old_rows != diff.new_rows:
        return True
    keyless = any(example.column is None and not example.key for example in diff.examples)
    return not keyless and bool(diff.added or diff.removed)


def row_figures(diff: DatasetDiff) -> str:
    """How the rows of a dataset moved, in words."""
    percent = percent_moved(Decimal(diff.old_rows), Decimal(diff.new_rows))
    return (
        f"{diff.old_rows:,} → {diff.new_rows:,} rows ({percent_text(percent)}),"
        f" {diff.added:,} added and {diff.removed:,} removed"
    )


def column_figures(column: ColumnMovement, diff: DatasetDiff) -> str:
    """How a column moved, in words."""
    changed = f"{column.changed_rows:,} of {diff.old_rows:,} rows changed"
    if not column.numeric:
        return changed
    percent = percent_text(percent_moved(column.old_total, column.new_total))
    return f"total {_number(column.old_total)} → {_number(column.new_total)} ({percent}), {changed}"


def percent_moved(old: Decimal | None, new: Decimal | None) -> Fraction | None:
    """The exact movement in percent of what it was; None where something came of nothing. No total counts as zero."""
    before, after = Fraction(old or 0), Fraction(new or 0)
    if before == 0:
        return Fraction(0) if after == 0 else None
    return (after - before) / abs(before) * 100


def percent_text(percent: Fraction | None) -> str:
    """A movement as people write it.

    >>> percent_text(Fraction(-5, 2)), percent_text(None)
    ('-2.5000%', 'from zero')
    """
    if percent is None:
        return "from zero"
    return f"{Decimal(percent.numerator) / Decimal(percent.denominator):+,.4f}%"


def _number(total: Decimal | None) -> str:
    return "nothing" if total is None else f"{total:,f}"


def _fixed(bound: Bound | None) -> bool:
    """Whether a bound, or its absence, allows no movement at all."""
    return bound is None or not bound.moves


def _expects(bound: Bound | None) -> bool:
    return bound is not None and (bound.wants_movement or not bound.holds(Decimal(0)))


def _within(bound: Bound, percent: Fraction | None) -> bool:
    if not bound.low.is_finite():
        return True
    return percent is not None and Fraction(bound.low) <= percent <= Fraction(bound.high)


def _rows(diff: DatasetDiff, declared: Impact) -> Iterator[Contradiction]:
    bound, moved = declared.rows, moved_rows(diff)
    percent = percent_moved(Decimal(diff.old_rows), Decimal(diff.new_rows))
    if moved and _fixed(bound):
        fault = Fault.UNDECLARED
    elif moved and bound is not None and not _within(bound, percent):
        fault = Fault.OUT_OF_BOUNDS
    elif not moved and _expects(bound):
        fault = Fault.NEVER_CAME
    else:
        return
    yield _contradiction(fault, diff, None, row_figures(diff), bound)


def _columns(diff: DatasetDiff, declared: Impact) -> Iterator[Contradiction]:
    keys = {name for example in diff.examples for name, _ in example.key}
    for column in diff.columns:
        bound = declared.bound_of(column.name)
        moved = column.moved and (column.name not in keys or column.changed_rows > 0)
        if moved and _fixed(bound):
            fault = Fault.UNDECLARED
        elif moved and bound is not None and not _holds(bound, column, diff):
            fault = Fault.OUT_OF_BOUNDS
        elif moved and column.lost_fractions and bound is not None and bound.low.is_finite():
            figures = f"fractions before, whole numbers now; {column_figures(column, diff)}"
            yield _contradiction(Fault.COARSER, diff, column.name, figures, bound)
            continue
        elif bound is not None and bound.gone:
            yield _contradiction(Fault.NEVER_CAME, diff, column.name, "the column is still there", bound)
            continue
        elif not column.moved and _expects(declared.columns.get(column.name)):
            fault = Fault.NEVER_CAME
        else:
            continue
        yield _contradiction(fault, diff, column.name, column_figures(column, diff), bound)


def _holds(bound: Bound, column: ColumnMovement, diff: DatasetDiff) -> bool:
    """Whether a column that moved stays within its bound; what cannot be added up may move either way."""
    if column.numeric:
        return _within(bound, percent_moved(column.old_total, column.new_total))
    share = Fraction(100 * column.changed_rows, max(diff.old_rows, 1))
    return not bound.low.is_finite() or share <= max(abs(Fraction(bound.low)), abs(Fraction(bound.high)))


def _every_column(diff: DatasetDiff, declared: Impact) -> Iterator[Contradiction]:
    bound, others = declared.every_column, [one for one in diff.columns if one.name not in declared.columns]
    if others and _expects(bound) and not any(one.moved for one in others):
        figures = f"none of {len(others):,} columns moved"
        yield _contradiction(Fault.NEVER_CAME, diff, "*", figures, bound)


def _schema(diff: DatasetDiff, declared: Impact) -> Iterator[Contradiction]:
    changes = [(name, "a new column") for name in diff.schema_added]
    changes += [(name, "the column is gone") for name in diff.schema_removed]
    changes += [(name, f"type {old} → {new}") for name, old, new in diff.schema_retyped]
    for name, figures in changes:
        bound = declared.bound_of(name)
        if _fixed(bound):
            yield _contradiction(Fault.SCHEMA, diff, name, figures, bound)
    known = {column.name for column in diff.columns} | {name for name, _ in changes}
    for name, bound in declared.columns.items():
        if name not in known:
            yield _contradiction(Fault.NEVER_CAME, diff, name, "there is no such column", bound)


def _contradiction(
    fault: Fault, diff: DatasetDiff, column: str | None, figures: str, bound: Bound | None
) -> Contradiction:
    declared = "no movement" if bound is None or _fixed(bound) else str(bound)
    return Contradiction(fault=fault, dataset=diff.dataset, column=column, figures=figures, declared=declared)
