"""A contract as a suite of Great Expectations 1.x, and a finding for each rule that it has no words for.

The same contract makes the same bytes: ids are digests of what they name.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from penstock.model.findings import Finding, Place, Severity
from penstock.quality.checks import compile_checks
from penstock.quality.expectations.equivalence import NoEquivalentError
from penstock.quality.expectations.wording import expectations_of, never_null
from penstock.quality.implied import rules_of

if TYPE_CHECKING:
    from penstock.model.contracts import Contract
    from penstock.quality.check_values import Check

META = "penstock"
COLUMNS = "columns"
"""The id of the expectation that the rows have exactly the contract's columns; it is no check of ours by itself."""
SEVERITIES = {Severity.ERROR: "critical", Severity.WARNING: "warning", Severity.NOTE: "info"}
_IDS = uuid.UUID("6d4f8e0a-4f6c-5a54-9d51-0f3f2b7f7f3a")


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """A suite as its file holds it, how many of the contract's checks are in it, and what is not."""

    name: str
    text: str
    checks: int
    findings: tuple[Finding, ...]


def suite_of(contract: Contract) -> Suite:
    """The suite of a contract's checks, those included that follow from its columns and its key."""
    types = {column.name: column.type for column in contract.columns}
    present = never_null(rules_of(contract))
    entries = [_columns(contract)]
    findings: list[Finding] = []
    carried = 0
    for check in compile_checks(contract, "").checks:
        try:
            made = expectations_of(check.rule, types, present)
        except NoEquivalentError as error:
            findings.append(_none(contract, check, str(error)))
            continue
        carried += 1
        entries += [_entry(contract, check, one, number) for number, one in enumerate(made)]
    document = {
        "expectations": entries,
        "id": _id(contract.dataset),
        "meta": {META: {"contract": contract.file, "dataset": contract.dataset, "version": contract.version}},
        "name": contract.dataset,
        "notes": f"Written from {contract.file}, version {contract.version}. Change the contract, not this file.",
    }
    text = json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    return Suite(name=contract.dataset, text=text, checks=carried, findings=tuple(findings))


def _entry(contract: Contract, check: Check, made: dict[str, Any], number: int) -> dict[str, Any]:
    said = {"contract": contract.file, "version": contract.version, "check": check.id}
    return {
        **made,
        "id": _id(contract.dataset, check.id, str(number)),
        "description": check.name,
        "meta": {META: said},
        "severity": SEVERITIES[check.rule.severity],
    }


def _columns(contract: Contract) -> dict[str, Any]:
    said = {"contract": contract.file, "version": contract.version, "check": COLUMNS}
    return {
        "type": "expect_table_columns_to_match_set",
        "kwargs": {"column_set": [column.name for column in contract.columns], "exact_match": True},
        "id": _id(contract.dataset, COLUMNS),
        "description": "the columns are those of the contract",
        "meta": {META: said},
        "severity": SEVERITIES[Severity.ERROR],
    }


def _id(*parts: str) -> str:
    return str(uuid.uuid5(_IDS, "\n".join(parts)))


def _none(contract: Contract, check: Check, why: str) -> Finding:
    return Finding(
        code="expectations.no_equivalent",
        message=f"{check.name}: Great Expectations has nothing of the same meaning, because {why}",
        severity=Severity.WARNING,
        place=Place(file=contract.file, line=check.rule.line, dataset=contract.dataset, field=check.column),
        found=check.id,
        expected="a rule that an expectation on a pandas frame can say",
        remedy="it is not part of the suite; Penstock goes on checking it",
    )
