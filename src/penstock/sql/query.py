"""An author's query, read and judged: one DuckDB SELECT over `pipeline.dataset` tables that reaches nothing else."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from itertools import zip_longest
from typing import TYPE_CHECKING

from sqlglot import exp
from sqlglot.tokenizer_core import TokenType

from penstock.model.errors import InputError
from penstock.model.findings import Finding, Severity
from penstock.model.pipelines import NAME_PATTERN
from penstock.sql import functions
from penstock.sql.expressions import (
    Expression,
    ExpressionError,
    expression_columns,
    is_aggregate,
    parse_expression,
)
from penstock.sql.lineage import output_columns
from penstock.sql.scopes import dataset_of, find_cte
from penstock.sql.syntax import Syntax, not_a_query, read, within

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from sqlglot.expressions import Expr
    from sqlglot.tokenizer_core import Token

__all__ = [
    "PARAMETERS",
    "Expression",
    "ExpressionError",
    "Query",
    "TableUse",
    "expression_columns",
    "is_aggregate",
    "output_names",
    "parse_expression",
    "parse_query",
]

PARAMETERS = frozenset({"interval_start", "interval_end", "offset"})
_CATALOGS = frozenset({"information_schema", "pg_catalog", "system", "temp"})
_CATALOG_TABLE = re.compile(r"(duckdb|pg|sqlite|pragma)_\w+")
_FILE_NAME = re.compile(r"[./\\:*]")
_STATEMENTS = (
    exp.Insert,
    exp.Update,
    exp.Delete,
    exp.Merge,
    exp.Create,
    exp.Drop,
    exp.Alter,
    exp.Command,
    exp.Describe,
    exp.Summarize,
    exp.Show,
    exp.Pragma,
    exp.Set,
    exp.Copy,
    exp.Attach,
    exp.Detach,
    exp.Use,
    exp.Into,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableUse:
    """One place where a query reads a dataset; line and column count from 1 in the text given."""

    name: str
    line: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What a query reads, in the order written, the parameters it binds, and what in it is doubtful."""

    text: str
    reads: tuple[TableUse, ...]
    params: frozenset[str] = frozenset()
    warnings: tuple[Finding, ...] = ()

    @property
    def datasets(self) -> tuple[str, ...]:
        """The datasets read, each once, sorted."""
        return tuple(sorted({use.name for use in self.reads}))


def parse_query(text: str, file: str, *, dataset: str | None = None, known: Collection[str] | None = None) -> Query:
    """Read an author's query. With `known`, a dataset that is not among them is a mistake too.

    Raises:
        InputError: it is not one read-only DuckDB SELECT over datasets; every mistake found is in it.
    """
    query, findings = _judge(text, None if known is None else frozenset(known))
    if findings:
        raise InputError(within(findings, file, dataset))
    return Query(text=text, reads=query.reads, params=query.params, warnings=within(query.warnings, file, dataset))


def output_names(query: Query, schema: Mapping[str, tuple[str, ...]] | None = None) -> tuple[str, ...]:
    """The names of the columns a query makes, in order; `schema` (dataset to columns) is needed only for `*`.

    Raises:
        InputError: a column has no name of its own, two share one, or the columns of a dataset under `*` are not known.
    """
    return output_columns(query.text, schema or {})


@lru_cache(maxsize=2048)
def _judge(text: str, known: frozenset[str] | None) -> tuple[Query, tuple[Finding, ...]]:
    syntax = read(text)
    params, findings = _parameters(syntax)
    refused, warnings = _calls(syntax)
    findings = [*syntax.findings, *findings, *refused]
    reads: list[TableUse] = []
    if syntax.tree is not None:
        findings.extend(_statement_findings(syntax, syntax.tree))
        for table in syntax.tree.find_all(exp.Table, exp.Lateral):
            assert isinstance(table, exp.Table | exp.Lateral)  # noqa: S101 - what was asked for
            use = _table_use(syntax, table, known)
            if isinstance(use, TableUse):
                reads.append(use)
            elif use is not None:
                findings.append(use)
        warnings.extend(_samples(syntax, syntax.tree))
    reads.sort(key=lambda use: (use.line, use.column))
    findings = sorted(set(findings), key=lambda item: (item.place.line or 0, item.place.column or 0))
    return Query(text=text, reads=tuple(reads), params=params, warnings=tuple(warnings)), tuple(findings)


