"""How much a dataset's tests notice: what became of each mutant of its query, and the score that this makes.

Invariants: the score counts only mutants that were killed or survived. What the database refuses is no fault that could
get through, and what no made-up rows tell apart counts neither way; it is never called proved.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from penstock.sql.mutants import Mutant


class Fate(StrEnum):
    """What became of a mutant."""

    KILLED = "killed"
    SURVIVED = "survived"
    SAME = "that no rows tell apart"
    REFUSED = "that the database refuses"


@dataclass(frozen=True, slots=True, kw_only=True)
class KillingTest:
    """A test that passes with the query as it is and fails with a mutant: its name, and its case as YAML."""

    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One mutant's fate: the test that killed it, or the test that would.

    A survivor has no `test` if made-up rows tell it apart and no test that can be written down does.
    """

    mutant: Mutant
    fate: Fate
    killed_by: str | None = None
    test: KillingTest | None = None

    def to_json(self) -> dict[str, Any]:
        """The verdict as plain JSON values."""
        mutant = self.mutant
        return {
            "id": mutant.id,
            "kind": str(mutant.kind),
            "line": mutant.line,
            "excerpt": mutant.excerpt,
            "old": mutant.old,
            "new": mutant.new,
            "fate": str(self.fate),
            "killed_by": self.killed_by,
            "test": {"name": self.test.name, "text": self.test.text} if self.test is not None else None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class MutationScore:
    """What the tests of one dataset notice. `skipped` says why it was not mutated at all.

    `failing` names a test that fails with the query as it is; `left_out` counts faults that were not tried, for there
    were too many.
    """

    dataset: str
    file: str
    tests: int
    verdicts: tuple[Verdict, ...] = ()
    left_out: int = 0
    skipped: str | None = None
    failing: str | None = None

    def of(self, fate: Fate) -> tuple[Verdict, ...]:
        """The mutants with that fate, in the order of lines."""
        return tuple(verdict for verdict in self.verdicts if verdict.fate is fate)

    @property
    def survivors(self) -> tuple[Verdict, ...]:
        """What the tests did not notice."""
        return self.of(Fate.SURVIVED)

    @property
    def score(self) -> float | None:
        """The share of mutants that tests killed, 0 to 1; None if there was none that could be."""
        return score_of((self,))

    @property
    def killing_tests(self) -> tuple[KillingTest, ...]:
        """The tests that would kill the survivors, each once."""
        return tuple(dict.fromkeys(verdict.test for verdict in self.survivors if verdict.test is not None))

    def to_json(self) -> dict[str, Any]:
        """The score as plain JSON values."""
        return {
            "dataset": self.dataset,
            "file": self.file,
            "tests": self.tests,
            "score": self.score,
            "skipped": self.skipped,
            "failing": self.failing,
            "left_out": self.left_out,
            **{fate.name.lower(): len(self.of(fate)) for fate in Fate},
            "mutants": [verdict.to_json() for verdict in self.verdicts],
        }


def score_of(scores: Iterable[MutationScore]) -> float | None:
    """The share killed over several datasets together; None if no mutant counted."""
    listed = tuple(scores)
    killed = sum(len(score.of(Fate.KILLED)) for score in listed)
    counted = killed + sum(len(score.survivors) for score in listed)
    return killed / counted if counted else None
