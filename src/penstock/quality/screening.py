"""Which of many queries made-up rows tell from one original: all of them are asked about the same rows, in one go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.quality.synthesis import worlds
from penstock.quality.witness import TRIES, narrowed, shared_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.model.intervals import Interval
    from penstock.quality.synthesis import Shape, World
    from penstock.quality.witness import Answer, Laboratory


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """One query, others over the same datasets that may differ from it, and what the datasets' rows look like.

    `models` as for `synthesis.worlds`.
    """

    original: str
    others: tuple[str, ...]
    inputs: Mapping[str, Shape]
    interval: Interval | None = None
    models: tuple[World, ...] = ()


def told_apart(screen: Screen, laboratory: Laboratory, *, seed: int = 0, tries: int = TRIES) -> dict[str, World]:
    """For each of the others that some made-up rows tell from the original, the first such rows.

    Raises:
        InputError: one of the texts is not one query.
    """
    found: dict[str, World] = {}
    left = list(dict.fromkeys(screen.others))
    texts = (screen.original, *left)
    inputs = narrowed(texts, screen.inputs)
    tried = worlds(texts, inputs, screen.interval, seed=seed, count=tries, models=screen.models)
    for world in tried if left else ():
        laboratory.fill(world)
        answer = laboratory.answer(screen.original, screen.interval)
        if answer is None:
            continue
        told = {text: world for text in left if differs(answer, laboratory.answer(text, screen.interval))}
        found |= told
        left = [text for text in left if text not in told]
        if not left:
            break
    return found


def differs(one: Answer, other: Answer | None) -> bool:
    """Whether the other query did not give the same rows; one that fails gives none."""
    if other is None:
        return True
    _, sides = shared_rows(one, other)
    return sides[0] != sides[1]
