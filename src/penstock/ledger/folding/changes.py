"""The tables made of `ledger/facts/changes.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.ledger.facts.changes import (
    ChangeApproved,
    ChangeMerged,
    ChangeOpened,
    ChangePromoted,
    ChangeRejected,
    ChangeRolledBack,
    GatesJudged,
    IntervalObserved,
    QuestionAnswered,
    QuestionsAsked,
    RollbackBegun,
    StageEntered,
    StagePassed,
    StageStopped,
)
from penstock.ledger.operations import Drop, as_json, put

if TYPE_CHECKING:
    from penstock.ledger.journal import Entry
    from penstock.ledger.operations import Folds, Operation, Tables

TABLES: Tables = {
    "changes": (
        ("change",),
        ("title", "story", "story_sha256", "author", "base_commit", "base_branch", "branch", "until", "stage", "state",
         "reason", "merge_commit", "promotion", "previous", "observe_from", "opened_at", "updated_at"),
    ),
    "questions": (("change", "question"), ("text", "path", "answer", "answered_by")),
    "stages": (("change", "stage"), ("entered_commit", "commit", "envelope_sha256", "outcomes", "state", "passed_at")),
    "approvals": (("change", "key_id", "envelope_sha256"), ("name", "approval_sha256", "at")),
    "observations": (("change", "interval"), ("state", "detail", "at")),
}  # fmt: skip


def _change_opened(fact: ChangeOpened, entry: Entry) -> tuple[Operation, ...]:
    row = put(
        "changes", change=fact.change, title=fact.title, story=fact.story, story_sha256=fact.story_sha256,
        author=fact.author, base_commit=fact.base_commit, base_branch=fact.base_branch, branch=fact.branch,
        until=fact.until, stage="discovery", state="working", reason="", merge_commit=None, promotion=None,
        previous=None, observe_from=None, opened_at=entry.at, updated_at=entry.at,
    )  # fmt: skip
    fresh = ("stages", "questions", "approvals", "observations")
    return (*(Drop(table=table, equal={"change": fact.change}) for table in fresh), row)


def _stage_entered(fact: StageEntered, entry: Entry) -> tuple[Operation, ...]:
    return (
        put("stages", change=fact.change, stage=fact.stage, entered_commit=fact.commit, state="working"),
        put("changes", change=fact.change, stage=fact.stage, state="working", reason="", updated_at=entry.at),
    )


def _questions_asked(fact: QuestionsAsked, _entry: Entry) -> tuple[Operation, ...]:
    return tuple(
        put("questions", change=fact.change, question=question, text=text, path=fact.paths[question])
        for question, text in sorted(fact.questions.items())
    )


def _question_answered(fact: QuestionAnswered, entry: Entry) -> tuple[Operation, ...]:
    return (
        put(
            "questions", change=fact.change, question=fact.question, path=fact.path, answer=fact.answer,
            answered_by=fact.by,
        ),
        put("changes", change=fact.change, updated_at=entry.at),
    )  # fmt: skip


def _gates_judged(fact: GatesJudged, _entry: Entry) -> tuple[Operation, ...]:
    return (put("stages", change=fact.change, stage=fact.stage, outcomes=as_json(fact.outcomes)),)


def _stage_passed(fact: StagePassed, entry: Entry) -> tuple[Operation, ...]:
    row = put(
        "stages", change=fact.change, stage=fact.stage, commit=fact.commit, envelope_sha256=fact.envelope_sha256,
        state="passed", passed_at=entry.at,
    )  # fmt: skip
    finished = {"state": "done"} if fact.stage == "deployment" else {"state": "working"}
    return (row, put("changes", change=fact.change, reason="", updated_at=entry.at, **finished))


def _stage_stopped(fact: StageStopped, entry: Entry) -> tuple[Operation, ...]:
    return (
        put("stages", change=fact.change, stage=fact.stage, state=fact.state),
        put("changes", change=fact.change, state=fact.state, reason=fact.reason, updated_at=entry.at),
    )


def _change_approved(fact: ChangeApproved, entry: Entry) -> tuple[Operation, ...]:
    row = put(
        "approvals", change=fact.change, key_id=fact.key_id, envelope_sha256=fact.envelope_sha256, name=fact.by,
        approval_sha256=fact.approval_sha256, at=entry.at,
    )  # fmt: skip
    return (row, put("changes", change=fact.change, updated_at=entry.at))


def _change_rejected(fact: ChangeRejected, entry: Entry) -> tuple[Operation, ...]:
    reason = f"rejected by {fact.by}: {fact.reason}"
    return (put("changes", change=fact.change, state="rejected", reason=reason, updated_at=entry.at),)


def _change_merged(fact: ChangeMerged, entry: Entry) -> tuple[Operation, ...]:
    return (put("changes", change=fact.change, merge_commit=fact.commit, updated_at=entry.at),)


def _change_promoted(fact: ChangePromoted, entry: Entry) -> tuple[Operation, ...]:
    row = put(
        "changes", change=fact.change, promotion=fact.promotion, previous=as_json(fact.previous),
        observe_from=fact.observe_from, updated_at=entry.at,
    )  # fmt: skip
    return (row,)


def _interval_observed(fact: IntervalObserved, entry: Entry) -> tuple[Operation, ...]:
    row = put(
        "observations",
        change=fact.change,
        interval=fact.interval,
        state=fact.state,
        detail=fact.detail,
        at=entry.at,
    )
    return (row,)


def _rollback_begun(fact: RollbackBegun, entry: Entry) -> tuple[Operation, ...]:
    reason = f"{fact.by} rolls it back: {fact.reason}"
    return (put("changes", change=fact.change, state="rolling_back", reason=reason, updated_at=entry.at),)


def _change_rolled_back(fact: ChangeRolledBack, entry: Entry) -> tuple[Operation, ...]:
    reason = f"rolled back by {fact.by}: {fact.reason}"
    return (put("changes", change=fact.change, state="rolled_back", reason=reason, updated_at=entry.at),)


FOLDS: Folds = {
    ChangeOpened: _change_opened,
    StageEntered: _stage_entered,
    QuestionsAsked: _questions_asked,
    QuestionAnswered: _question_answered,
    GatesJudged: _gates_judged,
    StagePassed: _stage_passed,
    StageStopped: _stage_stopped,
    ChangeApproved: _change_approved,
    ChangeRejected: _change_rejected,
    ChangeMerged: _change_merged,
    ChangePromoted: _change_promoted,
    IntervalObserved: _interval_observed,
    RollbackBegun: _rollback_begun,
    ChangeRolledBack: _change_rolled_back,
}
