"""`penstock test --mutate`: the scores, and each fault that the tests would let through."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.app.mutating import MOST, add_tests, mutable_datasets, mutation_of
from penstock.cli.answers import Answer
from penstock.delivery.pages.faults import score_lines, share_text
from penstock.model.findings import Finding, Place
from penstock.quality.mutation import score_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from penstock.app.wiring import Workplace
    from penstock.cli.answers import Door
    from penstock.quality.mutation import MutationScore

__all__ = ["MOST", "Wish", "mutated"]


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
    text = "\n".join(
        [*(line for score in scores for line in score_lines(score)), *_ending(scores, written, add=wish.add)]
    )
    return Answer(result=result, text=text, findings=(*findings, *weak), exit_code=1 if weak else 0)


def _ending(scores: Sequence[MutationScore], written: Sequence[str], *, add: bool) -> Iterator[str]:
    overall, tests = score_of(scores), sum(len(score.killing_tests) for score in scores)
    if overall is not None and len(scores) > 1:
        yield f"{share_text(overall)} in all"
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
            found=share_text(score.score),
            expected=f"at least {least:g} %",
            remedy="add tests for the faults listed; --add appends those shown",
        )
        for score in scores
        if score.score is not None and score.score * 100 < least
    )
