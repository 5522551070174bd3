"""Measurements as plain-text tables (the recorded outputs) and as plain values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from decimal import Decimal

    from penstock.delivery.ports import BuildOutcome
    from penstock.policy.facts import CriterionResult, Rehearsal
    from penstock.quality.checks import CheckResult
    from penstock.quality.comparison import DatasetDiff, RowExample


def columns(rows: Iterable[Sequence[str]]) -> str:
    """Rows of cells in aligned columns, numbers to the right."""
    cells = [tuple(row) for row in rows]
    if not cells:
        return ""
    widths = [max(len(row[index]) for row in cells) for index in range(len(cells[0]))]
    lines = []
    for row in cells:
        parts = [_cell(text, width, index) for index, (text, width) in enumerate(zip(row, widths, strict=True))]
        lines.append("  ".join(parts).rstrip())
    return "\n".join(lines) + "\n"


def _cell(text: str, width: int, index: int) -> str:
    numeric = (index > 0 and text[:1].lstrip("-+").isdigit()) or (text[:1] in "-+" and text[1:2].isdigit())
    return text.rjust(width) if numeric else text.ljust(width)


def number(value: Decimal | int | None) -> str:
    """A number with thousands separators; a dash for none."""
    return "–" if value is None else f"{value:,}"


def percent(value: Decimal | None) -> str:
    """A movement in percent with its sign; a dash for none."""
    return "–" if value is None else f"{value:+.2f} %"


def duration(seconds: float) -> str:
    """A stretch of time as people say it.

    >>> [duration(n) for n in (0.4, 59, 61, 3720)]
    ['1 s', '59 s', '1 min 1 s', '1 h 2 min']
    """
    whole = max(1, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def build_text(outcome: BuildOutcome) -> str:
    """What a build did, dataset by dataset."""
    further = {"quarantined": outcome.quarantined, "nulled": outcome.nulled}
    shown = {title: counts for title, counts in further.items() if counts}
    rows: list[tuple[str, ...]] = [("dataset", "slices built", "rows written", *shown)]
    rows += [
        (
            name,
            str(count),
            number(outcome.rows.get(name, 0)),
            *(number(counts.get(name, 0)) for counts in shown.values()),
        )
        for name, count in sorted(outcome.built.items())
    ]
    text = columns(rows)
    for finding in outcome.findings:
        text += f"\n{finding.code}: {finding.message}\n"
        text += f"  found: {finding.found}\n" if finding.found else ""
    return text


def checks_text(checks: Mapping[str, Sequence[CheckResult]]) -> str:
    """Every check and how it came out."""
    rows = [("dataset", "check", "failed", "of rows", "verdict")]
    for name, results in sorted(checks.items()):
        rows += [
            (
                name,
                result.name,
                number(result.failed_rows),
                number(result.total_rows),
                "ok" if result.passed else "FAILED",
            )
            for result in results
        ]
    return columns(rows)


def quarantined_text(counts: Mapping[str, tuple[int, int]]) -> str:
    """Rows that were put aside, where there are any."""
    if not counts:
        return ""
    rows = [("dataset", "rows put aside in production", "by the change")]
    rows += [(name, number(before), number(now)) for name, (before, now) in counts.items()]
    return "\n" + columns(rows)


def diffs_text(diffs: Sequence[DatasetDiff], new: Sequence[str]) -> str:
    """What moved in each dataset, with examples."""
    if not diffs and not new:
        return "nothing is different\n"
    parts = [f"new, nothing to compare with: {', '.join(new)}\n"] if new else []
    for diff in diffs:
        parts.append(
            f"{diff.dataset}: {number(diff.old_rows)} rows before, {number(diff.new_rows)} after;"
            f" {number(diff.added)} added, {number(diff.removed)} removed, {number(diff.changed)} changed\n"
        )
        rows = [("  column", "rows changed", "total before", "total after", "movement")]
        rows += [
            (f"  {column.name}", number(column.changed_rows), number(column.old_total), number(column.new_total),
             percent(column.percent))
            for column in diff.columns
        ]  # fmt: skip
        parts.append(columns(rows))
        parts += [f"  e.g. {example_text(example)}\n" for example in diff.examples]
        schema = [("columns added", diff.schema_added), ("columns removed", diff.schema_removed)]
        parts += [f"  {word}: {', '.join(names)}\n" for word, names in schema if names]
    return "\n".join(parts)


def example_text(example: RowExample) -> str:
    """One differing row, in words."""
    key = ", ".join(f"{name}={value}" for name, value in example.key)
    if example.column is not None:
        return f"{key}: {example.column} was {example.old}, is {example.new}"
    kind = "added" if example.old is None else "removed"
    return f"row {kind}: {shortened(key or example.new or example.old or '')}"


def shortened(text: str, most: int = 160) -> str:
    """The text, cut with an ellipsis where it is longer."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def criteria_text(criteria: Sequence[CriterionResult]) -> str:
    """Each acceptance criterion and its offending rows."""
    rows = [("criterion", "offending rows", "verdict", "text")]
    for row in criteria:
        verdict = "met" if row.offending == 0 else "NOT MET"
        rows.append(
            (
                f"{row.criterion.story}.{row.criterion.id}".lstrip("."),
                number(row.offending),
                verdict,
                row.criterion.text,
            )
        )
    return columns(rows)


def rehearsal_text(rehearsal: Rehearsal | None) -> str:
    """What the rehearsed promotion and rollback showed."""
    if rehearsal is None:
        return "not rehearsed\n"
    same = "equal to" if rehearsal.before == rehearsal.after else "DIFFERENT from"
    return (
        f"before the promotion   {rehearsal.before}\n"
        f"after the promotion    {rehearsal.promoted}   ({rehearsal.promote_ms} ms)\n"
        f"after the rollback     {rehearsal.after}   ({rehearsal.rollback_ms} ms)\n"
        f"the state after the rollback is {same} the state before the promotion\n"
    )


def rehearsal_json(rehearsal: Rehearsal | None) -> dict[str, Any] | None:
    """The rehearsal as plain values."""
    if rehearsal is None:
        return None
    return {
        "before": rehearsal.before,
        "promoted": rehearsal.promoted,
        "after": rehearsal.after,
        "promote_ms": rehearsal.promote_ms,
        "rollback_ms": rehearsal.rollback_ms,
    }


def diff_json(diff: DatasetDiff) -> dict[str, Any]:
    """A difference as plain values; totals and percents as text, exact."""
    return {
        "old_rows": diff.old_rows,
        "new_rows": diff.new_rows,
        "added": diff.added,
        "removed": diff.removed,
        "changed": diff.changed,
        "columns": {
            column.name: {
                "changed_rows": column.changed_rows,
                "old_total": _text(column.old_total),
                "new_total": _text(column.new_total),
                "percent": _text(column.percent),
            }
            for column in diff.columns
        },
        "schema_added": list(diff.schema_added),
        "schema_removed": list(diff.schema_removed),
        "examples": [example_text(example) for example in diff.examples],
    }


def _text(value: Decimal | None) -> str | None:
    return None if value is None else str(value)
