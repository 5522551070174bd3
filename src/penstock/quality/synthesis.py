"""Rows made up so that they lie on both sides of every boundary that queries draw; nothing is taken from real data.

Invariants: the same inputs and seed give the same rows; a required column is never NULL and keys do not repeat.
Small tables come first: what shows a difference on three rows is what a person can read. Each second set of tables has
twins: rows like another in all columns but one, or in all, without which DISTINCT, GROUP BY and PARTITION BY hardly
ever show.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from penstock.quality.synthetic_values import candidates, meeting, typical
from penstock.sql.boundaries import Marks, marks_of
from penstock.sql.conjunctions import Relation, changed_first

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from penstock.model.contracts import Contract
    from penstock.model.intervals import Interval
    from penstock.sql.conjunctions import Wish

Value = str | None
_SIZES = (1, 1, 2, 2, 3, 4, 6, 10, 16, 40)
_TWINS = 4
"""How many rows of a table are repeated at most."""
_FOCUS = 4
"""Of how many values of a column a table is made at most: fewer, and rows meet more often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What rows of one dataset look like: its columns with their types, which of them must be there, and its key."""

    columns: tuple[tuple[str, str], ...]
    required: frozenset[str] = frozenset()
    key: tuple[str, ...] = ()
    allowed: Mapping[str, tuple[str, ...]] | None = None

    def promised(self, contract: Contract | None) -> Shape:
        """The same, held to a contract."""
        if contract is None:
            return self
        names = {name for name, _ in self.columns}
        listed = {rule.columns[0]: rule.values for rule in contract.rules if rule.values and len(rule.columns) == 1}
        return replace(
            self,
            required=frozenset(column.name for column in contract.columns if column.required) & names,
            key=contract.key if set(contract.key) <= names else (),
            allowed={name: values for name, values in listed.items() if name in names},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeUp:
    """The made-up rows of one dataset; values are text to be cast to their columns' types."""

    dataset: str
    columns: tuple[tuple[str, str], ...]
    rows: tuple[tuple[Value, ...], ...]


World = tuple[MadeUp, ...]
"""Rows for every dataset that the queries read."""


def model_of(given: Mapping[str, Sequence[Mapping[str, object]]], inputs: Mapping[str, Shape]) -> World:
    """The rows that a data test gives, as a world: values as text, what is left out is NULL."""
    return tuple(
        MadeUp(
            dataset=name,
            columns=shape.columns,
            rows=tuple(tuple(_text(row.get(column)) for column, _ in shape.columns) for row in given.get(name, ())),
        )
        for name, shape in inputs.items()
    )


