"""What a change of a contract means to those who read the dataset.

A change is breaking when a reader that was right under the old contract may be wrong under the new one; additive when
the new contract only promises more; of no effect when it changes words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from penstock.contract.column_types import decimal_size
from penstock.contract.predicates import is_number_text
from penstock.model.contracts import Rule, RuleKind
from penstock.model.findings import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.model.contracts import ColumnSpec, Contract

_WEIGHT = {Severity.NOTE: 0, Severity.WARNING: 1, Severity.ERROR: 2}
_WIDER = (
    ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"),
    ("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"),
    ("FLOAT", "DOUBLE"),
)
_DAYS = {"d": 1, "day": 1, "w": 7, "week": 7, "month": 30, "mo": 30, "m": 30, "y": 365, "yr": 365, "year": 365}


class Effect(StrEnum):
    """What a change means to a reader."""

    BREAKING = "breaking"
    ADDITIVE = "additive"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractChange:
    """One difference between two contracts of a dataset; `reason` is a sentence for people."""

    dataset: str
    kind: str
    effect: Effect
    reason: str
    column: str | None = None


def compare(old: Contract | None, new: Contract | None) -> tuple[ContractChange, ...]:
    """Every difference, columns first. No old contract is a new promise; no new one is a promise withdrawn."""
    if new is None or old is None:
        return _whole(old, new)
    parts = (_columns(old, new), _keys(old, new), _rules(old, new), _sla(old, new), _words(old, new))
    return tuple(
        ContractChange(dataset=new.dataset, kind=kind, effect=effect, reason=reason, column=column)
        for part in parts
        for kind, effect, reason, column in part
    )


_Change = tuple[str, Effect, str, str | None]


def _whole(old: Contract | None, new: Contract | None) -> tuple[ContractChange, ...]:
    if old is None and new is None:
        return ()
    if new is None:
        assert old is not None  # noqa: S101 - one of the two is there
        reason = f"{old.dataset} loses its contract, and its readers every promise"
        return (ContractChange(dataset=old.dataset, kind="withdrawn", effect=Effect.BREAKING, reason=reason),)
    reason = f"{new.dataset} gets its first contract"
    return (ContractChange(dataset=new.dataset, kind="introduced", effect=Effect.ADDITIVE, reason=reason),)


def _columns(old: Contract, new: Contract) -> Iterator[_Change]:
    for column in old.columns:
        after = new.column(column.name)
        if after is None:
            yield "column_removed", Effect.BREAKING, f"readers of {column.name} find it gone", column.name
        else:
            yield from _column(column, after)
    for column in new.columns:
        if old.column(column.name) is None:
            yield "column_added", Effect.ADDITIVE, f"{column.name} is new, and nobody reads it yet", column.name


def _column(old: ColumnSpec, new: ColumnSpec) -> Iterator[_Change]:
    name = new.name
    if old.type != new.type:
        wider = _widens(old.type, new.type)
        tail = "holds every value the old type held" if wider else "may not hold or compare as the old values did"
        effect = Effect.ADDITIVE if wider else Effect.BREAKING
        yield "column_retyped", effect, f"{name} turns from {old.type} into {new.type}, which {tail}", name
    if old.required and not new.required:
        yield "column_optional", Effect.BREAKING, f"{name} may now be NULL, which its readers need not expect", name
    if new.required and not old.required:
        yield "column_required", Effect.ADDITIVE, f"{name} can no longer be NULL", name
    if old.personal != new.personal:
        yield _personal(old, new)
    if old.description != new.description:
        yield "column_described", Effect.NONE, f"the words about {name} change", name


def _personal(old: ColumnSpec, new: ColumnSpec) -> _Change:
    if new.personal is None:
        reason = f"{new.name} is no longer marked as personal data ({old.personal}), so nothing masks it"
        return "personal_unmarked", Effect.BREAKING, reason, new.name
    reason = f"{new.name} is marked as personal data ({new.personal})"
    return "personal_marked", Effect.NONE, reason, new.name


def _widens(old: str, new: str) -> bool:
    before, after = decimal_size(old), decimal_size(new)
    if before and after:
        return after[1] >= before[1] and after[0] - after[1] >= before[0] - before[1]
    return any(old in row and new in row and row.index(new) > row.index(old) for row in _WIDER)


def _keys(old: Contract, new: Contract) -> Iterator[_Change]:
    if set(old.key) == set(new.key):
        return
    before, after = ", ".join(old.key), ", ".join(new.key)
    if not old.key:
        yield "key_added", Effect.ADDITIVE, f"a row is now one per ({after})", None
    elif not new.key:
        yield "key_removed", Effect.BREAKING, f"rows may repeat where there was one per ({before})", None
    else:
        reason = f"a row was one per ({before}) and is one per ({after}): joins and counts change meaning"
        yield "key_changed", Effect.BREAKING, reason, None


def _rules(old: Contract, new: Contract) -> Iterator[_Change]:
    """Rules are the same rule when they are of one kind on the same columns, SQL rules also by name or query."""
    gone, come = _by_identity(old.rules), _by_identity(new.rules)
    for identity, before in gone.items():
        after = come.get(identity)
        if after is None:
            effect = Effect.BREAKING if before.severity is Severity.ERROR else Effect.NONE
            yield "rule_removed", effect, f"nothing checks any longer: {_label(before)}", _one(before)
        elif before != after:
            yield _rule(before, after)
    for identity, after in come.items():
        if identity not in gone:
            yield "rule_added", Effect.ADDITIVE, f"a new promise is checked: {_label(after)}", _one(after)


def _by_identity(rules: tuple[Rule, ...]) -> dict[tuple[object, ...], Rule]:
    found: dict[tuple[object, ...], Rule] = {}
    for rule in rules:
        word = (rule.name or rule.sql) if rule.kind is RuleKind.SQL else ""
        count = 0
        while (rule.kind, rule.columns, word, count) in found:
            count += 1
        found[rule.kind, rule.columns, word, count] = rule
    return found


def _rule(old: Rule, new: Rule) -> _Change:
    if _WEIGHT[new.severity] < _WEIGHT[old.severity]:
        return "rule_loosened", Effect.BREAKING, f"{_label(new)}: {old.severity} becomes {new.severity}", _one(new)
    if _promise(old) == _promise(new):
        if new.severity is old.severity:
            return "rule_described", Effect.NONE, f"the words about a check change: {_label(new)}", _one(new)
        return "rule_tightened", Effect.ADDITIVE, f"{_label(new)}: {old.severity} becomes {new.severity}", _one(new)
    if _allows_less(old, new):
        return "rule_tightened", Effect.ADDITIVE, f"{_label(new)} allows less than before", _one(new)
    return "rule_loosened", Effect.BREAKING, f"{_label(new)} may allow what it did not allow before", _one(new)


def _promise(rule: Rule) -> tuple[object, ...]:
    rest = replace(rule, values=(), name="", description="", severity=Severity.ERROR, line=None)
    return (frozenset(rule.values), rest)


def _allows_less(old: Rule, new: Rule) -> bool:
    if new.kind is RuleKind.FRESHNESS:
        return new.age is not None and old.age is not None and new.age <= old.age
    if new.threshold is not None:
        return _tolerates_less(old, new)
    if new.kind is RuleKind.ACCEPTED_VALUES:
        return set(new.values) <= set(old.values)
    if new.kind in {RuleKind.RANGE, RuleKind.LENGTH}:
        bounds = [(new.low, old.low, -1), (new.high, old.high, 1)]
        bounds += [(_text(new.shortest), _text(old.shortest), -1), (_text(new.longest), _text(old.longest), 1)]
        return all(_within(one, other, side) for one, other, side in bounds)
    if new.limit is not None and old.limit is not None and new.limit < old.limit:
        old = replace(old, limit=new.limit)
    return _promise(replace(old, threshold=None)) == _promise(new)


def _tolerates_less(old: Rule, new: Rule) -> bool:
    """Whether only the threshold moved, and allows nothing that it did not allow."""
    before, after = old.threshold, new.threshold
    if before is None or after is None or _promise(replace(old, threshold=after)) != _promise(new):
        return False
    if before.operator != after.operator or before.percent != after.percent:
        return False
    one, other = float(after.operands[0]), float(before.operands[0])
    if before.operator in {"mustBeLessThan", "mustBeLessOrEqualTo"}:
        return one <= other
    return before.operator in {"mustBeGreaterThan", "mustBeGreaterOrEqualTo"} and one >= other


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)


def _within(new: str | None, old: str | None, side: int) -> bool:
    """Whether a bound moved inwards or stayed; ISO dates compare as text."""
    if old is None or new is None or old == new:
        return old is None or new == old
    if is_number_text(old) and is_number_text(new):
        return (float(new) - float(old)) * side <= 0
    return (new < old) if side > 0 else (new > old)


def _sla(old: Contract, new: Contract) -> Iterator[_Change]:
    if old.retention != new.retention:
        longer = old.retention is None or (_days(new.retention) or 0) > (_days(old.retention) or float("inf"))
        effect = Effect.ADDITIVE if longer else Effect.BREAKING
        yield "retention", effect, f"retention turns from {old.retention} into {new.retention}", None
    elif old.retention_column != new.retention_column:
        before, after = (each.retention_column or "the interval" for each in (old, new))
        yield "retention", Effect.BREAKING, f"retention counts from {after}, and did from {before}", None
    if old.ready_by != new.ready_by:
        sooner = old.ready_by is None or (new.ready_by is not None and _clock(new.ready_by) < _clock(old.ready_by))
        effect = Effect.ADDITIVE if sooner else Effect.BREAKING
        yield "ready_by", effect, f"data is promised by {new.ready_by}, and was by {old.ready_by}", None


def _days(text: str | None) -> int | None:
    """A retention in days (a month counts 30, a year 365), or None if it is not written as a number and a unit."""
    match = re.fullmatch(r"P?\s*(\d+)\s*([a-z]+?)s?", (text or "").strip(), re.IGNORECASE)
    unit = _DAYS.get(match[2].lower()) if match else None
    return int(match[1]) * unit if match and unit else None


def _clock(text: str) -> str:
    """A local time with two digits of hours, so that times compare as text."""
    return text if len(text.partition(":")[0]) == 2 else f"0{text}"


def _words(old: Contract, new: Contract) -> Iterator[_Change]:
    if old.status != new.status:
        effect = Effect.BREAKING if new.status == "retired" else Effect.NONE
        yield "status", effect, f"the contract was {old.status} and is {new.status}", None
    for word in ("owner", "description", "version"):
        before, after = getattr(old, word), getattr(new, word)
        if before != after:
            yield word, Effect.NONE, f"{word}: {before or 'none'} becomes {after or 'none'}", None


def _label(rule: Rule) -> str:
    about = f"{rule.kind}({', '.join(rule.columns)})"
    return f"{rule.name} ({about})" if rule.name else about


def _one(rule: Rule) -> str | None:
    return rule.columns[0] if len(rule.columns) == 1 else None
