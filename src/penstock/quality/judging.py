"""What the numbers that came back say of each check."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING, Any

from penstock.model.contracts import Past, RuleKind
from penstock.model.findings import Severity
from penstock.quality.check_values import ROWS, Check, CheckPlan, CheckResult
from penstock.quality.drift import LEAST, largest_gap, stability
from penstock.quality.scanning import ALL, counts_of
from penstock.quality.setting import Bins, alike
from penstock.quality.volume import usual_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from penstock.quality.setting import Setting

_SHOWN = 3
_WEIGHTS = {Severity.ERROR: 3, Severity.WARNING: 1, Severity.NOTE: 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What is known when a check is judged: the shared scan's numbers, those of its own query, and the setting."""

    numbers: Mapping[str, Any]
    own: Mapping[str, Any]
    setting: Setting
    spans: tuple[tuple[datetime, int], ...]

    @property
    def total(self) -> int:
        return int(self.numbers[ALL])


def judge(
    plan: CheckPlan, results: Mapping[str, Sequence[Any]], spans: tuple[tuple[datetime, int], ...] = ()
) -> tuple[CheckResult, ...]:
    """Each check's result, in the plan's order. `results` holds the one row that each query returned, by its id.

    `spans` are the rows of each interval, of a slice that holds several.

    Raises:
        KeyError: a query's row is not there.
        ValueError: the row of the shared scan has another length than the plan.
    """
    numbers = dict(zip(plan.measures, results[ROWS], strict=True))
    own = {query.id: results[query.id][0] for query in plan.queries if query.id != ROWS}
    seen = _Seen(numbers=numbers, own=own, setting=plan.setting, spans=spans)
    return tuple(_JUDGES.get(check.rule.kind, _rows)(check, seen) for check in plan.checks)


def quality_score(results: Iterable[CheckResult]) -> Decimal:
    """The percentage of checks passed, each weighted by severity (error 3, warning 1, note 0).

    score = 100 · Σ weight of checks passed / Σ weight of checks judged, rounded down to two places; 100 if there is no
    weight.
    """
    return weighted_score((result.severity, result.passed) for result in results if result.judged)


def weighted_score(outcomes: Iterable[tuple[Severity, bool]]) -> Decimal:
    """The same of severities and whether a check of it passed."""
    weighed = [(_WEIGHTS[severity], passed) for severity, passed in outcomes]
    total = sum(weight for weight, _ in weighed)
    if total == 0:
        return Decimal(100)
    passed = sum(weight for weight, good in weighed if good)
    return (Decimal(100 * passed) / total).quantize(Decimal("0.01"), rounding=ROUND_FLOOR)


# -- rows -------------------------------------------------------------------------------------------------------------


def _rows(check: Check, seen: _Seen) -> CheckResult:
    """A check that counts offending rows, with or without a threshold."""
    if check.id in seen.own:
        failed = _number(seen.own[check.id])
    elif check.measures:
        failed = _number(seen.numbers[check.measures[0]])
    else:
        return _unjudged(check, seen, f"{check.rule.dataset} is not here")
    return _counted(check, seen, failed)


def _unique(check: Check, seen: _Seen) -> CheckResult:
    return _counted(check, seen, _number(seen.numbers[check.measures[0]]) - _number(seen.own[check.id]))


def _counted(check: Check, seen: _Seen, failed: int) -> CheckResult:
    threshold, total = check.rule.threshold, seen.total
    if threshold is None:
        return _result(check, seen, failed, passed=failed == 0, message=_message(check, failed, total))
    measured = Decimal(100 * failed) / total if threshold.percent and total else Decimal(failed)
    passed = threshold.holds(measured)
    shown = f"{_short(measured)} %" if threshold.percent else ""
    of = f"{failed:,} of {total:,} rows" + (f" ({shown})" if shown else "")
    message = f"{check.description}: {'so' if passed else 'not so'}, {of} offend"
    return _result(check, seen, failed, passed=passed, message=message, found=shown)