def _text(value: object) -> Value:
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def worlds(
    texts: Sequence[str],
    inputs: Mapping[str, Shape],
    interval: Interval | None,
    *,
    seed: int,
    count: int,
    models: Sequence[World] = (),
) -> Iterator[World]:
    """`count` sets of tables, on which queries with these texts are likely to tell themselves apart, and half as many.

    `models` are rows that somebody wrote, such as those of data tests: each third set is made of theirs, with one value
    or two put for others. They get through conditions that rows of chance hardly ever meet all at once. The last third
    of all sets has rows that meet whole conditions of the queries, first those that not all of the queries have.

    Raises:
        InputError: one of the texts is not one query.
    """
    marks = marks_of(texts, {name: [column for column, _ in shape.columns] for name, shape in inputs.items()})
    maker = _Maker(inputs, marks, interval)
    seen: dict[tuple[str, int], dict[Value, None]] = defaultdict(dict)
    world: World = ()
    for number in range(count):
        chance = random.Random(f"{seed} {number}")  # noqa: S311 - rows to try, not secrets
        if models and number % 3 == 2:
            yield maker.varied(chance.choice(models), chance)
            continue
        if number % 2:
            yield tuple(_twinned(made, inputs[made.dataset], seen, chance) for made in world)
            continue
        world = maker.world(chance, _SIZES[number // 2 % len(_SIZES)])
        for made in world:
            for at in range(len(made.columns)):
                seen[made.dataset, at].update(dict.fromkeys(row[at] for row in made.rows))
        yield world
    yield from _directed(texts, maker, models, random.Random(f"{seed} directed"), count // 2)  # noqa: S311 - as above


def _directed(
    texts: Sequence[str], maker: _Maker, models: Sequence[World], chance: random.Random, count: int
) -> Iterator[World]:
    """Sets of tables with rows that meet a condition that changed, if one did, and some others with it."""
    changed, shared = changed_first(texts)
    first, others = changed or shared, (*changed, *shared)
    for number in range(count if first else 0):
        world = maker.varied(chance.choice(models), chance) if models and number % 2 else maker.world(chance, 2)
        more = chance.sample(others, k=min(len(others), chance.randrange(3)))
        wishes = {wish.column: wish for one in (*more, first[number % len(first)]) for wish in one}
        yield tuple(maker.met(made, wishes, chance) for made in world)


def _twinned(
    made: MadeUp, shape: Shape, seen: Mapping[tuple[str, int], Mapping[Value, None]], chance: random.Random
) -> MadeUp:
    """The table with twins of its first rows; where it has a key, only those that the key lets in."""
    places = [at for at, (column, _) in enumerate(made.columns) if column in shape.key]
    twins: list[tuple[Value, ...]] = []
    for row in made.rows[:_TWINS]:
        at = chance.randrange(len(row))
        others = [value for value in seen[made.dataset, at] if value != row[at]]
        if others:
            twins.append((*row[:at], chance.choice(others), *row[at + 1 :]))
        if chance.random() < 0.5:
            twins.append(row)
    return replace(made, rows=_let_in(made.rows, twins, places))


def _let_in(
    rows: Sequence[tuple[Value, ...]], twins: Sequence[tuple[Value, ...]], places: Sequence[int]
) -> tuple[tuple[Value, ...], ...]:
    if not places:
        return (*rows, *twins)
    by_key = {tuple(row[at] for at in places): row for row in rows}
    for twin in twins:
        by_key.setdefault(tuple(twin[at] for at in places), twin)
    return tuple(by_key.values())


def _granted(wish: Wish, column: str, kind: str, shape: Shape) -> tuple[Value, ...]:
    """The value that a column is given by a wish; nothing if it may not be that."""
    if wish.relation is Relation.NULL:
        return () if column in shape.required else (None,)
    value = meeting(kind, wish)
    allowed = (shape.allowed or {}).get(column)
    return () if value is None or (allowed is not None and value not in allowed) else (value,)


class _Maker:
    def __init__(
        self, inputs: Mapping[str, Shape], marks: Mapping[tuple[str, str], Marks], interval: Interval | None
    ) -> None:
        self._inputs, self._marks = inputs, marks
        self._pools: dict[tuple[str, str], tuple[str, ...]] = {}
        for name, shape in inputs.items():
            for column, kind in shape.columns:
                allowed = (shape.allowed or {}).get(column)
                self._pools[name, column] = allowed or candidates(kind, marks[name, column], interval)

    def world(self, chance: random.Random, size: int) -> World:
        shared: dict[tuple[str, str], tuple[str, ...]] = {}
        return tuple(self._table(name, shape, shared, chance, size) for name, shape in self._inputs.items())

    def varied(self, model: World, chance: random.Random) -> World:
        """A model's rows, each with a variant of it in which one value or two are others."""
        return tuple(self._varied(made, chance) for made in model if made.dataset in self._inputs)

    def met(self, made: MadeUp, wishes: Mapping[str, Wish], chance: random.Random) -> MadeUp:
        """The table with rows beside or in place of its own that hold what is wished for, now and then but for one."""
        shape = self._inputs[made.dataset]
        values = {
            at: value
            for at, (column, kind) in enumerate(made.columns)
            if (wish := wishes.get(column.lower())) is not None
            for value in _granted(wish, column, kind, shape)
        }
        if not values:
            return made
        rows = made.rows or (tuple(typical(kind) for _, kind in made.columns),)
        left_out = chance.choice(list(values)) if chance.random() < 0.25 else None
        wanted = {at: value for at, value in values.items() if at != left_out}
        picked = rows[: 1 + chance.randrange(2)]
        fresh = [tuple(wanted.get(at, value) for at, value in enumerate(row)) for row in picked]
        keyed = [at for at, (column, _) in enumerate(made.columns) if column in shape.key]
        kept = made.rows if chance.random() < 0.5 else ()
        return replace(made, rows=_let_in(fresh, kept, keyed))

    def _varied(self, made: MadeUp, chance: random.Random) -> MadeUp:
        shape = self._inputs[made.dataset]
        places = {column: at for at, (column, _) in enumerate(made.columns)}
        rows = [tuple(row[places[name]] if name in places else None for name, _ in shape.columns) for row in made.rows]
        variants = []
        for row in rows:
            changed = list(row)
            for at in chance.sample(range(len(changed)), k=min(len(changed), chance.choice((1, 1, 2)))):
                name = shape.columns[at][0]
                empty = name not in shape.required and chance.random() < 0.2
                changed[at] = None if empty else chance.choice(self._pools[made.dataset, name])
            variants.append(tuple(changed))
        keyed = [at for at, (column, _) in enumerate(shape.columns) if column in shape.key]
        kept = rows if chance.random() < 0.5 else []
        return MadeUp(dataset=made.dataset, columns=shape.columns, rows=_let_in(kept, variants, keyed))

    def _table(
        self,
        name: str,
        shape: Shape,
        shared: dict[tuple[str, str], tuple[str, ...]],
        chance: random.Random,
        size: int,
    ) -> MadeUp:
        focus = {column: self._focus(name, column, kind, shared, chance, size) for column, kind in shape.columns}
        nulls = {column: chance.choice((0.0, 0.1, 0.4)) for column, _ in shape.columns if column not in shape.required}
        rows: dict[object, tuple[Value, ...]] = {}
        places = [index for index, (column, _) in enumerate(shape.columns) if column in shape.key]
        for number in range(chance.choice((size, max(1, size // 2), size * 2))):
            row = tuple(
                None if chance.random() < nulls.get(column, 0.0) else chance.choice(focus[column])
                for column, _ in shape.columns
            )
            rows.setdefault(tuple(row[at] for at in places) if places else number, row)
        return MadeUp(dataset=name, columns=shape.columns, rows=tuple(rows.values()))

    def _focus(
        self,
        name: str,
        column: str,
        kind: str,
        shared: dict[tuple[str, str], tuple[str, ...]],
        chance: random.Random,
        size: int,
    ) -> tuple[str, ...]:
        """The few values of which this table's column is made; columns compared with each other share them."""
        marks, pool = self._marks[name, column], self._pools[name, column]
        if marks.linked is not None:
            if marks.linked not in shared:
                shared[marks.linked] = tuple(chance.sample(pool, k=min(len(pool), 2 + size // 4)))
            common = [value for value in shared[marks.linked] if value in pool]
            if common:
                return tuple(common)
        most = _FOCUS if marks.grouped else _FOCUS + size
        return tuple(chance.sample(pool, k=min(len(pool), chance.randint(1, most)))) or (typical(kind),)
