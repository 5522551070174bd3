"""What can happen, one small class each. Values are text, whole numbers and maps of text: their own wire form."""

from __future__ import annotations

from dataclasses import dataclass, field
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
class LeaseReleased:
    """The executor of `token` ended in order; whoever comes next need not wait for its lease to run out."""

    name: str
    token: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionDefined:
    """A dataset version exists by name: its fingerprint and the relation that will hold its rows.

    `meanings` maps its columns, and "" for which rows it has, to digests, where they are known one by one. `own` is a
    digest of what makes it, apart from what it reads, `query` the text of its query, `described` a digest of what is
    said of it: contract and description. `reads` maps the datasets it reads to their versions, `grain` is that of its
    intervals and `cut_by` the column that cuts them, both empty without. `held` as in `VersionHeld`.
    """

    dataset: str
    version: str
    relation: str
    materialization: str
    meanings: Mapping[str, str] = field(default_factory=dict)
    own: str = ""
    query: str = ""
    described: str = ""
    reads: Mapping[str, str] = field(default_factory=dict)
    grain: str = ""
    held: str = ""
    cut_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionHeld:
    """All rows of a version were held to these checks: a JSON list of their digests (`quality/standing.py`).

    `reason` says why that is recorded: rows that were there already were judged anew, or others come by fewer checks.
    """

    dataset: str
    version: str
    held: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionDescribed:
    """Something else is said of a version that is there: its contract or description is another one."""

    dataset: str
    version: str
    described: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunQueued:
    """Somebody, or a schedule, wants a run. Recorded once for each `run`: asking again changes nothing.

    `trigger` says what asked (`manual`, `schedule`, `dataset:…`, `files:…`, `sql:…`, `backfill`, `retry`), `key` which
    of its occasions (a fire time, a digest). `pipeline` is empty when the run is of chosen `datasets` (a JSON list;
    empty: of everything). `until` is the moment up to which data counts as arrived; `request` holds more as JSON.
    """

    run: str
    trigger: str
    key: str
    pipeline: str
    datasets: str
    environment: str
    until: str
    priority: int
    by: str
    request: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCancelRequested:
    """Somebody wants a run to stop; whoever executes it sees to that. Without `by` it is wanted again."""

    run: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleSet:
    """A pipeline's schedule as the scheduler saw it first, or anew after an edit: only fires after `since` count."""

    pipeline: str
    schedule: str
    since: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulePaused:
    """A person paused a pipeline's schedule and triggers, or let them go on (`paused` 0) from `since`."""

    pipeline: str
    paused: int
    by: str
    since: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerSeen:
    """What a trigger saw last without asking for a run: its `key` counts as known."""

    pipeline: str
    trigger: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillRequested:
    """Intervals are to be built again. `stale` holds rows of [dataset, version, start, end, reason] as JSON."""

    backfill: str
    plan: str
    by: str
    reason: str
    stale: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesRestated:
    """Files of sources are others than those that landed. `stale` as in `BackfillRequested`, `files` how many."""

    restatement: str
    stale: str
    files: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """A run was requested, or taken up again after its executor died. `run` is unique by what it is to do."""

    run: str
    purpose: str
    plan: str
    tasks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished:
    """A run ended: `published`, `failed` with the first reason, `cancelled`, `interrupted`, or `nothing` to do."""

    run: str
    state: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptStarted:
    """Intent: this attempt may publish under `publish_id`; `interval` is empty for a whole table or view.

    `since` is the entry before which everything counts as known to it: what was restated later, it may have missed.
    """

    publish_id: str
    attempt: int
    run: str
    dataset: str
    version: str
    interval: str
    inputs: str = ""
    since: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptAudited:
    """The staged rows were judged. `failed_checks` maps the id of each check that failed to how many rows offend.

    `files` are those that the rows came from, as `ledger/landed.py` writes them; empty where they came from none.
    Before that, `quarantined` rows were put aside, for the checks in `caught` (a row may offend several), and values
    were made NULL, for those in `nulled`.
    `results` holds a row of each check as JSON: [id, severity, outcome, offending rows, what was found]; the outcome is
    `passed`, `failed` or `unjudged`. `profile` is what later intervals are held against (`quality/setting.py`).
    """

    publish_id: str
    attempt: int
    rows: int
    checks: int
    failed_checks: Mapping[str, int]
    files: str = ""
    quarantined: int = 0
    caught: Mapping[str, int] = field(default_factory=dict)
    nulled: Mapping[str, int] = field(default_factory=dict)
    results: str = ""
    profile: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptPublished:
    """The target holds the rows: `start` and `end` (empty without intervals) are covered from now on.

    `since` as in its intent, `files` and `profile` as in its audit.
    `measured`: `queued`, `ran` and `cpu` in microseconds, `bytes` read from or written to files, `memory` at its peak
    in bytes; what was not measured is left out.
    """

    publish_id: str
    attempt: int
    dataset: str
    version: str
    start: str
    end: str
    rows: int
    inputs: str = ""
    since: int = 0
    measured: Mapping[str, int] = field(default_factory=dict)
    files: str = ""
    profile: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptFailed:
    """An attempt published nothing, and why; `transient` ones are tried again. `measured` as when it is published."""

    publish_id: str
    attempt: int
    code: str
    message: str
    transient: bool
    measured: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultsImported:
    """Another tool judged rows of a dataset elsewhere, at a moment that it says itself.

    `source` is the file it was read from, `digest` tells it from others; `rows` and `results` as in `AttemptAudited`.
    """

    dataset: str
    tool: str
    source: str
    digest: str
    judged_at: str
    rows: int
    results: str


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
class RemovalIntended:
    """Versions that nothing needs are about to be dropped: from now on nothing of them counts as built.

    `versions` holds rows of [dataset, version, relation] as JSON. What follows drops them before anything is built.
    """

    removal: str
    versions: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionsRemoved:
    """The target holds these versions no more; those in `left` stay there, because something at the target reads them.

    Both hold rows of [dataset, version] as JSON; `bytes` were freed, as far as the target tells.
    """

    removal: str
    versions: str
    left: str
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpiryIntended:
    """A dataset's retention has passed for all before `before`: from now on none of that is missing, in any version.

    `versions` holds rows of [version, relation, column] as JSON: those whose rows before that moment, by that column,
    are about to be deleted. `profiles` holds rows of [version, slice]: what was remembered of intervals that end by
    then. `counted_by` is the column that tells how old rows are that are made from now on. `why` is the promise that
    asks for it.
    """

    expiry: str
    dataset: str
    before: str
    why: str
    by: str
    versions: str
    profiles: str = "[]"
    counted_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalsExpired:
    """The target holds no row of a version before `before` any more; `rows` were deleted, and `quarantined` put aside.

    `start` is the earliest moment of those rows, empty where none had one. `why` and `by` as in the intent.
    """

    expiry: str
    dataset: str
    version: str
    start: str
    before: str
    rows: int
    quarantined: int
    why: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetExported:
    """A target outside the warehouse holds rows of a dataset: `target` says where, without anything secret.

    `export` is the name of its file, empty where nothing declares it. `pieces` is how many intervals or files it holds,
    `written` and `removed` how many of them that changed. `digest` is of what it holds (`plan/exporting.py`).
    `personal` maps the columns with personal data that left with it to their kinds.
    """

    target: str
    export: str
    dataset: str
    version: str
    environment: str
    format: str
    mode: str
    pieces: int
    written: int
    removed: int
    rows: int
    digest: str
    personal: Mapping[str, str]
    by: str


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
class ChangeAbandoned:
    """Nobody goes on with a change: it ends here, and what it made for itself is taken away."""

    change: str
    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRebased:
    """A change begins from `base_commit` instead of `before`; all that followed its discovery is to be done again.

    `head` is where its branch stood. Until its discovery is recorded as passed on a new branch, nothing else happens
    to the change.
    """

    change: str
    base_commit: str
    before: str
    head: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutBegun:
    """A step before the promotion began: `environments` (a JSON list) show the change's versions during it."""

    change: str
    step: str
    environments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutCompared:
    """One interval of such a step was built on both sides and compared: `state` is `held` or `failed`."""

    change: str
    step: str
    interval: str
    state: str
    detail: str


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
    """One interval of the observation window ran in production: `state` is `held` or `failed`.

    `measured` counts what objectives with a budget are judged by: `runs`, `slices` and `checks`, and of those the
    `slow` and `late` runs, the `failed` attempts and the `warnings`.
    """

    change: str
    interval: str
    state: str
    detail: str
    measured: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackBegun:
    """Someone decided to go back; until `ChangeRolledBack` follows, going back is all that happens to the change."""

    change: str
    reason: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRolledBack:
    """Production shows again what it showed before the change; `promotion` is empty if it never showed the change."""

    change: str
    promotion: str
    reason: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalCompacted:
    """Entries up to `upto`, the last of which has `hash`, stand in an archive and no longer in the journal.

    `archive` is its file's name; `snapshot_sha256` is of the state as it was after that entry (`ledger/snapshot.py`).
    """

    upto: int
    hash: str
    archive: str
    archive_sha256: str
    snapshot_sha256: str


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
    | ChangeAbandoned
    | ChangeRebased
    | RolloutBegun
    | RolloutCompared
    | ChangeMerged
    | ChangePromoted
    | IntervalObserved
    | RollbackBegun
    | ChangeRolledBack
    | JournalCompacted
)
