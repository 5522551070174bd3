"""For each place in which two queries differ: SQL that says whether rows took the other side there.

A probe never says that nothing differs; it counts rows. What cannot be probed has no tally, and counts as not
exercised. All SQL is over datasets, as authors write it.

- A *hybrid* is the new query with one place as it was: it differs from the new query in that place alone.
- A *tally* is one row: rows seen, those the old side takes, those the new side takes, those that cross from one to the
  other. It is taken after everything else in its SELECT that decides over rows.
- *Reach* is one number: how many rows of the whole answer the crossing rows alone account for. It is counted between
  what comes of them alone and what comes of them with the place as it was, or of no rows at all. If it is zero, they
  were lost on the way out.
- *Visible* is one number: how many rows the answers of the hybrid and of the new query do not share.
- *Sides* are conditions that some rows have to meet and some not before a place has been gone through.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from penstock.sql.block_differences import Part
from penstock.sql.block_pairs import differences
from penstock.sql.blocks import blocks_of, from_items, has_query, is_grouped, lifted
from penstock.sql.grouping_keys import keys_of
from penstock.sql.syntax import sql_of, tree_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlglot.expressions import Expr

    from penstock.sql.block_differences import Difference
    from penstock.sql.changes import ChangedPlace

_OLD, _NEW, _ROWS, _ENTERS = "penstock_old", "penstock_new", "penstock_rows", "penstock_enters"
_MOST_SIDES = 24
_PLAIN = (
    exp.Column, exp.Identifier, exp.Literal, exp.Boolean, exp.Null, exp.Paren, exp.Alias, exp.And, exp.Or, exp.Not,
    exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.NullSafeNEQ, exp.Is, exp.In, exp.Between,
    exp.Neg, exp.Case, exp.If, exp.Coalesce, exp.Nullif, exp.Parameter, exp.Placeholder, exp.Var,
)  # fmt: skip
_FEW_SIDES = 4
"""Beyond, rows of chance hardly ever come to all boundaries at once, and that they found nothing says nothing."""
_CONDITIONS = (
    exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.NullSafeNEQ, exp.Is, exp.In, exp.Between,
    exp.Like, exp.ILike, exp.RegexpLike,
)  # fmt: skip
_SHOWN = ("distinct", "order", "limit", "offset")
"""What says how rows are shown, once it is decided which."""
_LATER = ("having", "qualify", *_SHOWN)
_DECIDED = {Part.WHERE, Part.HAVING, Part.QUALIFY, Part.ITEM}
"""Parts of which it can be told row by row what they do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """How to find out whether one changed place was exercised; see the module.

    `side_counts` is one row: rows, then how many meet each of `sides`. `plain` says that the place holds nothing but
    what made-up rows are good at telling apart: only then does it count that none of them did. `masked` says that
    something after the place may still take its rows away.
    """

    place: ChangedPlace
    hybrid: str | None = None
    tally: str | None = None
    reach: str | None = None
    visible: str | None = None
    sides: tuple[str, ...] = ()
    side_counts: str | None = None
    plain: bool = False
    masked: bool = False


def probes(old: str, new: str) -> tuple[Probe, ...]:
    """A probe for each place in which two queries differ, in the order of lines; none if they mean the same.

    Raises:
        InputError: one of the texts is not one query.
    """
    tree = tree_of(new)
    found = [_probe(one, tree) for one in differences(old, new) if one.part is not Part.COLUMN]
    return tuple(sorted(found, key=lambda probe: (probe.place.removed, probe.place.line, probe.place.name)))


def _probe(difference: Difference, tree: Expr) -> Probe:
    block, before = blocks_of(tree).get(difference.path), difference.before
    if block is None or before is None:
        return Probe(place=difference.place)
    hybrid = _with_block(tree, difference, before)
    if not isinstance(block, exp.Select) or not isinstance(before, exp.Select):
        tally = _apart(block, before)
        visible = _unshared(hybrid, sql_of(tree))
        return Probe(place=difference.place, hybrid=hybrid, tally=tally, visible=visible, masked=bool(difference.path))
    sides = tuple(_sides(difference))
    return Probe(
        place=difference.place,
        hybrid=hybrid,
        tally=_TALLIES[difference.part](block, difference),
        reach=_reach(tree, block, difference),
        visible=_unshared(hybrid, sql_of(tree)),
        sides=tuple(sql_of(side) for side in sides),
        side_counts=_side_counts(block, difference, sides),
        plain=difference.part in {Part.WHERE, Part.ITEM}
        and 0 < len(sides) <= _FEW_SIDES
        and all(isinstance(node, _PLAIN) for part in difference.nodes for node in part.walk()),
        masked=difference.part not in _DECIDED or bool(difference.path) or any(map(block.args.get, _LATER)),
    )


