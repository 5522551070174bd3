"""`--sarif` and `--junit`: what a command found, for code scanning and for whatever reads test results.

A report is written whatever the command's end; one that could not begin says why. Secrets are masked here once more:
a report leaves the machine.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from penstock.model.errors import InputError, PenstockError
from penstock.model.findings import Finding, Place, Severity

if TYPE_CHECKING:
    from collections.abc import Callable

    from penstock.cli.answers import Answer, Door

STDOUT = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One thing that was judged: by which rule, and what was found.

    If it `failed`, it is in the way. `skipped` says why it was not judged, `accepted` why what was found is not in the
    way although its gate said no.
    """

    rule: str
    suite: str
    name: str
    findings: tuple[Finding, ...] = ()
    failed: bool = False
    skipped: str = ""
    accepted: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything that a command judged, in its order."""

    name: str
    cases: tuple[Case, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """A command's answer and the report that goes with it."""

    answer: Answer
    report: Report


def report_options(name: str) -> Callable[[Callable[..., Reported]], Callable[..., Answer]]:
    """`--sarif FILE` and `--junit FILE` for a command that returns `Reported`."""

    def decorate(function: Callable[..., Reported]) -> Callable[..., Answer]:
        sarif = click.option("--sarif", metavar="FILE", default=None, help="Write SARIF 2.1.0 there (-: to stdout).")
        junit = click.option("--junit", metavar="FILE", default=None, help="Write JUnit XML there (-: to stdout).")

        @wraps(function)
        def reporting(*args: Any, sarif: str | None, junit: str | None, **options: Any) -> Answer:
            quiet = STDOUT in {sarif, junit}
            door = cast("Door", args[0])
            if quiet and (sarif == junit or door.as_json):
                raise click.UsageError("one thing alone goes to stdout: --sarif -, --junit - or --json")
            door.silent = quiet
            try:
                reported = function(*args, **options)
            except PenstockError as error:
                _write(findings_report(name, error.findings), sarif, junit)
                raise
            _write(reported.report, sarif, junit)
            return replace(reported.answer, text="", findings=()) if quiet else reported.answer

        return cast("Callable[..., Answer]", sarif(junit(reporting)))

    return decorate


def findings_report(name: str, findings: tuple[Finding, ...]) -> Report:
    """A report of findings alone, each a case of its own; without any, one case that passed."""
    cases = tuple(
        Case(
            rule=finding.code,
            suite=name,
            name=f"{finding.code} {finding.place}".strip(),
            findings=(finding,),
            failed=finding.severity is Severity.ERROR,
        )
        for finding in findings
    )
    return Report(name=name, cases=cases or (Case(rule="project", suite=name, name="nothing was found"),))


def _write(report: Report, sarif: str | None, junit: str | None) -> None:
    from penstock.cli.junit import junit_text  # noqa: PLC0415 - only reports need the renderers
    from penstock.cli.sarif import sarif_text  # noqa: PLC0415 - as above

    clean = Report(name=report.name, cases=tuple(map(_masked_case, report.cases)))
    for target, render in ((sarif, sarif_text), (junit, junit_text)):
        if target == STDOUT:
            sys.stdout.write(render(clean))
        elif target is not None:
            _save(Path(target), render(clean))


def _save(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(
            Finding(
                code="report.unwritable",
                message=f"the report cannot be written: {error.strerror}",
                place=Place(file=str(path)),
                expected="a file in a folder that can be written",
                remedy="give another path",
            )
        ) from error


def _masked_case(case: Case) -> Case:
    return replace(
        case,
        name=_masked(case.name),
        text=_masked(case.text),
        accepted=_masked(case.accepted),
        findings=tuple(_masked_finding(finding) for finding in case.findings),
    )


def _masked_finding(finding: Finding) -> Finding:
    excerpt = finding.place.excerpt
    return replace(
        finding,
        message=_masked(finding.message),
        found=_masked(finding.found) if finding.found else finding.found,
        expected=_masked(finding.expected) if finding.expected else finding.expected,
        remedy=_masked(finding.remedy) if finding.remedy else finding.remedy,
        place=replace(finding.place, excerpt=_masked(excerpt) if excerpt is not None else None),
    )


def _masked(text: str) -> str:
    """The text without anything that looks like a secret."""
    from penstock.policy.secret_patterns import masked, secrets_in  # noqa: PLC0415 - only reports need the patterns

    return "\n".join(masked(line, secrets_in(line)) for line in text.split("\n"))
