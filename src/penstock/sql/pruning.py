"""A query without the columns that nobody asked for: the same rows, with fewer columns.

Invariant: what is left out decides neither which rows there are nor a value of what is kept. Where that cannot be told
from the text, nothing is left out.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sqlglot import exp
from sqlglot.tokenizer_core import TokenType

from penstock.sql.expressions import is_fold, is_windowed
from penstock.sql.masking import masking_of
from penstock.sql.projection import is_starred, name_of
from penstock.sql.syntax import read, tree_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from sqlglot.expressions import Expr
    from sqlglot.tokenizer_core import Token

_OPENING = {TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE}
_CLOSING = {TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE}
_AFTER_ITEMS = {
    TokenType.FROM,
    TokenType.WHERE,
    TokenType.GROUP_BY,
    TokenType.HAVING,
    TokenType.QUALIFY,
    TokenType.WINDOW,
    TokenType.ORDER_BY,
    TokenType.LIMIT,
    TokenType.OFFSET,
    TokenType.UNION,
    TokenType.EXCEPT,
    TokenType.INTERSECT,
    TokenType.SEMICOLON,
    TokenType.TABLE_SAMPLE,
    TokenType.USING,
}
_NAMING = ("where", "group", "having", "qualify", "windows", "order", "limit", "offset")
"""The clauses of a SELECT that may call its columns by the names it gives them."""
_COUNTED, _ROW = "count(*) AS _rows", "1 AS _rows"
"""What stands for columns that were all left out: for an aggregate's one row, and for as many rows as there are."""


@dataclass(frozen=True, slots=True)
class _Item:
    """A projection: its node and its tokens, from the first to the one after the last."""

    node: Expr
    first: int
    end: int

    @property
    def name(self) -> str:
        return (name_of(self.node) or "").lower()


@dataclass(slots=True)
class _Group:
    """Selects that make one relation: one, or the branches of a UNION ALL. `bound` are positions that must stay."""

    branches: list[list[_Item]]
    selects: list[exp.Select]
    is_root: bool
    bound: frozenset[int]
    kept: set[int] = field(default_factory=set)

    @property
    def width(self) -> int:
        return len(self.branches[0])


class Pruning:
    """A query whose columns may be left out. Read once, asked for many selections of columns."""

    def __init__(self, text: str) -> None:
        tree = tree_of(text)
        self._text, self._tokens = text, read(text).tokens
        items = _items(tree, self._tokens)
        self._groups = [] if items is None or _reads_whole_rows(tree) else list(_groups(tree, items))

    def keeping(self, names: Collection[str]) -> str | None:
        """The query with the columns of these names alone, and those it needs for them in what it is made of.

        None if nothing can be left out. With no names, the query still makes as many rows.
        """
        if not any(group.is_root for group in self._groups):
            return None
        groups = [replace(group, kept=set(group.bound)) for group in self._groups]
        _decide(groups, self._tokens, {name.lower() for name in names})
        return _without(self._text, self._tokens, groups)


def _items(tree: Expr, tokens: Sequence[Token]) -> dict[int, list[_Item]] | None:
    """The projections of each SELECT by the node's identity; None where tokens and tree do not tell the same."""
    spans = list(_spans(tokens))
    selects = list(_in_order(tree))
    if len(spans) != len(selects):
        return None
    found: dict[int, list[_Item]] = {}
    for select, (ranges, from_follows) in zip(selects, spans, strict=True):
        if len(select.expressions) != len(ranges) or from_follows != bool(select.args.get("from_")):
            return None
        items = [_Item(node, *span) for node, span in zip(select.expressions, ranges, strict=True)]
        if not all(_agrees(item, tokens) for item in items):
            return None
        found[id(select)] = items
    return found


def _agrees(item: _Item, tokens: Sequence[Token]) -> bool:
    """Whether the name that the tree gives a projection stands at its end."""
    return not item.name or item.name == tokens[item.end - 1].text.lower()


def _spans(tokens: Sequence[Token]) -> Iterator[tuple[list[tuple[int, int]], bool]]:
    """The token ranges of the projections of each SELECT, in the order written, and whether a FROM follows."""
    for number, token in enumerate(tokens):
        if token.token_type is TokenType.SELECT:
            yield _ranges(tokens, number + 1)


def _ranges(tokens: Sequence[Token], start: int) -> tuple[list[tuple[int, int]], bool]:
    ranges: list[tuple[int, int]] = []
    depth, first, from_follows = 0, start, False
    for number in range(start, len(tokens) + 1):
        kind = tokens[number].token_type if number < len(tokens) else TokenType.SEMICOLON
        if kind is TokenType.FROM and tokens[number - 1].token_type is TokenType.DISTINCT:  # IS DISTINCT FROM
            continue
        if kind in _OPENING:
            depth += 1
        elif kind in _CLOSING and depth:
            depth -= 1
        elif depth == 0 and (kind is TokenType.COMMA or kind in _AFTER_ITEMS or kind in _CLOSING):
            if number > first:
                ranges.append((first, number))
            first = number + 1
            if kind is not TokenType.COMMA:
                from_follows = kind is TokenType.FROM
                break
    return ranges, from_follows


