"""Whether a dataset that is built slice by slice comes out as if built at once: what to try, and the verdict.

Invariants: what is tried follows from the slices and the seed alone; a trial in which nothing was hidden that should
have been is not counted as tried; merges are taken in turn, as Penstock takes them, so that what was merged too early
is merged again at the end.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from penstock.model.findings import Finding, Place, Severity
from penstock.model.intervals import Interval

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from penstock.quality.comparison import DatasetDiff, RowExample

NEWEST, OLDEST = 12, 3
"""How many of the newest and of the oldest slices are tried."""


class Order(StrEnum):
    """In which order slices are built, or what befalls one of them. Each ends in a state that one build must equal."""

    AGAIN = "again"
    NATURAL = "natural"
    REVERSED = "reversed"
    SHUFFLED = "shuffled"
    REPLAYED = "replayed"
    ARRIVING = "arriving"
    LATE = "late"
    EMPTIED = "emptied"
    EMPTY = "empty"


WORDS = {
    Order.AGAIN: "built at once a second time",
    Order.NATURAL: "slice by slice, oldest first",
    Order.REVERSED: "slice by slice, newest first",
    Order.SHUFFLED: "slice by slice, in a mixed order",
    Order.REPLAYED: "with one slice built twice",
    Order.ARRIVING: "each slice before the input of later ones was there",
    Order.LATE: "with the input of one slice late, and that slice built again",
    Order.EMPTIED: "with the input of one slice taken away, and that slice built again",
    Order.EMPTY: "with no input for one slice",
}


class SliceOutcome(StrEnum):
    """What is known of a dataset's slices."""

    EQUAL = "equal"
    DIFFERENT = "different"
    NOT_TRIED = "not_tried"


