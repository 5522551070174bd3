"""The policy a project sets in `penstock.yaml`, always read from the base revision, with its defaults."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from penstock.model.stories import Rollout

if TYPE_CHECKING:
    from penstock.model.pipelines import Settings

_NO_STEPS = Rollout()


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """`approvals`: how many people must approve. `quality_score` and `documentation`: percent that must be reached.

    `mutation_score`: percent of the faults put into edited lines that data tests must catch. `observe_intervals`: how
    long the observation window is when the story does not say. `abandon_after_days`: after how many days a change that
    nobody touches is named. `rollout`: the steps that no story may shorten.
    """

    approvals: int = 1
    quality_score: Decimal = Decimal(95)
    documentation: Decimal = Decimal(90)
    mutation_score: Decimal = Decimal(0)
    observe_intervals: int = 7
    abandon_after_days: int = 30
    rollout: Rollout = _NO_STEPS

    @classmethod
    def of(cls, settings: Settings) -> Policy:
        """The policy of a project's settings."""
        plain = cls()
        values = settings.policy
        rollout = values.get("rollout")
        return cls(
            approvals=int(str(values.get("approvals", plain.approvals))),
            quality_score=Decimal(str(values.get("quality_score", plain.quality_score))),
            documentation=Decimal(str(values.get("documentation", plain.documentation))),
            mutation_score=Decimal(str(values.get("mutation_score", plain.mutation_score))),
            observe_intervals=int(str(values.get("observe_intervals", plain.observe_intervals))),
            abandon_after_days=int(str(values.get("abandon_after_days", plain.abandon_after_days))),
            rollout=rollout if isinstance(rollout, Rollout) else plain.rollout,
        )
