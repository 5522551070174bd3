"""Peers beside Penstock: the same cases, those that can run on every peer asked; the rest is counted apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatebench.measures import measure, report
from gatebench.trial import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gatebench.measures import Rate
    from gatebench.trial import Trial

PENSTOCK = "penstock"
_WIDE = 28


def side_by_side(judges: Mapping[str, Sequence[Trial]]) -> dict[str, list[Trial]]:
    """Every judge's trials of the cases that all of them could judge."""
    apart = _apart(judges)
    return {judge: [one for one in trials if one.case not in apart] for judge, trials in judges.items()}


def peers_report(judges: Mapping[str, Sequence[Trial]]) -> dict[str, Any]:
    """The figures of all judges over the cases that can run everywhere, and why others cannot, as plain values."""
    apart = _apart(judges)
    return {
        "not_applicable": {"of": len(next(iter(judges.values()))), "cases": dict(sorted(apart.items()))},
        **{judge: report(trials) for judge, trials in side_by_side(judges).items()},
    }


def peers_table(judges: Mapping[str, Sequence[Trial]]) -> str:
    """A column for each judge; of held-out cases no more than rates."""
    some = side_by_side(judges)
    parts = {"all": some}
    if any(trial.held_out for trials in some.values() for trial in trials):
        parts["seen"] = _kept(some, held_out=False)
        parts["held out"] = _kept(some, held_out=True)
    total, there = len(next(iter(judges.values()))), len(next(iter(some.values())))
    lines = [f"peers: {there} of {total} cases can run there; the other {total - there} are not counted"]
    for name, trials in parts.items():
        lines.append(f"  {name:<38}" + "".join(f"{judge:<{_WIDE}}" for judge in trials).rstrip())
        lines += _rows(trials)
    return "\n".join(lines)


def _rows(judges: Mapping[str, Sequence[Trial]]) -> list[str]:
    found = [measure(trials) for trials in judges.values()]
    rows: dict[str, list[Rate | int | float]] = {
        "bad ones caught": [one.catch for one in found],
        "bad ones rolled back in the window": [one.rolled_back for one in found],
        "good ones stopped (false alarms)": [one.false_alarms for one in found],
        "broken": [one.broken for one in found],
        "seconds a verdict, p50": [one.median_seconds for one in found],
    }
    return [
        f"    {what:<36}" + "".join(f"{cell!s:<{_WIDE}}" for cell in cells).rstrip() for what, cells in rows.items()
    ]


def _apart(judges: Mapping[str, Sequence[Trial]]) -> dict[str, str]:
    """The cases that some judge cannot be given, with the reason."""
    return {
        trial.case: trial.reason
        for trials in judges.values()
        for trial in trials
        if trial.verdict is Verdict.NOT_APPLICABLE
    }


def _kept(judges: Mapping[str, Sequence[Trial]], *, held_out: bool) -> dict[str, list[Trial]]:
    return {judge: [one for one in trials if one.held_out is held_out] for judge, trials in judges.items()}