class WhyNot(StrEnum):
    """Why slices were not tried: a closed set."""

    NOT_SLICED = "it is not cut into intervals"
    NOT_SQL = "its rows are not made by a query"
    NOT_BUILT = "what it reads is not built"
    ONE_SLICE = "there are not two slices next to each other"
    NO_ROWS = "one build over the slices makes no rows"
    FAILS = "its query fails, at once and slice by slice"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One build: the interval it covers, and the interval whose input it does not see."""

    interval: Interval
    hidden: Interval | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Builds one after the other, to be compared with one build that does not see the input of `hidden`.

    `picked` is the slice that something befalls. The first `out_of_turn` steps of a merge are in an order in which
    Penstock would not leave it.
    """

    order: Order
    steps: tuple[Step, ...]
    picked: Interval | None = None
    hidden: Interval | None = None
    out_of_turn: int = 0

    @property
    def hides(self) -> bool:
        """Whether some build does not see everything."""
        return any(step.hidden is not None for step in self.steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """How one scenario ended: a difference (`old` is one build, `new` the slices), or that one of the two failed.

    `hidden_rows` is how many input rows were hidden from some build; `at_once`: it is the one build that failed.
    """

    scenario: Scenario
    window: Interval
    hidden_rows: int = 0
    diff: DatasetDiff | None = None
    failure: Finding | None = None
    at_once: bool = False

    @property
    def equal(self) -> bool:
        """Whether both came out alike."""
        return self.failure is None and (self.diff is None or self.diff.empty)

    @property
    def rows(self) -> int:
        """How many rows one of the two has and the other has not, or has otherwise."""
        return self.diff.added + self.diff.removed + self.diff.changed if self.diff is not None else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceVerdict:
    """What is known of one dataset: how each order came out, over which slices, and what its query's text shows.

    `rows` is how many rows one build over the slices makes. `in_turn`: equal only because slices are merged in turn.
    `as_it_is` are inputs without intervals: every build saw them as they are now, a slice built earlier did not.
    """

    dataset: str
    file: str
    outcome: SliceOutcome
    why: WhyNot | None = None
    slices: tuple[Interval, ...] = ()
    trials: tuple[Trial, ...] = ()
    rows: int = 0
    in_turn: bool = False
    as_it_is: tuple[str, ...] = ()
    doubts: tuple[Finding, ...] = ()
    cause: Finding | None = None

    @property
    def different(self) -> tuple[Trial, ...]:
        """The trials that came out otherwise than one build."""
        return tuple(trial for trial in self.trials if not trial.equal)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Everything found: one error for all orders that differ, why nothing was tried, and what the text shows."""
        found = [*self.doubts]
        if self.different:
            found.insert(0, _different(self))
        if self.why in {WhyNot.NOT_BUILT, WhyNot.FAILS, WhyNot.NO_ROWS}:
            found.append(self.cause or _not_tried(self))
        return tuple(found)

    def to_json(self) -> dict[str, Any]:
        """The verdict as plain JSON values."""
        return {
            "dataset": self.dataset,
            "outcome": str(self.outcome),
            "why": str(self.why) if self.why else None,
            "slices": [str(piece) for piece in self.slices],
            "rows": self.rows,
            "in_turn": self.in_turn,
            "as_it_is": list(self.as_it_is),
            "orders": [_trial_json(trial) for trial in self.trials],
            "doubts": [finding.to_json() for finding in self.doubts],
        }


def windows(slices: Sequence[Interval]) -> tuple[tuple[Interval, ...], ...]:
    """The slices to try, as runs without a gap of at least two: the newest ones, and the oldest if there are more."""
    runs = _runs(sorted(slices))
    if not runs:
        return ()
    newest = runs[-1][-NEWEST:]
    oldest = runs[0][:OLDEST]
    return (newest,) if oldest[-1].end > newest[0].start else (oldest, newest)


def scenarios(
    slices: Sequence[Interval], *, merged: bool, seed: int, occupied: Collection[Interval] = ()
) -> tuple[Scenario, ...]:
    """What to try on neighbouring slices, in order. `occupied` are those whose input has rows to hide."""
    natural = tuple(sorted(slices))
    picked = _picked([piece for piece in natural if piece in occupied] or natural, seed)
    window = Interval(natural[0].start, natural[-1].end)
    found = [
        Scenario(order=Order.AGAIN, steps=(Step(interval=window),)),
        Scenario(order=Order.NATURAL, steps=_steps(natural)),
        _out_of_order(Order.REVERSED, natural[::-1], merged=merged),
        _out_of_order(Order.SHUFFLED, _shuffled(natural, seed), merged=merged),
        _again(Order.REPLAYED, _steps(natural), natural, picked, merged=merged),
    ]
    if not occupied:
        return tuple(found)
    arriving = tuple(
        Step(interval=piece, hidden=Interval(piece.end, window.end) if piece.end < window.end else None)
        for piece in natural
    )
    unseen = _steps(natural, hidden=picked)
    found += [
        Scenario(order=Order.ARRIVING, steps=arriving),
        _again(Order.LATE, unseen, natural, picked, merged=merged),
    ]
    if merged:  # rows whose keys no longer come stay in a merge, so that a slice can be empty and not be emptied
        found.append(Scenario(order=Order.EMPTY, steps=unseen, picked=picked, hidden=picked))
    else:
        steps = (*_steps(natural), Step(interval=picked, hidden=picked))
        found.append(Scenario(order=Order.EMPTIED, steps=steps, picked=picked, hidden=picked))
    return tuple(found)


def outcome_of(trials: Sequence[Trial]) -> SliceOutcome:
    """What trials say together.

    >>> outcome_of([])
    <SliceOutcome.NOT_TRIED: 'not_tried'>
    """
    if not trials:
        return SliceOutcome.NOT_TRIED
    return SliceOutcome.EQUAL if all(trial.equal for trial in trials) else SliceOutcome.DIFFERENT


def _runs(slices: Sequence[Interval]) -> list[tuple[Interval, ...]]:
    """Slices that follow each other without a gap, two at least."""
    runs: list[list[Interval]] = []
    for piece in slices:
        if runs and runs[-1][-1].end == piece.start:
            runs[-1].append(piece)
        else:
            runs.append([piece])
    return [tuple(run) for run in runs if len(run) > 1]


def _steps(slices: Sequence[Interval], hidden: Interval | None = None) -> tuple[Step, ...]:
    return tuple(Step(interval=piece, hidden=hidden) for piece in slices)


def _out_of_order(order: Order, slices: tuple[Interval, ...], *, merged: bool) -> Scenario:
    """Slices out of order; of a merge, everything from the first that came too early is merged again, in turn."""
    if not merged:
        return Scenario(order=order, steps=_steps(slices))
    early = [piece for number, piece in enumerate(slices) if any(other < piece for other in slices[number + 1 :])]
    tail = [piece for piece in sorted(slices) if early and piece >= min(early)]
    return Scenario(order=order, steps=_steps([*slices, *tail]), out_of_turn=len(slices))


def _again(
    order: Order, before: tuple[Step, ...], natural: tuple[Interval, ...], picked: Interval, *, merged: bool
) -> Scenario:
    """A slice built again at the end; of a merge, with all that follow it."""
    again = [piece for piece in natural if piece == picked or (merged and piece > picked)]
    return Scenario(order=order, steps=(*before, *_steps(again)), picked=picked)


def _picked(slices: Sequence[Interval], seed: int) -> Interval:
    """One slice, with others on both sides where there are any."""
    inner = slices[1:-1] or slices
    return min(inner, key=lambda piece: _lot(piece, seed))


def _shuffled(natural: tuple[Interval, ...], seed: int) -> tuple[Interval, ...]:
    """Another order than oldest first and newest first, where there is one."""
    mixed = tuple(sorted(natural, key=lambda piece: _lot(piece, seed)))
    return (*mixed[1:], mixed[0]) if mixed in {natural, natural[::-1]} else mixed


def _lot(piece: Interval, seed: int) -> bytes:
    return hashlib.sha256(f"{seed} {piece}".encode()).digest()


def _different(verdict: SliceVerdict) -> Finding:
    """One finding for a dataset: in which orders, how many rows at most, and the first examples."""
    worst = max(verdict.different, key=lambda trial: (trial.failure is not None, trial.rows))
    message = f"{verdict.dataset} built slice by slice is not what one build over everything makes"
    if all(trial.scenario.order is Order.AGAIN for trial in verdict.different):
        message = f"{verdict.dataset} comes out otherwise when the same is built a second time"
    return Finding(
        code="slices.different",
        message=f"{message}: {_orders(verdict.different)}",
        place=Place(file=verdict.file, dataset=verdict.dataset),
        found=worst.failure.message if worst.failure else "; ".join(_examples(worst)) or None,
        expected="the same rows in whatever order slices are built",
        remedy="make a row depend on its own interval's input alone, or keep the dataset with materialize: table",
    )


def _orders(trials: Sequence[Trial]) -> str:
    """In which orders: where the plainest one differs, the others go without saying, and are counted."""
    telling = [trial for trial in trials if trial.scenario.order in {Order.AGAIN, Order.NATURAL}]
    others = len({trial.scenario.order for trial in trials} - {Order.AGAIN, Order.NATURAL})
    if not any(trial.scenario.order is Order.NATURAL for trial in trials):
        return "; ".join(dict.fromkeys(_in_words(trial) for trial in trials))
    words = "; ".join(dict.fromkeys(_in_words(trial) for trial in telling))
    return words + (f"; and so in {others} other order(s)" if others else "")


def _in_words(trial: Trial) -> str:
    words = "at once" if trial.at_once else WORDS[trial.scenario.order]
    picked = f" ({trial.scenario.picked})" if trial.scenario.picked else ""
    return f"{words}{picked}: " + ("refused" if trial.failure else f"{trial.rows:,} row(s) differ")


def _examples(trial: Trial) -> Iterator[str]:
    """The first few differences. Values of personal columns were masked when they were read."""
    for example in trial.diff.examples[:3] if trial.diff is not None else ():
        yield _example(example)


def _example(example: RowExample) -> str:
    key = ", ".join(f"{name}={value}" for name, value in example.key)
    if example.column is not None:
        return f"{key}: {example.column} is {example.new} by slices, {example.old} at once"
    which = "only by slices" if example.old is None else "only at once"
    return f"{which}: {(example.new if example.old is None else example.old) or key}"[:200]


def _not_tried(verdict: SliceVerdict) -> Finding:
    remedies = {WhyNot.NOT_BUILT: "penstock run", WhyNot.NO_ROWS: "build intervals that hold data: penstock run"}
    return Finding(
        code="slices.not_tried",
        message=f"{verdict.dataset} was not tried: {verdict.why}",
        severity=Severity.WARNING,
        place=Place(file=verdict.file, dataset=verdict.dataset),
        expected="two slices next to each other whose input is built and holds rows",
        remedy=remedies.get(verdict.why) if verdict.why else None,
    )


def _trial_json(trial: Trial) -> dict[str, Any]:
    return {
        "order": str(trial.scenario.order),
        "window": str(trial.window),
        "builds": len(trial.scenario.steps),
        "picked": str(trial.scenario.picked) if trial.scenario.picked else None,
        "hidden_rows": trial.hidden_rows,
        "equal": trial.equal,
        "rows_different": trial.rows,
        "examples": list(_examples(trial)),
        "failure": {"code": trial.failure.code, "message": trial.failure.message} if trial.failure else None,
        "at_once": trial.at_once,
    }
