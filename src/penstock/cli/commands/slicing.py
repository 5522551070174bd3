"""`penstock test --slices`: whether datasets built slice by slice come out as if they were built at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.app.slicing import try_slices
from penstock.cli.answers import Answer
from penstock.delivery.pages import tables
from penstock.model.intervals import merge
from penstock.quality.slicing import SliceOutcome, WhyNot

if TYPE_CHECKING:
    from penstock.app.wiring import Workplace
    from penstock.cli.answers import Door
    from penstock.quality.slicing import SliceVerdict

_WORDS = {SliceOutcome.EQUAL: "equal", SliceOutcome.DIFFERENT: "DIFFERENT", SliceOutcome.NOT_TRIED: "not tried"}


def slices_answer(door: Door, place: Workplace, names: tuple[str, ...]) -> Answer:
    """The verdicts as text and as JSON; a difference is a verdict of no, a query that fails a failed run."""
    verdicts = try_slices(place, names, door.say)
    counts = {outcome: sum(1 for verdict in verdicts if verdict.outcome is outcome) for outcome in SliceOutcome}
    wide = max((len(verdict.dataset) for verdict in verdicts), default=0)
    lines = [f"{each.dataset:<{wide}}  {_WORDS[each.outcome]:<9}  {_tried(each)}" for each in verdicts]
    lines.append(", ".join(f"{count} {_WORDS[outcome].lower()}" for outcome, count in counts.items()))
    failed = any(verdict.why is WhyNot.FAILS for verdict in verdicts)
    return Answer(
        result={
            "datasets": {verdict.dataset: verdict.to_json() for verdict in verdicts},
            **{str(outcome): count for outcome, count in counts.items()},
        },
        text="\n".join(lines),
        findings=tuple(finding for verdict in verdicts for finding in verdict.findings),
        exit_code=1 if counts[SliceOutcome.DIFFERENT] else 3 if failed else 0,
    )


def _tried(verdict: SliceVerdict) -> str:
    """How much a verdict rests on, or why there is none."""
    if verdict.why is not None:
        return str(verdict.why)
    orders = len({trial.scenario.order for trial in verdict.trials})
    spans = ", ".join(str(span) for span in merge(verdict.slices))
    turn = "; in turn only" if verdict.in_turn else ""
    with_ = f"; {', '.join(verdict.as_it_is)} as it is now" if verdict.as_it_is else ""
    return f"{len(verdict.slices)} slices ({spans}), {orders} order(s), {tables.number(verdict.rows)} rows{turn}{with_}"
