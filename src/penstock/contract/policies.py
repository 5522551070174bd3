"""What becomes of rows that offend: which rules may have a policy, which one holds, and how ODCS words it.

A policy stands in `customProperties`: at a check, at a property for all of its rules, or at the schema object for all
of the dataset's. The nearest one holds. Only a rule about single rows, or about repeated keys, can say which rows
offend; where the object's `null` has no value to take away, the rule fails the attempt as it does without a policy.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from penstock.contract.misspelt import almost
from penstock.contract.predicates import ROW_KINDS, quoted, row_predicate
from penstock.model.contracts import MOST_QUARANTINED, OnFailure, RuleKind
from penstock.model.findings import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from penstock.documents import Fields
    from penstock.model.contracts import ColumnSpec, Contract, Rule

ON_FAILURE, MAX_QUARANTINED, FORMATS = "onFailure", "maxQuarantined", "formats"
_TEXT = r"'(?:[^']|'')*'"
_NUMBER = r"[+-]?[\d.]+(?:[eE][+-]?\d+)?"
_SQL_ROW = "SELECT * FROM {table} WHERE "
_DIRECTIVES = re.compile(r"%(?:-?[dmyHIMSj]|[aAbBYpfgnzZUWcxXGuVw%])")
_MOMENTS = frozenset({"DATE", "TIMESTAMP"})


def single_row_predicate(rule: Rule, types: Sequence[str]) -> str | None:
    """The predicate of a rule about single rows, true for offending ones; None for any other.

    Of SQL rules, those are meant that `logicalTypeOptions` make: a person's query may look at other rows too.
    """
    if rule.kind in ROW_KINDS:
        return row_predicate(rule, types)
    if rule.kind is not RuleKind.SQL or rule.sql is None or not rule.sql.startswith(_SQL_ROW):
        return None
    predicate = rule.sql.removeprefix(_SQL_ROW)
    return predicate if _made_by_us(rule).fullmatch(predicate) else None


def policy_of(contract: Contract, rule: Rule) -> OnFailure:
    """What becomes of the rows that offend a rule of severity error; others only tell."""
    if rule.severity is not Severity.ERROR or not _has_rows(rule):
        return OnFailure.FAIL
    specs = [spec for name in rule.columns if (spec := contract.column(name)) is not None]
    own = specs[0].on_failure if len(specs) == 1 else None
    if rule.threshold is not None:  # it bears some offenders where they are
        return OnFailure.FAIL
    policy = rule.on_failure or own or contract.on_failure
    return OnFailure.FAIL if policy is OnFailure.NULL and _not_nullable(rule, specs) else policy


def read_policy(fields: Fields, *others: str) -> OnFailure | None:
    """The policy in a mapping's `customProperties`; `others` are the words that stand there besides."""
    found: OnFailure | None = None
    for custom in fields.items("customProperties"):
        word = custom.text("property") or ""
        if word == ON_FAILURE:
            found = _policy(custom)
        elif meant := almost(word, (ON_FAILURE, *others)):
            custom.note("contract.misspelt_key", f"{word!r} is ignored", at="property", found=word, expected=meant)
    return found


def read_share(fields: Fields) -> Decimal:
    """The share of rows that may be put aside, from a schema object's `customProperties`."""
    for custom in fields.items("customProperties"):
        if custom.text("property") != MAX_QUARANTINED:
            continue
        text = custom.text("value", required=True) or ""
        percent = text.endswith("%")
        try:
            share = Decimal(text.rstrip("% ")) / (100 if percent else 1)
        except InvalidOperation:
            share = Decimal(-1)
        if 0 <= share <= 1:
            return share
        expected = "a share from 0 to 1, or 0 % to 100 %"
        custom.note("contract.share", f"{MAX_QUARANTINED} is {text!r}", at="value", found=text, expected=expected)
    return MOST_QUARANTINED


