"""Rates of trials with their 95 % intervals, and the table that `make gatebench` prints."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from gatebench.cases import Label
from gatebench.trial import Trial, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

Z = 1.959964


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How many of how many, with the interval that Wilson's score gives at 95 %; shares between 0 and 1."""

    hits: int
    of: int

    @property
    def share(self) -> float | None:
        """The share itself; None of nothing."""
        return self.hits / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The bounds of Wilson's interval; None of nothing.

        >>> [round(bound, 3) for bound in Rate(hits=97, of=100).interval]
        [0.915, 0.99]
        """
        if not self.of:
            return None
        share, weight = self.hits / self.of, Z * Z / self.of
        middle = (share + weight / 2) / (1 + weight)
        reach = Z / (1 + weight) * math.sqrt(share * (1 - share) / self.of + weight / (4 * self.of))
        return max(0.0, middle - reach), min(1.0, middle + reach)

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {"hits": self.hits, "of": self.of, "share": self.share, "interval": self.interval}

    def __str__(self) -> str:
        if not self.of or not self.interval:
            return "-"
        low, high = self.interval
        return f"{100 * self.hits / self.of:5.1f} % ({self.hits}/{self.of}; {100 * low:.1f}..{100 * high:.1f})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """What a set of trials says of whoever judged them."""

    catch: Rate
    rolled_back: Rate
    false_alarms: Rate
    vacuous: Rate
    rollback: Rate
    broken: int
    median_seconds: float
    p95_seconds: float
    median_work: float
    p95_work: float


def measure(trials: Sequence[Trial]) -> Measures:
    """The rates over some trials; one that broke is a wrong verdict of either label: no crash hides anything."""
    bad = [trial for trial in trials if trial.label is Label.BAD]
    good = [trial for trial in trials if trial.label is Label.GOOD]
    accepted = [trial for trial in trials if trial.verdict is Verdict.ACCEPTED]
    return Measures(
        catch=_rate(bad, lambda trial: trial.right),
        rolled_back=_rate(bad, lambda trial: trial.verdict is Verdict.ROLLED_BACK),
        false_alarms=_rate(good, lambda trial: not trial.right),
        vacuous=_rate(
            [trial for trial in accepted if trial.exercised is not None], lambda trial: trial.exercised is False
        ),
        rollback=_rate(
            [trial for trial in accepted if trial.rollback_equal is not None], lambda trial: bool(trial.rollback_equal)
        ),
        broken=sum(trial.verdict is Verdict.BROKEN for trial in trials),
        median_seconds=_quantile([trial.seconds for trial in trials], 0.5),
        p95_seconds=_quantile([trial.seconds for trial in trials], 0.95),
        median_work=_quantile([trial.work for trial in trials], 0.5),
        p95_work=_quantile([trial.work for trial in trials], 0.95),
    )


def report(trials: Sequence[Trial]) -> dict[str, Any]:
    """Everything that is measured, as plain values: in all, seen and held out, by kind, and the trials themselves."""
    return {
        "all": measures_json(measure(trials)),
        "seen": measures_json(measure([trial for trial in trials if not trial.held_out])),
        "held_out": measures_json(measure([trial for trial in trials if trial.held_out])),
        "kinds": {kind: {"right": right, "of": of} for kind, right, of in by_kind(trials)},
        "trials": [asdict(trial) for trial in trials],
    }


def measures_json(found: Measures) -> dict[str, Any]:
    """Measures as plain values."""
    rates = {name: getattr(found, name).to_json() for name in _RATES}
    return rates | {name: getattr(found, name) for name in _NUMBERS}


def by_kind(trials: Iterable[Trial]) -> list[tuple[str, int, int]]:
    """Kind, how many verdicts were right, of how many; good kinds first."""
    trials = list(trials)
    total = Counter((trial.label, trial.kind) for trial in trials)
    right = Counter((trial.label, trial.kind) for trial in trials if trial.right)
    order = sorted(total, key=lambda key: (key[0] is Label.BAD, key[1]))
    return [(f"{label}: {kind}", right[label, kind], total[label, kind]) for label, kind in order]


def table(judges: Mapping[str, Sequence[Trial]]) -> str:
    """The table: one block for each judge, in all, seen and held out; then Penstock by kind."""
    lines = []
    for judge, trials in judges.items():
        lines.append(f"{judge}: {len(trials)} cases")
        parts = {"all": trials}
        if any(trial.held_out for trial in trials):
            parts["seen"] = [trial for trial in trials if not trial.held_out]
            parts["held out"] = [trial for trial in trials if trial.held_out]
        lines += [line for name, some in parts.items() for line in _block(name, measure(some))]
    first = next(iter(judges.values()))
    lines.append("right by kind:")
    lines += [f"  {kind:<36} {right:>3} of {of}" for kind, right, of in by_kind(first)]
    return "\n".join(lines)


_RATES = ("catch", "rolled_back", "false_alarms", "vacuous", "rollback")
_NUMBERS = ("broken", "median_seconds", "p95_seconds", "median_work", "p95_work")


def _block(name: str, found: Measures) -> list[str]:
    rates = {
        "bad ones caught": found.catch,
        "bad ones rolled back in the window": found.rolled_back,
        "good ones stopped (false alarms)": found.false_alarms,
        "accepted with nothing through the change": found.vacuous,
        "rollbacks equal to the start": found.rollback,
    }
    lines = [f"  {name}"] + [f"    {what:<42} {rate}" for what, rate in rates.items() if rate.of]
    if found.p95_seconds:
        lines.append(
            f"    seconds a verdict, p50 and p95             {found.median_seconds:.1f}, {found.p95_seconds:.1f}"
        )
        lines.append(f"    of processor time                          {found.median_work:.1f}, {found.p95_work:.1f}")
    if found.broken:
        lines.append(f"    broken: a bug, ours or the bench's          {found.broken}")
    return lines


def _rate(trials: Sequence[Trial], holds: Callable[[Trial], bool]) -> Rate:
    return Rate(hits=sum(holds(trial) for trial in trials), of=len(trials))


def _quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0
