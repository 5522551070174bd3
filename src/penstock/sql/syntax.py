"""SQL text to one sqlglot tree, within bounds, with every offset tied to the line and column of the text given.

Invariants: size, token count, bracket nesting and depth are bounded before anything recurses over the tree; each text
is parsed once while it stays in the cache; trees are shared, so nobody changes one; sqlglot's errors stay here.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import ParseError, TokenError
from sqlglot.expressions import And, Or, Select, SetOperation, UnixToTime
from sqlglot.tokenizer_core import Token, TokenType

from penstock.model.errors import InputError
from penstock.model.findings import Finding, Place

if TYPE_CHECKING:
    from sqlglot.expressions import Expr

MAX_CHARACTERS = 200_000
MAX_TOKENS = 20_000
MAX_BRACKETS = 200
MAX_DEPTH = 300
MAX_SUBSCRIPTS = 50

_DUCKDB = DuckDB()
_OPENING = {TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE}
_CLOSING = {TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE}
_CLOSED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/|(\$\w*\$).*?\1", re.DOTALL)
_QUOTED = {TokenType.STRING, TokenType.IDENTIFIER, TokenType.HEREDOC_STRING, TokenType.NATIONAL_STRING}
_SPACES = " \t\r\n"
_CONTROL = re.compile(r"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]")
_STARTS = {TokenType.SELECT, TokenType.WITH, TokenType.FROM, TokenType.L_PAREN}


@dataclass(frozen=True, slots=True, kw_only=True)
class Syntax:
    """A text's tokens and, if it is one query, its tree. `findings` say why there is no tree."""

    text: str
    tokens: tuple[Token, ...]
    tree: Expr | None
    findings: tuple[Finding, ...]

    def place(self, offset: int) -> Place:
        """The place of the character at `offset` (from 0)."""
        return place(self.text, offset)


def place(text: str, offset: int) -> Place:
    """Line and column (from 1) of the character at `offset` (from 0), with that line as excerpt."""
    line = text.count("\n", 0, offset) + 1
    begin = text.rfind("\n", 0, offset) + 1
    return Place(line=line, column=offset - begin + 1, excerpt=excerpt(text, line))


def excerpt(text: str, line: int) -> str:
    """The text of one line (from 1), stripped, at most 160 characters."""
    lines = text.split("\n")
    return lines[line - 1].strip()[:160] if line <= len(lines) else ""


def within(findings: tuple[Finding, ...], file: str | None, dataset: str | None = None) -> tuple[Finding, ...]:
    """The same findings, placed in a file and dataset."""
    return tuple(replace(item, place=replace(item.place, file=file, dataset=dataset)) for item in findings)


@lru_cache(maxsize=2048)
def read(text: str) -> Syntax:
    """Tokenize and parse one text; what is wrong with it stands in the value's findings."""
    if len(text) > MAX_CHARACTERS:
        found = f"{len(text):,} characters"
        return _unread(text, _too_much(text, found, f"at most {MAX_CHARACTERS:,}", 0))
    if "\0" in text:
        return _unread(text, _syntax_finding(text, text.index("\0"), "a NUL character", "plain text"))
    try:
        tokens = tuple(_DUCKDB.tokenize(text))
    except TokenError as error:
        return _unread(text, _token_finding(text, error))
    except RecursionError:
        return _unread(text, _too_deep(text))
    findings = _beyond_bounds(text, tokens) or _not_one_query(text, tokens) or _misplaced_commas(text, tokens)
    findings = findings or _hidden_characters(text, tokens)
    if findings:
        return Syntax(text=text, tokens=tokens, tree=None, findings=findings)
    tree, findings = _parsed(text, tokens)
    return Syntax(text=text, tokens=tokens, tree=tree, findings=findings)


def _unread(text: str, finding: Finding) -> Syntax:
    return Syntax(text=text, tokens=(), tree=None, findings=(finding,))


