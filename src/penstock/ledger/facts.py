"""What can happen, one small class each. Values are text, whole numbers and maps of text: their own wire form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseTaken:
    """A process became the executor; `token` is larger than every earlier one."""

    name: str
    holder: str
    token: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionDefined:
    """A dataset version exists by name: its fingerprint and the relation that will hold its rows."""

    dataset: str
    version: str
    relation: str
    materialization: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """A run was requested, or taken up again after its executor died. `run` is unique by what it is to do."""

    run: str
    purpose: str
    plan: str
    tasks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished:
    """A run ended: `published`, or `failed` with the first reason."""

    run: str
    state: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptStarted:
    """Intent: this attempt may publish under `publish_id`; `interval` is empty for a whole table or view."""

    publish_id: str
    attempt: int
    run: str
    dataset: str
    version: str
    interval: str
    inputs: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptAudited:
    """The staged rows were judged. `failed_checks` maps a check's id to how many rows offend."""

    publish_id: str
    attempt: int
    rows: int
    checks: int
    failed_checks: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptPublished:
    """The target holds the rows: `start` and `end` (empty without intervals) are covered from now on."""

    publish_id: str
    attempt: int
    dataset: str
    version: str
    start: str
    end: str
    rows: int
    inputs: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptFailed:
    """An attempt published nothing, and why; `transient` ones are tried again."""

    publish_id: str
    attempt: int
    code: str
    message: str
    transient: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionIntended:
    """A swap of an environment is about to be tried under `promotion`; `mapping` is the whole environment after it."""

    promotion: str
    environment: str
    mapping: Mapping[str, str]
    previous: Mapping[str, str]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Promoted:
    """The environment's views show `mapping`."""

    promotion: str
    environment: str
    mapping: Mapping[str, str]
    reason: str


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


Fact = (
    LeaseTaken
    | VersionDefined
    | RunStarted
    | RunFinished
    | AttemptStarted
    | AttemptAudited
    | AttemptPublished
    | AttemptFailed
    | PromotionIntended
    | Promoted
    | ChangeOpened
    | StageEntered
    | QuestionsAsked
    | QuestionAnswered
    | GatesJudged
    | StagePassed
    | StageStopped
    | ChangeApproved
    | ChangeRejected
    | ChangeMerged
    | ChangePromoted
    | IntervalObserved
    | RollbackBegun
    | ChangeRolledBack
)
