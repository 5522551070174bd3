"""The search for made-up rows on which two queries give different answers, made as few as possible."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from penstock.quality.synthesis import worlds
from penstock.sql.boundaries import names_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from penstock.model.intervals import Interval
    from penstock.quality.synthesis import MadeUp, Shape, World

TRIES = 120
"""How many sets of made-up tables are tried by default."""
HOPELESS = 40
"""After how many sets of tables without a single row a search gives up."""
LONGEST = 1_000_000
"""Characters of SQL that a search runs at most: long queries get fewer tries."""
MOST_SHRINKS = 200
_MOST_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a query gives: its columns and its rows, values as text, floating point rounded to nine digits."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str | None, ...], ...]


class Laboratory(Protocol):
    """A database in memory, away from any real data, that holds one set of made-up tables at a time."""

    def fill(self, world: World) -> None:
        """Hold these tables and no others."""
        ...

    def answer(self, text: str, interval: Interval | None) -> Answer | None:
        """What a query over datasets gives on them; None if it fails."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """Made-up rows that tell two queries apart, and the rows that only one of them gives."""

    world: World
    columns: tuple[str, ...]
    old: tuple[tuple[str | None, ...], ...]
    new: tuple[tuple[str | None, ...], ...]

    @property
    def given(self) -> str:
        """The made-up rows in words."""
        tables = [(made.dataset, [name for name, _ in made.columns], made.rows) for made in self.world if made.rows]
        return (
            "; ".join(f"{name} with {_rows_text(columns, rows)}" for name, columns, rows in tables) or "no row at all"
        )

    @property
    def apart(self) -> str:
        """What the two queries make of them, in words."""
        old, new = (_rows_text(self.columns, rows) or "nothing" for rows in (self.old, self.new))
        return f"the old query gives {old}, the new one {new}"


def _rows_text(columns: Sequence[str], rows: Sequence[Sequence[str | None]]) -> str:
    shown = [", ".join(f"{name}={_shown(value)}" for name, value in zip(columns, row, strict=True)) for row in rows]
    more = f" and {len(shown) - _MOST_SHOWN} more" if len(shown) > _MOST_SHOWN else ""
    return " | ".join(f"({text})" for text in shown[:_MOST_SHOWN]) + more


def _shown(value: str | None) -> str:
    return "NULL" if value is None else value if value.strip() == value and value else repr(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Two queries over the same datasets, and what their rows look like; `models` as for `synthesis.worlds`.

    `first` are rows that are tried before any others.
    """

    old: str
    new: str
    inputs: Mapping[str, Shape]
    interval: Interval | None = None
    models: tuple[World, ...] = ()
    first: tuple[World, ...] = ()

    def worlds(self, *, seed: int = 0, count: int = TRIES) -> Iterator[World]:
        """Made-up rows that are likely to tell the two apart, the same for the same seed.

        Raises:
            InputError: one of the texts is not one query.
        """
        texts = (self.old, self.new)
        inputs = narrowed(texts, self.inputs)
        more = worlds(texts, inputs, self.interval, seed=seed, count=count, models=self.models)
        return itertools.chain(self.first, more)


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What a search came to: a witness, if it found one, and on how many sets of rows both queries gave any."""

    witness: Witness | None
    answered: int


def find_witness(question: Question, laboratory: Laboratory, *, seed: int = 0, tries: int = TRIES) -> Witness | None:
    """Rows on which the two queries differ, as few as were found; None if no made-up rows tell them apart.

    Raises:
        InputError: one of the texts is not one query.
    """
    return search(question, laboratory, seed=seed, tries=tries).witness


def search(question: Question, laboratory: Laboratory, *, seed: int = 0, tries: int = TRIES) -> Search:
    """As `find_witness`, with how much was tried.

    Raises:
        InputError: one of the texts is not one query.
    """
    answered = 0
    size = len(question.old) + len(question.new)
    for number, world in enumerate(question.worlds(seed=seed, count=max(HOPELESS, min(tries, LONGEST // size)))):
        if number >= HOPELESS and not answered:
            break  # nothing gets through these queries
        answers = _answers(world, question, laboratory)
        if answers is None:
            continue
        if _witness(world, answers) is not None:
            fewest = smallest(world, lambda fewer: _tells_apart(fewer, question, laboratory))
            answers = _answers(fewest, question, laboratory)
            return Search(witness=answers and _witness(fewest, answers), answered=answered + 1)
        answered += bool(answers[0].rows and answers[1].rows)
    return Search(witness=None, answered=answered)


def smallest(world: World, shows: Callable[[World], bool]) -> World:
    """A world that shows something, with every row taken away that is not needed for that."""
    left = MOST_SHRINKS

    def still_shows(smaller: World) -> bool:
        nonlocal left
        left -= 1
        return left >= 0 and shows(smaller)

    for number in range(len(world)):
        world = _without_needless(world, number, still_shows)
    return world


def narrowed(texts: Iterable[str], inputs: Mapping[str, Shape]) -> dict[str, Shape]:
    """The same shapes with the columns alone that the queries name; all of them where a query takes all."""
    words = names_in(texts)
    if words is None:
        return dict(inputs)
    return {name: _kept(shape, words) for name, shape in inputs.items()}


def _kept(shape: Shape, words: frozenset[str]) -> Shape:
    columns = tuple(column for column in shape.columns if column[0].lower() in words) or shape.columns[:1]
    names = {name for name, _ in columns}
    return replace(shape, columns=columns, key=shape.key if set(shape.key) <= names else ())


def _answers(world: World, question: Question, laboratory: Laboratory) -> tuple[Answer, Answer] | None:
    laboratory.fill(world)
    old, new = (laboratory.answer(text, question.interval) for text in (question.old, question.new))
    return None if old is None or new is None else (old, new)


def _witness(world: World, answers: tuple[Answer, Answer]) -> Witness | None:
    columns, sides = shared_rows(*answers)
    gone, come = sides[0] - sides[1], sides[1] - sides[0]
    if not gone and not come:
        return None
    return Witness(world=world, columns=columns, old=tuple(gone.elements()), new=tuple(come.elements()))


def shared_rows(
    old: Answer, new: Answer
) -> tuple[tuple[str, ...], tuple[Counter[tuple[str | None, ...]], Counter[tuple[str | None, ...]]]]:
    """Both answers as multisets over the columns that they share, by name; by place if they share none."""
    shared = tuple(name for name in new.columns if name in old.columns)
    if not shared:
        return new.columns, (Counter(old.rows), Counter(new.rows))
    return shared, (_picked(old, shared), _picked(new, shared))


def _picked(answer: Answer, names: Sequence[str]) -> Counter[tuple[str | None, ...]]:
    places = [answer.columns.index(name) for name in names]
    return Counter(tuple(row[place] for place in places) for row in answer.rows)


def _tells_apart(world: World, question: Question, laboratory: Laboratory) -> bool:
    answers = _answers(world, question, laboratory)
    return answers is not None and _witness(world, answers) is not None


def _without_needless(world: World, number: int, shows: Callable[[World], bool]) -> World:
    """Take rows of one table away, half of them at first, as long as the rest still shows the difference."""
    step = max(1, len(world[number].rows) // 2)
    while True:
        at = 0
        while at < len(world[number].rows):
            rows = world[number].rows
            smaller = _with_rows(world, number, (*rows[:at], *rows[at + step :]))
            if shows(smaller):
                world = smaller
            else:
                at += step
        if step == 1:
            return world
        step = max(1, step // 2)


def _with_rows(world: World, number: int, rows: tuple[tuple[str | None, ...], ...]) -> World:
    tables: list[MadeUp] = list(world)
    tables[number] = replace(tables[number], rows=rows)
    return tuple(tables)
