"""The frame of our HTML pages: one file that needs nothing else. No script, no request, light, dark and on paper."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f27; --paper: #fff; --old: #6b7486; --new: #1f5fd0; --line: #8886;
 --good: #1d6f3a; --bad: #b02a1e; --soft: #8881; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8ec; --paper: #14171c; --old: #a4adbd; --new: #7fb0ff;
 --good: #6fce8f; --bad: #ff8f80; } }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 76rem; margin: 2rem auto; padding: 0 1rem;
 color: var(--ink); background: var(--paper); overflow-wrap: break-word; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.15rem; margin-top: 2.5rem; } h3 { font-size: 1rem; }
a { color: var(--new); } table { border-collapse: collapse; margin: .6rem 0; } .wide { overflow-x: auto; }
th, td { text-align: left; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
code { font: 13px ui-monospace, monospace; overflow-wrap: anywhere; }
.old { fill: var(--old); opacity: .65; } .new { fill: var(--new); opacity: .55; } .axis { stroke: var(--line); }
.key span { display: inline-block; width: .8em; height: .8em; margin: 0 .3em 0 1em; }
.quiet { opacity: .75; } .plus { color: var(--good); } .minus { color: var(--bad); }
"""


def page_html(title: str, body: Iterable[str], style: str = "") -> str:
    """A whole page; `body` is HTML already, `style` is added to what every page has."""
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title><style>{_STYLE}{style}</style></head><body>",
        *body,
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


def table_html(heads: Sequence[str], rows: Iterable[Sequence[str]], words: int) -> str:
    """Cells are HTML already; all but the first few columns hold numbers."""
    kind = ["" if at < words else ' class="n"' for at, _ in enumerate(heads)]
    head = "".join(f'<th scope="col"{how}>{escape(text)}</th>' for how, text in zip(kind, heads, strict=True))
    body = "".join(
        f"<tr>{''.join(f'<td{how}>{cell}</td>' for how, cell in zip(kind, row, strict=True))}</tr>" for row in rows
    )
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
