"""What the rows of a version were held to: the checks of its contract that block, each by a digest.

Rows stay as they are when a contract gains a check; so it must be known which checks they have passed.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING

from penstock.model.contracts import Contract, Rule, RuleKind
from penstock.model.findings import Severity
from penstock.quality.implied import rules_of

if TYPE_CHECKING:
    from collections.abc import Iterable

_OF_A_MOMENT = frozenset({RuleKind.FRESHNESS, RuleKind.VOLUME, RuleKind.DRIFT})
"""Kinds about how rows arrive: they say nothing of rows that have been there for long."""


def blocking_rules(contract: Contract | None) -> dict[str, Rule]:
    """The rules that rows of a dataset must keep whenever they are shown, by their digests."""
    if contract is None:
        return {}
    rules = [rule for rule in rules_of(contract) if rule.severity is Severity.ERROR and rule.kind not in _OF_A_MOMENT]
    types = {column.name: column.type for column in contract.columns}
    return {_digest(rule, types): rule for rule in rules}


def held_text(digests: Iterable[str]) -> str:
    """Digests as the ledger keeps them."""
    return json.dumps(sorted(set(digests)), separators=(",", ":"))


def held_of(text: object) -> frozenset[str]:
    """The digests that a version's rows were held to; none where nobody wrote them down."""
    return frozenset(json.loads(str(text))) if text else frozenset()


def with_rules(contract: Contract, rules: Iterable[Rule]) -> Contract:
    """The contract with these rules alone: nothing else is implied by it."""
    plain = tuple(replace(column, required=False, key=False) for column in contract.columns)
    return replace(contract, columns=plain, key=(), rules=tuple(rules))


def _digest(rule: Rule, types: dict[str, str]) -> str:
    said = replace(rule, name="", description="", line=None)
    text = f"{said} {[types.get(name) for name in rule.columns]}"
    return hashlib.sha256(text.encode()).hexdigest()[:12]
