"""Which joins that repeat rows explain a movement: those in the same dataset, and those upstream of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.policy.facts import Multiplying, ReviewFacts
    from penstock.policy.movements import Contradiction
    from penstock.quality.comparison import DatasetDiff


def joins_behind(one: Contradiction, diff: DatasetDiff, facts: ReviewFacts) -> tuple[Multiplying, ...]:
    """The joins that explain a movement, the dataset's own first.

    Rows that repeat can change any value of what is made from them, and can only add rows.
    """
    if not one.is_movement or (one.column is None and diff.new_rows < diff.old_rows):
        return ()
    upstream = _upstream(diff.dataset, facts.reads)
    own = [join for join in facts.multiplying if join.dataset == diff.dataset]
    return (*own, *(join for join in facts.multiplying if join.dataset in upstream))


def _upstream(dataset: str, reads: Mapping[str, tuple[str, ...]]) -> set[str]:
    seen: set[str] = set()
    todo = [dataset]
    while todo:
        for name in reads.get(todo.pop(), ()):
            if name not in seen:
                seen.add(name)
                todo.append(name)
    return seen - {dataset}
