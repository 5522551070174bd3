"""The parts in which two queries differ, SELECT by SELECT, each with the new SELECT as it would be with the old part.

SELECTs are paired by the CTE, subquery or branch they are; old parts are written in the new one's aliases. Where a part
cannot be put back, the difference says so by having no `before`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import zip_longest
from typing import TYPE_CHECKING

from sqlglot import exp

from penstock.model.errors import InputError
from penstock.sql.block_edits import (
    Moving,
    conjuncts_of,
    put_back,
    read_items,
    together,
    with_condition,
    with_from,
    with_item,
)
from penstock.sql.blocks import blocks_of, has_fold
from penstock.sql.changes import ChangedPlace, ChangeKind
from penstock.sql.expressions import is_fold
from penstock.sql.fingerprint import canonical
from penstock.sql.forms import Forms
from penstock.sql.grouping_keys import keys_of
from penstock.sql.scopes import Scopes
from penstock.sql.syntax import excerpt, place, sql_of, start_of, tree_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlglot.expressions import Expr

    from penstock.sql.blocks import Path
    from penstock.sql.scopes import Found


class Part(StrEnum):
    """Which part of a SELECT differs."""

    FROM = "from"
    WHERE = "where"
    GROUP = "group"
    HAVING = "having"
    QUALIFY = "qualify"
    ITEM = "item"
    DISTINCT = "distinct"
    ORDER = "order"
    WINDOWS = "windows"
    SET = "set"
    COLUMN = "column"
    """A column that came, went or stands elsewhere: the others' rows are the same."""
    STRUCTURE = "structure"


