"""The few marks of Markdown that our pages are written in, as HTML: the same words, every one of them escaped.

Invariants: text is escaped before any mark is read, so no mark and no value can open a tag; what is no mark stays as
it was written.
"""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_CODE = re.compile(r"`([^`]+)`")
_BOLD = re.compile(r"\*\*(.+?)\*\*")
_ITALIC = re.compile(r"(?<![\w*])\*([^*\s][^*]*)\*(?![\w*])")
_CITED = re.compile(r"\b(F:[^\s&]+?:\d+)")
_ITEM = re.compile(r"( *)- (\[ \] )?(.*)")
_HELD = re.compile("\0(\\d+)\0")
"""Where code stood while the other marks were read."""
_BAR = re.compile(r"(?<!\\)\|")
_NUMBER = re.compile(r"[-+−]?[\d,]+(\.\d+)?( %)?|–")


def html_of(lines: Sequence[str]) -> Iterator[str]:
    """A section's lines as HTML: paragraphs, lists of up to two levels, lists to tick, tables."""
    at = 0
    while at < len(lines):
        take = next(length for length in (_run(lines, at, kind) for kind in _KINDS) if length)
        part = lines[at : at + take]
        at += take
        if _is_item(part[0]):
            yield _list(part)
        elif _is_row(part[0]):
            yield _table(part)
        elif part[0].strip():
            yield f"<p>{inline(' '.join(part))}</p>"


def inline(text: str) -> str:
    """Bold, italics, code and citations of one stretch of text; what stands in code is left as it is."""
    held: list[str] = []

    def hold(found: re.Match[str]) -> str:
        held.append(f"<code>{found[1]}</code>")
        return f"\0{len(held) - 1}\0"

    marked = _CODE.sub(hold, escape(text.replace("\0", " ")))
    marked = _BOLD.sub(r"<strong>\1</strong>", marked)
    marked = _ITALIC.sub(r"<em>\1</em>", marked)
    marked = _CITED.sub(r'<span class="cite">\1</span>', marked)
    return _HELD.sub(lambda found: held[int(found[1])], marked)


def _is_item(line: str) -> bool:
    return _ITEM.fullmatch(line) is not None


def _is_row(line: str) -> bool:
    return line.startswith("|") and line.endswith("|")


def _is_blank(line: str) -> bool:
    return not line.strip()


def _is_text(line: str) -> bool:
    return not (_is_item(line) or _is_row(line) or _is_blank(line))


_KINDS = (_is_item, _is_row, _is_blank, _is_text)


def _run(lines: Sequence[str], at: int, kind: object) -> int:
    """How many lines from here on are of that kind."""
    assert callable(kind)  # noqa: S101 - one of `_KINDS`
    length = 0
    while at + length < len(lines) and kind(lines[at + length]):
        length += 1
    return length


def _list(lines: Sequence[str]) -> str:
    found = [match.groups() for line in lines if (match := _ITEM.fullmatch(line))]
    tops: list[tuple[str, list[str]]] = []
    for indent, tick, text in found:
        mark = '<span class="tick" aria-hidden="true"></span>' if tick else ""
        if indent and tops:
            tops[-1][1].append(f"<li>{inline(text)}</li>")
        else:
            tops.append((mark + inline(text), []))
    items = (f"<li>{text}{'<ul>' + ''.join(below) + '</ul>' if below else ''}</li>" for text, below in tops)
    return f"<ul>{''.join(items)}</ul>"


def _table(lines: Sequence[str]) -> str:
    head, *body = [_cells(line) for line in lines if not line.startswith("|---")]
    cells = "".join(f'<th scope="col">{inline(cell)}</th>' for cell in head)
    rows = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in body)
    table = f"<table><thead><tr>{cells}</tr></thead><tbody>{rows}</tbody></table>"
    return f'<div class="wide" role="region" aria-label="Table" tabindex="0">{table}</div>'


def _cells(line: str) -> list[str]:
    return [cell.strip().replace(r"\|", "|") for cell in _BAR.split(line[1:-1])]


def _cell(text: str) -> str:
    kind = ' class="n"' if _NUMBER.fullmatch(text) else ""
    return f"<td{kind}>{inline(text)}</td>"
