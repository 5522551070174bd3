"""What data tests notice of faults put into queries, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.quality.mutation import Fate, KillingTest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from penstock.quality.mutation import MutationScore, Verdict

_WIDEST = 160


def mutations_text(scores: Sequence[MutationScore]) -> str:
    """The score of each dataset, and each fault that its tests let through."""
    lines = [line for score in scores for line in score_lines(score)]
    return "\n".join(lines or ["no edited query could be given a fault"]) + "\n"


def score_lines(score: MutationScore) -> Iterator[str]:
    """A dataset's score, and below it what its tests did not notice."""
    yield f"{score.dataset}: {score.skipped or _summary(score)}"
    shown: set[KillingTest] = set()
    for verdict in score.survivors:
        yield from _survivor(score.file, verdict, shown)


def share_text(share: float) -> str:
    """A share in percent, rounded down: 100 % is all of them."""
    return f"{int(share * 1000) / 10:g} %"


def _summary(score: MutationScore) -> str:
    killed, survived = len(score.of(Fate.KILLED)), len(score.survivors)
    counts = [f"{killed} of {killed + survived} faults noticed by {score.tests} test(s)"]
    counts += [f"{len(score.of(fate))} {fate}" for fate in (Fate.SAME, Fate.REFUSED) if score.of(fate)]
    if score.left_out:
        counts.append(f"{score.left_out} more not tried")
    share = "nothing to notice" if score.score is None else share_text(score.score)
    return f"{share} ({', '.join(counts)})"


def _survivor(file: str, verdict: Verdict, shown: set[KillingTest]) -> Iterator[str]:
    mutant = verdict.mutant
    yield f"  {file}:{mutant.line}: {mutant.kind} not noticed: {_short(str(mutant))}"
    yield f"    | {mutant.excerpt}"
    if verdict.test is None:
        yield "    made-up rows tell it apart; no test that can be written down does"
    elif verdict.test in shown:
        yield f"    the test above would notice: {verdict.test.name}"
    else:
        shown.add(verdict.test)
        yield "    this test would notice:"
        yield from (f"    {line}" for line in verdict.test.text.splitlines())


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _WIDEST else f"{line[: _WIDEST - 1]}…"