def _parameters(syntax: Syntax) -> tuple[frozenset[str], list[Finding]]:
    params: set[str] = set()
    findings: list[Finding] = []
    for token, after in _pairs(syntax.tokens):
        name = after.text if token.token_type is TokenType.PARAMETER and token.text == "$" and after else ""
        if name in PARAMETERS:
            params.add(name)
        elif name or token.token_type is TokenType.PLACEHOLDER:
            found = f"${name}" if name else "?"
            findings.append(
                Finding(
                    code="sql.unknown_parameter",
                    message=f"{found} is not a parameter Penstock binds",
                    place=syntax.place(token.start),
                    found=found,
                    expected=" | ".join(f"${item}" for item in sorted(PARAMETERS, reverse=True)),
                    remedy="use the interval's parameters, or write the value itself",
                )
            )
    return frozenset(params), findings


def _calls(syntax: Syntax) -> tuple[list[Finding], list[Finding]]:
    """Findings for functions that are refused, and warnings for those that give something else each time."""
    refused: list[Finding] = []
    warnings: list[Finding] = []
    before: TokenType | None = None
    for token, after in _pairs(syntax.tokens):
        called = (
            after is not None and after.token_type is TokenType.L_PAREN and token.token_type is not TokenType.STRING
        )
        bare = before not in {TokenType.DOT, TokenType.ALIAS} and token.token_type is not TokenType.IDENTIFIER
        name = token.text.lower()
        before = token.token_type
        if not called and not (bare and name in functions.NO_PARENTHESES):
            continue
        reach = functions.reach(name)
        if reach is not None:
            refused.append(_refused_call(syntax, token, reach))
        elif name in functions.NONDETERMINISTIC:
            warnings.append(_unstable(syntax, token.start, name))
    return refused, warnings


def _pairs(tokens: tuple[Token, ...]) -> Iterator[tuple[Token, Token | None]]:
    return zip_longest(tokens, tokens[1:])


def _refused_call(syntax: Syntax, token: Token, reach: functions.Reach) -> Finding:
    words = {
        functions.Reach.FILE: ("reads files or the network", "declare a source for the files and read its dataset"),
        functions.Reach.ENVIRONMENT: (
            "depends on the session it runs in",
            "pass what it needs as a dataset or a parameter",
        ),
        functions.Reach.CATALOG: ("reads the database's catalog", "read a dataset"),
        functions.Reach.HIDDEN_SQL: ("runs SQL that nobody can check", "write the query itself"),
    }
    says, remedy = words[reach]
    return Finding(
        code=f"sql.{reach}",
        message=f"{token.text} {says}",
        place=syntax.place(token.start),
        found=token.text,
        expected="functions of the rows read",
        remedy=remedy,
    )


def _unstable(syntax: Syntax, offset: int, name: str) -> Finding:
    return Finding(
        code="sql.nondeterministic",
        message=f"{name} gives something else each time the query runs",
        severity=Severity.WARNING,
        place=syntax.place(offset),
        found=name,
        expected="the same rows from the same inputs",
        remedy="derive it from the rows or from $interval_start and $interval_end",
    )


def _samples(syntax: Syntax, tree: Expr) -> Iterator[Finding]:
    if next(tree.find_all(exp.TableSample), None) is not None:
        words = {"tablesample", "sample"}
        offset = next((token.start for token in syntax.tokens if token.text.lower() in words), 0)
        yield _unstable(syntax, offset, "a sample")


def _statement_findings(syntax: Syntax, tree: Expr) -> Iterator[Finding]:
    root = tree
    while isinstance(root, exp.Subquery):
        root = root.this
    if not isinstance(root, exp.Select | exp.SetOperation):
        yield not_a_query(syntax.text, syntax.tokens[0].start, root.key.upper())
    for node in tree.find_all(*_STATEMENTS):
        word = node.key.upper()
        spots = (token.start for token in syntax.tokens if token.text.upper() == word)
        yield not_a_query(syntax.text, next(spots, 0), word)
    for before, token in _pairs(syntax.tokens):
        if before.token_type is TokenType.TABLE and token is not None and token.token_type is not TokenType.DOT:
            yield not_a_query(syntax.text, before.start, "TABLE")


