"""How a change goes through its stages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeOpened:
    """A story was taken up. `until` is the moment up to which its data counts as arrived."""

    change: str
    title: str
    story: str
    story_sha256: str
    author: str
    base_commit: str
    base_branch: str
    branch: str
    until: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StageEntered:
    """Work on a stage began at `commit` of the change's branch; to begin again means to go back there."""

    change: str
    stage: str
    commit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionsAsked:
    """What the story leaves open: question id to text, and to the place of the front matter that an answer fills."""

    change: str
    questions: Mapping[str, str]
    paths: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionAnswered:
    """A person's answer, as given, and the place of the front matter it fills."""

    change: str
    question: str
    path: str
    answer: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GatesJudged:
    """The verdicts of a stage: gate to outcome."""

    change: str
    stage: str
    outcomes: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class StagePassed:
    """A stage's exit gates hold; its statement was sealed as `envelope_sha256` and its artefacts are at `commit`."""

    change: str
    stage: str
    commit: str
    envelope_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StageStopped:
    """A stage cannot go on: `state` is `refused` (a gate said no) or `waiting` (for a person), with the reason."""

    change: str
    stage: str
    state: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeApproved:
    """A person's approval of exactly one review envelope."""

    change: str
    by: str
    key_id: str
    envelope_sha256: str
    approval_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRejected:
    """A person said no; the change ends here."""

    change: str
    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeMerged:
    """The branch is part of the base branch at `commit`."""

    change: str
    commit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePromoted:
    """Production shows the change's versions; `promotion` can be undone. The window is observed from `observe_from`."""

    change: str
    promotion: str
    previous: Mapping[str, str]
    observe_from: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalObserved:
    """One interval of the observation window ran in production: `state` is `held` or `failed`."""

    change: str
    interval: str
    state: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackBegun:
    """Someone decided to go back; until `ChangeRolledBack` follows, going back is all that happens to the change."""

    change: str
    reason: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRolledBack:
    """Production shows again what it showed before the change."""

    change: str
    promotion: str
    reason: str
    by: str
