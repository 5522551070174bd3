"""The rules of a contract with those that follow from its columns and its key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.contracts import Rule, RuleKind
from penstock.model.findings import Severity

if TYPE_CHECKING:
    from penstock.model.contracts import Contract


def rules_of(contract: Contract) -> tuple[Rule, ...]:
    """What the columns and the key imply, without what an equally strict rule states anyway; then what is stated."""
    wanted = [
        Rule(kind=RuleKind.NOT_NULL, columns=(column.name,))
        for column in contract.columns
        if column.required or column.name in contract.key
    ]
    if contract.key:
        wanted.append(Rule(kind=RuleKind.UNIQUE, columns=contract.key))
    strict = {
        (rule.kind, rule.columns) for rule in contract.rules if rule.severity is Severity.ERROR and not rule.threshold
    }
    return (*(rule for rule in wanted if (rule.kind, rule.columns) not in strict), *contract.rules)