def _table_use(
    syntax: Syntax, node: exp.Table | exp.Lateral, known: frozenset[str] | None
) -> TableUse | Finding | None:
    if isinstance(node, exp.Lateral) or not isinstance(node.this, exp.Identifier):
        return _row_maker(syntax, node)
    if find_cte(node) is not None:
        return None
    offset = node.parts[0].meta.get("start", 0)
    name = dataset_of(node)
    outside = _outside(syntax, offset, node)
    if outside is not None:
        return outside
    if name is None or not all(NAME_PATTERN.fullmatch(part) for part in name.split(".")):
        return _unqualified(syntax, offset, node, known)
    if known is not None and name not in known:
        return unknown_dataset(syntax, offset, name, known)
    where = syntax.place(offset)
    return TableUse(name=name, line=where.line or 1, column=where.column or 1)


def _outside(syntax: Syntax, offset: int, node: exp.Table) -> Finding | None:
    """A table that is a file or belongs to the catalog."""
    if len(node.parts) == 1 and (syntax.text[offset] == "'" or _FILE_NAME.search(node.name)):
        return _file(syntax, offset, node.name)
    if node.parts[0].name.lower() in _CATALOGS or node.db.lower() in _CATALOGS:
        return _catalog(syntax, offset, f"{node.db}.{node.name}")
    if len(node.parts) == 1 and _CATALOG_TABLE.fullmatch(node.name.lower()):
        return _catalog(syntax, offset, node.name)
    return None


def _row_maker(syntax: Syntax, node: exp.Table | exp.Lateral) -> Finding | None:
    """A function in FROM must be one that makes rows from its arguments; those refused by name are found elsewhere."""
    call = node.this
    if isinstance(call, exp.Subquery | exp.Unnest | exp.Explode | exp.Values):
        return None
    start, end = call.meta.get("start"), call.meta.get("end")
    name = (syntax.text[start : end + 1] if start is not None and end is not None else call.name or call.key).strip('"')
    if name.lower() in functions.ROW_MAKERS or functions.reach(name) is not None:
        return None
    return Finding(
        code="sql.table_function",
        message=f"{name} cannot stand in FROM",
        place=syntax.place(start or 0),
        found=name,
        expected=" | ".join(sorted(functions.ROW_MAKERS)),
        remedy="read a dataset, or make rows with one of these functions or VALUES",
    )


def _file(syntax: Syntax, offset: int, name: str) -> Finding:
    return Finding(
        code=f"sql.{functions.Reach.FILE}",
        message=f"{name!r} in FROM is a file",
        place=syntax.place(offset),
        found=name,
        expected="a table written pipeline.dataset",
        remedy="declare a source for the files and read its dataset",
    )


def _catalog(syntax: Syntax, offset: int, name: str) -> Finding:
    return Finding(
        code=f"sql.{functions.Reach.CATALOG}",
        message=f"{name} is the database's catalog",
        place=syntax.place(offset),
        found=name,
        expected="a table written pipeline.dataset",
        remedy="read a dataset",
    )


def _unqualified(syntax: Syntax, offset: int, node: exp.Table, known: frozenset[str] | None) -> Finding:
    written = ".".join(part.name for part in node.parts)
    likely = [name for name in sorted(known or ()) if name.split(".")[-1] == node.name.lower()]
    return Finding(
        code="sql.not_a_dataset",
        message=f"{written} is not written as pipeline.dataset, and no CTE here has that name",
        place=syntax.place(offset),
        found=written,
        expected=" | ".join(likely) or "pipeline.dataset in lower case letters, digits and underscores",
        remedy=f"write {likely[0]}" if likely else "name the pipeline the dataset belongs to",
    )


def unknown_dataset(syntax: Syntax, offset: int, name: str, known: Collection[str]) -> Finding:
    """The finding for a dataset that is not among those known, with the nearest name if one is near."""
    near = get_close_matches(name, sorted(known), n=1)
    return Finding(
        code="sql.unknown_dataset",
        message=f"there is no dataset {name}" + (f"; did you mean {near[0]}?" if near else ""),
        place=syntax.place(offset),
        found=name,
        expected=" | ".join(sorted(known)) or "a dataset (there is none yet)",
        remedy=f"write {near[0]}" if near else "read one of the datasets listed",
    )
