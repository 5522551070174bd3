"""Whether the data exercised the places in which two queries differ, so that an empty difference says something.

Invariants: a place counts as exercised only if rows crossed there and mattered to the answer, or if rows took every
side of it and no made-up row tells old from new; what could not be probed is not exercised; a query is proved equal by
its form alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from penstock.quality.witness import Question, search, shared_rows
from penstock.sql.fingerprint import canonical
from penstock.sql.probes import probes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from penstock.model.intervals import Interval
    from penstock.quality.synthesis import Shape, World
    from penstock.quality.witness import Laboratory, Search, Witness
    from penstock.sql.changes import ChangedPlace
    from penstock.sql.probes import Probe

ENOUGH = 12
"""On how many sets of made-up rows both queries must have given rows before it counts that none told them apart."""


class Comparison(StrEnum):
    """What is known of two queries that make the same dataset."""

    PROVED_EQUAL = "proved equal"
    EXERCISED = "equal and exercised"
    NOT_EXERCISED = "equal but not exercised"
    DIFFERENT = "different"


class Grounds(StrEnum):
    """Why a place counts as exercised, or does not."""

    CROSSED = "rows crossed here and show in the answer"
    GONE_THROUGH = "rows took every side of it, and no made-up row tells old from new"
    NO_ROW_CROSSED = "no row was treated otherwise than before"
    LOST = "rows were treated otherwise, and all of them are lost on the way to the answer"
    NOT_PROBED = "it cannot be probed"


EXERCISING = frozenset({Grounds.CROSSED, Grounds.GONE_THROUGH})


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Rows seen at a place, those that the old and the new side take, and those that cross from one to the other."""

    rows: int
    old: int
    new: int
    crossing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """How many rows came to a place, and how many of them met each condition there."""

    rows: int
    met: tuple[tuple[str, int], ...]

    @property
    def all_taken(self) -> bool:
        """Whether there is a condition, and each was met by some rows and not by others."""
        return self.rows > 0 and bool(self.met) and all(0 < count < self.rows for _, count in self.met)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceSeen:
    """One changed place: what rows did there and, if they did not exercise it, made-up rows that would.

    `sides` says how many of the rows meet each condition at the place. `test` names a data test whose rows tell old
    from new there. A place that rows crossed has made-up rows too where the answer stayed the same all the same.
    """

    place: ChangedPlace
    grounds: Grounds
    tally: Tally | None = None
    sides: Sides | None = None
    witness: Witness | None = None
    test: str | None = None
    tried: bool = True
    """Whether enough made-up rows got through the queries for it to say something that none told old from new."""
    case: str | None = None
    """A data test of the made-up rows, as it would stand in a test file: it passes now, and fails as it was."""

    @property
    def exercised(self) -> bool:
        """Whether the data went through it."""
        return self.grounds in EXERCISING

    @property
    def unseen(self) -> bool:
        """Whether neither the data nor a test went through it."""
        return not self.exercised and self.test is None

    @property
    def outweighed(self) -> bool:
        """Whether rows crossed, other rows kept the answer the same all the same, and no test has rows that differ."""
        return self.exercised and self.witness is not None and self.test is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exercise:
    """What is known of a dataset's old and new query, place by place."""

    dataset: str
    file: str
    comparison: Comparison
    places: tuple[PlaceSeen, ...] = ()

    @property
    def unseen(self) -> tuple[PlaceSeen, ...]:
        """The places that nothing went through."""
        return tuple(place for place in self.places if place.unseen)

    @property
    def outweighed(self) -> tuple[PlaceSeen, ...]:
        """The places whose rows crossed without a trace, though others would leave one."""
        return tuple(place for place in self.places if place.outweighed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two queries of a dataset, the shapes of what they read, and the rows of its data tests by their names.

    `differ` says whether their answers on the real data differ; `interval` is what made-up rows are built for.
    """

    dataset: str
    file: str
    old: str
    new: str
    inputs: Mapping[str, Shape]
    differ: bool
    interval: Interval | None = None
    tests: Mapping[str, tuple[World, Interval | None]] = field(default_factory=dict)
    write: Callable[[Question, World], str | None] | None = None
    """Writes the data test of a world on which the new query of a question differs from the old one."""


class RealData(Protocol):
    """The real rows of the datasets that the queries read."""

    def ask(self, sql: str) -> tuple[Any, ...] | None:
        """The one row that a query over datasets gives; None if the warehouse refuses it."""
        ...


def exercise(pair: Pair, data: RealData, laboratory: Laboratory) -> Exercise:
    """What the data showed of the difference between two queries.

    Raises:
        InputError: one of them is not one query.
    """
    places = tuple(_seen(probe, pair, data, laboratory) for probe in probes(pair.old, pair.new))
    places = _as_a_whole(places, pair, laboratory)
    if pair.differ:
        comparison = Comparison.DIFFERENT
    elif canonical(pair.old) == canonical(pair.new):
        comparison = Comparison.PROVED_EQUAL
    else:
        exercised = bool(places) and all(place.exercised for place in places)
        comparison = Comparison.EXERCISED if exercised else Comparison.NOT_EXERCISED
    return Exercise(dataset=pair.dataset, file=pair.file, comparison=comparison, places=places)


def _as_a_whole(places: tuple[PlaceSeen, ...], pair: Pair, laboratory: Laboratory) -> tuple[PlaceSeen, ...]:
    """What all edits together say of each.

    Edits may hide each other: what no made-up row tells apart one by one may be told apart as a whole. They may undo
    each other: a condition that moved is two edits, each of which would matter alone. And rows that crossed may have
    been outweighed by others, so that the answer shows nothing of them.
    """
    quiet = any(place.grounds is Grounds.GONE_THROUGH for place in places) and len(places) > 1
    undone = any(place.witness is not None for place in places) and len(places) > 1
    crossed = any(place.grounds is Grounds.CROSSED for place in places)
    if not quiet and (pair.differ or not (undone or crossed)):
        return places
    question = _question(pair, pair.old)
    shown = tuple(place.witness.world for place in places if place.witness is not None)
    found = search(replace(question, first=shown), laboratory)
    if found.witness is None:
        hopeless = found.answered < ENOUGH or pair.differ
        return places if hopeless else tuple(replace(place, witness=None, case=None, tried=True) for place in places)
    test = _test(question, pair, laboratory)
    case = _case(question, pair, found)
    return tuple(_seen_as_a_whole(place, found.witness, test, case, differ=pair.differ) for place in places)


def _seen_as_a_whole(
    place: PlaceSeen, witness: Witness, test: str | None, case: str | None, *, differ: bool
) -> PlaceSeen:
    if place.grounds is Grounds.GONE_THROUGH:
        return replace(place, grounds=Grounds.NO_ROW_CROSSED, witness=witness)
    if place.grounds is Grounds.CROSSED and not differ:
        return replace(place, witness=witness, test=test, case=case)
    return place


def _question(pair: Pair, old: str) -> Question:
    models = tuple(world for world, _ in pair.tests.values())
    return Question(old=old, new=pair.new, inputs=pair.inputs, interval=pair.interval, models=models)


def _seen(probe: Probe, pair: Pair, data: RealData, laboratory: Laboratory) -> PlaceSeen:
    tally = _tally(probe, data)
    if tally is not None and tally.crossing and _shows(probe, data):
        return PlaceSeen(place=probe.place, grounds=Grounds.CROSSED, tally=tally)
    sides = _sides(probe, data.ask)
    question = _question(pair, probe.hybrid or pair.old)
    found = search(question, laboratory)
    if not found.answered and probe.hybrid is not None:  # the old part does not fit into the new query
        question = replace(question, old=pair.old)
        found = search(question, laboratory)
    return PlaceSeen(
        place=probe.place,
        grounds=_grounds(probe, tally, sides, found, question, laboratory),
        tally=tally,
        sides=sides,
        witness=found.witness,
        tried=found.answered >= ENOUGH,
        case=_case(question, pair, found) if found.witness is not None else None,
        test=_test(question, pair, laboratory) if found.witness is not None else None,
    )


def _grounds(
    probe: Probe, tally: Tally | None, sides: Sides | None, found: Search, question: Question, laboratory: Laboratory
) -> Grounds:
    if tally is None:
        return Grounds.NOT_PROBED
    if tally.crossing:
        return Grounds.LOST
    taken = probe.plain and sides is not None and sides.all_taken
    tried = found.witness is None and found.answered >= ENOUGH
    if taken and tried and _made_up_sides(probe, question, laboratory):
        return Grounds.GONE_THROUGH
    return Grounds.NO_ROW_CROSSED


def _case(question: Question, pair: Pair, found: Search) -> str | None:
    if pair.write is None or found.witness is None:
        return None
    return pair.write(question, found.witness.world)


def _tally(probe: Probe, data: RealData) -> Tally | None:
    row = data.ask(probe.tally) if probe.tally is not None else None
    if row is None:
        return None
    rows, old, new, crossing = (int(value or 0) for value in row)
    return Tally(rows=rows, old=old, new=new, crossing=crossing)


def _shows(probe: Probe, data: RealData) -> bool:
    """Whether the rows that cross matter to the answer."""
    counted = probe.reach if probe.reach is not None else probe.visible if probe.masked else None
    if counted is None:
        return not probe.masked
    row = data.ask(counted)
    return row is not None and bool(row[0])


def _sides(probe: Probe, ask: Callable[[str], tuple[Any, ...] | None]) -> Sides | None:
    row = ask(probe.side_counts) if probe.side_counts is not None else None
    if row is None:
        return None
    rows, *met = (int(value or 0) for value in row)
    return Sides(rows=rows, met=tuple(zip(probe.sides, met, strict=True)))


def _made_up_sides(probe: Probe, question: Question, laboratory: Laboratory) -> bool:
    """Whether made-up rows took every side of the place too: else it says nothing that none told old from new."""
    rows, met = 0, [0] * len(probe.sides)
    for world in question.worlds():
        laboratory.fill(world)
        answer = laboratory.answer(probe.side_counts or "", question.interval)
        if answer is not None and answer.rows:
            counts = [int(value or 0) for value in answer.rows[0]]
            rows += counts[0]
            met = [one + other for one, other in zip(met, counts[1:], strict=True)]
    return Sides(rows=rows, met=tuple(zip(probe.sides, met, strict=True))).all_taken


def _test(question: Question, pair: Pair, laboratory: Laboratory) -> str | None:
    """The first data test whose rows tell old from new."""
    for name, (world, interval) in pair.tests.items():
        laboratory.fill(world)
        answers = [laboratory.answer(text, interval) for text in (question.old, question.new)]
        if answers[0] is not None and answers[1] is not None:
            _, sides = shared_rows(answers[0], answers[1])
            if sides[0] != sides[1]:
                return name
    return None
