"""Results of Great Expectations as results of checks: counts and outcomes, and no value of a personal column.

What it could not evaluate counts as failed: nobody knows that the rows are right.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from penstock.model.errors import InputError
from penstock.model.findings import Finding, Place, Severity
from penstock.quality.check_values import CheckResult

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TOOL = "great_expectations"
SEPARATOR = ":"
_SEVERITIES = {"critical": Severity.ERROR, "warning": Severity.WARNING, "info": Severity.NOTE}
_ONE, _MANY = ("column", "column_A", "column_B"), "column_list"
_LONGEST, _BRIEF = 200, 60
_NOT_ASKED = frozenset({*_ONE, _MANY, "batch_id", "result_format", "catch_exceptions", "include_config", "meta"})
"""Arguments of an expectation that are about where or how it looks, and not what it expects."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteResults:
    """What one suite found. `at` is when, as it says; empty if it does not."""

    suite: str
    at: str
    results: tuple[CheckResult, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Of which columns (case-folded) it is kept what was observed, and whether of the rows as a whole."""

    columns: frozenset[str] = frozenset()
    is_whole: bool = False


NOTHING = Kept()


def read_suite_results(document: object, file: str, kept: Kept = NOTHING) -> tuple[SuiteResults, ...]:
    """The results that a file of Great Expectations holds, of one validation or of a checkpoint's.

    Raises:
        InputError: it holds no such results.
    """
    found = document.get("run_results") if isinstance(document, dict) else None
    each = list(found.values()) if isinstance(found, dict) else [document]
    if not each or not all(_is_result(one) for one in each):
        raise InputError(_no_results(file))
    return tuple(_suite(_mapping(one), kept) for one in each)


def _is_result(one: object) -> bool:
    return (
        isinstance(one, dict)
        and isinstance(one.get("results"), list)
        and bool(_suite_name(one))
        and all(isinstance(each, dict) and isinstance(each.get("success"), bool) for each in one["results"])
        and all(isinstance(each.get("expectation_config"), dict) for each in one["results"])
    )


def _suite_name(one: Mapping[str, Any]) -> str:
    return str(one.get("suite_name") or _mapping(one.get("meta")).get("expectation_suite_name") or "")


def _suite(one: Mapping[str, Any], kept: Kept) -> SuiteResults:
    name = _suite_name(one)
    meta = _mapping(one.get("meta"))
    at = meta.get("validation_time") or _mapping(meta.get("run_id")).get("run_time") or ""
    return SuiteResults(suite=name, at=str(at), results=tuple(_results(name, one["results"], kept)))


def _results(suite: str, rows: list[dict[str, Any]], kept: Kept) -> Iterator[CheckResult]:
    seen: Counter[str] = Counter()
    for row in rows:
        config = row["expectation_config"]
        kind = str(config.get("type") or config.get("expectation_type") or "expectation").removeprefix("expect_")
        columns = _columns(_mapping(config.get("kwargs")))
        stem = SEPARATOR.join(part for part in (TOOL, suite, kind, ",".join(columns)) if part)
        seen[stem] += 1
        yield _result(
            row,
            identity=stem if seen[stem] == 1 else f"{stem}#{seen[stem]}",
            name=str(config.get("description") or f"{suite}: {' '.join([kind.replace('_', ' '), *columns])}"),
            columns=columns,
            hidden=not ({name.casefold() for name in columns} <= kept.columns if columns else kept.is_whole),
        )


def _columns(kwargs: Mapping[str, Any]) -> tuple[str, ...]:
    single = [str(kwargs[word]) for word in _ONE if kwargs.get(word)]
    return tuple(single or [str(name) for name in kwargs.get(_MANY) or ()])


def _result(row: dict[str, Any], *, identity: str, name: str, columns: tuple[str, ...], hidden: bool) -> CheckResult:
    numbers, error = _mapping(row.get("result")), _mapping(row.get("exception_info"))
    config, passed = row["expectation_config"], row["success"]
    failed, total = numbers.get("unexpected_count"), numbers.get("element_count")
    found = "" if isinstance(failed, int) else _said(numbers, error, hidden=hidden)
    rows = failed if isinstance(failed, int) else int(not passed)
    all_ = total if isinstance(total, int) else 0
    counted = f"{rows:,} of {all_:,} rows" if isinstance(failed, int) else found
    asked = "" if passed else _asked(_mapping(config.get("kwargs")), hidden=hidden)
    more = "".join(f", {text}" for text in (asked, counted) if text)
    return CheckResult(
        id=identity,
        name=name,
        column=columns[0] if len(columns) == 1 else None,
        severity=_SEVERITIES.get(str(config.get("severity") or "critical"), Severity.ERROR),
        failed_rows=rows,
        total_rows=all_,
        passed=passed,
        message=f"{name}: {'so' if passed else 'not so'}{more}",
        found=found,
    )


def _asked(kwargs: Mapping[str, Any], *, hidden: bool) -> str:
    """What was expected, briefly: `value_set ["tea", "cake"]`; of a personal column only which words say it."""
    said = {word: value for word, value in kwargs.items() if word not in _NOT_ASKED and value is not None}
    texts = [f"{word} {'***' if hidden else _brief(value)}" for word, value in said.items()]
    return f"expected {', '.join(texts)}"[:_LONGEST] if texts else ""


def _brief(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _BRIEF else f"{text[: _BRIEF - 1]}…"


def _said(numbers: Mapping[str, Any], error: Mapping[str, Any], *, hidden: bool) -> str:
    """What was observed, or why nothing was: either may hold values of the rows."""
    if error.get("raised_exception"):
        return "could not be evaluated" + ("" if hidden else f": {error.get('exception_message')}")[:_LONGEST]
    observed = numbers.get("observed_value")
    return "" if observed is None or hidden else f"observed {observed}"[:_LONGEST]


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _no_results(file: str) -> Finding:
    return Finding(
        code="expectations.no_results",
        message=f"{file} holds no results of Great Expectations",
        place=Place(file=file),
        expected="a validation result, or a checkpoint's, as JSON: `results`, each with `success` and "
        "`expectation_config`, and `suite_name`",
        remedy="write one with `json.dumps(result.to_json_dict())`, or take it from gx/uncommitted/validations",
    )
