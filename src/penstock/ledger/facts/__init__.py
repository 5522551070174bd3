"""What can happen, one small class each. Values are text, whole numbers and maps of text: their own wire form."""

from __future__ import annotations

from penstock.ledger.facts.attempts import (
    AttemptAudited,
    AttemptFailed,
    AttemptPublished,
    AttemptStarted,
    ResultsImported,
)
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
from penstock.ledger.facts.compaction import JournalCompacted
from penstock.ledger.facts.exports import DatasetExported
from penstock.ledger.facts.leases import LeaseReleased, LeaseTaken
from penstock.ledger.facts.promotions import Promoted, PromotionIntended
from penstock.ledger.facts.retention import ExpiryIntended, IntervalsExpired, RemovalIntended, VersionsRemoved
from penstock.ledger.facts.runs import (
    BackfillRequested,
    FilesRestated,
    RunCancelRequested,
    RunFinished,
    RunQueued,
    RunStarted,
    SchedulePaused,
    ScheduleSet,
    TriggerSeen,
)
from penstock.ledger.facts.versions import VersionDefined, VersionDescribed, VersionHeld

__all__ = [
    "AttemptAudited",
    "AttemptFailed",
    "AttemptPublished",
    "AttemptStarted",
    "BackfillRequested",
    "ChangeApproved",
    "ChangeMerged",
    "ChangeOpened",
    "ChangePromoted",
    "ChangeRejected",
    "ChangeRolledBack",
    "DatasetExported",
    "ExpiryIntended",
    "Fact",
    "FilesRestated",
    "GatesJudged",
    "IntervalObserved",
    "IntervalsExpired",
    "JournalCompacted",
    "LeaseReleased",
    "LeaseTaken",
    "Promoted",
    "PromotionIntended",
    "QuestionAnswered",
    "QuestionsAsked",
    "RemovalIntended",
    "ResultsImported",
    "RollbackBegun",
    "RunCancelRequested",
    "RunFinished",
    "RunQueued",
    "RunStarted",
    "SchedulePaused",
    "ScheduleSet",
    "StageEntered",
    "StagePassed",
    "StageStopped",
    "TriggerSeen",
    "VersionDefined",
    "VersionDescribed",
    "VersionHeld",
    "VersionsRemoved",
]

Fact = (
    LeaseTaken
    | LeaseReleased
    | VersionDefined
    | VersionDescribed
    | VersionHeld
    | RunQueued
    | RunCancelRequested
    | ScheduleSet
    | SchedulePaused
    | TriggerSeen
    | BackfillRequested
    | FilesRestated
    | RunStarted
    | RunFinished
    | AttemptStarted
    | AttemptAudited
    | AttemptPublished
    | AttemptFailed
    | ResultsImported
    | PromotionIntended
    | Promoted
    | RemovalIntended
    | VersionsRemoved
    | ExpiryIntended
    | IntervalsExpired
    | DatasetExported
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
    | JournalCompacted
)