def _in_order(node: Expr) -> Iterator[exp.Select]:
    """Every SELECT in the order in which the words stand in the text, as far as the tree keeps it."""
    todo: list[tuple[Expr, bool]] = [(node, False)]
    while todo:
        item, is_next = todo.pop()
        if is_next:
            assert isinstance(item, exp.Select)  # noqa: S101 - put there below
            yield item
            continue
        with_ = item.args.get("with_")
        children = [child for child in item.iter_expressions() if child is not with_]
        todo += [(child, False) for child in reversed(children)]
        if isinstance(item, exp.Select):
            todo.append((item, True))
        if with_ is not None:
            todo.append((with_, False))


def _reads_whole_rows(tree: Expr) -> bool:
    """Whether a name stands for a whole row of a source: then every column of it may matter."""
    sources = {
        (node.alias or node.name).lower() for node in tree.find_all(exp.Table, exp.Subquery, exp.CTE, exp.Lateral)
    }
    return any(
        isinstance(column.this, exp.Identifier) and not column.table and column.name.lower() in sources
        for column in tree.find_all(exp.Column)
    )


def _groups(tree: Expr, items: dict[int, list[_Item]]) -> Iterator[_Group]:
    """The relations whose columns may be left out: the query's own, and those it makes on the way under a name."""
    yield from _group(_unnested(tree), items, is_root=True)
    if _takes_all(tree):
        return
    for cte in tree.find_all(exp.CTE):
        recursive = isinstance(cte.parent, exp.With) and cte.parent.args.get("recursive")
        if not recursive and not cte.args["alias"].columns:
            yield from _group(_unnested(cte.this), items, is_root=False)
    for source in tree.find_all(exp.Subquery):
        alias = source.args.get("alias")
        plain = isinstance(alias, exp.TableAlias) and not alias.columns and not source.args.get("pivots")
        if plain and isinstance(source.parent, exp.From | exp.Join):
            yield from _group(_unnested(source.this), items, is_root=False)


def _unnested(node: Expr) -> Expr:
    while isinstance(node, exp.Subquery) and not node.alias and not _decides(node):
        node = node.this
    return node


def _decides(node: Expr) -> bool:
    """Whether something about the node beyond its columns is said: an order, a limit, a pivot."""
    return any(value for key, value in node.args.items() if key not in {"this", "alias"})


def _takes_all(tree: Expr) -> bool:
    """Whether somewhere all columns of something are taken, whatever their names."""
    for select in tree.find_all(exp.Select):
        if any(is_starred(item) or item.find(exp.Columns) is not None for item in select.expressions):
            return True
    if tree.find(exp.Pivot, exp.Summarize) is not None:
        return True
    natural = any((join.args.get("method") or "").upper() == "NATURAL" for join in tree.find_all(exp.Join))
    return natural or any(node.args.get("by_name") for node in tree.find_all(exp.SetOperation))


def _group(node: Expr, items: dict[int, list[_Item]], *, is_root: bool) -> Iterator[_Group]:
    """The relation that a query makes, if columns of it may be left out."""
    selects = _branches(node)
    branches = [items[id(select)] for select in selects]
    if not selects or len({len(branch) for branch in branches}) > 1 or not all(map(_is_open, selects)):
        return
    if len(selects) > 1 and any(is_starred(item.node) for branch in branches for item in branch):
        return
    bound = frozenset(
        place
        for select, branch in zip(selects, branches, strict=True)
        for place, item in enumerate(branch)
        if _is_bound(select, item)
    )
    yield _Group(branches=branches, selects=selects, is_root=is_root, bound=bound)


def _branches(node: Expr) -> list[exp.Select]:
    """The SELECTs whose rows stand one after the other; none if rows are compared or taken off."""
    found: list[exp.Select] = []
    todo = [node]
    while todo:
        item = _unnested(todo.pop())
        if isinstance(item, exp.Union) and not item.args.get("distinct") and not item.args.get("by_name"):
            if any(item.args.get(key) for key in ("order", "limit", "offset")):
                return []
            todo += [item.expression, item.this]
        elif isinstance(item, exp.Select):
            found.append(item)
        else:
            return []
    return found


def _is_open(select: exp.Select) -> bool:
    """Whether columns may be left out without others changing their place or the rows their number."""
    if any(select.args.get(key) for key in ("distinct", "kind", "into")):
        return False
    group, order = select.args.get("group"), select.args.get("order")
    if group is not None and any(group.args.get(key) for key in ("rollup", "cube", "grouping_sets", "totals")):
        return False
    placed = [*(group.expressions if group else ()), *(item.this for item in (order.expressions if order else ()))]
    return not any(isinstance(item, exp.Literal | exp.Neg) or item.name.upper() == "ALL" for item in placed)