def _with_block(tree: Expr, difference: Difference, block: Expr) -> str:
    """The whole query with another SELECT in the place of one of its own."""
    copy = tree.copy()
    standing = blocks_of(copy)[difference.path]
    fresh = block.copy()
    if standing is copy:
        return sql_of(fresh)
    standing.replace(fresh)
    return sql_of(copy)


# -- tallies ------------------------------------------------------------------------------------------------------


def _decisions(block: exp.Select, difference: Difference) -> str | None:
    """Which rows (or groups) two conditions take."""
    rows = _rows(block) if difference.part is Part.WHERE else _results(block, (str(difference.part),))
    if rows is None:
        return None
    if difference.part is Part.WHERE:
        rows.set("where", None)
    old, new = _taken(difference.before, difference.part), _taken(block, difference.part)
    crossing = f"{_OLD} <> {_NEW}"
    if difference.part is Part.WHERE and is_grouped(block):
        rows.append("expressions", exp.alias_(exp.paren(_enters(block)), _ENTERS))
        crossing += f" AND {_ENTERS}"
    return _counted(_listed(rows, old, new), crossing, _OLD, _NEW)


def _enters(block: exp.Select) -> Expr:
    """Whether a row counts in any aggregate of a SELECT; where it has none, each row does."""
    conditions = []
    for item in (*block.expressions, *([block.args["having"]] if block.args.get("having") is not None else [])):
        for fold in item.find_all(exp.AggFunc):
            holder = fold.parent
            filtered = holder.expression.this if isinstance(holder, exp.Filter) else exp.true()
            inner = fold.this.expressions[0] if isinstance(fold.this, exp.Distinct) else fold.this
            plain = isinstance(inner, exp.Expr) and not isinstance(inner, exp.Star)
            given = exp.Not(this=exp.Is(this=exp.paren(inner.copy()), expression=exp.null())) if plain else exp.true()
            taken = exp.Is(this=exp.paren(filtered.copy()), expression=exp.true())
            conditions.append(exp.and_(taken, given))
    return exp.or_(*conditions) if conditions else exp.true()


def _values(block: exp.Select, difference: Difference) -> str | None:
    """In which rows an expression gives another value than before."""
    rows = _results(block, ())
    if rows is None or difference.old is None or difference.new is None:
        return None
    listed = _listed(rows, difference.old.unalias(), difference.new.unalias())
    return _counted(listed, f"{_OLD} IS DISTINCT FROM {_NEW}", f"{_OLD} IS NOT NULL", f"{_NEW} IS NOT NULL")


def _partitions(block: exp.Select, difference: Difference) -> str | None:
    """How many more groups both sides' keys make together than each side's alone."""
    assert isinstance(difference.before, exp.Select)  # noqa: S101 - the caller looked
    rows, old, new = _rows(block), keys_of(difference.before), keys_of(block)
    if rows is None or old is None or new is None or any(has_query(key) for key in (*old, *new)):
        return None
    names = [f"penstock_k{at}" for at in range(len(old) + len(new))]
    keys = [exp.alias_(exp.paren(key), name) for key, name in zip((*old, *new), names, strict=True)]
    rows.set("expressions", keys)
    ours, theirs = names[len(old) :], names[: len(old)]
    groups = [_groups(listed) for listed in (theirs, ours, names)]
    pairs = zip(theirs, ours, strict=False) if len(theirs) == len(ours) else ()
    others = " OR ".join(f"{one} IS DISTINCT FROM {other}" for one, other in pairs) or "false"
    return (
        f"WITH {_ROWS} AS ({sql_of(rows)}) SELECT (SELECT count(*) FROM {_ROWS}), {groups[0]}, {groups[1]}, "
        f"2 * {groups[2]} - {groups[0]} - {groups[1]} + (SELECT count(*) FROM {_ROWS} WHERE {others})"
    )


