"""Which columns of a query count or add up rows: how far they go depends on how many rows there will be."""

from __future__ import annotations

from sqlglot import exp

from penstock.sql.syntax import tree_of

_GROWING = (exp.Count, exp.CountIf, exp.ApproxDistinct, exp.Sum, exp.RowNumber)


def counting_columns(text: str) -> frozenset[str]:
    """The names (lower case) of what counts, adds up, or is made of a column of the query that does.

    Names are followed without regard to where they stand: a column that shares its name with a count may be among them.

    >>> sorted(counting_columns("SELECT s, n * 2 AS m FROM (SELECT s, count(*) AS n FROM a.b GROUP BY s)"))
    ['m', 'n']

    Raises:
        InputError: it cannot be parsed.
    """
    aliases = [(alias.alias.lower(), alias.this) for alias in tree_of(text).find_all(exp.Alias)]
    found = {name for name, made in aliases if made.find(*_GROWING)}
    while True:
        more = {name for name, made in aliases if {one.name.lower() for one in made.find_all(exp.Column)} & found}
        if more <= found:
            return frozenset(found)
        found |= more
