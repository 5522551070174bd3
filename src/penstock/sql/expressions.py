"""A story's SQL expressions: one scalar or aggregate over columns, with no query inside."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from sqlglot import exp
from sqlglot.tokenizer_core import TokenType

from penstock.model.errors import InputError
from penstock.model.findings import Finding, Place
from penstock.sql import functions
from penstock.sql.scopes import dotted, parts_of
from penstock.sql.syntax import excerpt, place, read

if TYPE_CHECKING:
    from sqlglot.expressions import Expr

    from penstock.sql.syntax import Syntax

_BEFORE, _AFTER = "SELECT (\n", "\n)"


class ExpressionError(InputError):
    """A SQL expression of a story cannot be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expression:
    """The columns an expression reads, in order, each once, and whether it is an aggregate over rows."""

    text: str
    columns: tuple[str, ...]
    aggregate: bool


@lru_cache(maxsize=1024)
def parse_expression(text: str) -> Expression:
    """Read one scalar or aggregate expression. Positions in errors are those of `text`.

    Raises:
        ExpressionError: it does not parse, is more than one expression, or holds a query, a parameter or a function
            that is refused.
    """
    syntax = read(_BEFORE + text + _AFTER)
    findings = [_shifted(item, text) for item in syntax.findings]
    findings += [
        _wrong(text, token.start - len(_BEFORE), f"calls {token.text}", "functions of the columns")
        for token, after in zip(syntax.tokens, syntax.tokens[1:], strict=False)
        if functions.reach(token.text) is not None and _called(token.token_type, token.text, after.token_type)
    ]
    if syntax.tree is not None:
        findings.extend(_structure(syntax, syntax.tree, text))
    if findings or syntax.tree is None:
        raise ExpressionError(tuple(findings))
    body = _body(syntax.tree)
    assert body is not None  # noqa: S101 - _structure has said so
    return Expression(text=text, columns=_columns(body), aggregate=_aggregates(body))


def expression_columns(text: str) -> tuple[str, ...]:
    """The columns an expression reads, in order, each once.

    >>> expression_columns("sum(quantity * unit_price) FILTER (WHERE quantity > 0)")
    ('quantity', 'unit_price')

    Raises:
        ExpressionError: as `parse_expression`.
    """
    return parse_expression(text).columns


def is_aggregate(text: str) -> bool:
    """Whether an expression folds many rows into one value.

    Raises:
        ExpressionError: as `parse_expression`.
    """
    return parse_expression(text).aggregate


def is_fold(node: Expr) -> bool:
    """Whether a node is a call of an aggregate function, be it windowed or not."""
    if isinstance(node, exp.Anonymous):
        return node.name.lower() in functions.AGGREGATES
    return isinstance(node, exp.AggFunc)


def _called(kind: TokenType, text: str, after: TokenType) -> bool:
    if kind is TokenType.STRING:
        return False
    return after is TokenType.L_PAREN or (kind is not TokenType.IDENTIFIER and text.lower() in functions.NO_PARENTHESES)


def _body(tree: Expr) -> Expr | None:
    """What stands in the brackets that were put around the text, if the text stayed within them."""
    if not isinstance(tree, exp.Select) or len(tree.expressions) != 1:
        return None
    others = [key for key, value in tree.args.items() if key != "expressions" and value]
    body = tree.expressions[0]
    return body.this if isinstance(body, exp.Paren) and not others else None


def _structure(syntax: Syntax, tree: Expr, text: str) -> list[Finding]:
    queries = next((node for node in tree.find_all(exp.Query) if node is not tree), None)
    if queries is not None:
        return [_wrong(text, 0, "holds a query", "an expression over columns, without SELECT")]
    body = _body(tree)
    if body is None or isinstance(body, exp.Alias | exp.Tuple | exp.Star):
        return [_wrong(text, 0, "is not one expression", "one expression, without a name of its own")]
    if any(token.token_type in {TokenType.PARAMETER, TokenType.PLACEHOLDER} for token in syntax.tokens):
        return [_wrong(text, 0, "holds a parameter", "columns and literals")]
    return []


def _columns(body: Expr) -> tuple[str, ...]:
    bound = {name.name for node in body.find_all(exp.Lambda, exp.Comprehension) for name in bound_names(node)}
    heads = [_head(node) for node in body.find_all(exp.Column, exp.Dot)]
    found = [(parts[0].meta.get("start", 0), parts[0].name) for parts in heads if parts and parts[0].name not in bound]
    return tuple(dict.fromkeys(name for _, name in sorted(found)))


def _head(node: Expr) -> tuple[exp.Identifier, ...]:
    if isinstance(node, exp.Column):
        return parts_of(node)
    return dotted(node) if isinstance(node, exp.Dot) else ()


def bound_names(node: Expr) -> tuple[exp.Identifier, ...]:
    """The names that a lambda or a list comprehension gives its elements."""
    given = (
        node.expressions if isinstance(node, exp.Lambda) else [node.args.get("expression"), node.args.get("position")]
    )
    return tuple(item for item in given if isinstance(item, exp.Identifier))


def _aggregates(body: Expr) -> bool:
    return any(is_fold(node) and not is_windowed(node) for node in body.walk())


def is_windowed(node: Expr) -> bool:
    """Whether an aggregate is a window's: it gives each row a value and folds none."""
    parent = node.parent
    while isinstance(parent, exp.Filter | exp.IgnoreNulls | exp.RespectNulls | exp.WithinGroup):
        node, parent = parent, parent.parent
    return isinstance(parent, exp.Window) and parent.this is node


def _shifted(finding: Finding, text: str) -> Finding:
    """The finding with its place counted in the expression alone."""
    line = max((finding.place.line or 2) - 1, 1)
    last = text.count("\n") + 1
    where = Place(
        line=min(line, last),
        column=finding.place.column if line <= last else None,
        excerpt=excerpt(text, min(line, last)),
    )
    return Finding(
        code="sql.expression",
        message=finding.message,
        place=where,
        found=finding.found,
        expected=finding.expected if finding.code != "sql.syntax" else "one SQL expression over columns",
        remedy="correct the expression",
    )


def _wrong(text: str, offset: int, says: str, expected: str) -> Finding:
    return Finding(
        code="sql.expression",
        message=f"the expression {text.strip()!r} {says}" if len(text) <= 160 else f"the expression {says}",
        place=place(text, max(offset, 0)),
        found=says,
        expected=expected,
        remedy="write it as one expression over the columns at hand",
    )
