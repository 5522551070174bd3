"""What policy and waivers made of what gates said, for the dossier: it is never silent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.model.environments import PRODUCTION
from penstock.model.findings import Outcome
from penstock.policy.gates import OBSERVATION
from penstock.policy.ruling import weakened

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from penstock.delivery.judged import JudgedStage
    from penstock.delivery.review import Review
    from penstock.model.findings import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruled:
    """A gate that policy or a waiver overruled, and the line that says so, if no other does."""

    gate: str
    line: str = ""


def rulings(seen: Review, verdicts: Sequence[Verdict], earlier: Sequence[JudgedStage]) -> Iterator[Ruled]:
    """What was overruled: in the review, in the stages before it, and in the window to come."""
    yield from (Ruled(gate=verdict.gate) for verdict in verdicts if verdict.holds and verdict.ruling)
    for stage in earlier:
        for verdict in stage.verdicts:
            if verdict.ruling:
                yield Ruled(gate=verdict.gate, line=_line(stage.stage, verdict))
    for gate in OBSERVATION:
        why = weakened(seen.facts.policy.rule_of(gate), PRODUCTION)
        if why is not None:
            yield Ruled(gate=gate, line=f"- `{gate}` (observation): {why}.")


def apart_from(ruled: Sequence[Ruled]) -> str:
    """The gates, of whatever stage, that are not in the way by policy's word or a waiver alone."""
    names = ", ".join(f"`{one.gate}`" for one in ruled)
    return f", {names} by policy or waiver alone (see *The gates*)" if ruled else ""


def _line(stage: str, verdict: Verdict) -> str:
    if verdict.outcome is Outcome.NOT_APPLICABLE:
        return f"- `{verdict.gate}` ({stage}): {verdict.ruling}."
    said = verdict.outcome.replace("_", " ")
    return f"- `{verdict.gate}` ({stage}) said {said}, and counts for {verdict.counts}: {verdict.ruling}."
