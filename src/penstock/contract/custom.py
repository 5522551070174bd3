"""Checks that the standard has no words for: `type: custom` with `engine: penstock`; to rules and back.

What such a check is stands under `implementation`, a mapping whose `check` names the kind.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from penstock.contract.misspelt import report_misspelt
from penstock.model.contracts import ColumnSpec, Past, Rule, RuleKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.documents import Fields

ENGINE = "penstock"
_CHECKS = ("relation", "freshness", "volume", "drift")
_METHODS = {"psi": 0.2, "ks": 0.1}
"""How two distributions are held against each other, and from where on they count as different."""
_TOLERANCE = 0.5
_UNITS = {"s": "seconds", "min": "minutes", "h": "hours", "d": "days"}
_WORDS = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), "seconds"),
    **dict.fromkeys(("min", "minute", "minutes"), "minutes"),
    **dict.fromkeys(("h", "hr", "hour", "hours"), "hours"),
    **dict.fromkeys(("d", "day", "days"), "days"),
}
_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT",
            "UHUGEINT", "FLOAT", "DOUBLE", "DECIMAL")  # fmt: skip


def is_number(type_: str) -> bool:
    """Whether a DuckDB type is one of numbers."""
    return type_.partition("(")[0] in _NUMBERS


def custom_rule(entry: Fields, column: ColumnSpec | None, columns: Mapping[str, ColumnSpec]) -> Rule | None:
    """The rule of a custom check of ours; None if it is not ours, or wrong and noted."""
    if (entry.text("engine") or "").lower() != ENGINE:
        return None
    body = entry.child("implementation", required=True)
    kind = body.choice("check", _CHECKS, required=True) if body else None
    if body is None or kind is None:
        return None
    own = (column.name,) if column else body.texts("properties")
    if kind != "volume" and not own:
        body.note(
            "contract.columns",
            f"a check of {kind} names no columns",
            expected="properties: [column, …], or the check under its property",
        )
        return None
    readers = {"relation": _relation, "freshness": _freshness, "volume": _volume, "drift": _drift}
    specs = [columns.get(name, ColumnSpec(name=name, type="VARCHAR")) for name in own]
    rule = readers[kind](body, specs)
    report_misspelt(body)
    return rule


def _relation(body: Fields, specs: list[ColumnSpec]) -> Rule | None:
    dataset, others = body.text("dataset", required=True), body.texts("columns", required=True)
    if dataset is None or not others:
        return None
    if len(others) != len(specs):
        body.note("contract.relation", f"{len(specs)} columns cannot stand in {len(others)}", at="columns")
        return None
    return Rule(kind=RuleKind.RELATION, columns=_names(specs), dataset=dataset, others=others)


def _freshness(body: Fields, specs: list[ColumnSpec]) -> Rule | None:
    return freshness_rule(body, specs[0], body.number("value", low=0, required=True), body.text("unit", required=True))


def freshness_rule(entry: Fields, spec: ColumnSpec, value: float | None, unit: str | None) -> Rule | None:
    """How old the newest value of a column may be; notes a unit or a column that cannot be."""
    word = _WORDS.get((unit or "").lower())
    if value is None or word is None:
        if unit is not None and word is None:
            entry.note("contract.unit", f"{unit!r} is no unit of an age", at="unit", expected=" | ".join(_UNITS))
        return None
    if spec.type != "DATE" and not spec.type.startswith("TIMESTAMP"):
        entry.note(
            "contract.freshness",
            f"{spec.name} is {spec.type}, which does not tell how old a row is",
            found=spec.type,
            expected="a column of type DATE or TIMESTAMP",
        )
        return None
    if spec.personal:
        entry.note(
            "contract.freshness",
            f"{spec.name} holds personal data ({spec.personal}), and what a check of its age says would show a value",
            expected="a column without personal data",
        )
        return None
    return Rule(kind=RuleKind.FRESHNESS, columns=(spec.name,), age=timedelta(**{word: value}))


def _volume(body: Fields, specs: list[ColumnSpec]) -> Rule | None:
    limit = body.number("tolerance", low=0)
    return Rule(
        kind=RuleKind.VOLUME,
        columns=_names(specs),
        limit=_TOLERANCE if limit is None else limit,
        past=_past(body, weekday=True),
    )


def _drift(body: Fields, specs: list[ColumnSpec]) -> Rule | None:
    method = body.choice("method", tuple(_METHODS)) or "psi"
    limit = body.number("limit", low=0)
    if len(specs) != 1:
        body.note("contract.drift", f"a drift is of one column, not of {len(specs)}", at="properties")
        return None
    (spec,) = specs
    if not is_number(spec.type) and spec.type not in {"VARCHAR", "BOOLEAN"}:
        body.note("contract.drift", f"the distribution of {spec.type} values is not followed", found=spec.type,
                  expected="a column of numbers, text or truth values")  # fmt: skip
        return None
    if method == "ks" and not is_number(spec.type):
        body.note("contract.drift", f"{spec.name} has no order, which ks needs", at="method", expected="method: psi")
        return None
    if spec.personal:
        body.note(
            "contract.drift",
            f"{spec.name} holds personal data ({spec.personal}), and what is kept of a distribution would show values",
            expected="a column without personal data",
            remedy="derive a column that shows nobody, such as an age group, and follow that",
        )
        return None
    return Rule(
        kind=RuleKind.DRIFT,
        columns=(spec.name,),
        method=method,
        limit=_METHODS[method] if limit is None else limit,
        past=_past(body, weekday=False),
    )


def _past(body: Fields, *, weekday: bool) -> Past:
    season = body.choice("season", ("weekday", "none"))
    plain = Past(weekday=weekday if season is None else season == "weekday")
    most, fewest = body.integer("history", low=1), body.integer("atLeast", low=1)
    most = plain.most if most is None else most
    fewest = min(plain.fewest, most) if fewest is None else fewest
    if fewest > most:
        body.note("contract.history", f"atLeast is {fewest}, history only {most}", at="atLeast",
                  expected=f"at most {most}")  # fmt: skip
    return Past(most=most, fewest=fewest, weekday=plain.weekday)


def _names(specs: list[ColumnSpec]) -> tuple[str, ...]:
    return tuple(spec.name for spec in specs)


def age_words(age: timedelta) -> dict[str, Any]:
    """An age as value and unit."""
    seconds = age.total_seconds()
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds % length == 0:
            return {"value": int(seconds // length), "unit": unit}
    return {"value": int(seconds) if seconds == int(seconds) else seconds, "unit": "s"}


def implementation(rule: Rule) -> dict[str, Any]:
    """What stands under `implementation` for a rule of these kinds; the columns are the caller's to write."""
    match rule.kind:
        case RuleKind.RELATION:
            return {"check": "relation", "dataset": rule.dataset, "columns": list(rule.others)}
        case RuleKind.FRESHNESS:
            return {"check": "freshness", **age_words(rule.age or timedelta())}
        case RuleKind.VOLUME:
            return {"check": "volume", "tolerance": rule.limit, **_past_words(rule.past or Past())}
        case RuleKind.DRIFT:
            past = _past_words(rule.past or Past())
            return {"check": "drift", "method": rule.method, "limit": rule.limit, **past}
        case _:
            raise ValueError(f"a {rule.kind} rule is no custom check")


def _past_words(past: Past) -> dict[str, Any]:
    return {"season": "weekday" if past.weekday else "none", "history": past.most, "atLeast": past.fewest}
