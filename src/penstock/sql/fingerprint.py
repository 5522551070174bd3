"""What a query is, whatever its layout: equal fingerprints mean equal results.

Comments, layout, keyword case, the aliases of tables, the names of CTEs, and the order of AND, OR, +, * and = operands
leave it alone. The tree alone would not do: sqlglot reads several functions into one node. So the words of the query
that are no alias, sorted, stand beside the tree's form, and what differs in either is different.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING

from sqlglot import exp
from sqlglot._version import __version__
from sqlglot.tokenizer_core import TokenType

from penstock.sql.forms import Forms
from penstock.sql.syntax import read, sql_of, tree_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlglot.expressions import Expr

_EDITION = 2
_AS_WRITTEN = {TokenType.STRING, TokenType.IDENTIFIER, TokenType.NUMBER, TokenType.HEREDOC_STRING}
_SILENT = {TokenType.SEMICOLON, TokenType.L_PAREN, TokenType.R_PAREN, TokenType.COMMA, TokenType.ALIAS, TokenType.DOT}
_SPELLINGS = {TokenType.NEQ: "NEQ='<>'", TokenType.DCOLON: "VAR='cast'"}
"""Words of signs that have another spelling: `!=` for `<>`, and `x::t`, which is CAST(x AS t)."""


@lru_cache(maxsize=2048)
def canonical(text: str) -> str:
    """The query's normal form, for comparing and hashing; it is not SQL.

    Raises:
        InputError: the text is not one query.
    """
    tree = tree_of(text)
    forms = Forms(tree)
    names = [f"{index}: {sql}" for index, sql in enumerate(_made_up_names(tree))]
    words = sorted(_words(text, forms.consumed))
    return "\n".join([forms.of(tree), *names, " ".join(words)])


@lru_cache(maxsize=65_536)
def digest(text: str) -> str:
    """SHA-256 of the normal form, in hex. Another version of sqlglot gives another digest.

    Raises:
        InputError: as `canonical`.
    """
    whole = f"penstock query {_EDITION}, sqlglot {__version__}\n{canonical(text)}"
    return hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()


def _words(text: str, consumed: set[int]) -> Iterator[str]:
    for token in read(text).tokens:
        if token.token_type in _SILENT or token.start in consumed:
            continue
        word = token.text if token.token_type in _AS_WRITTEN else token.text.lower()
        yield _SPELLINGS.get(token.token_type, f"{token.token_type.name}={word!r}")


def _made_up_names(tree: Expr) -> Iterator[str]:
    """Expressions without a name: the engine names the column by their text, aliases and operand order included."""
    for select in tree.find_all(exp.Select):
        if _names_matter(select):
            for item in select.expressions:
                if not isinstance(item, exp.Alias | exp.Column | exp.Star):
                    yield sql_of(item)


def _names_matter(select: exp.Select) -> bool:
    """Not those of a query that is compared with, tested for rows, or one value of an expression."""
    parent = select.parent
    if isinstance(parent, exp.Exists):
        return False
    if not isinstance(parent, exp.Subquery):
        return True
    return not isinstance(parent.parent, exp.Binary | exp.Unary | exp.Func | exp.Alias | exp.In | exp.Between)