def tree_of(text: str) -> Expr:
    """The text's tree, which must not be changed.

    Raises:
        InputError: it is not one query, or beyond a bound.
    """
    syntax = read(text)
    if syntax.tree is None:
        raise InputError(syntax.findings)
    return syntax.tree


def sql_of(node: Expr) -> str:
    """DuckDB SQL for one node, without comments.

    Raises:
        InputError: the node is nested too deeply to be written.
    """
    try:
        return node.sql(dialect=_DUCKDB, comments=False)
    except RecursionError as error:
        raise InputError(_too_deep("")) from error


def start_of(node: Expr) -> int | None:
    """The offset at which the first named or literal part of a node stands, if sqlglot kept any."""
    starts = [found.meta["start"] for found in node.walk() if "start" in found.meta and found.key != "star"]
    return min(starts, default=None)


def _parsed(text: str, tokens: tuple[Token, ...]) -> tuple[Expr | None, tuple[Finding, ...]]:
    try:
        statements = [item for item in _DUCKDB.parser().parse(list(tokens), text) if item is not None]
        tree = statements[0] if statements else None
        if tree is None or (len(tokens) > MAX_DEPTH // 2 and _depth(tree) > MAX_DEPTH):
            return None, (_too_deep(text),)
    except ParseError as error:
        return None, (_parse_finding(text, error),)
    except RecursionError:
        return None, (_too_deep(text),)
    empty = next((node for node in tree.find_all(Select) if not node.expressions), None)
    if empty is not None:
        return None, (_syntax_finding(text, tokens[0].start, "SELECT without a column"),)
    _own_constants(tree)
    return tree, ()


def _own_constants(tree: Expr) -> None:
    """Give the tree its own copy of what sqlglot puts into every one: a node that trees share has one parent alone."""
    for node in list(tree.find_all(UnixToTime)):
        scale = node.args.get("scale")
        if scale is not None:
            node.set("scale", scale.copy())


def _depth(tree: Expr) -> int:
    """How deep the tree is. Long chains of AND, OR and set operations count once: nothing recurses over them."""
    deepest = 0
    todo = [(tree, 1)]
    while todo:
        node, depth = todo.pop()
        deepest = max(deepest, depth)
        for child in node.iter_expressions():
            chained = isinstance(node, And | Or | SetOperation) and child.key == node.key
            todo.append((child, depth if chained else depth + 1))
    return deepest


def _beyond_bounds(text: str, tokens: tuple[Token, ...]) -> tuple[Finding, ...]:
    if len(tokens) > MAX_TOKENS:
        return (_too_much(text, f"{len(tokens):,} words and signs", f"at most {MAX_TOKENS:,}", tokens[-1].start),)
    depth = subscripts = 0
    before: TokenType | None = None
    for token in tokens:
        kind = token.token_type
        if kind in _OPENING:
            depth += 1
            if depth > MAX_BRACKETS:
                return (_too_much(text, f"brackets nested {depth} deep", f"at most {MAX_BRACKETS}", token.start),)
        elif kind in _CLOSING:
            depth -= 1
        if kind is TokenType.L_BRACKET and before is TokenType.R_BRACKET:
            subscripts += 1
            # sqlglot takes quadratic time over x[1][1][1]...
            if subscripts > MAX_SUBSCRIPTS:
                return (_too_much(text, f"more than {MAX_SUBSCRIPTS} repeated subscripts", "fewer", token.start),)
        before = kind
    return ()


def _not_one_query(text: str, tokens: tuple[Token, ...]) -> tuple[Finding, ...]:
    words = [token for token in tokens if token.token_type is not TokenType.SEMICOLON]
    if not words:
        return (_syntax_finding(text, 0, "no query", "one SELECT"),)
    ends = [token for token in tokens if token.token_type is TokenType.SEMICOLON and token.start < words[-1].start]
    findings = []
    if words[0].token_type not in _STARTS:
        findings.append(not_a_query(text, words[0].start, words[0].text.upper()))
    if ends:
        following = next(token for token in words if token.start > ends[0].start)
        findings.append(
            Finding(
                code="sql.several_statements",
                message="the text holds more than one statement",
                place=place(text, following.start),
                expected="exactly one SELECT",
                remedy="keep one query in the file; each dataset has its own",
            )
        )
    return tuple(findings)


def _misplaced_commas(text: str, tokens: tuple[Token, ...]) -> tuple[Finding, ...]:
    """Commas in a row, which sqlglot reads over and DuckDB does not."""
    return tuple(
        _syntax_finding(text, token.start, "two commas in a row")
        for before, token in pairwise(tokens)
        if before.token_type is TokenType.COMMA and token.token_type is TokenType.COMMA
    )


def _hidden_characters(text: str, tokens: tuple[Token, ...]) -> tuple[Finding, ...]:
    """Signs that DuckDB takes for a space and sqlglot for part of a word: a name that hides so would go unseen."""
    if text.isascii() and _CONTROL.search(text) is None:
        return ()
    return tuple(
        _syntax_finding(text, token.start, "a word with an invisible character in it", "visible characters")
        for token in tokens
        if token.token_type not in _QUOTED
        and any(sign not in _SPACES and unicodedata.category(sign)[0] in "CZ" for sign in token.text)
    )


def not_a_query(text: str, offset: int, found: str) -> Finding:
    """The finding for a statement that does something else than ask."""
    return Finding(
        code="sql.not_a_query",
        message=f"{found} is not part of a SELECT",
        place=place(text, offset),
        found=found,
        expected="one SELECT, with CTEs and set operations as needed",
        remedy="say what the dataset's rows are; Penstock creates, fills and swaps the tables",
    )


def _syntax_finding(text: str, offset: int, found: str, expected: str | None = None) -> Finding:
    return Finding(
        code="sql.syntax",
        message=f"the SQL does not parse: {found}",
        place=place(text, offset),
        found=found,
        expected=expected or "a DuckDB SELECT",
        remedy="correct the query near that place",
    )


def _too_much(text: str, found: str, expected: str, offset: int) -> Finding:
    return Finding(
        code="sql.too_large",
        message=f"the SQL holds {found}",
        place=place(text[:MAX_CHARACTERS], offset),
        found=found,
        expected=expected,
        remedy="split the query into several datasets",
    )


def _too_deep(text: str) -> Finding:
    return _too_much(text, "expressions nested too deeply", f"at most {MAX_DEPTH} levels", 0)


def _token_finding(text: str, error: TokenError) -> Finding:
    """The tokenizer fails where something opened is never closed, and does not say where."""
    blank = _CLOSED.sub(lambda match: " " * len(match[0]), text)
    opened = re.search(r"/\*|['\"]|\$\w*\$", blank)
    if opened is None:
        return _syntax_finding(text, 0, str(error).splitlines()[0])
    return _syntax_finding(text, opened.start(), f"{opened[0]} is opened and never closed")


def _parse_finding(text: str, error: ParseError) -> Finding:
    fault = error.errors[0] if error.errors else {}
    near = str(fault.get("highlight") or "").strip()
    lines = text.split("\n")
    line = min(int(fault.get("line") or 1), len(lines))
    column = max(int(fault.get("col") or 1) - len(near), 0)
    offset = sum(len(item) + 1 for item in lines[: line - 1]) + column
    said = str(fault.get("description") or "")
    if said.startswith(("Expecting", "Expected TYPE")):
        expected = said.split(" ", 1)[1].rstrip(".")
        return _syntax_finding(text, offset, f"{expected} is expected near {near!r}", expected)
    if said.startswith(("Required", "Expected")):
        return _syntax_finding(text, offset, f"something is missing after {near!r}")
    return _syntax_finding(text, offset, f"{near!r} is unexpected here" if near else said or "unreadable")
