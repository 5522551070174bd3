"""The policy a project sets in `penstock.yaml`, always read from the base revision, with its defaults.

A threshold that a gate asks for is one field of `Policy` with its bounds as metadata, whole or exact as its default is:
reading it and the documentation's test follow from that.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from penstock.evidence.quorum import Quorum
from penstock.model.stories import Rollout

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from penstock.model.pipelines import Settings

FIXED: Mapping[str, str] = MappingProxyType(
    {
        "missing_approval": "it is what makes a person answer for a change",
        "stale_approval": "without it an approval is good for any bytes",
        "moved_base": "without it something else is merged than was reviewed",
        "expired_waiver": "without it a waiver has no end",
        "protected_file": "a change could bring its own policy and keys",
        "secret_in_diff": "what is merged is published, and cannot be taken back",
        "open_questions": "the stages after it would work on guesses",
        "broken_project": "the stages after it could not read the project",
        "failed_run": "every gate of the review would have nothing to judge",
    }
)
"""Gates that are neither switched off nor waived, and why (ADR 0027)."""


PERCENT: Mapping[str, int | None] = MappingProxyType({"low": 0, "high": 100})
COUNT: Mapping[str, int | None] = MappingProxyType({"low": 0, "high": None})
RATIO: Mapping[str, int | None] = MappingProxyType({"low": 1, "high": None})
DAYS: Mapping[str, int | None] = MappingProxyType({"low": 1, "high": None})
"""The least and the largest value of a threshold; None where it has no end."""


class Weight(StrEnum):
    """What a gate's word weighs: `block` stops the change, `warn` is shown, `off` is not asked for."""

    BLOCK = "block"
    WARN = "warn"
    OFF = "off"


class Label(StrEnum):
    """What a change can be besides, for which other people may have to approve."""

    IRREVERSIBLE = "irreversible"
    PERSONAL_DATA = "personal_data"


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRule:
    """What policy says of one gate. `environments` are those in which it applies; all of them if empty."""

    severity: Weight = Weight.BLOCK
    environments: tuple[str, ...] = ()


_NO_STEPS = Rollout()


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """`approvals`: how many people must approve, from `approvals_from` (names or groups; any approver if empty).

    `extra` is what changes with a label need besides. `approval_days`: how long an approval counts. `quality_score` and
    `documentation`: percent that must be reached. `mutation_score`: percent of the faults put into edited lines that
    data tests must catch. `observe_intervals`: how long the observation window is when the story does not say. `gates`:
    what is said of single gates. `cost_ratio`: how many times the rows of production's a run may handle.
    `unbounded`: how many percent a number may move where the impact says `any`.
    `availability`: percent of intervals that must be ready in time when played through. `forbidden_packages`: what no
    change may bring in, each a name, or a name with the versions that are meant. `abandon_after_days`: after how many
    days a change that nobody touches is named. `rollout`: the steps that no story may shorten.
    """

    approvals: int = 1
    approvals_from: tuple[str, ...] = ()
    extra: tuple[Quorum, ...] = ()
    gates: Mapping[str, GateRule] = field(default_factory=dict)
    approval_days: int = field(default=30, metadata=DAYS)
    quality_score: Decimal = field(default=Decimal(95), metadata=PERCENT)
    documentation: Decimal = field(default=Decimal(90), metadata=PERCENT)
    mutation_score: Decimal = field(default=Decimal(0), metadata=PERCENT)
    observe_intervals: int = field(default=7, metadata=COUNT)
    cost_ratio: Decimal = field(default=Decimal(5), metadata=RATIO)
    unbounded: Decimal = field(default=Decimal(50), metadata=COUNT)
    availability: Decimal = field(default=Decimal(99), metadata=PERCENT)
    forbidden_packages: tuple[str, ...] = ()
    abandon_after_days: int = field(default=30, metadata=DAYS)
    rollout: Rollout = _NO_STEPS

    @classmethod
    def of(cls, settings: Settings) -> Policy:
        """The policy of a project's settings."""
        values = settings.policy
        numbers: dict[str, Any] = {
            name: type(plain)(str(values[name])) for name, plain in THRESHOLDS.items() if values.get(name) is not None
        }
        rollout = values.get("rollout")
        return cls(
            **numbers,
            **_approvals(values.get("approvals")),
            gates=_gates(values.get("gates")),
            forbidden_packages=_texts(values.get("forbidden_packages")),
            rollout=rollout if isinstance(rollout, Rollout) else _NO_STEPS,
        )

    def rule_of(self, gate: str) -> GateRule:
        """What is said of a gate; a gate that is fixed blocks everywhere."""
        return GateRule() if gate in FIXED else self.gates.get(gate, GateRule())

    def quorums(self, labels: Collection[str]) -> tuple[Quorum, ...]:
        """Everyone who has to approve a change with these labels; without a word, two for what is irreversible."""
        extra = self.extra
        if self.approvals and not any(each.label == Label.IRREVERSIBLE for each in extra):
            extra = (*extra, Quorum(count=max(2, self.approvals), label=Label.IRREVERSIBLE))
        everyone = Quorum(count=self.approvals, among=self.approvals_from)
        return (everyone, *(each for each in extra if each.asked_of(labels)))


THRESHOLDS: Mapping[str, Any] = MappingProxyType(
    {each.name: each.default for each in fields(Policy) if "low" in each.metadata}
)
"""Each number that projects may set, with its default."""


def bounds_of(name: str) -> tuple[int, int | None]:
    """The least and the largest value of a threshold; None where it has no end."""
    metadata = next(each.metadata for each in fields(Policy) if each.name == name)
    return metadata["low"], metadata["high"]


def _approvals(value: Any) -> dict[str, Any]:
    """`policy.approvals` as fields: a number, or a mapping with `count`, `from` and labels."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        return {"approvals": int(value)}
    extra = tuple(_quorum(label, value[label]) for label in Label if label in value)
    return {"approvals": int(value.get("count", 1)), "approvals_from": tuple(value.get("from", ())), "extra": extra}


def _quorum(label: Label, value: Any) -> Quorum:
    if not isinstance(value, dict):
        return Quorum(count=int(value), label=label)
    return Quorum(count=int(value.get("count", 1)), among=tuple(value.get("from", ())), label=label)


def _gates(value: Any) -> dict[str, GateRule]:
    return {
        gate: GateRule(severity=Weight(rule["severity"]), environments=tuple(rule["environments"]))
        for gate, rule in (value or {}).items()
    }


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(item) for item in value) if isinstance(value, list | tuple) else ()
