"""The layout of generated SQL: names quoted only where they must be, one thing a line, comments that say why."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

from penstock.documents import to_yaml
from penstock.sql.identifiers import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

# `SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category = 'reserved'`, in DuckDB 1.5 and 2.0; and `at`,
# which is not in that list, and over which `CAST(at AS …)` stumbles
# fmt: off
_RESERVED = frozenset({
    "all", "at", "analyse", "analyze", "and", "any", "array", "as", "asc", "asymmetric", "both", "case", "cast",
    "check", "collate", "column", "constraint", "create", "default", "deferrable", "desc", "describe",
    "distinct", "do", "else", "end", "except", "false", "fetch", "for", "foreign", "from", "group", "having",
    "in", "initially", "intersect", "into", "lambda", "lateral", "leading", "limit", "not", "null", "offset",
    "on", "only", "or", "order", "pivot", "pivot_longer", "pivot_wider", "placing", "primary", "qualify",
    "references", "returning", "select", "show", "some", "summarize", "symmetric", "table", "then", "to",
    "trailing", "true", "union", "unique", "unpivot", "using", "variadic", "when", "where", "window", "with",
})
# fmt: on


def name(word: str) -> str:
    """An identifier as a person would write it."""
    return word if _PLAIN.fullmatch(word) and word.lower() not in _RESERVED else quote(word)


def header(settings: Mapping[str, object]) -> str:
    """The comment at the top that tells Penstock about the query."""
    body = to_yaml(dict(settings), width=100).replace("*/", "* /")
    return f"/* penstock\n{body}*/\n"


def comment(text: str, indent: str = "") -> list[str]:
    """A sentence as comment lines."""
    words = " ".join(text.split())
    return textwrap.wrap(words, width=108, initial_indent=f"{indent}-- ", subsequent_indent=f"{indent}-- ")


def listed(items: Iterable[str], indent: str = "  ") -> str:
    """Items of a SELECT list, one a line; an item may begin with comment lines."""
    return ",\n".join(textwrap.indent(item, indent) for item in items)


def wrapped(items: Iterable[str], indent: str = "  ") -> str:
    """Short items of a list, as many on a line as fit."""
    return textwrap.fill(
        ", ".join(items), width=108, initial_indent=indent, subsequent_indent=indent, break_long_words=False
    )


def conjunction(items: Iterable[str], indent: str = "  ") -> str:
    """Predicates that must all hold, one a line, each in brackets where AND would bind tighter than it."""
    return f"\n{indent}AND ".join(items)


def guarded(predicate: str) -> str:
    """A person's predicate, in brackets if it holds an OR that a following AND could tear apart."""
    return f"({predicate})" if re.search(r"\bor\b", predicate, re.IGNORECASE) else predicate
