"""`penstock test --mutate`: the scores, and each fault that the tests would let through."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.app.mutating import MOST, add_tests, mutable_datasets, mutation_of
from penstock.cli.answers import Answer
from penstock.model.findings import Finding, Place
from penstock.quality.mutation import Fate, score_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from penstock.app.wiring import Workplace
    from penstock.cli.answers import Door
    from penstock.quality.mutation import KillingTest, MutationScore, Verdict

__all__ = ["MOST", "Wish", "mutated"]

_WIDEST = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What was asked for: the score in percent that each dataset has to reach, whether tests are to be added."""

    min_score: float | None
    add: bool
    most: int


def mutated(door: Door, place: Workplace, datasets: Sequence[str], wish: Wish) -> Answer:
    """Try the faults of these datasets' queries, or of all, and say what the tests did not notice."""
    scores: list[MutationScore] = []
    for name in dict.fromkeys(datasets) or mutable_datasets(place.project):
        door.draw(f"trying faults in {name}")
        scores += mutation_of(place.project, (name,), most=wish.most)
    door.wipe()
    written, findings = add_tests(place.root, place.project, scores) if wish.add else ((), ())
    weak = (*_failing(scores), *(_weak(scores, wish.min_score) if wish.min_score is not None else ()))
    result = {
        "score": score_of(scores),
        "datasets": [score.to_json() for score in scores],
        "written": list(written),
    }
    text = "\n".join([*(line for score in scores for line in _lines(score)), *_ending(scores, written, add=wish.add)])
    return Answer(result=result, text=text, findings=(*findings, *weak), exit_code=1 if weak else 0)


def _lines(score: MutationScore) -> Iterator[str]:
    yield f"{score.dataset}: {score.skipped or _summary(score)}"
    shown: set[KillingTest] = set()
    for verdict in score.survivors:
        yield from _survivor(score.file, verdict, shown)


def _summary(score: MutationScore) -> str:
    killed, survived = len(score.of(Fate.KILLED)), len(score.survivors)
    counts = [f"{killed} of {killed + survived} faults noticed by {score.tests} test(s)"]
    counts += [f"{len(score.of(fate))} {fate}" for fate in (Fate.SAME, Fate.REFUSED) if score.of(fate)]
    if score.left_out:
        counts.append(f"{score.left_out} more not tried")
    share = "nothing to notice" if score.score is None else _percent(score.score)
    return f"{share} ({', '.join(counts)})"


def _percent(share: float) -> str:
    """Rounded down: 100 % is all of them."""
    return f"{int(share * 1000) / 10:g} %"


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


def _ending(scores: Sequence[MutationScore], written: Sequence[str], *, add: bool) -> Iterator[str]:
    overall, tests = score_of(scores), sum(len(score.killing_tests) for score in scores)
    if overall is not None and len(scores) > 1:
        yield f"{_percent(overall)} in all"
    yield from (f"wrote {path}" for path in written)
    if tests and not add:
        yield f"--add appends the {tests} test(s) shown. They expect what the queries give now: read them first."
    elif written:
        yield "The added tests expect what the queries give now: read them before you keep them."


def _failing(scores: Sequence[MutationScore]) -> tuple[Finding, ...]:
    return tuple(
        Finding(
            code="test.fails_before",
            message=f"{score.dataset}: {score.failing} fails with the query as it is",
            place=Place(file=score.file, dataset=score.dataset),
            expected="tests that pass, before any fault is put in",
            remedy=f"penstock test {score.dataset} says what differs",
        )
        for score in scores
        if score.failing is not None
    )


def _weak(scores: Sequence[MutationScore], least: float) -> tuple[Finding, ...]:
    return tuple(
        Finding(
            code="test.low_score",
            message=f"the tests of {score.dataset} do not notice enough",
            place=Place(file=score.file, dataset=score.dataset),
            found=_percent(score.score),
            expected=f"at least {least:g} %",
            remedy="add tests for the faults listed; --add appends those shown",
        )
        for score in scores
        if score.score is not None and score.score * 100 < least
    )
