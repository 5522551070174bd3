"""Other words for the columns of an expression, with the rest of its text left as its author wrote it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot.dialects.duckdb import DuckDB
from sqlglot.tokenizer_core import TokenType

if TYPE_CHECKING:
    from collections.abc import Mapping


def rename_columns(text: str, names: Mapping[str, str]) -> str:
    """The expression with each bare column named in `names` replaced by that SQL text.

    Functions, strings and qualified names stay as they are.

    >>> rename_columns("nullif(value, 'value')", {"value": "CustomerID"})
    "nullif(CustomerID, 'value')"
    """
    tokens = DuckDB().tokenize(text)
    spots: list[tuple[int, int, str]] = []
    for index, token in enumerate(tokens):
        before = tokens[index - 1].token_type if index else None
        after = tokens[index + 1].token_type if index + 1 < len(tokens) else None
        word = token.text if token.token_type is TokenType.IDENTIFIER else token.text.lower()
        plain = before is not TokenType.DOT and after not in {TokenType.DOT, TokenType.L_PAREN}
        if token.token_type is not TokenType.STRING and plain and word in names:
            spots.append((token.start, token.end + 1, names[word]))
    for start, end, name in reversed(spots):
        text = text[:start] + name + text[end:]
    return text
