"""A report as SARIF 2.1.0 (OASIS standard, 2020): one rule per gate or code, one result per finding."""

from __future__ import annotations

import json
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from penstock.evidence.statements import finding_digest
from penstock.model.findings import Severity
from penstock.policy.gate_names import GATES

if TYPE_CHECKING:
    from penstock.cli.reports import Case, Report
    from penstock.model.findings import Finding, Place

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}
KINDS_OF_PLACE = ("chunk ",)
"""How places begin that are no files: recorded outputs."""


def sarif_text(report: Report) -> str:
    """The report as a SARIF log."""
    rules = list(dict.fromkeys(case.rule for case in report.cases))
    results = [_result(case, finding, rules.index(case.rule)) for case in report.cases for finding in case.findings]
    driver = {
        "name": "penstock",
        "version": version("penstock"),
        "rules": [_rule(rule) for rule in rules],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2, ensure_ascii=False) + "\n"


def _rule(name: str) -> dict[str, Any]:
    if name not in GATES:
        return {"id": name, "shortDescription": {"text": _words(name)}}
    gate = import_module(f"penstock.policy.gates.{name}")
    fault, what = _paragraph(gate.__doc__) or _words(name), _paragraph(gate.judge.__doc__) or _words(name)
    return {
        "id": name,
        "shortDescription": {"text": fault},
        "fullDescription": {"text": what},
        "help": {"text": f"{fault} {what} How to clear it: docs/gates/{name}.md."},
    }


def _result(case: Case, finding: Finding, index: int) -> dict[str, Any]:
    level = LEVELS[finding.severity]
    result: dict[str, Any] = {
        "ruleId": case.rule,
        "ruleIndex": index,
        "level": "warning" if level == "error" and not case.failed else level,
        "message": {"text": _message(finding)},
        "partialFingerprints": {"penstockFinding/v1": finding_digest(finding.to_json())},
    }
    locations = _locations(finding.place)
    if locations:
        result["locations"] = locations
    if case.accepted:
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": case.accepted}]
    result["properties"] = {"code": finding.code, "suite": case.suite}
    return result


def _message(finding: Finding) -> str:
    parts = (("found", finding.found), ("expected", finding.expected), ("to do", finding.remedy))
    return "\n".join((finding.message, *(f"{word}: {text}" for word, text in parts if text)))


def _locations(place: Place) -> list[dict[str, Any]]:
    """The one location of a place, if it names a file or a dataset."""
    location: dict[str, Any] = {}
    if place.file and not place.file.startswith(KINDS_OF_PLACE):
        scheme = "file://" if place.file.startswith("/") else ""
        physical: dict[str, Any] = {"artifactLocation": {"uri": scheme + quote(place.file)}}
        if place.line is not None and place.line > 0:
            physical["region"] = _region(place)
        location["physicalLocation"] = physical
    name = ".".join(part for part in (place.dataset, place.field) if part)
    if name:
        location["logicalLocations"] = [{"fullyQualifiedName": name}]
    return [location] if location else []


def _region(place: Place) -> dict[str, Any]:
    region: dict[str, Any] = {"startLine": place.line}
    if place.column is not None and place.column > 0:
        region["startColumn"] = place.column
    if place.excerpt:
        region["snippet"] = {"text": place.excerpt}
    return region


def _paragraph(text: str | None) -> str:
    return " ".join((text or "").partition("\n\n")[0].split())


def _words(name: str) -> str:
    """A code's last part as words.

    >>> _words("project.unknown_dataset")
    'Unknown dataset'
    """
    return name.rpartition(".")[2].replace("_", " ").capitalize()