def read_formats(fields: Fields, type_: str) -> tuple[str, ...]:
    """The forms in which a property's dates are written, from its `customProperties`."""
    for custom in fields.items("customProperties"):
        if custom.text("property") != FORMATS:
            continue
        formats = custom.texts("value", required=True)
        if type_ not in _MOMENTS:
            custom.note(
                "contract.formats",
                f"formats are given for a {type_} column",
                at="value",
                found=type_,
                expected=" | ".join(sorted(_MOMENTS)),
            )
        for form in formats:
            if "%" in _DIRECTIVES.sub("", form) or not _DIRECTIVES.search(form):
                custom.note("contract.formats", f"{form!r} is no form", at="value", found=form, expected="%d/%m/%Y")
        return formats
    return ()


def contradictions(fields: Fields, rule: Rule, columns: Mapping[str, ColumnSpec]) -> None:
    """Note what a check's own policy cannot mean."""
    if rule.on_failure in {None, OnFailure.FAIL}:
        return
    specs = [columns[name] for name in rule.columns if name in columns]
    reason = ""
    if rule.severity is not Severity.ERROR:
        reason = "the check only tells: its severity is not error"
    elif rule.threshold is not None:
        reason = f"it bears some offenders ({rule.threshold}), so that all rows together are judged"
    elif not _has_rows(rule):
        reason = "it is about all rows together, so that none of them offends"
    elif rule.on_failure is OnFailure.NULL:
        reason = _not_nullable(rule, specs)
    if reason:
        _contradiction(fields, str(rule.on_failure), reason)


def column_contradictions(fields: Fields, spec: ColumnSpec) -> None:
    """Note a column's policy that its own promises forbid."""
    if spec.on_failure is OnFailure.NULL and (spec.required or spec.key):
        _contradiction(fields, "null", f"{spec.name} {'is in the key' if spec.key else 'is required'}")


def written(policy: OnFailure | None, **others: Any) -> list[dict[str, Any]]:
    """`customProperties` that say a policy and other things, those that are None left out."""
    said = {**others, ON_FAILURE: str(policy) if policy is not None else None}
    return [{"property": word, "value": value} for word, value in said.items() if value is not None]


def _policy(custom: Fields) -> OnFailure | None:
    if "value" in custom and custom.raw("value") is None:  # what YAML makes of the word null
        return OnFailure.NULL
    word = custom.text("value", required=True)
    if word in set(OnFailure):
        return OnFailure(word)
    if word is not None:
        expected = " | ".join(OnFailure)
        custom.note("contract.on_failure", f"{ON_FAILURE} is {word!r}", at="value", found=word, expected=expected)
    return None


def _contradiction(fields: Fields, policy: str, reason: str) -> None:
    fields.note(
        "contract.on_failure",
        f"{ON_FAILURE}: {policy} cannot be: {reason}",
        at="customProperties",
        found=policy,
        expected="quarantine or fail" if policy == OnFailure.NULL else "fail",
        remedy="correct the policy, or the promise that it contradicts",
    )


def _has_rows(rule: Rule) -> bool:
    return rule.kind is RuleKind.UNIQUE or single_row_predicate(rule, ["VARCHAR"] * len(rule.columns)) is not None


def _not_nullable(rule: Rule, specs: Sequence[ColumnSpec]) -> str:
    """Why an offending value cannot be made NULL; nothing if it can."""
    if rule.kind in {RuleKind.NOT_NULL, RuleKind.MISSING, RuleKind.UNIQUE}:
        return f"a rule of kind {rule.kind} is not met by a NULL"
    firm = [spec.name for spec in specs if spec.required or spec.key]
    return f"{', '.join(firm)} must not be NULL" if firm else ""


def _made_by_us(rule: Rule) -> re.Pattern[str]:
    """The predicates that options make for a rule's columns, and nothing else."""
    return re.compile("|".join(_forms(rule.columns)))


def _forms(columns: Sequence[str]) -> Iterator[str]:
    bound = rf"(?:{_NUMBER}|{_TEXT})"
    for name in (re.escape(quoted(column)) for column in columns):
        yield rf"{name} <= {bound}"
        yield rf"{name} >= {bound}"
        yield rf"{name} % {_NUMBER} <> 0"