_KINDS = {
    Part.FROM: ChangeKind.SOURCE,
    Part.WHERE: ChangeKind.FILTER,
    Part.HAVING: ChangeKind.FILTER,
    Part.QUALIFY: ChangeKind.FILTER,
    Part.GROUP: ChangeKind.GROUPING,
    Part.ITEM: ChangeKind.EXPRESSION,
    Part.DISTINCT: ChangeKind.DISTINCT,
    Part.ORDER: ChangeKind.ORDERING,
    Part.WINDOWS: ChangeKind.EXPRESSION,
    Part.SET: ChangeKind.SOURCE,
    Part.COLUMN: ChangeKind.EXPRESSION,
    Part.STRUCTURE: ChangeKind.SOURCE,
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Difference:
    """One part that differs. `before` is a copy of the new SELECT with the part as it was, `without` one without it.

    `old` is the old node in the new SELECT's aliases, `new` the node as it stands; one of them is None where the part
    was added or removed.
    """

    path: Path
    part: Part
    place: ChangedPlace
    before: Expr | None = None
    without: Expr | None = None
    old: Expr | None = None
    new: Expr | None = None

    @property
    def nodes(self) -> tuple[Expr, ...]:
        """What changed, on both sides."""
        return tuple(node for node in (self.old, self.new) if node is not None)


def differences(old: str, new: str) -> tuple[Difference, ...]:
    """Every part in which the new query differs from the old one; none if they mean the same.

    Raises:
        InputError: one of the texts is not one query.
    """
    if canonical(old) == canonical(new):
        return ()
    pairing = _Pairing(old, new)
    found = tuple(pairing.differences())
    return found if found and pairing.is_old_with(found) else (*found, _unplaced(old, new))


def changed_places(old: str, new: str) -> tuple[ChangedPlace, ...]:
    """The places of all differences, in the order of lines, removed ones last.

    Raises:
        InputError: one of the texts is not one query.
    """
    places = [difference.place for difference in differences(old, new)]
    return tuple(sorted(places, key=lambda place: (place.removed, place.line, place.kind, place.name)))


class _Pairing:
    """Both queries, their forms, and what the old one's sources are called in the new one."""

    def __init__(self, old: str, new: str) -> None:
        self.texts = (old, new)
        self.trees = (tree_of(old), tree_of(new))
        self.forms = tuple(Forms(tree, _source_name) for tree in self.trees)
        self.scopes = tuple(Scopes(tree) for tree in self.trees)
        self._paired: list[tuple[Path, Expr]] = []

    def is_old_with(self, found: Sequence[Difference]) -> bool:
        """Whether the new query is the old one once every part that was found is put back: else one was missed."""
        if any(one.part is Part.STRUCTURE for one in found):
            return True  # something is known not to be known
        copy = self.trees[1].copy()
        standing = blocks_of(copy)
        parts: dict[Path, set[Part]] = {}
        for one in found:
            parts.setdefault(one.path, set()).add(one.part)
        for path, old in self._paired:
            if path in parts and not put_back(standing[path], old, parts[path], self._moving(old, path)):
                return False
        try:
            return canonical(sql_of(copy)) == canonical(sql_of(self.trees[0]))
        except InputError:
            return False

    def _moving(self, old: Expr, path: Path) -> Moving:
        new = blocks_of(self.trees[1])[path]
        return Moving(self.scopes[0], self.scopes[0].sources(old), self.scopes[1].sources(new))

    def differences(self) -> Iterator[Difference]:
        before, after = (blocks_of(tree) for tree in self.trees)
        gone, come = [path for path in before if path not in after], [path for path in after if path not in before]
        if len(gone) == len(come):  # renamed: what is left on both sides, in the order in which it stands
            pairs = [*((path, path) for path in after if path in before), *zip(gone, come, strict=True)]
        else:
            pairs = [(path, path) for path in after if path in before]
            yield from (self._structure(before[path], gone=True, path=path) for path in gone)
            yield from (self._structure(after[path], gone=False, path=path) for path in come)
        self._paired = [(ours, before[theirs]) for theirs, ours in pairs]
        for theirs, ours in pairs:
            yield from self._pair(ours, before[theirs], after[ours])

    def _pair(self, path: Path, old: Expr, new: Expr) -> Iterator[Difference]:
        if isinstance(old, exp.Select) and isinstance(new, exp.Select):
            yield from self._selects(path, old, new)
        elif isinstance(old, exp.SetOperation) and isinstance(new, exp.SetOperation):
            yield from self._set_operations(path, old, new)
        else:
            yield self._structure(new, gone=False, path=path)

    def _structure(self, node: Expr, *, gone: bool, path: Path) -> Difference:
        return Difference(
            path=path,
            part=Part.STRUCTURE,
            place=self._place(Part.STRUCTURE, node if gone else None, None if gone else node, ".".join(path)),
        )

    def _selects(self, path: Path, old: exp.Select, new: exp.Select) -> Iterator[Difference]:
        moving = Moving(self.scopes[0], self.scopes[0].sources(old), self.scopes[1].sources(new))
        yield from self._from(path, old, new, moving)
        for part in (Part.WHERE, Part.HAVING, Part.QUALIFY):
            yield from self._conditions(path, part, old, new, moving)
        grouped = self._group(path, old, new, moving)
        yield from grouped
        yield from self._items(path, old, new, moving, keys_too=not grouped)
        yield from self._whole(path, Part.DISTINCT, ("distinct",), old, new, moving)
        yield from self._whole(path, Part.WINDOWS, ("windows",), old, new, moving)
        limited = any(side.args.get(key) for side in (old, new) for key in ("limit", "offset"))
        if path or limited:  # a dataset's rows have no order
            yield from self._whole(path, Part.ORDER, ("order", "limit", "offset"), old, new, moving)

    # -- one kind of part each ------------------------------------------------------------------------------------

    def _from(self, path: Path, old: exp.Select, new: exp.Select, moving: Moving) -> Iterator[Difference]:
        ours, theirs = read_items(new), read_items(old)
        forms = [[_form_of_join(item, self.forms[side]) for item in items] for side, items in ((0, theirs), (1, ours))]
        if forms[0] == forms[1]:
            return
        names = [[_source_word(item) for item in items] for items in (theirs, ours)]
        if len(ours) == len(theirs) and names[0] == names[1]:
            for at, (was, now) in enumerate(zip(theirs, ours, strict=True)):
                if forms[0][at] != forms[1][at]:
                    yield self._difference(path, Part.FROM, was, now, with_item(new, at, moving.moved(was)), moving)
            return
        gone = next((item for item, form in zip(theirs, forms[0], strict=True) if form not in forms[1]), None)
        come = next((item for item, form in zip(ours, forms[1], strict=True) if form not in forms[0]), None)
        yield self._difference(path, Part.FROM, gone, come, with_from(new, old, moving), moving)

    def _conditions(
        self, path: Path, part: Part, old: exp.Select, new: exp.Select, moving: Moving
    ) -> Iterator[Difference]:
        theirs, ours = conjuncts_of(old, str(part)), conjuncts_of(new, str(part))
        for was, now in _grouped(*self._left_over(theirs, ours)):
            put = [moved for item in was if (moved := moving.moved(item)) is not None]
            kept = [item for item in ours if not any(item is other for other in now)]
            before = with_condition(new, str(part), [*kept, *put]) if len(put) == len(was) else None
            # several conditions are put together in copies, which no scope knows: each was moved by itself above
            gone, come = together(was), together(now)
            yield Difference(
                path=path,
                part=part,
                place=self._place(part, gone, come, _name_of(part, come if come is not None else gone)),
                before=before,
                old=together(put),
                new=come,
                without=with_condition(new, str(part), kept),
            )

    def _group(self, path: Path, old: exp.Select, new: exp.Select, moving: Moving) -> list[Difference]:
        theirs, ours = keys_of(old), keys_of(new)
        if theirs is None or ours is None:
            return list(self._whole(path, Part.GROUP, ("group",), old, new, moving))
        gone, come = self._left_over(theirs, ours)
        if not gone and not come and bool(old.args.get("group")) == bool(new.args.get("group")):
            return []
        before = new.copy()
        moved = [moving.moved(key) for key in theirs]
        keys = [key for key in moved if key is not None]
        before.set("group", exp.Group(expressions=keys) if keys else None)
        whole = before if len(keys) == len(theirs) and self._put_keys(before, old, moving) else None
        was = gone[0] if gone else None if come else old.args.get("group")
        now = come[0] if come else None if gone else new.args.get("group")
        return [self._difference(path, Part.GROUP, was, now, whole, moving)]

    def _put_keys(self, before: exp.Select, old: exp.Select, moving: Moving) -> bool:
        """Write the columns that stand for keys as they were; whether that was possible."""
        theirs = {_item_name(item): item for item in old.expressions if not has_fold(item)}
        for item in list(before.expressions):
            was = theirs.get(_item_name(item))
            if was is None or has_fold(item):
                continue
            put = moving.moved(was)
            if put is None:
                return False
            item.replace(put)
        return True

    def _items(
        self, path: Path, old: exp.Select, new: exp.Select, moving: Moving, *, keys_too: bool
    ) -> Iterator[Difference]:
        folds = new.args.get("group") is not None
        for at, (was, now) in enumerate(_items_paired(path, old, new)):
            if was is None or self.forms[0].of(was) == self.forms[1].of(now):
                continue
            if now.find(exp.Columns) is not None or _takes_all(now) or _takes_all(was):
                yield replace(self._difference(path, Part.ITEM, was, now, None, moving), part=Part.STRUCTURE)
                continue
            if folds and not keys_too and not has_fold(now):
                continue  # a key: its difference is one of grouping
            put = moving.moved(was)
            before = new.copy() if put is not None else None
            if before is not None and put is not None:
                before.expressions[at].replace(put)
            yield self._difference(path, Part.ITEM, was, now, before, moving)
        yield from self._columns(path, old, new, moving)

    def _columns(self, path: Path, old: exp.Select, new: exp.Select, moving: Moving) -> Iterator[Difference]:
        """Columns that came, went, or stand elsewhere; what that does to rows can be told only where all are named."""
        names = [[_item_name(item) for item in side.expressions] for side in (old, new)]
        if names[0] == names[1] or (_is_branch(path) and len(names[0]) == len(names[1])):
            return
        moved = set(names[0]) == set(names[1])
        told = not path and not moved and _is_told(old, names[1]) and _is_told(new, names[0])
        part = Part.COLUMN if told else Part.STRUCTURE
        come = [item for item, name in zip(new.expressions, names[1], strict=True) if name not in names[0]]
        gone = [item for item, name in zip(old.expressions, names[0], strict=True) if name not in names[1]]
        if not come and not gone:
            come = [next(item for item, was, now in zip(new.expressions, *names, strict=True) if was != now)]
        for now in come:
            yield replace(self._difference(path, Part.COLUMN, None, now, None, moving), part=part)
        for was in gone:
            yield replace(self._difference(path, Part.COLUMN, was, None, None, moving), part=part)

    def _whole(
        self, path: Path, part: Part, keys: Sequence[str], old: exp.Select, new: exp.Select, moving: Moving
    ) -> Iterator[Difference]:
        sides = [
            [forms.value(select.args.get(key)) for key in keys]
            for forms, select in zip(self.forms, (old, new), strict=True)
        ]
        if sides[0] == sides[1]:
            return
        before = new.copy()
        for key in keys:
            before.set(key, moving.moved_argument(old.args.get(key)))
        first = [
            next((node for key in keys if (node := _one(side.args.get(key))) is not None), None) for side in (old, new)
        ]
        yield self._difference(path, part, first[0], first[1], before, moving)

    def _set_operations(self, path: Path, old: exp.SetOperation, new: exp.SetOperation) -> Iterator[Difference]:
        words = [_operations(side) for side in (old, new)]
        if words[0] == words[1]:
            return
        before: Expr | None = None
        if len(words[0]) == len(words[1]):
            before = new.copy()
            ours: Expr = before
            theirs: Expr = old
            chain = []
            while isinstance(ours, exp.SetOperation) and isinstance(theirs, exp.SetOperation):
                chain.append((ours, theirs))
                ours, theirs = ours.this, theirs.this
            if all(type(mine) is type(other) for mine, other in chain):
                for mine, other in chain:
                    mine.set("distinct", other.args.get("distinct"))
                    mine.set("by_name", other.args.get("by_name"))
            else:
                before = None
        yield Difference(
            path=path,
            part=Part.SET,
            place=self._place(Part.SET, old, new, ", ".join(words[1])),
            before=before,
            old=old,
            new=new,
        )

    # -- shared ---------------------------------------------------------------------------------------------------

    def _left_over(self, theirs: Sequence[Expr], ours: Sequence[Expr]) -> tuple[list[Expr], list[Expr]]:
        """What has no counterpart of the same form on the other side."""
        counts = [Counter(self.forms[side].of(item) for item in items) for side, items in ((0, theirs), (1, ours))]
        rest: list[list[Expr]] = []
        for side, items in ((0, theirs), (1, ours)):
            other = counts[1 - side].copy()
            left = []
            for item in items:
                form = self.forms[side].of(item)
                if other[form]:
                    other[form] -= 1
                else:
                    left.append(item)
            rest.append(left)
        return rest[0], rest[1]

    def _difference(
        self, path: Path, part: Part, was: Expr | None, now: Expr | None, before: Expr | None, moving: Moving
    ) -> Difference:
        return Difference(
            path=path,
            part=part,
            place=self._place(part, was, now, _name_of(part, now if now is not None else was)),
            before=before,
            old=moving.moved(was) if was is not None else None,
            new=now,
        )

    def _place(self, part: Part, was: Expr | None, now: Expr | None, name: str) -> ChangedPlace:
        removed = now is None
        text, node = (self.texts[0], was) if removed else (self.texts[1], now)
        start = start_of(node) if node is not None else None
        start = start if start is not None else _near(node)
        line = (place(text, start).line or 1) if start is not None else 1
        joined = part is Part.FROM and isinstance(now if now is not None else was, exp.Join)
        return ChangedPlace(
            kind=ChangeKind.JOIN if joined else _KINDS[part],
            line=line,
            excerpt=excerpt(text, line),
            old=sql_of(was) if was is not None else None,
            new=sql_of(now) if now is not None else None,
            removed=removed,
            name=name,
        )


def _source_word(item: Expr) -> str:
    inner = item.this if isinstance(item, exp.From | exp.Join) else item
    return (
        ".".join(part.name.lower() for part in inner.parts)
        if isinstance(inner, exp.Table) and isinstance(inner.this, exp.Identifier)
        else inner.key
    )


def _grouped(gone: Sequence[Expr], come: Sequence[Expr]) -> Iterator[tuple[list[Expr], list[Expr]]]:
    """Conditions that share columns are one condition, changed; as many old as new ones are so one by one."""
    groups: list[tuple[set[str], list[Expr], list[Expr]]] = []
    for side, items in enumerate((gone, come)):
        for item in items:
            columns = set(_column_names(item).split())
            was, now = ([item], []) if side == 0 else ([], [item])
            for group in [group for group in groups if group[0] & columns]:
                groups.remove(group)
                columns, was, now = columns | group[0], [*group[1], *was], [*group[2], *now]
            groups.append((columns, was, now))
    lone = [group for group in groups if not group[0]]
    if len(lone) == 2 and {bool(group[1]) for group in lone} == {True, False}:  # conditions that read no column
        groups = [group for group in groups if group[0]]
        groups.append((set(), [*lone[0][1], *lone[1][1]], [*lone[0][2], *lone[1][2]]))
    for _, was, now in groups:
        if len(was) == len(now):
            yield from (([one], [other]) for one, other in zip(was, now, strict=True))
        else:
            yield was, now


def _takes_all(item: Expr) -> bool:
    return item.is_star or any(not is_fold(star.parent) for star in item.find_all(exp.Star) if star.parent is not None)


def _is_told(select: exp.Select, others: Sequence[str]) -> bool:
    """Whether the columns of a SELECT that are not among others leave the rows, and all other columns, as they are."""
    if any(select.args.get(key) for key in ("distinct", "order", "limit", "offset", "qualify", "windows")):
        return False
    own = [item for item in select.expressions if _item_name(item) not in others]
    for item in own:
        kinds = (exp.Unnest, exp.Explode, exp.Lambda, exp.Anonymous, exp.Window, exp.Query, exp.Columns, exp.Bracket)
        if _takes_all(item) or item.find(*kinds) is not None:
            return False
        if has_fold(item) and select.args.get("group") is None:
            return False
        inside = {id(node) for node in item.walk()}
        named = item.alias_or_name.lower()
        if any(one.name.lower() == named and id(one) not in inside for one in select.find_all(exp.Column)):
            return False
    return True


def _near(node: Expr | None) -> int | None:
    """Where the next thing around a node stands, or beneath it, that sqlglot kept a place of."""
    while node is not None:
        last = node.args.get("expression")
        start = start_of(last) if isinstance(last, exp.Expr) and isinstance(node, exp.SetOperation) else start_of(node)
        if start is not None:
            return start
        node = node.parent
    return None


def _is_branch(path: Path) -> bool:
    """Whether columns count by their place: those of a set operation's queries do."""
    return bool(path) and path[-1].startswith("branch ")


def _items_paired(path: Path, old: exp.Select, new: exp.Select) -> list[tuple[Expr | None, Expr]]:
    """Each new item with the old one of its name; by their places in a branch of a set operation."""
    if _is_branch(path):
        same = len(old.expressions) == len(new.expressions)
        return list(zip(old.expressions if same else [None] * len(new.expressions), new.expressions, strict=True))
    theirs = {_item_name(item): item for item in old.expressions}
    return [(theirs.get(_item_name(item)), item) for item in new.expressions]


def _item_name(item: Expr) -> str:
    return "*" if item.is_star else item.alias_or_name.lower() or sql_of(item)


def _name_of(part: Part, node: Expr | None) -> str:
    if node is None:
        return ""
    if part in {Part.ITEM, Part.COLUMN}:
        return _item_name(node)
    return _source_word(node) if part is Part.FROM else ""


def _one(value: object) -> Expr | None:
    if isinstance(value, list):
        return value[0] if value else None
    return value if isinstance(value, exp.Expr) else None


def _operations(node: exp.SetOperation) -> list[str]:
    words: list[str] = []
    current: Expr = node
    while isinstance(current, exp.SetOperation):
        parts = [
            current.key.upper(),
            "" if current.args.get("distinct") else "ALL",
            "BY NAME" if current.args.get("by_name") else "",
        ]
        words.insert(0, " ".join(part for part in parts if part))
        current = current.this
    return words


def _unplaced(old: str, new: str) -> Difference:
    lines = list(zip_longest(old.split("\n"), new.split("\n"), fillvalue=""))
    at = next((at for at, (was, now) in enumerate(lines) if was.strip() != now.strip()), 0)
    line = min(at, new.count("\n")) + 1
    spot = ChangedPlace(
        kind=ChangeKind.EXPRESSION,
        line=line,
        excerpt=excerpt(new, line),
        old=lines[at][0].strip(),
        new=lines[at][1].strip(),
    )
    return Difference(path=(), part=Part.STRUCTURE, place=spot)


def _form_of_join(item: Expr, forms: Forms) -> str:
    """The form of what stands in FROM; a subquery there stands for its condition, for its own clauses are their own."""
    inner = item.this if isinstance(item, exp.Join | exp.From) else item
    if not isinstance(inner, exp.Subquery) or not isinstance(inner.this, exp.Select | exp.SetOperation):
        return forms.of(item)
    args = [
        (key, value) for node in (item, inner) for key, value in sorted(node.args.items()) if key != "this" and value
    ]
    return ", ".join(f"{key}={forms.value(value)}" for key, value in args)


def _column_names(node: Expr) -> str:
    """The names of the columns that a node reads, sorted, each once."""
    return " ".join(sorted({column.name for column in node.find_all(exp.Column)}))


def _source_name(found: Found) -> str:
    """What a form calls a column's source: what it reads, so that a join beside it leaves its columns as they are."""
    return f"{found.source.reads} {found.twin} {found.level}"
