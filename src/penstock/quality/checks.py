"""A contract's checks as few scans of the rows to be audited, and the judgement of what the scans returned.

- All rules on single rows, their thresholds, row counts, newest values and distributions share one scan; each unique
  rule, each relation, and each SQL rule that is no plain condition is one query.
- What the contract requires or calls a key is checked without a rule that says so.
- NULL offends only a rule against NULL; a key with a NULL in it repeats nothing, and refers to nothing.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC
from typing import TYPE_CHECKING, Any

from penstock.model.contracts import Contract, Rule, RuleKind
from penstock.quality import scanning, zone_maps
from penstock.quality.by_value import scan
from penstock.quality.check_values import ROWS, Check, CheckPlan, CheckQuery, CheckResult, Judged
from penstock.quality.implied import rules_of
from penstock.quality.judging import (
    counted_bins,
    has_enough,
    is_ordered,
    judge,
    latest_bins,
    profile_of,
    quality_score,
)
from penstock.quality.masking import MASK
from penstock.quality.setting import PLAIN, Bins, Profile, Setting
from penstock.sql.identifiers import literal, quote

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import datetime

__all__ = [
    "ROWS", "Check", "CheckPlan", "CheckQuery", "CheckResult", "Judged", "among", "compile_checks", "examples_query",
    "judge", "quality_score", "run_checks",
]  # fmt: skip
_OF_THE_WHOLE = frozenset({RuleKind.ROW_COUNT, RuleKind.FRESHNESS, RuleKind.VOLUME, RuleKind.DRIFT})
"""Kinds of which no single row is to blame."""
_BY_INTERVAL = frozenset({RuleKind.ROW_COUNT, RuleKind.VOLUME})
"""Kinds that hold for each interval, however many of them are built or looked at together."""


def compile_checks(contract: Contract, relation: str, setting: Setting = PLAIN) -> CheckPlan:
    """The queries that judge `relation` (SQL text that stands after FROM) by a contract."""
    checks = _checks(contract, setting)
    measures = tuple(dict.fromkeys([scanning.ALL, *(name for check in checks for name in check.measures)]))
    rows = CheckQuery(id=ROWS, sql=f"SELECT {', '.join(measures)} FROM {relation}")
    others = (CheckQuery(id=check.id, sql=sql) for check in checks if (sql := _own_query(check, relation, setting)))
    return CheckPlan(
        dataset=contract.dataset,
        relation=relation,
        checks=checks,
        measures=measures,
        queries=(rows, *others),
        setting=setting,
    )


def among(plan: CheckPlan, ids: Collection[str]) -> CheckPlan:
    """The same plan with some of its checks alone."""
    checks = tuple(check for check in plan.checks if check.id in ids)
    measures = tuple(dict.fromkeys([scanning.ALL, *(name for check in checks for name in check.measures)]))
    rows = CheckQuery(id=ROWS, sql=f"SELECT {', '.join(measures)} FROM {plan.relation}")
    others = (query for query in plan.queries if query.id in ids)
    return replace(plan, checks=checks, measures=measures, queries=(rows, *others))


def run_checks(plan: CheckPlan, ask: Callable[[str], list[tuple[Any, ...]]]) -> Judged:
    """Ask everything that a plan needs, and judge it. `ask` returns the rows of a query."""
    results = {ROWS: scan(plan, ask), **_own_numbers(plan, ask)}
    spans = _spans(plan, ask)
    profile = profile_of(plan, results, _learned(plan, ask))
    return Judged(
        results=judge(plan, results, spans),
        profile=Profile(**profile, start=_start(plan.setting), spans=_kept(plan, spans)) if profile else None,
    )


def _own_numbers(plan: CheckPlan, ask: Callable[[str], list[tuple[Any, ...]]]) -> dict[str, tuple[Any, ...]]:
    """What the queries of single checks return."""
    checks = {check.id: check for check in plan.checks}
    found: dict[str, tuple[Any, ...]] = {}
    for query in plan.queries:
        if query.id != ROWS:
            number = zone_maps.different(plan, checks[query.id], ask)
            found[query.id] = ask(query.sql)[0] if number is None else (number,)
    return found


def _start(setting: Setting) -> datetime | None:
    return setting.interval.start if setting.interval else None


def _spans(plan: CheckPlan, ask: Callable[[str], list[tuple[Any, ...]]]) -> tuple[tuple[datetime, int], ...]:
    """The rows of each interval, also of those without any, where there are several and somebody wants to know."""
    setting = plan.setting
    wanted = [check for check in plan.checks if check.rule.kind in _BY_INTERVAL and setting.column in check.shown]
    pieces = setting.pieces
    if setting.is_batch and setting.interval is not None and setting.grain is not None:
        pieces = tuple(setting.interval.split(setting.grain))
    if not wanted or not pieces:
        return ()
    found = {row[0].replace(tzinfo=UTC): int(row[1]) for row in ask(scanning.spans_query(setting, plan.relation))}
    return tuple((piece.start, found.get(piece.start, 0)) for piece in pieces)


def _kept(plan: CheckPlan, spans: tuple[tuple[datetime, int], ...]) -> tuple[tuple[datetime, int], ...]:
    """Of the rows of each interval, what later ones are held against."""
    return spans if any(check.rule.kind is RuleKind.VOLUME for check in plan.checks) else ()


def _learned(plan: CheckPlan, ask: Callable[[str], list[tuple[Any, ...]]]) -> dict[str, Bins]:
    """The distributions of columns that are followed from here on: their bins, and what is in them."""
    fresh = [
        check for check in plan.checks if check.rule.kind is RuleKind.DRIFT and latest_bins(check, plan.setting) is None
    ]
    ordered = [check for check in fresh if is_ordered(check)]
    edges: dict[str, tuple[str, ...]] = {}
    if ordered:
        row = ask(scanning.deciles_query([check.rule.columns[0] for check in ordered], plan.relation))[0]
        for check, values in zip(ordered, row, strict=True):
            edges[check.id] = tuple(value for value in dict.fromkeys(values or ()) if value.lower().strip("-") not in
                                    {"nan", "inf"})  # fmt: skip
    for check in fresh:
        if check not in ordered:
            rows = ask(scanning.values_query(check.rule.columns[0], plan.relation))
            edges[check.id] = tuple(str(row[0]) for row in rows)
    return _counted(plan, ask, [(check, edges[check.id]) for check in fresh if edges[check.id]])


def _counted(
    plan: CheckPlan, ask: Callable[[str], list[tuple[Any, ...]]], wanted: list[tuple[Check, tuple[str, ...]]]
) -> dict[str, Bins]:
    if not wanted:
        return {}
    asked = [scanning.bins(c.rule.columns[0], c.type, edges, ordered=is_ordered(c)) for c, edges in wanted]
    numbers = [name for names in asked for name in names]
    total, *row = (
        int(value or 0) for value in ask(f"SELECT {', '.join([scanning.ALL, *numbers])} FROM {plan.relation}")[0]
    )
    found: dict[str, Bins] = {}
    at = 0
    for (check, edges), names in zip(wanted, asked, strict=True):
        counts, at = row[at : at + len(names)], at + len(names)
        if has_enough(counts[-1]):
            found[check.rule.columns[0]] = counted_bins(check, edges, counts, total)
    return found


def examples_query(check: Check, relation: str, limit: int = 3, setting: Setting = PLAIN) -> str:
    """A query for a few offending rows, always the same ones, with personal data masked; empty where none is to blame.

    A unique check shows keys and how often they stand there. A SQL check of a dataset that holds personal data
    shows, beside a number, only those of the contract's columns that are not personal: what else it returns could be.
    """
    if check.rule.kind is RuleKind.UNIQUE:
        return _repeated_keys(check, relation, limit)
    if check.rule.kind in _OF_THE_WHOLE:
        return ""
    if check.rule.kind is RuleKind.RELATION:
        return _unrelated_rows(check, relation, limit, setting)
    if check.predicate is None:
        rows = f"(\n{_offending(check, relation)}\n) AS offending"
        if not check.masked:
            return f"SELECT * FROM {rows} ORDER BY ALL LIMIT {limit}"
        safe = [literal(name) for name in ("#", *check.shown) if name not in check.masked]
        shown = f"COLUMNS(lambda name: name IN ({', '.join(safe)}))"
        sorted_rows = f"(SELECT * FROM {rows} ORDER BY ALL LIMIT {limit}) AS few"
        return f'SELECT {shown} FROM (SELECT row_number() OVER () AS "#", * FROM {sorted_rows}) AS numbered'
    rows = f"SELECT * FROM {relation} WHERE {check.predicate} ORDER BY ALL LIMIT {limit}"
    return f"SELECT {', '.join(_shown(name, check) for name in check.shown)} FROM ({rows}) AS offending"


def _unrelated_rows(check: Check, relation: str, limit: int, setting: Setting) -> str:
    other = setting.relations.get(check.rule.dataset or "")
    if other is None:
        return ""
    rows = f"SELECT here.* {scanning.unrelated(check.rule, relation, other)} ORDER BY ALL LIMIT {limit}"
    return f"SELECT {', '.join(_shown(name, check) for name in check.shown)} FROM ({rows}) AS offending"


def _checks(contract: Contract, setting: Setting) -> tuple[Check, ...]:
    seen: Counter[str] = Counter()
    types = {column.name: column.type for column in contract.columns}
    shown = tuple(column.name for column in contract.columns)
    masked = frozenset(column.name for column in contract.columns if column.personal)
    checks: list[Check] = []
    for rule in rules_of(contract):
        stem = f"{rule.kind}:{','.join(rule.columns) or rule.name}"
        seen[stem] += 1
        check = Check(
            id=stem if seen[stem] == 1 else f"{stem}#{seen[stem]}",
            name=rule.name or _promise(rule),
            description=rule.description or _promise(rule),
            rule=rule,
            predicate=scanning.predicate_of(rule, types),
            shown=shown,
            masked=masked,
            type=types.get(rule.columns[0], "VARCHAR") if len(rule.columns) == 1 else "",
        )
        checks.append(replace(check, measures=_measures(check, setting)))
    return tuple(checks)


def _measures(check: Check, setting: Setting) -> tuple[str, ...]:
    """What a check asks of the shared scan."""
    rule = check.rule
    if check.predicate is not None:
        return (scanning.offenders(rule, check.predicate),)
    if rule.kind is RuleKind.UNIQUE:
        return (scanning.present(rule),)
    if rule.kind is RuleKind.FRESHNESS and setting.until is not None:
        return (scanning.newest(rule, check.type, setting.until),)
    if rule.kind is RuleKind.DRIFT and (known := latest_bins(check, setting)) is not None:
        return scanning.bins(rule.columns[0], check.type, known.edges, ordered=is_ordered(check))
    return ()


def _promise(rule: Rule) -> str:
    said = _said(rule)
    return f"{said} ({rule.threshold} offending)" if rule.threshold and rule.kind is not RuleKind.ROW_COUNT else said


def _said(rule: Rule) -> str:  # noqa: PLR0911 - one sentence for each kind
    about = ", ".join(rule.columns)
    match rule.kind:
        case RuleKind.NOT_NULL:
            return f"{about} is never NULL"
        case RuleKind.MISSING:
            return f"{about} is never NULL nor {' or '.join(map(repr, rule.values))}"
        case RuleKind.UNIQUE:
            return f"no two rows share ({about})"
        case RuleKind.SQL:
            return f"a query on {about or 'the dataset'} finds no offending row"
        case RuleKind.ROW_COUNT:
            return f"the number of rows {rule.threshold}"
        case RuleKind.RELATION:
            return f"({about}) stands in {rule.dataset} as ({', '.join(rule.others)})"
        case RuleKind.FRESHNESS:
            return f"the newest {about} is at most {rule.age} old"
        case RuleKind.VOLUME:
            return "as many rows as usual"
        case RuleKind.DRIFT:
            return f"{about} is distributed as usual ({rule.method} at most {rule.limit})"
        case _:
            return f"{about} {' and '.join(_valid(rule))}"


def _valid(rule: Rule) -> list[str]:
    """What is said of a valid value."""
    parts = [f"is one of {', '.join(rule.values)}"] if rule.values else []
    parts += [f"matches {rule.pattern}"] if rule.pattern is not None else []
    parts += [f"is {_bounds(rule)}"] if rule.low is not None or rule.high is not None else []
    shortest, longest = rule.shortest, rule.longest
    if shortest is not None and longest is not None:
        parts.append(f"has {shortest} to {longest} characters")
    elif shortest is not None or longest is not None:
        parts.append(f"has at least {shortest} characters" if longest is None else f"has at most {longest} characters")
    return parts


def _bounds(rule: Rule) -> str:
    if rule.low is None or rule.high is None:
        return f"at least {rule.low}" if rule.high is None else f"at most {rule.high}"
    return f"between {rule.low} and {rule.high}"


def _own_query(check: Check, relation: str, setting: Setting) -> str | None:
    """The query of a check that the shared scan does not answer."""
    match check.rule.kind:
        case RuleKind.UNIQUE:
            return scanning.distinct_keys(check.rule, relation)
        case RuleKind.RELATION:
            other = setting.relations.get(check.rule.dataset or "")
            return f"SELECT count(*) {scanning.unrelated(check.rule, relation, other)}" if other else None
        case RuleKind.SQL if check.predicate is None:
            return f"SELECT count(*) FROM (\n{_offending(check, relation)}\n) AS offending"
        case _:
            return None


def _offending(check: Check, relation: str) -> str:
    return (check.rule.sql or "").replace("{table}", relation)


def _repeating(rule: Rule) -> str:
    """The clauses that leave one group for each key that stands there more than once."""
    names = [quote(column) for column in rule.columns]
    present = " AND ".join(f"{name} IS NOT NULL" for name in names)
    return f"WHERE {present} GROUP BY {', '.join(names)} HAVING count(*) > 1"


def _repeated_keys(check: Check, relation: str, limit: int) -> str:
    """The keys stand under ordinals until they are shown, so that no name of theirs is taken for the count's."""
    names = check.rule.columns
    keys = ", ".join(f"{quote(name)} AS c{index}" for index, name in enumerate(names))
    order = ", ".join(str(index + 1) for index, _ in enumerate(names))
    groups = f"SELECT {keys}, count(*) AS n FROM {relation} {_repeating(check.rule)}"
    shown = ", ".join(_shown(name, check, f"c{index}") for index, name in enumerate(names))
    few = f"({groups} ORDER BY {len(names) + 1} DESC, {order} LIMIT {limit}) AS repeated"
    return f'SELECT {shown}, n AS "#" FROM {few}'


def _shown(name: str, check: Check, value: str | None = None) -> str:
    """A column under its name, or only whether it holds something; `value` is what it stands under before."""
    column = value or quote(name)
    shown = f"CASE WHEN {column} IS NOT NULL THEN '{MASK}' END" if name in check.masked else column
    return shown if shown == quote(name) else f"{shown} AS {quote(name)}"