def _groups(names: Sequence[str]) -> str:
    if not names:
        return f"(SELECT least(count(*), 1) FROM {_ROWS})"
    return f"(SELECT count(*) FROM (SELECT DISTINCT {', '.join(names)} FROM {_ROWS}))"


def _repeated(block: exp.Select, _: Difference) -> str | None:
    """How many rows stand there more than once."""
    rows = _results(block, ())
    if rows is None:
        return None
    text = sql_of(rows)
    return (
        f"SELECT count(*), count(*), count(*), count(*) - (SELECT count(*) FROM (SELECT DISTINCT * FROM ({text}))) "
        f"FROM ({text}) AS {_ROWS}"
    )


def _streams(block: exp.Select, difference: Difference) -> str | None:
    """How many rows one side's FROM and WHERE gives that the other's does not."""
    assert isinstance(difference.before, exp.Select)  # noqa: S101 - the caller looked
    names = [item.alias_or_name for item in from_items(block)]
    shared = [name for name in names if name and name in {item.alias_or_name for item in from_items(difference.before)}]
    sides = [_rows(block, difference.before), _rows(block)]
    if not shared or sides[0] is None or sides[1] is None:
        return None
    row = exp.func("hash", *(exp.column(exp.to_identifier(name, quoted=True)) for name in shared))
    for side in sides:
        assert side is not None  # noqa: S101 - looked at above
        side.set("expressions", [exp.alias_(row.copy(), "penstock_row")])
    return _multisets(*(sql_of(side) for side in sides if side is not None))


def _whole(block: exp.Select, difference: Difference) -> str | None:
    assert difference.before is not None  # noqa: S101 - the caller looked
    return _apart(block, difference.before)


def _apart(block: Expr, before: Expr) -> str | None:
    """How many rows of a block one side has and the other has not."""
    old, new = lifted(block, before), lifted(block)
    return None if old is None or new is None else _multisets(sql_of(old), sql_of(new))


def _multisets(old: str, new: str) -> str:
    counts = ", ".join(f"(SELECT count(*) FROM ({text}) AS {_ROWS})" for text in (new, old, new))
    return f"SELECT {counts}, ({_unshared(old, new)})"


def _unshared(one: str, other: str) -> str:
    """How many rows two queries do not share."""
    rest = f"(({one}) EXCEPT ALL ({other})) UNION ALL (({other}) EXCEPT ALL ({one}))"
    return f"SELECT count(*) FROM ({rest}) AS {_ROWS}"


_TALLIES = {
    Part.WHERE: _decisions,
    Part.HAVING: _decisions,
    Part.QUALIFY: _decisions,
    Part.ITEM: _values,
    Part.GROUP: _partitions,
    Part.DISTINCT: _repeated,
    Part.FROM: _streams,
    Part.ORDER: _whole,
    Part.WINDOWS: _whole,
}


def _rows(block: exp.Select, shape: Expr | None = None) -> exp.Select | None:
    """The rows a SELECT works on, after its WHERE, and its names for values of single rows: conditions may use them."""
    rows = lifted(block, shape)
    if not isinstance(rows, exp.Select):
        return None
    for key in ("group", "having", "qualify", *_SHOWN):
        rows.set(key, None)
    kept = [item for item in rows.expressions if isinstance(item, exp.Alias) and not has_query(item)]
    rows.set("expressions", [exp.alias_(exp.Literal.number(1), "penstock_one"), *kept])
    return rows


def _results(block: exp.Select, without: Sequence[str]) -> exp.Select | None:
    """The rows a SELECT gives, before it is said how they are shown."""
    rows = lifted(block)
    if not isinstance(rows, exp.Select):
        return None
    for key in (*without, *_SHOWN):
        rows.set(key, None)
    group = block.args.get("group")
    if group is not None and group.args.get("all"):  # what is added to the list must not be grouped by
        keys = keys_of(block)
        if keys is None:
            return None
        rows.set("group", exp.Group(expressions=[key.copy() for key in keys]) if keys else None)
    return rows


