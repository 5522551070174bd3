"""Calls of masking functions in authors' queries: found, judged, and written in words that databases share."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from sqlglot import exp

from penstock.model.findings import Finding
from penstock.sql.masking_functions import FUNCTIONS, UNITS, Masking
from penstock.sql.portable import ASSUMED
from penstock.sql.syntax import place, read, start_of, tree_of

if TYPE_CHECKING:
    from sqlglot.expressions import Expr

PREFIX = "mask_"


def masking_of(node: Expr) -> Masking | None:
    """The masking function that a node calls, or None."""
    return FUNCTIONS.get(node.name.lower()) if isinstance(node, exp.Anonymous) else None


@lru_cache(maxsize=2048)
def masks_in(text: str) -> tuple[str, ...]:
    """The masking functions that a query calls, each once, sorted.

    Raises:
        InputError: the text is not one query.
    """
    if PREFIX not in text.lower():
        return ()
    called = {node.name.lower() for node in tree_of(text).find_all(exp.Anonymous)}
    return tuple(sorted(called & FUNCTIONS.keys()))


def masking_findings(text: str) -> tuple[Finding, ...]:
    """Calls of masking functions that are none, or whose arguments do not say at a glance what is left of a value."""
    if PREFIX not in text.lower() or read(text).tree is None:
        return ()
    return tuple(
        _wrong(text, node)
        for node in tree_of(text).find_all(exp.Anonymous)
        if node.name.lower().startswith(PREFIX) and not _well_called(node)
    )


def _well_called(node: Expr) -> bool:
    arguments = node.expressions
    name = node.name.lower()
    if name not in FUNCTIONS or len(arguments) != FUNCTIONS[name].call.count(",") + 1:
        return False
    if len(arguments) == 1:
        return True
    given = arguments[1]
    if not isinstance(given, exp.Literal):
        return False
    if name == "mask_date":
        return given.is_string and given.name in UNITS
    if given.is_string:
        return False
    return float(given.name) > 0 and (given.is_int or name == "mask_bucket")


def _wrong(text: str, node: Expr) -> Finding:
    name = node.name.lower()
    known = FUNCTIONS.get(name)
    expected = known.call if known else " | ".join(each.call for each in FUNCTIONS.values())
    what = "is not called so" if known else "is no masking function"
    units = f"; one of {', '.join(UNITS)}" if name == "mask_date" else ""
    return Finding(
        code="sql.masking",
        message=f"{node.name} {what}",
        place=place(text, start_of(node) or 0),
        found=f"{node.name} with {len(node.expressions)} argument(s)",
        expected=f"{expected}{units}",
        remedy="write how much is to be left as a plain number or word, so that whoever reads it knows",
    )


def in_plain_words(tree: Expr) -> Expr:
    """The tree with masking functions written as what they are; those without such words say their type alone.

    The tree is changed in place and must be the caller's own.
    """
    for node in reversed(list(tree.find_all(exp.Anonymous))):
        masking = masking_of(node)
        if masking is None or len(node.expressions) != masking.call.count(",") + 1:
            continue
        made = _filled(masking.plain, node.expressions) if masking.plain else _typed(node)
        if node is tree:
            return made
        node.replace(exp.Paren(this=made))
    return tree


def _filled(plain: str, arguments: list[Expr]) -> Expr:
    tree = tree_of(f"SELECT {plain}").copy()
    given = dict(zip("xy", arguments, strict=False))
    for column in list(tree.find_all(exp.Column)):
        value = given[column.name].copy()
        column.replace(exp.Paren(this=value) if isinstance(value, exp.Binary | exp.Unary) else value)
    for node in tree.find_all(exp.TimestampTrunc, exp.DateTrunc):
        node.set("unit", exp.Var(this=arguments[1].name.upper()))
    made: Expr = tree.expressions[0]
    made.pop()
    return made


def _typed(node: Expr) -> Expr:
    """The call over a text, marked as one: databases know that, and the reader of queries does not."""
    text = exp.cast(node.expressions[0].copy(), "VARCHAR", dialect="duckdb")
    call = exp.Anonymous(this=node.name.lower(), expressions=[text])
    marked = exp.Cast(this=call, to=exp.DataType.build("VARCHAR", dialect="duckdb"))
    marked.meta[ASSUMED] = True
    return marked