def _row_count(check: Check, seen: _Seen) -> CheckResult:
    """Each interval has to have so many rows, or the whole of a dataset without intervals."""
    threshold = check.rule.threshold
    counted: tuple[tuple[datetime | None, int], ...] = seen.spans or ((None, seen.total),)
    wrong = [(moment, rows) for moment, rows in counted if threshold and not threshold.holds(Decimal(rows))]
    if not seen.spans or not wrong:
        return _whole(check, seen, passed=not wrong, found=f"{seen.total:,} rows")
    few = "; ".join(f"{moment:%Y-%m-%d %H:%M} {rows:,} rows" for moment, rows in wrong[:_SHOWN])
    more = f"; and {len(wrong) - _SHOWN:,} more" if len(wrong) > _SHOWN else ""
    return _whole(check, seen, passed=False, found=f"{len(wrong):,} of {len(counted):,} intervals: {few}{more}")


def _message(check: Check, failed: int, total: int) -> str:
    if failed == 0:
        return f"{check.description}: holds for {total:,} rows"
    if check.rule.kind is RuleKind.SQL:
        return f"{check.description}: {failed:,} offending rows found in {total:,}"
    return f"{check.description}: not so in {failed:,} of {total:,} rows"


# -- the whole --------------------------------------------------------------------------------------------------------


def _freshness(check: Check, seen: _Seen) -> CheckResult:
    until, age = seen.setting.until, check.rule.age or timedelta()
    if until is None:
        return _unjudged(check, seen, "up to when the rows reach is not said")
    newest = newest_of(check, seen.numbers, seen.setting)
    if newest is None:
        return _whole(check, seen, passed=False, found="no value at all")
    old = until - newest
    return _whole(check, seen, passed=old <= age, found=f"the newest is of {_moment(newest)}, {old} before the end")


def newest_of(check: Check, numbers: Mapping[str, Any], setting: Setting) -> datetime | None:
    """The newest value of a freshness check's column, here or in earlier intervals."""
    found = _aware(numbers[check.measures[0]]) if check.measures else None
    column = check.rule.columns[0]
    known = [profile.newest[column] for profile in setting.past if column in profile.newest]
    return max([*known, *([found] if found else [])], default=None)


def _aware(value: object) -> datetime | None:
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    return None


def _volume(check: Check, seen: _Seen) -> CheckResult:
    """Each interval of the slice against those before it, also those of the same slice."""
    past = check.rule.past or Past()
    earlier = [count for profile in seen.setting.past for count in profile.counts]
    start = seen.setting.interval.start if seen.setting.interval else None
    spans = seen.spans if seen.setting.interval else ()
    counted: tuple[tuple[datetime | None, int], ...] = spans or ((start, seen.total),)
    judged, wrong = 0, []
    for moment, rows in counted:
        like = [count for other, count in earlier if alike(past, moment, other)][-past.most :]
        earlier.append((moment, rows))
        if len(like) < past.fewest:
            continue
        judged += 1
        usual, low, high = usual_rows(like, check.rule.limit or 0)
        if not low <= rows <= high:
            of = f"{moment:%Y-%m-%d %H:%M} " if len(counted) > 1 and moment else ""
            wrong.append(f"{of}{rows:,} rows, where {_short(usual)} are usual ({_short(max(low, Decimal(0)))} to "
                         f"{_short(high)})")  # fmt: skip
    if not judged:
        return _unjudged(check, seen, f"fewer than {past.fewest} earlier intervals like it")
    return _whole(check, seen, passed=not wrong, found="; ".join(wrong) or f"{seen.total:,} rows")


