"""How datasets fared that were built slice by slice, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.delivery.pages.tables import number
from penstock.model.intervals import merge
from penstock.quality.slicing import SliceOutcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from penstock.quality.slicing import SliceVerdict

WORDS = {SliceOutcome.EQUAL: "equal", SliceOutcome.DIFFERENT: "DIFFERENT", SliceOutcome.NOT_TRIED: "not tried"}


def slices_text(verdicts: Sequence[SliceVerdict]) -> str:
    """A line for each dataset, and one for all of them."""
    counts = {outcome: sum(1 for verdict in verdicts if verdict.outcome is outcome) for outcome in SliceOutcome}
    lines = [*_lines(verdicts), ", ".join(f"{count} {WORDS[outcome].lower()}" for outcome, count in counts.items())]
    return "\n".join(lines) + "\n"


def _lines(verdicts: Sequence[SliceVerdict]) -> Iterator[str]:
    wide = max((len(verdict.dataset) for verdict in verdicts), default=0)
    for each in verdicts:
        yield f"{each.dataset:<{wide}}  {WORDS[each.outcome]:<9}  {_tried(each)}"
        yield from (f"  {trial.scenario.order}: {number(trial.rows)} row(s) differ" for trial in each.different)


def _tried(verdict: SliceVerdict) -> str:
    """How much a verdict rests on, or why there is none."""
    if verdict.why is not None:
        return str(verdict.why)
    orders = len({trial.scenario.order for trial in verdict.trials})
    spans = ", ".join(str(span) for span in merge(verdict.slices))
    turn = "; in turn only" if verdict.in_turn else ""
    with_ = f"; {', '.join(verdict.as_it_is)} as it is now" if verdict.as_it_is else ""
    return f"{len(verdict.slices)} slices ({spans}), {orders} order(s), {number(verdict.rows)} rows{turn}{with_}"
