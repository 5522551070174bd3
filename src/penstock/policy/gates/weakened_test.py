"""A data test is gone or looks at fewer columns than before, and the story does not say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.findings import Finding, Place
from penstock.policy.verdicts import counted, failed, listed, not_applicable, passed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.model.datatests import DataTest
    from penstock.model.findings import Verdict
    from penstock.policy.facts import ImplementationFacts

GATE = "weakened_test"


def judge(facts: ImplementationFacts) -> Verdict:
    """Refuse cases that are gone, or that expect nothing of columns which they looked at, unless declared.

    Tests that Penstock writes itself follow the story. Other values in a row are another rule, which the impact bounds.
    """
    if facts.base is None or facts.project is None:
        return not_applicable(GATE, "There is no project before or after to compare tests with.")
    if facts.story.author.deterministic:
        return not_applicable(GATE, "The tests are written from the story.")
    before = [test for test in facts.base.tests if test.dataset in facts.project.datasets]
    if not before:
        return not_applicable(GATE, "No data test was there before.")
    findings = [finding for test in before for finding in _findings(test, facts)]
    if not findings:
        return passed(GATE, f"{counted(len(before), 'case')} of data tests look at what they looked at before.")
    named = listed(dict.fromkeys(str(finding.place.file) for finding in findings))
    return failed(GATE, f"{counted(len(findings), 'case')} of data tests weakened undeclared: {named}.", findings)


def _findings(before: DataTest, facts: ImplementationFacts) -> Iterator[Finding]:
    assert facts.project is not None  # noqa: S101 - the caller looked
    if facts.story.loosened.keys() & {before.file, before.dataset}:
        return
    now = [test for test in facts.project.tests if test.dataset == before.dataset]
    same = next((test for test in now if test.name == before.name), None)
    renamed = same or next((test for test in now if (test.given, test.expect) == (before.given, before.expect)), None)
    if renamed is None:
        yield _finding(before, "is gone", "no case of that name, and none with these rows", "gone", facts)
        return
    lost = [name for name in _columns(before) if name not in _columns(renamed) and not _is_gone(name, before, facts)]
    if lost:
        found = f"expects {', '.join(_columns(renamed)) or 'nothing'}"
        yield _finding(renamed, f"no longer looks at {listed(lost)}", found, "narrower", facts)


def _columns(test: DataTest) -> tuple[str, ...]:
    """What a case expects values of; a case that expects no row looks at none."""
    return tuple(dict.fromkeys(name for row in test.expect for name in row))


def _is_gone(column: str, test: DataTest, facts: ImplementationFacts) -> bool:
    impact = facts.story.impact.get(test.dataset)
    bound = impact.columns.get(column) if impact else None
    return bound is not None and bound.gone


def _finding(test: DataTest, what: str, found: str, detail: str, facts: ImplementationFacts) -> Finding:
    return Finding(
        code=f"gate.{GATE}.{detail}",
        message=f"the case {test.name!r} of {test.dataset} {what}",
        place=Place(file=test.file, line=test.line, dataset=test.dataset),
        found=found,
        expected="data tests that look at no less than before",
        remedy=f"put it back, or say why under `loosened` in {facts.story.file}: `{test.dataset}: …`",
    )
