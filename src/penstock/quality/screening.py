"""Which of many queries made-up rows tell from one original: all of them are asked about the same rows, in one go.

Beside the rows that are made up for any two queries there are twins: rows like another in all columns but one, or in
all, without which DISTINCT, GROUP BY and PARTITION BY hardly ever show.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from penstock.quality.synthesis import worlds
from penstock.quality.witness import narrowed, shared_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from penstock.model.intervals import Interval
    from penstock.quality.synthesis import MadeUp, Shape, World
    from penstock.quality.witness import Answer, Laboratory

TRIES = 80
"""How many sets of made-up tables are tried by default; each second one has twins."""
_TWINS = 4
"""How many rows of a table are repeated at most."""
_Row = tuple[str | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """One query, others over the same datasets that may differ from it, and what the datasets' rows look like."""

    original: str
    others: tuple[str, ...]
    inputs: Mapping[str, Shape]
    interval: Interval | None = None


def told_apart(screen: Screen, laboratory: Laboratory, *, seed: int = 0, tries: int = TRIES) -> dict[str, World]:
    """For each of the others that some made-up rows tell from the original, the first such rows.

    Raises:
        InputError: one of the texts is not one query.
    """
    found: dict[str, World] = {}
    left = list(dict.fromkeys(screen.others))
    for world in _tried(screen, seed, tries) if left else ():
        laboratory.fill(world)
        answer = laboratory.answer(screen.original, screen.interval)
        if answer is None:
            continue
        told = {text: world for text in left if differs(answer, laboratory.answer(text, screen.interval))}
        found |= told
        left = [text for text in left if text not in told]
        if not left:
            break
    return found


def differs(one: Answer, other: Answer | None) -> bool:
    """Whether the other query did not give the same rows; one that fails gives none."""
    if other is None:
        return True
    _, sides = shared_rows(one, other)
    return sides[0] != sides[1]


def _tried(screen: Screen, seed: int, tries: int) -> Iterator[World]:
    texts = (screen.original, *screen.others)
    inputs = narrowed(texts, screen.inputs)
    seen: dict[tuple[str, int], dict[str | None, None]] = defaultdict(dict)
    for number, world in enumerate(worlds(texts, inputs, screen.interval, seed=seed, count=(tries + 1) // 2)):
        for made in world:
            for at in range(len(made.columns)):
                seen[made.dataset, at].update(dict.fromkeys(row[at] for row in made.rows))
        yield world
        chance = random.Random(f"twins {seed} {number}")  # noqa: S311 - rows to try, not secrets
        yield tuple(_twinned(made, inputs[made.dataset], seen, chance) for made in world)


def _twinned(
    made: MadeUp, shape: Shape, seen: Mapping[tuple[str, int], Mapping[str | None, None]], chance: random.Random
) -> MadeUp:
    """The table with twins of its first rows; where it has a key, only those that the key lets in."""
    places = [at for at, (column, _) in enumerate(made.columns) if column in shape.key]
    twins: list[_Row] = []
    for row in made.rows[:_TWINS]:
        at = chance.randrange(len(row))
        others = [value for value in seen[made.dataset, at] if value != row[at]]
        if others:
            twins.append((*row[:at], chance.choice(others), *row[at + 1 :]))
        if chance.random() < 0.5:
            twins.append(row)
    return replace(made, rows=_let_in(made.rows, twins, places))


def _let_in(rows: Sequence[_Row], twins: Sequence[_Row], places: Sequence[int]) -> tuple[_Row, ...]:
    if not places:
        return (*rows, *twins)
    by_key = {tuple(row[at] for at in places): row for row in rows}
    for twin in twins:
        by_key.setdefault(tuple(twin[at] for at in places), twin)
    return tuple(by_key.values())
