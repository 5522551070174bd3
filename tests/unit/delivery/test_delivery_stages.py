"""The state machine of a change: what comes next, and what a person has to do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.delivery.stages import ENDED, End, Progress, Stage, Wait, Work, next_step


def progress(
    *passed: Stage, state: str = "working", unanswered: tuple[str, ...] = (), approvals: int = 0, needed: int = 1
) -> Progress:
    return Progress(
        state=state,
        passed=dict.fromkeys(passed, "0" * 64),
        unanswered=unanswered,
        approvals=approvals,
        approvals_needed=needed,
    )


def upto(stage: Stage) -> tuple[Stage, ...]:
    return tuple(other for other in Stage if other.number < stage.number)


@pytest.mark.parametrize("stage", [stage for stage in Stage if stage is not Stage.DEPLOYMENT])
def test_the_first_stage_that_has_not_passed_is_next(stage: Stage) -> None:
    assert next_step("X-1", progress(*upto(stage))) == Work(stage=stage)


def test_discovery_waits_for_answers_and_says_how_to_give_the_first() -> None:
    step = next_step("X-1", progress(unanswered=("Q2", "Q3")))
    assert isinstance(step, Wait)
    assert step.stage is Stage.DISCOVERY
    assert "2 questions" in step.what
    assert "penstock change answer X-1 Q2" in step.how


def test_deployment_waits_for_as_many_approvals_as_policy_asks_for() -> None:
    step = next_step("X-1", progress(*upto(Stage.DEPLOYMENT), approvals=1, needed=3))
    assert isinstance(step, Wait)
    assert "2 approvals" in step.what
    assert "penstock change approve X-1" in step.how


def test_deployment_begins_with_the_last_approval() -> None:
    step = next_step("X-1", progress(*upto(Stage.DEPLOYMENT), approvals=2, needed=2))
    assert step == Work(stage=Stage.DEPLOYMENT)


def test_a_policy_without_approvals_does_not_wait() -> None:
    assert next_step("X-1", progress(*upto(Stage.DEPLOYMENT), needed=0)) == Work(stage=Stage.DEPLOYMENT)


def test_a_change_with_every_stage_passed_is_done() -> None:
    assert next_step("X-1", progress(*Stage)) == End(state="done")


@pytest.mark.parametrize("state", sorted(ENDED))
def test_nothing_follows_an_end(state: str) -> None:
    assert next_step("X-1", progress(state=state, unanswered=("Q1",))) == End(state=state)


@given(
    passed=st.integers(0, 5),
    state=st.sampled_from(["working", "waiting", "refused"]),
    open_questions=st.integers(0, 3),
    approvals=st.integers(0, 3),
)
def test_work_is_never_offered_on_a_stage_that_has_passed(
    passed: int, state: str, open_questions: int, approvals: int
) -> None:
    done = tuple(Stage)[:passed]
    questions = tuple(f"Q{number}" for number in range(1, open_questions + 1))
    step = next_step("X-1", progress(*done, state=state, unanswered=questions, approvals=approvals))
    assert not isinstance(step, Work) or step.stage not in done
    assert not isinstance(step, Work) or set(upto(step.stage)) <= set(done)


def test_deployment_waits_for_particular_people_though_enough_have_approved() -> None:
    passed: dict[Stage, str] = {stage: "0" * 64 for stage in Stage if stage != Stage.DEPLOYMENT}
    progress = Progress(
        state="waiting",
        passed=passed,
        unanswered=(),
        approvals=1,
        approvals_needed=1,
        missing=("1 approval for what is irreversible",),
        irreversible=("mails are sent",),
    )
    step = next_step("RETAIL-1", progress)
    assert isinstance(step, Wait)
    assert step.what == "1 approval for what is irreversible; irreversible: mails are sent"
