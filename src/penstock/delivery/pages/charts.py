"""Small charts as inline SVG: a total over time, before and now, and beneath it by how much the two differ."""

from __future__ import annotations

from decimal import Decimal
from html import escape
from typing import TYPE_CHECKING

from penstock.delivery.pages.dossier_room import figure
from penstock.delivery.pages.html_page import table_html

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from penstock.quality.pictures import Point, Trend

_WIDE, _TALL, _STRIP, _GAP = 520, 96, 40, 22
STYLE = """
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)); gap: 1rem 2rem; }
figure { margin: 0; min-width: 0; } figcaption { font-size: .9rem; } .chart { width: 100%; height: auto; }
.chart text { font: 11px system-ui, sans-serif; fill: var(--ink); }
@media (max-width: 40rem) { .chart text { font-size: 16px; } }
.chart polyline { fill: none; stroke-width: 2; stroke-linejoin: round; }
.chart .was { stroke: var(--old); stroke-dasharray: 5 3; } .chart .is { stroke: var(--new); stroke-width: 1.8; }
.chart .dot-was { fill: var(--old); } .chart .dot-is { fill: var(--new); }
.chart .up { fill: var(--good); } .chart .down { fill: var(--bad); }
"""


def trend_html(trend: Trend) -> str:
    """A trend as a figure: its chart, a caption that says what is drawn, and the numbers folded up."""
    what = f"<code>{escape(trend.column)}</code>" if trend.column else "Rows"
    heads = (trend.span, "before", "now", "difference")
    rows = [(escape(one.start), _plain(one.old), _plain(one.new), _signed(_apart(one))) for one in trend.points]
    return (
        f"<figure><figcaption>{what} by {trend.span}</figcaption>{_chart(trend)}"
        f"<details><summary>The numbers</summary>{table_html(heads, rows, words=1)}</details></figure>"
    )


def _chart(trend: Trend) -> str:
    points = trend.points
    values = [value for one in points for value in (one.old, one.new) if value is not None]
    low, high = min(values, default=Decimal(0)), max(values, default=Decimal(0))
    height = _TALL + _GAP + _STRIP + 16
    span = f"from {points[0].start} to {points[-1].start}, between {figure(low)} and {figure(high)}"
    label = f"{trend.column or 'Rows'} by {trend.span}, before and now, {span}. {_greatest(points)}"
    parts = [
        f'<svg class="chart" viewBox="0 0 {_WIDE} {height}" role="img" aria-label="{escape(label, quote=True)}">',
        f'<line class="axis" x1="0" y1="{_TALL}" x2="{_WIDE}" y2="{_TALL}"/>',
        *_line([one.old for one in points], low, high, "was"),
        *_line([one.new for one in points], low, high, "is"),
        *_strip(points),
        f'<text x="2" y="{height - 3}">{escape(points[0].start)}</text>',
        f'<text x="{_WIDE - 2}" y="{height - 3}" text-anchor="end">{escape(points[-1].start)}</text>',
        f'<text x="2" y="11">{figure(high)}</text><text x="2" y="{_TALL + 12}">{figure(low)}</text>',
        "</svg>",
    ]
    return "".join(parts)


def _line(values: Sequence[Decimal | None], low: Decimal, high: Decimal, name: str) -> Iterator[str]:
    """A line for every stretch without a gap; a value that stands alone is a dot."""
    stretch: list[str] = []
    for at, value in enumerate((*values, None)):
        if value is not None:
            share = float((value - low) / (high - low)) if high > low else 0.5
            stretch.append(f"{_x(at, len(values)):.1f},{_TALL - 4 - share * (_TALL - 22):.1f}")
            continue
        if len(stretch) == 1:
            x, _, y = stretch[0].partition(",")
            yield f'<circle class="dot-{name}" cx="{x}" cy="{y}" r="2.5"/>'
        elif stretch:
            yield f'<polyline class="{name}" points="{" ".join(stretch)}"/>'
        stretch = []


def _strip(points: Sequence[Point]) -> Iterator[str]:
    """Bars of what now has more, upwards, and less, downwards; the longest fills its half."""
    apart = [_apart(one) for one in points]
    most = max((abs(value) for value in apart), default=Decimal(0))
    zero = _TALL + _GAP + _STRIP // 2
    yield f'<line class="axis" x1="0" y1="{zero}" x2="{_WIDE}" y2="{zero}"/>'
    if not most:
        return
    wide = max(1.5, _WIDE / len(points) - 2)
    for at, value in enumerate(apart):
        tall = max(1.0, float(abs(value) / most) * _STRIP / 2)
        if value:
            top, name = (zero - tall, "up") if value > 0 else (zero, "down")
            x = min(max(_x(at, len(points)) - wide / 2, 0), _WIDE - wide)
            yield f'<rect class="{name}" x="{x:.1f}" y="{top:.1f}" width="{wide:.1f}" height="{tall:.1f}"/>'
    yield f'<text x="{_WIDE - 2}" y="{_TALL + 12}" text-anchor="end">now less before: up to ±{figure(most)}</text>'


def _x(at: int, count: int) -> float:
    return 4 + (_WIDE - 8) * at / max(count - 1, 1)


def _apart(one: Point) -> Decimal:
    return (one.new or Decimal(0)) - (one.old or Decimal(0))


def _greatest(points: Sequence[Point]) -> str:
    one = max(points, key=lambda point: abs(_apart(point)))
    return f"The greatest difference is {_signed(_apart(one))} on {one.start}." if _apart(one) else "Nothing differs."


def _signed(value: Decimal) -> str:
    return f"{'+' if value > 0 else ''}{_plain(value)}"


def _plain(value: Decimal | None) -> str:
    """Every digit that says something; a dash for none."""
    text = "–" if value is None else f"{value:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
