"""What a SELECT groups by, whichever way it says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from penstock.sql.blocks import has_fold

if TYPE_CHECKING:
    from sqlglot.expressions import Expr


def keys_of(select: exp.Select) -> list[Expr] | None:
    """What a SELECT groups by, with GROUP BY ALL, positions and aliases spelled out; None where that cannot be told."""
    group = select.args.get("group")
    if group is None:
        return []
    if {key for key, value in group.args.items() if value} - {"expressions", "all"}:
        return None
    items = select.expressions
    if group.args.get("all"):
        starred = any(item.is_star for item in items)
        return None if starred else [item.unalias() for item in items if not has_fold(item)]
    named = {item.alias.lower(): item.this for item in items if isinstance(item, exp.Alias)}
    read = {column.name.lower() for item in items for column in item.find_all(exp.Column)}
    keys: list[Expr] = []
    for key in group.expressions:
        inner = key.unnest()
        if isinstance(inner, exp.Literal):
            at = int(inner.name) - 1 if inner.name.isdigit() else -1
            if not 0 <= at < len(items):
                return None
            keys.append(items[at].unalias())
        else:
            name = inner.name.lower() if isinstance(inner, exp.Column) and not inner.table else ""
            if name in named and name in read and not isinstance(named[name], exp.Column):
                return None  # a column of that name goes before the alias, if there is one
            keys.append(named.get(name, inner))
    return keys