def _taken(select: Expr | None, part: Part) -> Expr:
    clause = select.args.get(str(part)) if select is not None else None
    condition = clause.this.copy() if clause is not None else exp.true()
    return exp.Is(this=exp.paren(condition, copy=False), expression=exp.true())


def _listed(rows: exp.Select, old: Expr, new: Expr) -> str:
    for name, value in ((_OLD, old), (_NEW, new)):
        rows.append("expressions", exp.alias_(exp.paren(value.copy()), name))
    return sql_of(rows)


def _counted(rows: str, crossing: str, old: str, new: str) -> str:
    counts = ", ".join(f"count(*) FILTER (WHERE {condition})" for condition in (old, new, crossing))
    return f"SELECT count(*), {counts} FROM ({rows}) AS {_ROWS}"


# -- reach --------------------------------------------------------------------------------------------------------


def _reach(tree: Expr, block: exp.Select, difference: Difference) -> str | None:
    before = difference.before
    assert isinstance(before, exp.Select)  # noqa: S101 - the caller looked
    if difference.part in {Part.WHERE, Part.HAVING, Part.QUALIFY}:
        old, new = _taken(before, difference.part), _taken(block, difference.part)
        crossing = _conditioned(block, difference.part, exp.NEQ(this=exp.paren(old), expression=exp.paren(new)))
        nothing = _conditioned(block, difference.part, exp.false())
        return _unshared(_with_block(tree, difference, crossing), _with_block(tree, difference, nothing))
    if difference.part is not Part.ITEM or difference.old is None or difference.new is None:
        return None
    part = Part.HAVING if is_grouped(block) else Part.WHERE
    if any(has_query(node) for node in difference.nodes) and part is Part.WHERE:
        part = Part.QUALIFY
    differs = exp.NullSafeNEQ(
        this=exp.paren(difference.old.unalias().copy()), expression=exp.paren(difference.new.unalias().copy())
    )
    sides = [_conditioned(side, part, exp.and_(_taken(side, part), differs.copy())) for side in (block, before)]
    return _unshared(*(_with_block(tree, difference, side) for side in sides))


def _conditioned(select: exp.Select, part: Part, condition: Expr) -> exp.Select:
    kinds = {Part.WHERE: exp.Where, Part.HAVING: exp.Having, Part.QUALIFY: exp.Qualify}
    copy = select.copy()
    copy.set(str(part), kinds[part](this=condition))
    return copy


# -- sides --------------------------------------------------------------------------------------------------------


def _sides(difference: Difference) -> Iterator[Expr]:
    """The conditions over single rows within both sides' nodes, each once."""
    seen: dict[str, Expr] = {}
    for node in difference.nodes:
        for part in node.walk():
            for condition in _conditions(part):
                if not has_query(condition):
                    seen.setdefault(sql_of(condition), condition)
    yield from list(seen.values())[:_MOST_SIDES]


def _conditions(node: Expr) -> Iterator[Expr]:
    if isinstance(node, _CONDITIONS):
        yield node
    elif isinstance(node, exp.Coalesce | exp.Nullif):
        yield exp.Is(this=exp.paren(node.this.copy()), expression=exp.null())
    elif isinstance(node, exp.If) and not isinstance(node.parent, exp.Case):
        yield node.this
    elif isinstance(node, exp.Sum | exp.Count | exp.Min | exp.Max | exp.Avg) and isinstance(node.this, exp.Column):
        yield exp.Is(this=node.this.copy(), expression=exp.null())


def _side_counts(block: exp.Select, difference: Difference, sides: Sequence[Expr]) -> str | None:
    rows = _rows(block, difference.without if difference.part is Part.WHERE else None)
    if rows is None:
        return None
    taken = [exp.Is(this=exp.paren(side.copy()), expression=exp.true()) for side in sides]
    for at, side in enumerate(taken):
        rows.append("expressions", exp.alias_(exp.paren(side), f"penstock_s{at}"))
    counts = "".join(f", count(*) FILTER (WHERE penstock_s{at})" for at in range(len(taken)))
    return f"SELECT count(*){counts} FROM ({sql_of(rows)}) AS {_ROWS}"