def _is_bound(select: exp.Select, item: _Item) -> bool:
    """Whether a projection must stay: it has no name to be left out by, makes rows, or may fold them."""
    node = item.node
    if is_starred(node) or not item.name or node.find(exp.Explode, exp.Unnest, exp.Columns) is not None:
        return True
    if any(isinstance(part, exp.Anonymous) and not is_fold(part) and not masking_of(part) for part in node.walk()):
        return True  # nobody here knows whether it folds rows, or makes several of one
    group = select.args.get("group")
    return group is not None and bool(group.args.get("all")) and not _folds(node)


def _folds(node: Expr) -> bool:
    """Whether a projection makes one value of many rows, outside of queries within it."""
    todo = [node]
    while todo:
        part = todo.pop()
        if is_fold(part) and not is_windowed(part):
            return True
        if not isinstance(part, exp.Query):
            todo.extend(part.iter_expressions())
    return False


def _decide(groups: list[_Group], tokens: Sequence[Token], keep: set[str]) -> None:
    """Keep what was asked for, then whatever is named by what is kept, until nothing is added."""
    for group in groups:
        if group.is_root:
            group.kept |= {place for place, item in enumerate(group.branches[0]) if item.name in keep}
    added = True
    while added:
        added = False
        words = _words(tokens, groups)
        for group in groups:
            known = _own_names(group) if group.is_root else words[id(group)]
            named = {place for branch in group.branches for place, item in enumerate(branch) if item.name in known}
            added = added or not named <= group.kept
            group.kept |= named


def _own_names(group: _Group) -> set[str]:
    """The names that the clauses and the kept columns of a query use: they may be names of its other columns."""
    found: set[str] = set()
    for select, branch in zip(group.selects, group.branches, strict=True):
        clauses = [select.args.get(key) for key in _NAMING]
        nodes = [node for clause in clauses for node in (clause if isinstance(clause, list) else [clause]) if node]
        nodes += [item.node for place, item in enumerate(branch) if place in group.kept]
        found |= {column.name.lower() for node in nodes for column in node.find_all(exp.Column)}
    return found


def _words(tokens: Sequence[Token], groups: list[_Group]) -> dict[int, set[str]]:
    """For each group the words of everything that is kept outside of the group's own names."""
    dropped = {number for group in groups for number in _dropped(group)}
    found: dict[int, set[str]] = {}
    for group in groups:
        own = {item.end - 1 for branch in group.branches for item in branch}
        own |= {item.first for branch in group.branches for item in branch if item.end - item.first == 1}
        found[id(group)] = {
            token.text.lower()
            for number, token in enumerate(tokens)
            if number not in dropped and number not in own and token.token_type is not TokenType.STRING
        }
    return found


def _dropped(group: _Group) -> set[int]:
    return {
        number
        for branch in group.branches
        for place, item in enumerate(branch)
        if place not in group.kept
        for number in range(item.first, item.end)
    }


def _without(text: str, tokens: Sequence[Token], groups: list[_Group]) -> str:
    """The text less what is not kept, and with a word that stands for columns of which none is left."""
    gone: list[tuple[int, int]] = []
    put: dict[int, str] = {}
    for group in groups:
        for select, branch in zip(group.selects, group.branches, strict=True):
            _strike(select, branch, group.kept, tokens, gone, put)
    parts: list[str] = []
    place = 0
    for start, end in sorted({*gone, *((at, at) for at in put)}):
        if start < place and end <= place:  # within something that goes as a whole
            continue
        parts.append(text[place:start])
        parts.append(put.pop(start, ""))
        place = max(place, end)
    return "".join([*parts, text[place:]])


def _strike(
    select: exp.Select,
    branch: list[_Item],
    kept: set[int],
    tokens: Sequence[Token],
    gone: list[tuple[int, int]],
    put: dict[int, str],
) -> None:
    """Mark what goes of one SELECT: projections, and the commas before them or, at the beginning, after them."""
    if len(kept) == len(branch):
        return
    for place, item in enumerate(branch):
        if place not in kept:
            gone.append((tokens[item.first].start, tokens[item.end - 1].end + 1))
    seen = 0 in kept
    for place, before in enumerate(branch[:-1], start=1):
        if not (place in kept and seen):
            gone.append((tokens[before.end].start, tokens[before.end].end + 1))
        seen = seen or place in kept
    folded = select.args.get("group") is None and any(_folds(item.node) for item in branch)
    stands = _COUNTED if folded else _ROW
    left = [branch[place] for place in sorted(kept)]
    if not left:
        put[tokens[branch[0].first].start] = f"{stands} "
    elif folded and not any(_folds(item.node) for item in left):
        put[tokens[left[0].first].start] = f"{stands}, "
