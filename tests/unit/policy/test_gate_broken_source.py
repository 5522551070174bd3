"""Source files that cannot be read as the story says stop the change before anything is planned."""

from __future__ import annotations

from policy_cases import assert_fails, assert_passes, discovery, finding, story

from penstock.model.findings import Outcome, Severity
from penstock.model.stories import StorySource
from penstock.policy.gates.broken_source import judge

INVOICES = story(sources={"invoices": StorySource(name="invoices", path="data/1.csv", columns=())})


def test_readable_files_pass() -> None:
    verdict = judge(discovery(story=INVOICES))
    assert_passes(verdict)
    assert verdict.summary == "1 source read as the story says, 0 remarks."


def test_a_fault_in_a_file_fails_and_keeps_its_place() -> None:
    verdict = judge(discovery(story=INVOICES, source_findings=(finding(),)))
    assert_fails(verdict, "source.truncated")
    assert verdict.findings[0].place.file == "data/1.csv.gz"
    assert verdict.summary == "1 fault in the files of 1 source."


def test_a_remark_on_a_file_does_not_block() -> None:
    verdict = judge(discovery(story=INVOICES, source_findings=(finding(severity=Severity.WARNING),)))
    assert_passes(verdict)
    assert len(verdict.findings) == 1


def test_a_story_without_sources_is_not_judged_unless_something_was_found() -> None:
    assert judge(discovery()).outcome is Outcome.NOT_APPLICABLE
    assert judge(discovery(source_findings=(finding(),))).outcome is Outcome.FAIL
