"""A report as JUnit XML, in the form that common parsers share: suites of cases, each with a failure or skipped."""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.cli.reports import Case, Report
    from penstock.model.findings import Finding

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
REPLACEMENT = "\ufffd"


def junit_text(report: Report) -> str:
    """The report as one `testsuites` document."""
    suites = [(name, list(cases)) for name, cases in groupby(report.cases, key=lambda case: case.suite)]
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f"<testsuites {_counts(report.name, list(report.cases))}>"]
    for name, cases in suites:
        lines.append(f"  <testsuite {_counts(name, cases)}>")
        lines += [line for case in cases for line in _case(case)]
        lines.append("  </testsuite>")
    return "\n".join((*lines, "</testsuites>", ""))


def _counts(name: str, cases: list[Case]) -> str:
    failures = sum(1 for case in cases if case.failed)
    skipped = sum(1 for case in cases if case.skipped)
    numbers = {"tests": len(cases), "failures": failures, "errors": 0, "skipped": skipped}
    return " ".join((f"name={_attribute(name)}", *(f'{word}="{count}"' for word, count in numbers.items())))


def _case(case: Case) -> Iterator[str]:
    attributes = f"classname={_attribute(case.suite)} name={_attribute(case.name)}"
    inner = list(_inner(case))
    if not inner:
        yield f"    <testcase {attributes}/>"
        return
    yield f"    <testcase {attributes}>"
    yield from inner
    yield "    </testcase>"


def _inner(case: Case) -> Iterator[str]:
    said = "\n\n".join(part for part in (case.text, case.accepted, *map(_finding, case.findings)) if part)
    if case.failed:
        first = case.findings[0].message if case.findings else case.text
        yield f"      <failure message={_attribute(first)} type={_attribute(case.rule)}>{_text(said)}</failure>"
    elif case.skipped:
        yield f"      <skipped message={_attribute(case.skipped)}/>"
    elif said:
        yield f"      <system-out>{_text(said)}</system-out>"


def _finding(finding: Finding) -> str:
    parts = (
        ("where", str(finding.place)),
        ("found", finding.found),
        ("expected", finding.expected),
        ("to do", finding.remedy),
    )
    head = f"{finding.severity}: {finding.message} ({finding.code})"
    return "\n".join((head, *(f"  {word}: {text}" for word, text in parts if text)))


def _text(text: str) -> str:
    return escape(_NOT_XML.sub(REPLACEMENT, text))


def _attribute(text: str) -> str:
    return quoteattr(_NOT_XML.sub(REPLACEMENT, text).replace("\n", " "))
