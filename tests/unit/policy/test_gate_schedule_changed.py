"""A pipeline in production keeps its times unless the story says otherwise."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from policy_cases import assert_fails, assert_passes, dataset, implementation, pipeline, project, story

from penstock.model.findings import Outcome
from penstock.policy.gates.schedule_changed import judge

if TYPE_CHECKING:
    from penstock.policy.facts import ImplementationFacts

LATER = datetime(2011, 1, 1, tzinfo=UTC)


def changed(own: dict[str, Any] | None = None, **changes: Any) -> ImplementationFacts:
    after = project(dataset(), pipelines=(pipeline(**changes),))
    return implementation(project=after, story=story(own=own or {}))


def test_the_same_times_pass() -> None:
    verdict = judge(implementation())
    assert_passes(verdict)
    assert verdict.summary == "1 standing pipeline run when the stories say."


CASES = [
    ("schedule", {"cron": "0 9 * * *"}, "0 6 * * *", "0 9 * * *"),
    ("schedule", {"schedule": None}, "0 6 * * *", "manual"),
    ("timezone", {"zone": "Europe/Berlin"}, "Europe/London", "Europe/Berlin"),
    ("start", {"start": LATER}, "2010-12-01", "2011-01-01"),
    ("end", {"end": LATER}, "never", "2011-01-01"),
]


@pytest.mark.parametrize(("key", "changes", "was", "now"), CASES)
def test_each_undeclared_change_fails(key: str, changes: dict[str, Any], was: str, now: str) -> None:
    verdict = judge(changed(**changes))
    assert_fails(verdict, key)
    assert (verdict.findings[0].expected, verdict.findings[0].found) == (was, now)
    assert verdict.findings[0].place.file == "pipelines/sales/pipeline.yaml"


@pytest.mark.parametrize(("key", "changes", "was", "now"), CASES)
def test_a_change_that_the_story_says_itself_passes(key: str, changes: dict[str, Any], was: str, now: str) -> None:
    assert_passes(judge(changed({key: now}, **changes)))


def test_each_key_is_declared_for_itself() -> None:
    assert_fails(judge(changed({"schedule": "0 9 * * *"}, cron="0 9 * * *", zone="Europe/Berlin")), "timezone")


def test_a_story_declares_nothing_for_another_pipeline() -> None:
    before = project(pipelines=(pipeline(), pipeline("finance")))
    after = project(pipelines=(pipeline(), pipeline("finance", cron="0 9 * * *")))
    facts = implementation(base=before, project=after, story=story(own={"schedule": "0 9 * * *"}))
    assert_fails(judge(facts), "schedule")


def test_a_new_pipeline_changes_no_schedule() -> None:
    assert judge(implementation(base=None)).outcome is Outcome.NOT_APPLICABLE


def test_a_project_that_cannot_be_read_is_not_judged() -> None:
    assert judge(implementation(project=None)).outcome is Outcome.NOT_APPLICABLE