def _drift(check: Check, seen: _Seen) -> CheckResult:
    past = check.rule.past or Past()
    reference = latest_bins(check, seen.setting)
    start = seen.setting.interval.start if seen.setting.interval else None
    if reference is None:
        return _unjudged(check, seen, "its distribution was not known before")
    now = counted_bins(check, reference.edges, [_number(seen.numbers[name]) for name in check.measures], seen.total)
    like = [
        bins
        for profile in seen.setting.past
        if (bins := profile.bins.get(check.rule.columns[0])) is not None
        and bins.edges == reference.edges
        and any(bins.counts)
        and alike(past, start, profile.start)
    ][-past.most :]
    if len(like) < past.fewest or not any(now.counts):
        return _unjudged(check, seen, f"fewer than {past.fewest} earlier intervals like it" if like else "no rows")
    measure = stability if check.rule.method == "psi" else largest_gap
    value, significant = measure(now, like)
    limit = check.rule.limit or 0
    found = f"{check.rule.method} {value:.3f} against {len(like)} earlier intervals"
    return _whole(check, seen, passed=value <= limit or not significant, found=found)


def latest_bins(check: Check, setting: Setting) -> Bins | None:
    """The bins in which a column was counted last."""
    (column,) = check.rule.columns
    return next((profile.bins[column] for profile in reversed(setting.past) if column in profile.bins), None)


def counted_bins(check: Check, edges: tuple[str, ...], numbers: Sequence[int], total: int) -> Bins:
    """A column's distribution of what the scan counted."""
    return Bins(edges=edges, counts=counts_of(numbers, total, ordered=is_ordered(check)))


def is_ordered(check: Check) -> bool:
    """Whether a column's values are binned by size, and not one by one."""
    return check.type not in {"VARCHAR", "BOOLEAN"}


def profile_of(plan: CheckPlan, results: Mapping[str, Sequence[Any]], learned: Mapping[str, Bins]) -> dict[str, Any]:
    """What later intervals are held against: rows, newest values and distributions; nothing if no check asks for it."""
    kinds = {check.rule.kind for check in plan.checks}
    if not kinds & {RuleKind.FRESHNESS, RuleKind.VOLUME, RuleKind.DRIFT}:
        return {}
    numbers = dict(zip(plan.measures, results[ROWS], strict=True))
    total = int(numbers[ALL])
    newest: dict[str, datetime] = {}
    bins = dict(learned)
    for check in plan.checks:
        if check.rule.kind is RuleKind.FRESHNESS and check.measures:
            found = _aware(numbers[check.measures[0]])
            newest |= {check.rule.columns[0]: found} if found else {}
        if check.rule.kind is RuleKind.DRIFT and check.measures and (known := latest_bins(check, plan.setting)):
            counted = [_number(numbers[name]) for name in check.measures]
            bins[check.rule.columns[0]] = counted_bins(check, known.edges, counted, total)
    return {"rows": total, "newest": newest, "bins": bins}


def has_enough(values: int) -> bool:
    """Whether bins can be made of so many values."""
    return values >= LEAST


def _whole(check: Check, seen: _Seen, *, passed: bool, found: str) -> CheckResult:
    message = f"{check.description}: {'so' if passed else 'not so'}, {found}"
    return _result(check, seen, 0 if passed else 1, passed=passed, message=message, found=found)


def _unjudged(check: Check, seen: _Seen, why: str) -> CheckResult:
    message = f"{check.description}: not judged, {why}"
    return _result(check, seen, 0, passed=True, message=message, found=why, judged=False)


def _result(
    check: Check, seen: _Seen, failed: int, *, passed: bool, message: str, found: str = "", judged: bool = True
) -> CheckResult:
    return CheckResult(
        id=check.id,
        name=check.name,
        column=check.column,
        severity=check.rule.severity,
        failed_rows=failed,
        total_rows=seen.total,
        passed=passed,
        message=message,
        found=found,
        judged=judged,
    )


def _number(value: object) -> int:
    """A count; DuckDB counts by `count_if` nothing at all where there are no rows."""
    return int(str(value)) if value is not None else 0


def _short(number: Decimal) -> str:
    """At most four digits behind the point."""
    return f"{number:,.4f}".rstrip("0").rstrip(".")


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"


_JUDGES: dict[RuleKind, Callable[[Check, _Seen], CheckResult]] = {
    RuleKind.UNIQUE: _unique,
    RuleKind.ROW_COUNT: _row_count,
    RuleKind.FRESHNESS: _freshness,
    RuleKind.VOLUME: _volume,
    RuleKind.DRIFT: _drift,
}
