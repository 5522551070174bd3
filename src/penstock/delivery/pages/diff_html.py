"""Differences as one HTML page that needs nothing else: no script, no network; every value is escaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from penstock.delivery.pages.html_page import page_html, table_html
from penstock.delivery.pages.tables import example_text, number, percent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from penstock.quality.comparison import DatasetDiff, RowExample
    from penstock.quality.distributions import ColumnDistribution, Frequent, Histogram, SideDistribution

_WIDTH, _HEIGHT = 240, 56


def diffs_html(title: str, diffs: Sequence[DatasetDiff], notes: Sequence[str], looked: str = "") -> str:
    """The page: a summary of all datasets, then each one. `notes` are sentences about what was not compared.

    `looked` says, as text, what went through the places in which queries differ.
    """
    body = [
        f"<h1>{escape(title)}</h1>",
        *(f"<p>{escape(note)}</p>" for note in notes),
        *_summary(diffs),
        *(part for at, diff in enumerate(diffs) for part in _dataset(at, diff)),
        *([f"<h2>What went through the changed places</h2><pre>{escape(looked)}</pre>"] if looked else []),
    ]
    return page_html(title, body)


def _summary(diffs: Sequence[DatasetDiff]) -> Iterator[str]:
    if not diffs:
        yield "<p>Nothing is different.</p>"
        return
    rows = [
        [f'<a href="#d{at}">{escape(diff.dataset)}</a>', *map(_number, (diff.old_rows, diff.new_rows, diff.added)),
         *map(_number, (diff.removed, diff.changed)), _number(sum(column.moved for column in diff.columns))]
        for at, diff in enumerate(diffs)
    ]  # fmt: skip
    heads = ("dataset", "rows before", "rows now", "added", "removed", "changed", "columns moved")
    yield table_html(heads, rows, words=1)


def _dataset(at: int, diff: DatasetDiff) -> Iterator[str]:
    yield f'<h2 id="d{at}">{escape(diff.dataset)}</h2>'
    how = f"Rows were matched by {escape(', '.join(diff.key))}." if diff.key else "Rows were compared as multisets."
    yield f'<p class="quiet">{how}{" Nothing is different." if diff.empty else ""}</p>'
    yield from _schema(diff)
    yield from _movements(diff)
    yield from (part for shape in diff.distributions for part in distribution_html(shape))
    if diff.examples:
        yield "<h3>Examples</h3><ul>"
        yield from (f"<li>{_example(example)}</li>" for example in diff.examples)
        yield "</ul>"


def _schema(diff: DatasetDiff) -> Iterator[str]:
    changes = [f'<li class="plus">+ <code>{escape(name)}</code></li>' for name in diff.schema_added]
    changes += [f'<li class="minus">− <code>{escape(name)}</code></li>' for name in diff.schema_removed]
    changes += [
        f"<li><code>{escape(name)}</code>: <code>{escape(old)}</code> → <code>{escape(new)}</code></li>"
        for name, old, new in diff.schema_retyped
    ]
    if changes:
        yield f"<h3>Schema</h3><ul>{''.join(changes)}</ul>"


def _movements(diff: DatasetDiff) -> Iterator[str]:
    shapes = {shape.name: shape.histogram for shape in diff.distributions if shape.histogram}
    moved = [column for column in diff.columns if column.moved]
    if moved:
        rows = [
            [f"<code>{escape(one.name)}</code>", _number(one.changed_rows), escape(number(one.old_total)),
             escape(number(one.new_total)), escape(percent(one.percent)),
             histogram_svg(shapes[one.name]) if one.name in shapes else ""]
            for one in moved
        ]  # fmt: skip
        heads = ("column", "values changed", "total before", "total now", "movement", "before and now")
        yield table_html(heads, rows, words=1)
        if shapes:
            yield '<p class="key quiet"><span style="background:var(--old)"></span>before'
            yield '<span style="background:var(--new)"></span>now</p>'
    still = [column.name for column in diff.columns if not column.moved]
    if still and moved:
        yield f'<p class="quiet">Did not move: <code>{escape(", ".join(still))}</code></p>'


def distribution_html(shape: ColumnDistribution) -> Iterator[str]:
    """One column on both sides, folded up: figures, bins and frequent values."""
    masked = " (personal: values are masked)" if shape.masked else ""
    yield f"<details><summary>Distribution of <code>{escape(shape.name)}</code>{masked}</summary>"
    shares = sorted({share for side in (shape.old, shape.new) for share, _ in side.quantiles})
    heads = ("", "rows", "NULLs", "distinct (about)", "min", *(f"{share:.0%}" for share in shares), "max", "mean", "sd")
    yield table_html(heads, [_side("before", shape.old, shares), _side("now", shape.new, shares)], words=1)
    if shape.histogram:
        edges = shape.histogram.edges
        bins = zip(edges, edges[1:], shape.histogram.old, shape.histogram.new, strict=False)
        rows = [[f"{escape(low)} – {escape(high)}", _number(old), _number(new)] for low, high, old, new in bins]
        yield table_html(("from – to", "rows before", "rows now"), rows, words=1)
    for word, values in (("before", shape.old.frequent), ("now", shape.new.frequent)):
        if values:
            yield f"<p>Most frequent {word}: {_frequent(values)}</p>"
    yield "</details>"


def _side(word: str, side: SideDistribution, shares: Sequence[float]) -> list[str]:
    quantiles = dict(side.quantiles)
    values = [side.minimum, *(quantiles.get(share) for share in shares), side.maximum]
    means = ["–" if one is None else f"{one:,.6g}" for one in (side.mean, side.stddev)]
    texts = [escape("–" if value is None else value) for value in values]
    return [word, *map(_number, (side.rows, side.nulls, side.distinct)), *texts, *means]


def _frequent(values: Iterable[Frequent]) -> str:
    return ", ".join(f"<code>{escape(one.value)}</code> ({one.rows:,})" for one in values)


def _example(example: RowExample) -> str:
    return f"<code>{escape(example_text(example))}</code>"


def _number(value: int) -> str:
    return f"{value:,}"


def histogram_svg(histogram: Histogram) -> str:
    """Both sides over common bins, one laid over the other, as inline SVG."""
    highest = max((*histogram.old, *histogram.new, 1))
    width = _WIDTH / max(len(histogram.old), 1)
    bars = []
    for name, counts in (("old", histogram.old), ("new", histogram.new)):
        for at, count in enumerate(counts):
            tall = _HEIGHT * count / highest
            where = f'x="{at * width:.1f}" y="{_HEIGHT - tall:.1f}" width="{width - 1:.1f}" height="{tall:.1f}"'
            bars.append(f'<rect class="{name}" {where}/>' if count else "")
    span = escape(f"{histogram.edges[0]} to {histogram.edges[-1]}", quote=True)
    axis = f'<line class="axis" x1="0" y1="{_HEIGHT}" x2="{_WIDTH}" y2="{_HEIGHT}"/>'
    size = f'width="{_WIDTH}" height="{_HEIGHT + 1}" viewBox="0 0 {_WIDTH} {_HEIGHT + 1}"'
    return f'<svg {size} role="img" aria-label="{span}"><title>{span}</title>{axis}{"".join(bars)}</svg>'
