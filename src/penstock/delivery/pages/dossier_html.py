"""The dossier as one HTML file that needs nothing else: the words of `dossier.md`, and pictures of what they say."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from penstock.author.documentation import is_delivered
from penstock.delivery.pages import charts, dag_svg
from penstock.delivery.pages.charts import trend_html
from penstock.delivery.pages.dag_svg import Node, State
from penstock.delivery.pages.diff_html import distribution_html, histogram_svg
from penstock.delivery.pages.html_page import page_html
from penstock.delivery.pages.markup import html_of, inline

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from penstock.delivery.pages.dossier import Section
    from penstock.delivery.review import Review
    from penstock.quality.comparison import DatasetDiff
    from penstock.quality.distributions import ColumnDistribution, Histogram
    from penstock.quality.pictures import Picture

MOST_NODES, MOST_PICTURES, MOST_OPEN = 48, 6, 2
_STYLE = """
strong code { font-weight: 700; } td code { white-space: nowrap; }
main { max-width: 60rem; margin: 0 auto; } .answer { border-left: .35rem solid var(--good); padding: .1rem 1rem;
 background: var(--soft); }
.answer.stopped { border-color: var(--bad); } .cite { font: 12px ui-monospace, monospace; overflow-wrap: anywhere; }
nav ul { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; padding: 0; list-style: none; }
li { margin: .2rem 0; } .tick { display: inline-block; width: .8em; height: .8em; margin: 0 .5em 0 0;
 border: 1.5px solid currentColor; border-radius: .15em; vertical-align: -.05em; }
li:has(> .tick) { list-style: none; margin-left: -1.4em; } summary { cursor: pointer; font-size: .9rem; }
summary h3 { display: inline-block; margin: .8rem 0; }
details details { margin-left: 1rem; }
@media print { details::details-content { content-visibility: visible; height: auto; }
 body { margin: 0; max-width: none; font-size: 11pt; } nav { display: none; } .wide { overflow: visible; }
 h2, h3, figcaption { break-after: avoid; } figure, tr { break-inside: avoid; } }
"""


def dossier_html(seen: Review, sections: Sequence[Section]) -> str:
    """The page, of the sections that the Markdown has."""
    first, *rest = sections
    stopped = first.lines[0].startswith("**Stopped")
    body = [
        "<main>",
        f"<h1>{inline(first.heading)}</h1>",
        f'<div class="said answer{" stopped" if stopped else ""}">{"".join(html_of(first.lines))}</div>',
        '<nav aria-label="Sections"><ul>',
        *(f'<li><a href="#{section.id}">{inline(section.heading)}</a></li>' for section in rest),
        "</ul></nav>",
        *(part for section in rest for part in _section(section, seen)),
        "</main>",
    ]
    return page_html(first.heading, body, dag_svg.STYLE + charts.STYLE + _STYLE)


def _section(section: Section, seen: Review) -> Iterator[str]:
    yield f'<section aria-labelledby="{section.id}"><h2 id="{section.id}">{inline(section.heading)}</h2>'
    yield f'<div class="said">{"".join(html_of(section.lines))}</div>'
    if section.id == "downstream":
        yield from _dag(seen)
    if section.id == "moves":
        yield from _pictures(seen)
    yield "</section>"


def _dag(seen: Review) -> Iterator[str]:
    """What flows where, as it will be: of large projects the part that the change touches, and its neighbours."""
    states = _states(seen)
    edges = sorted(
        {(read, name) for project in (seen.planned.base, seen.planned.project) for name in project.datasets
         for read in project.datasets[name].reads}
    )  # fmt: skip
    drawn = _near(states, edges)
    if not drawn:
        return
    diffs = {diff.dataset: diff for diff in seen.facts.diffs}
    nodes = [Node(name=name, state=states[name], note=_note(states[name], diffs.get(name))) for name in drawn]
    yield "<h3>The datasets, and what flows between them</h3>"
    yield dag_svg.dag_svg(nodes, edges)
    left = len(states) - len(drawn)
    if left:
        yield f'<p class="quiet">{left:,} more are further away and not drawn.</p>'


def _states(seen: Review) -> dict[str, State]:
    difference = seen.planned.difference
    return {
        **dict.fromkeys(sorted(seen.planned.project.datasets), State.UNCHANGED),
        **dict.fromkeys(difference.new, State.NEW),
        **dict.fromkeys(difference.altered, State.ALTERED),
        **dict.fromkeys(difference.moved, State.MOVED),
        **dict.fromkeys(difference.removed, State.REMOVED),
    }


def _near(states: dict[str, State], edges: Sequence[tuple[str, str]]) -> list[str]:
    """The datasets to draw, by name: all, or those touched and what is next to them, or as many as can be read."""
    if len(states) <= MOST_NODES:
        return sorted(states)
    touched = {name for name, state in states.items() if state is not State.UNCHANGED}
    beside = {name for pair in edges if touched & set(pair) for name in pair if name in states} | touched
    found = beside if len(beside) <= MOST_NODES else touched
    return sorted(sorted(found, key=lambda name: (states[name] is State.MOVED, name))[:MOST_NODES])


def _note(state: State, diff: DatasetDiff | None) -> str:
    if diff is None:
        return str(state)
    return f"{state}, {'same rows' if diff.empty else 'rows move'}"


def _pictures(seen: Review) -> Iterator[str]:
    datasets = seen.planned.project.datasets
    ranked = sorted(
        (one for one in seen.pictures.values() if one.trends or one.distributions),
        key=lambda one: (one.dataset not in datasets or not is_delivered(datasets[one.dataset]), one.dataset),
    )
    for at, one in enumerate(ranked[:MOST_PICTURES]):
        yield f"<details{' open' if at < MOST_OPEN else ''}>"
        yield f"<summary><h3>Before and now: <code>{escape(one.dataset)}</code></h3></summary>"
        yield '<p class="key quiet"><span style="background:var(--old)"></span>before (dashed)'
        yield '<span style="background:var(--new)"></span>now (solid)</p>'
        yield from _picture(one)
        yield "</details>"
    if len(ranked) > MOST_PICTURES:
        yield f'<p class="quiet">{len(ranked) - MOST_PICTURES:,} more datasets move and are not drawn.</p>'


def _picture(one: Picture) -> Iterator[str]:
    if one.trends:
        yield f'<div class="charts">{"".join(map(trend_html, one.trends))}</div>'
    if not one.distributions:
        return
    yield "<details><summary>How values are distributed</summary>"
    bars = [_bars(shape, shape.histogram) for shape in one.distributions if shape.histogram]
    if bars:
        yield f'<div class="charts">{"".join(bars)}</div>'
    for shape in one.distributions:
        yield from distribution_html(shape)
    yield "</details>"


def _bars(shape: ColumnDistribution, histogram: Histogram) -> str:
    caption = f"<figcaption><code>{escape(shape.name)}</code>: rows by value</figcaption>"
    ends = f"{escape(histogram.edges[0])} to {escape(histogram.edges[-1])}"
    return f'<figure>{caption}{histogram_svg(histogram)}<div class="quiet">{ends}</div></figure>'
