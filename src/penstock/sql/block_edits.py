"""Copies of a SELECT with one part put for another, and an old SELECT's parts in a new one's aliases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from penstock.sql.forms import operands

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlglot.expressions import Expr

    from penstock.sql.scopes import Scopes, Source

_CLAUSES = {"where": exp.Where, "having": exp.Having, "qualify": exp.Qualify}


class Moving:
    """Writes nodes of an old SELECT in the aliases of a new one."""

    def __init__(self, scopes: Scopes, theirs: Sequence[Source], ours: Sequence[Source]) -> None:
        self._scopes = scopes
        named = {(source.reads, _twin(source, ours)): source.name for source in ours}
        self._names = {id(source.node): named.get((source.reads, _twin(source, theirs))) for source in theirs}

    def moved(self, node: Expr) -> Expr | None:
        """A copy in the new aliases; None if it reads a source that the new SELECT does not have."""
        copy = node.copy()
        for mine, other in zip(list(node.walk()), list(copy.walk()), strict=True):
            if isinstance(mine, exp.Column):
                found = self._scopes.find(mine)
                if found is None or id(found.source.node) not in self._names:
                    continue
                name = self._names[id(found.source.node)]
                if name is None:
                    if not isinstance(node, exp.Join | exp.From):
                        return None
                    continue
                other.set("table", exp.to_identifier(name, quoted=True))
                other.set("db", None)
            elif isinstance(mine, exp.Table | exp.Subquery):
                name = self._names.get(id(mine))
                if name and name != (mine.alias or mine.name).lower():
                    other.set("alias", exp.TableAlias(this=exp.to_identifier(name, quoted=True)))
        return copy

    def moved_argument(self, value: object) -> Expr | list[Expr | None] | None:
        """The same for what a SELECT holds under a key: a node, several, or nothing."""
        if isinstance(value, list):
            return [self.moved(item) for item in value]
        return self.moved(value) if isinstance(value, exp.Expr) else None


def _twin(source: Source, sources: Sequence[Source]) -> int:
    before = sources[: next(at for at, item in enumerate(sources) if item is source)]
    return sum(item.reads == source.reads for item in before)


def read_items(select: exp.Select) -> list[Expr]:
    """FROM, the joins and the laterals of a SELECT, in the order written."""
    source = select.args.get("from_")
    return [
        *([source] if source is not None else []),
        *(select.args.get("joins") or ()),
        *(select.args.get("laterals") or ()),
    ]


def with_item(new: exp.Select, at: int, put: Expr | None) -> exp.Select | None:
    """A copy with another of its `read_items`."""
    if put is None:
        return None
    copy = new.copy()
    read_items(copy)[at].replace(put)
    return copy


def with_from(new: exp.Select, old: exp.Select, moving: Moving) -> exp.Select:
    """A copy that reads and joins what the old SELECT did."""
    copy = new.copy()
    for key in ("from_", "joins", "laterals", "sample"):
        copy.set(key, moving.moved_argument(old.args.get(key)))
    return copy


def conjuncts_of(select: exp.Select, clause: str) -> list[Expr]:
    """The conditions of a `where`, `having` or `qualify` that all have to hold."""
    node = select.args.get(clause)
    if node is None:
        return []
    return list(operands(node.this)) if isinstance(node.this, exp.And) else [node.this]


def with_condition(new: exp.Select, clause: str, conjuncts: Sequence[Expr]) -> exp.Select:
    """A copy with other conditions in a `where`, `having` or `qualify`; without the clause for none."""
    copy = new.copy()
    if not conjuncts:
        copy.set(clause, None)
        return copy
    whole = together(conjuncts)
    assert whole is not None  # noqa: S101 - there are some
    copy.set(clause, _CLAUSES[clause](this=whole.copy()))
    return copy


def together(items: Sequence[Expr]) -> Expr | None:
    """Several conditions as one."""
    if len(items) < 2:
        return items[0] if items else None
    return exp.and_(*(exp.paren(item.copy(), copy=False) for item in items), copy=False)
