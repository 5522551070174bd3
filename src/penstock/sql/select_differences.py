"""The parts in which two SELECTs differ, a function for each kind of part."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot import exp

from penstock.sql.block_differences import Difference, Part, Sides, item_name, name_of, source_word
from penstock.sql.block_edits import (
    Moving,
    conjuncts_of,
    read_items,
    together,
    with_condition,
    with_from,
    with_item,
)
from penstock.sql.blocks import has_fold
from penstock.sql.expressions import is_fold
from penstock.sql.grouping_keys import keys_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlglot.expressions import Expr

    from penstock.sql.blocks import Path
    from penstock.sql.forms import Forms


def select_differences(sides: Sides, path: Path, old: exp.Select, new: exp.Select) -> Iterator[Difference]:
    """Each part in which two SELECTs that are paired differ, in the order in which a SELECT is written."""
    moving = sides.moving(old, new)
    yield from _from(sides, path, old, new, moving)
    for part in (Part.WHERE, Part.HAVING, Part.QUALIFY):
        yield from _conditions(sides, path, part, old, new, moving)
    grouped = _group(sides, path, old, new, moving)
    yield from grouped
    yield from _items(sides, path, old, new, moving, keys_too=not grouped)
    yield from _whole(sides, path, Part.DISTINCT, ("distinct",), old, new, moving)
    yield from _whole(sides, path, Part.WINDOWS, ("windows",), old, new, moving)
    limited = any(side.args.get(key) for side in (old, new) for key in ("limit", "offset"))
    if path or limited:  # a dataset's rows have no order
        yield from _whole(sides, path, Part.ORDER, ("order", "limit", "offset"), old, new, moving)


def _from(sides: Sides, path: Path, old: exp.Select, new: exp.Select, moving: Moving) -> Iterator[Difference]:
    ours, theirs = read_items(new), read_items(old)
    forms = [[_form_of_join(item, sides.forms[side]) for item in items] for side, items in ((0, theirs), (1, ours))]
    if forms[0] == forms[1]:
        return
    names = [[source_word(item) for item in items] for items in (theirs, ours)]
    if len(ours) == len(theirs) and names[0] == names[1]:
        for at, (was, now) in enumerate(zip(theirs, ours, strict=True)):
            if forms[0][at] != forms[1][at]:
                yield sides.difference(path, Part.FROM, was, now, with_item(new, at, moving.moved(was)), moving)
        return
    gone = next((item for item, form in zip(theirs, forms[0], strict=True) if form not in forms[1]), None)
    come = next((item for item, form in zip(ours, forms[1], strict=True) if form not in forms[0]), None)
    yield sides.difference(path, Part.FROM, gone, come, with_from(new, old, moving), moving)


def _conditions(
    sides: Sides, path: Path, part: Part, old: exp.Select, new: exp.Select, moving: Moving
) -> Iterator[Difference]:
    theirs, ours = conjuncts_of(old, str(part)), conjuncts_of(new, str(part))
    for was, now in _grouped(*sides.left_over(theirs, ours)):
        put = [moved for item in was if (moved := moving.moved(item)) is not None]
        kept = [item for item in ours if not any(item is other for other in now)]
        before = with_condition(new, str(part), [*kept, *put]) if len(put) == len(was) else None
        # several conditions are put together in copies, which no scope knows: each was moved by itself above
        gone, come = together(was), together(now)
        yield Difference(
            path=path,
            part=part,
            place=sides.place(part, gone, come, name_of(part, come if come is not None else gone)),
            before=before,
            old=together(put),
            new=come,
            without=with_condition(new, str(part), kept),
        )


def _group(sides: Sides, path: Path, old: exp.Select, new: exp.Select, moving: Moving) -> list[Difference]:
    theirs, ours = keys_of(old), keys_of(new)
    if theirs is None or ours is None:
        return list(_whole(sides, path, Part.GROUP, ("group",), old, new, moving))
    gone, come = sides.left_over(theirs, ours)
    if not gone and not come and bool(old.args.get("group")) == bool(new.args.get("group")):
        return []
    before = new.copy()
    moved = [moving.moved(key) for key in theirs]
    keys = [key for key in moved if key is not None]
    before.set("group", exp.Group(expressions=keys) if keys else None)
    whole = before if len(keys) == len(theirs) and _put_keys(before, old, moving) else None
    was = gone[0] if gone else None if come else old.args.get("group")
    now = come[0] if come else None if gone else new.args.get("group")
    return [sides.difference(path, Part.GROUP, was, now, whole, moving)]


def _put_keys(before: exp.Select, old: exp.Select, moving: Moving) -> bool:
    """Write the columns that stand for keys as they were; whether that was possible."""
    theirs = {item_name(item): item for item in old.expressions if not has_fold(item)}
    for item in list(before.expressions):
        was = theirs.get(item_name(item))
        if was is None or has_fold(item):
            continue
        put = moving.moved(was)
        if put is None:
            return False
        item.replace(put)
    return True


def _items(
    sides: Sides, path: Path, old: exp.Select, new: exp.Select, moving: Moving, *, keys_too: bool
) -> Iterator[Difference]:
    folds = new.args.get("group") is not None
    for at, (was, now) in enumerate(_items_paired(path, old, new)):
        if was is None or sides.forms[0].of(was) == sides.forms[1].of(now):
            continue
        if now.find(exp.Columns) is not None or _takes_all(now) or _takes_all(was):
            yield replace(sides.difference(path, Part.ITEM, was, now, None, moving), part=Part.STRUCTURE)
            continue
        if folds and not keys_too and not has_fold(now):
            continue  # a key: its difference is one of grouping
        put = moving.moved(was)
        before = new.copy() if put is not None else None
        if before is not None and put is not None:
            before.expressions[at].replace(put)
        yield sides.difference(path, Part.ITEM, was, now, before, moving)
    yield from _columns(sides, path, old, new, moving)


def _columns(sides: Sides, path: Path, old: exp.Select, new: exp.Select, moving: Moving) -> Iterator[Difference]:
    """Columns that came, went, or stand elsewhere; what that does to rows can be told only where all are named."""
    names = [[item_name(item) for item in side.expressions] for side in (old, new)]
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
        yield replace(sides.difference(path, Part.COLUMN, None, now, None, moving), part=part)
    for was in gone:
        yield replace(sides.difference(path, Part.COLUMN, was, None, None, moving), part=part)


def _whole(
    sides: Sides, path: Path, part: Part, keys: Sequence[str], old: exp.Select, new: exp.Select, moving: Moving
) -> Iterator[Difference]:
    values = [
        [forms.value(select.args.get(key)) for key in keys]
        for forms, select in zip(sides.forms, (old, new), strict=True)
    ]
    if values[0] == values[1]:
        return
    before = new.copy()
    for key in keys:
        before.set(key, moving.moved_argument(old.args.get(key)))
    first = [
        next((node for key in keys if (node := _one(side.args.get(key))) is not None), None) for side in (old, new)
    ]
    yield sides.difference(path, part, first[0], first[1], before, moving)


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
    own = [item for item in select.expressions if item_name(item) not in others]
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


def _is_branch(path: Path) -> bool:
    """Whether columns count by their place: those of a set operation's queries do."""
    return bool(path) and path[-1].startswith("branch ")


def _items_paired(path: Path, old: exp.Select, new: exp.Select) -> list[tuple[Expr | None, Expr]]:
    """Each new item with the old one of its name; by their places in a branch of a set operation."""
    if _is_branch(path):
        same = len(old.expressions) == len(new.expressions)
        return list(zip(old.expressions if same else [None] * len(new.expressions), new.expressions, strict=True))
    theirs = {item_name(item): item for item in old.expressions}
    return [(theirs.get(item_name(item)), item) for item in new.expressions]


def _one(value: object) -> Expr | None:
    if isinstance(value, list):
        return value[0] if value else None
    return value if isinstance(value, exp.Expr) else None


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
