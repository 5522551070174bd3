"""A contract's checks as few scans of the rows to be audited, and the judgement of what the scans returned.

- All row-level rules share one scan; each unique rule and each SQL rule is one query.
- What the contract requires or calls a key is checked without a rule that says so.
- NULL offends only a rule against NULL; a key with a NULL in it repeats nothing.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING, Any

from penstock.contract.predicates import ROW_KINDS, row_predicate
from penstock.model.contracts import Contract, Rule, RuleKind
from penstock.model.findings import Severity
from penstock.quality.masking import MASK
from penstock.sql.identifiers import literal, quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

ROWS = "rows"
_WEIGHTS = {Severity.ERROR: 3, Severity.WARNING: 1, Severity.NOTE: 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One rule to be judged. `id` is stable: kind, columns, and a number where those repeat.

    `predicate` is true for offending rows (row-level rules only). `shown` are the contract's columns, of which
    `masked` hold personal data.
    """

    id: str
    name: str
    description: str
    rule: Rule
    predicate: str | None = None
    shown: tuple[str, ...] = ()
    masked: frozenset[str] = frozenset()

    @property
    def column(self) -> str | None:
        """The column it is about, if it is about exactly one."""
        return self.rule.columns[0] if len(self.rule.columns) == 1 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckQuery:
    """A query that returns exactly one row of counts: for `ROWS` all rows and then the offenders of each row-level
    check in the plan's order, for a check's id its offenders."""

    id: str
    sql: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckPlan:
    """What to run on a relation to judge a contract's checks."""

    dataset: str
    checks: tuple[Check, ...]
    queries: tuple[CheckQuery, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """What one check found. `failed_rows` of a unique check are the rows that repeat an earlier one."""

    id: str
    name: str
    column: str | None
    severity: Severity
    failed_rows: int
    total_rows: int
    passed: bool
    message: str


def compile_checks(contract: Contract, relation: str) -> CheckPlan:
    """The queries that judge `relation` (SQL text that stands after FROM) by a contract."""
    checks = _checks(contract)
    counts = [f"count(*) FILTER (WHERE {check.predicate})" for check in checks if check.predicate]
    rows = CheckQuery(id=ROWS, sql=f"SELECT {', '.join(['count(*)', *counts])} FROM {relation}")
    others = (CheckQuery(id=check.id, sql=_own_query(check, relation)) for check in checks if not check.predicate)
    return CheckPlan(dataset=contract.dataset, checks=checks, queries=(rows, *others))


def judge(plan: CheckPlan, results: Mapping[str, Sequence[Any]]) -> tuple[CheckResult, ...]:
    """Each check's result, in the plan's order. `results` holds the one row that each query returned, by its id.

    Raises:
        KeyError: a query's row is not there.
        ValueError: the row of the shared scan has another length than the plan.
    """
    total, *counts = (int(count) for count in results[ROWS])
    failed = dict(zip((check.id for check in plan.checks if check.predicate), counts, strict=True))
    failed |= {query.id: int(results[query.id][0]) for query in plan.queries if query.id != ROWS}
    return tuple(_result(check, failed[check.id], total) for check in plan.checks)


def examples_query(check: Check, relation: str, limit: int = 3) -> str:
    """A query for a few offending rows, always the same ones, with personal data masked.

    A unique check shows keys and how often they stand there. A SQL check of a dataset that holds personal data
    shows, beside a number, only those of the contract's columns that are not personal: what else it returns could be.
    """
    if check.rule.kind is RuleKind.UNIQUE:
        return _repeated_keys(check, relation, limit)
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


def quality_score(results: Iterable[CheckResult]) -> Decimal:
    """The percentage of checks passed, each weighted by severity (error 3, warning 1, note 0).

    score = 100 · Σ weight of checks passed / Σ weight of checks, rounded down to two places; 100 if there is no weight.
    """
    weighed = [(_WEIGHTS[result.severity], result.passed) for result in results]
    total = sum(weight for weight, _ in weighed)
    if total == 0:
        return Decimal(100)
    passed = sum(weight for weight, good in weighed if good)
    return (Decimal(100 * passed) / total).quantize(Decimal("0.01"), rounding=ROUND_FLOOR)


def _checks(contract: Contract) -> tuple[Check, ...]:
    seen: Counter[str] = Counter()
    types = {column.name: column.type for column in contract.columns}
    shown = tuple(column.name for column in contract.columns)
    masked = frozenset(column.name for column in contract.columns if column.personal)
    checks: list[Check] = []
    for rule in (*_implied(contract), *contract.rules):
        stem = f"{rule.kind}:{','.join(rule.columns) or rule.name}"
        seen[stem] += 1
        predicate = None
        if rule.kind in ROW_KINDS:
            predicate = row_predicate(rule, [types.get(name, "VARCHAR") for name in rule.columns])
        checks.append(
            Check(
                id=stem if seen[stem] == 1 else f"{stem}#{seen[stem]}",
                name=rule.name or _promise(rule),
                description=rule.description or _promise(rule),
                rule=rule,
                predicate=predicate,
                shown=shown,
                masked=masked,
            )
        )
    return tuple(checks)


def _implied(contract: Contract) -> tuple[Rule, ...]:
    """Checks that follow from the columns and the key, without those that an equally strict rule states anyway."""
    wanted = [
        Rule(kind=RuleKind.NOT_NULL, columns=(column.name,))
        for column in contract.columns
        if column.required or column.name in contract.key
    ]
    if contract.key:
        wanted.append(Rule(kind=RuleKind.UNIQUE, columns=contract.key))
    stated = {(rule.kind, rule.columns) for rule in contract.rules if rule.severity is Severity.ERROR}
    return tuple(rule for rule in wanted if (rule.kind, rule.columns) not in stated)


def _promise(rule: Rule) -> str:
    about = ", ".join(rule.columns)
    match rule.kind:
        case RuleKind.NOT_NULL:
            return f"{about} is never NULL"
        case RuleKind.UNIQUE:
            return f"no two rows share ({about})"
        case RuleKind.ACCEPTED_VALUES:
            return f"{about} is one of {', '.join(rule.values)}"
        case RuleKind.PATTERN:
            return f"{about} matches {rule.pattern}"
        case RuleKind.RANGE:
            return f"{about} is {_bounds(rule)}"
        case RuleKind.SQL:
            return f"a query on {about or 'the dataset'} finds no offending row"


def _bounds(rule: Rule) -> str:
    if rule.low is None or rule.high is None:
        return f"at least {rule.low}" if rule.high is None else f"at most {rule.high}"
    return f"between {rule.low} and {rule.high}"


def _own_query(check: Check, relation: str) -> str:
    if check.rule.kind is RuleKind.UNIQUE:
        groups = f"SELECT count(*) AS n FROM {relation} {_repeating(check.rule)}"
        return f"SELECT CAST(coalesce(sum(n - 1), 0) AS BIGINT) FROM ({groups}) AS repeated"
    return f"SELECT count(*) FROM (\n{_offending(check, relation)}\n) AS offending"


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


def _result(check: Check, failed: int, total: int) -> CheckResult:
    return CheckResult(
        id=check.id,
        name=check.name,
        column=check.column,
        severity=check.rule.severity,
        failed_rows=failed,
        total_rows=total,
        passed=failed == 0,
        message=_message(check, failed, total),
    )


def _message(check: Check, failed: int, total: int) -> str:
    if failed == 0:
        return f"{check.description}: holds for {total:,} rows"
    if check.rule.kind is RuleKind.SQL:
        return f"{check.description}: {failed:,} offending rows found in {total:,}"
    return f"{check.description}: not so in {failed:,} of {total:,} rows"
