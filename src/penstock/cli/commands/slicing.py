"""`penstock test --slices`: whether datasets built slice by slice come out as if they were built at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.app.slicing import try_slices
from penstock.cli.answers import Answer
from penstock.delivery.pages.slices import slices_text
from penstock.quality.slicing import SliceOutcome, WhyNot

if TYPE_CHECKING:
    from penstock.app.wiring import Workplace
    from penstock.cli.answers import Door


def slices_answer(door: Door, place: Workplace, names: tuple[str, ...]) -> Answer:
    """The verdicts as text and as JSON; a difference is a verdict of no, a query that fails a failed run."""
    verdicts = try_slices(place, names, door.say)
    counts = {str(outcome): sum(1 for verdict in verdicts if verdict.outcome is outcome) for outcome in SliceOutcome}
    failed = any(verdict.why is WhyNot.FAILS for verdict in verdicts)
    return Answer(
        result={"datasets": {verdict.dataset: verdict.to_json() for verdict in verdicts}, **counts},
        text=slices_text(verdicts).rstrip("\n"),
        findings=tuple(finding for verdict in verdicts for finding in verdict.findings),
        exit_code=1 if counts[str(SliceOutcome.DIFFERENT)] else 3 if failed else 0,
    )
