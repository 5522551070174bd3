"""`policy` of `penstock.yaml` as plain values, or every mistake in it; `Policy.of` makes them a policy."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

from penstock.model.environments import PRODUCTION
from penstock.model.pipelines import NAME_PATTERN
from penstock.policy.gate_names import GATES
from penstock.policy.rollout_steps import read_rollout
from penstock.policy.rules import FIXED, THRESHOLDS, Label, Weight, bounds_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from penstock.documents import Fields
    from penstock.model.stories import Rollout

KEYS = ("approvals", "forbidden_packages", "gates", "rollout", *THRESHOLDS)
"""What `policy` may say."""
_PACKAGE = re.compile(
    r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
    r"(?:\s*(?:<=|>=|<|>|==|!=|~=)\s*[0-9][\w.*+!-]*(?:\s*,\s*(?:<=|>=|<|>|==|!=|~=)\s*[0-9][\w.*+!-]*)*)?"
)


def read_policy(fields: Fields) -> dict[str, object]:
    """What the mapping `policy` says; mistakes are noted in `fields`."""
    values: dict[str, object] = {name: _number(fields, name) for name in THRESHOLDS}
    values["approvals"] = _approvals(fields)
    values["gates"] = _gates(fields)
    values["forbidden_packages"] = _forbidden(fields)
    values["rollout"] = _steps(fields) if "rollout" in fields else None
    _unknown(fields, KEYS, "key of policy")
    return {name: value for name, value in values.items() if value is not None}


def _number(fields: Fields, name: str) -> float | int | None:
    low, high = bounds_of(name)
    if isinstance(THRESHOLDS[name], int):
        return fields.integer(name, low=low)
    return fields.number(name, low=low, high=high)


def _steps(fields: Fields) -> Rollout:
    """The steps that every rollout has at least; how long the window is has a key of its own."""
    steps, observe = read_rollout(fields)
    if observe is not None:
        fields.note(
            "project.two_windows",
            "the policy's rollout says how long the window is",
            at="rollout",
            found=f"observe: {observe}",
            expected="shadow and canary alone",
            remedy="write `observe_intervals` beside it; a story may then say more or less",
        )
    return steps


def _forbidden(fields: Fields) -> tuple[str, ...] | None:
    """The packages that no change may bring in; None where policy does not say."""
    if "forbidden_packages" not in fields:
        return None
    named = fields.texts("forbidden_packages")
    for text in named:
        if not _PACKAGE.fullmatch(text.strip()):
            fields.note(
                "project.bad_package",
                f"{text!r} does not say which package is forbidden",
                at="forbidden_packages",
                found=text,
                expected="a name, or a name with versions, such as left-pad or requests<2.32",
            )
    return named


def _approvals(fields: Fields) -> object:
    """How many approve: a number, or a mapping that also says who, and what labels need besides."""
    if not isinstance(fields.raw("approvals"), dict):
        return fields.integer("approvals", low=0)
    asked = fields.child("approvals")
    assert asked is not None  # noqa: S101 - it is a mapping
    return {**_quorum(asked), **{str(label): _labelled(asked, label) for label in Label if label in asked}}


def _labelled(asked: Fields, label: Label) -> object:
    if not isinstance(asked.raw(label), dict):
        return asked.integer(label, low=1, required=True) or 1
    quorum = asked.child(label)
    assert quorum is not None  # noqa: S101 - it is a mapping
    return _quorum(quorum, low=1)


def _quorum(fields: Fields, *, low: int = 0) -> dict[str, object]:
    count, among = fields.integer("count", low=low), fields.texts("from")
    known = ("count", "from") if low else ("count", "from", *Label)
    _unknown(fields, known, "key of approvals")
    return {"count": 1 if count is None else count, "from": among}


def _gates(fields: Fields) -> dict[str, object] | None:
    """What is said of each gate: a severity, or a mapping with `severity` and `environments`."""
    gates = fields.child("gates")
    if gates is None:
        return None
    _unknown(gates, GATES, "gate")
    return {name: _gate(gates, name) for name in gates.values if name in GATES}


def _gate(gates: Fields, name: str) -> dict[str, object]:
    if isinstance(gates.raw(name), dict):
        rule = gates.child(name)
        assert rule is not None  # noqa: S101 - it is a mapping
        severity, environments = _severity(rule, "severity"), _environments(rule)
        _unknown(rule, ("severity", "environments"), f"key of {name}")
    else:
        severity, environments = _severity(gates, name), ()
    if name in FIXED and (severity is not Weight.BLOCK or environments):
        gates.note(
            "policy.fixed_gate",
            f"{name} cannot be switched off or confined: {FIXED[name]}",
            at=name,
            expected=f"{Weight.BLOCK}, everywhere",
            remedy=f"remove `{name}`; what it finds is cleared as its page says",
        )
    return {"severity": str(severity), "environments": environments}


def _severity(fields: Fields, key: str) -> Weight:
    """The word under `key`; YAML takes a bare `off` for false."""
    if fields.raw(key) is False:
        return Weight.OFF
    word = fields.choice(key, tuple(Weight))
    return Weight(word) if word is not None else Weight.BLOCK


def _environments(rule: Fields) -> tuple[str, ...]:
    names = rule.texts("environments")
    for name in names:
        if not NAME_PATTERN.fullmatch(name):
            rule.note(
                "project.bad_name",
                f"{name!r} cannot name an environment",
                at="environments",
                found=name,
                expected=f"lower-case letters, digits and _, such as {PRODUCTION}",
            )
    return names


def _unknown(fields: Fields, known: Iterable[str], kind: str) -> None:
    """Note keys that nobody knows, each with the one that may have been meant."""
    words = tuple(known)
    for name in fields.values:
        if name not in words:
            close = difflib.get_close_matches(str(name), words, n=1)
            fields.note(
                "document.unknown_key",
                f"{name} is no {kind}",
                at=name,
                found=str(name),
                expected=" | ".join(words),
                remedy=f"perhaps {close[0]} is meant" if close else "correct the word or remove the key",
            )
