"""`fold`: what one entry does to the state tables. Pure, and the only place that knows.

An entry becomes upserts that name only the columns they set, so folding needs no look at the state; `doctor` folds
the whole journal again and compares.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import singledispatch
from typing import TYPE_CHECKING

from penstock.ledger import facts
from penstock.ledger.landed import read_landed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from penstock.ledger.facts import Fact
    from penstock.ledger.journal import Entry, Value

TABLES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "leases": (("name",), ("holder", "token")),
    "versions": (
        ("dataset", "version"),
        ("relation", "materialization", "meanings", "own", "query", "described", "reads", "grain", "held",
         "cut_by", "defined_at"),
    ),
    "runs": (
        ("run",),
        ("trigger", "key", "pipeline", "datasets", "environment", "until", "priority", "asked_by", "request", "queue",
         "purpose", "plan", "tasks", "state", "cancel", "reason", "queued_at", "started_at", "finished_at"),
    ),
    "schedules": (("pipeline",), ("schedule", "since", "position", "paused", "paused_by")),
    "triggers": (("pipeline", "trigger"), ("key", "at")),
    "backfills": (("backfill",), ("plan", "asked_by", "reason", "at")),
    "stale": (("dataset", "version", "start", "end"), ("backfill", "reason", "seq")),
    "attempts": (
        ("publish_id", "attempt"),
        ("run", "dataset", "version", "interval", "inputs", "state", "rows", "checks", "failed_checks", "results",
         "profile", "code", "message", "measured", "since", "files", "started_at", "finished_at", "quarantined",
         "caught", "nulled"),
    ),
    "arrivals": (
        ("dataset", "version", "start", "name"),
        ("size", "modified", "digest", "rows", "header", "dialect", "forms", "publish_id", "seq", "at"),
    ),
    "coverage": (("dataset", "version", "start", "end"), ("publish_id", "rows", "inputs", "seq", "since")),
    "profiles": (("dataset", "version", "slice"), ("start", "end", "profile", "seq")),
    "environments": (("environment", "dataset"), ("version", "promotion")),
    "promotions": (("promotion",), ("environment", "mapping", "previous", "state", "reason", "at")),
    "removals": (("dataset", "version"), ("relation", "removal", "state", "asked_by", "at")),
    "horizons": (("dataset",), ("before", "counted_by", "expiry", "why", "asked_by", "at")),
    "expiries": (
        ("dataset", "version"),
        ("relation", "cut_by", "start", "before", "expiry", "state", "rows", "quarantined", "why", "asked_by", "at"),
    ),
    "exports": (
        ("target",),
        ("export", "dataset", "version", "environment", "format", "mode", "pieces", "rows", "digest", "personal",
         "exported_by", "at"),
    ),
    "changes": (
        ("change",),
        ("title", "story", "story_sha256", "author", "base_commit", "base_branch", "branch", "until", "stage", "state",
         "reason", "merge_commit", "promotion", "previous", "observe_from", "opened_at", "updated_at"),
    ),
    "questions": (("change", "question"), ("text", "path", "answer", "answered_by")),
    "stages": (("change", "stage"), ("entered_commit", "commit", "envelope_sha256", "outcomes", "state", "passed_at")),
    "approvals": (("change", "key_id", "envelope_sha256"), ("name", "approval_sha256", "at")),
    "rollout": (("change", "step", "interval"), ("state", "detail", "at")),
    "observations": (("change", "interval"), ("state", "detail", "at", "measured")),
    "compactions": (("upto",), ("hash", "archive", "archive_sha256", "snapshot_sha256", "at")),
}  # fmt: skip
"""Each state table's key columns and its other columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """Insert a row, or set these columns of the row that has its key."""

    table: str
    values: Mapping[str, Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """Remove every row with these values."""

    table: str
    equal: Mapping[str, Value]


Operation = Put | Drop
SCHEDULE = "schedule"
"""The trigger of a run that a schedule asked for."""
IMPORTED = "imported"
"""The state of results that another tool came to elsewhere."""
MOST_PRIORITY = 1_000_000


def once(fact: Fact) -> tuple[str, Mapping[str, Value]] | None:
    """The row by which a fact that may be recorded only once is known; a store leaves out what it already has."""
    if isinstance(fact, facts.RunQueued):
        return "runs", {"run": fact.run}
    if isinstance(fact, facts.BackfillRequested):
        return "backfills", {"backfill": fact.backfill}
    return None


def fold(entry: Entry, fact: Fact | None = None) -> tuple[Operation, ...]:
    """The operations of one entry, in order; whoever has just made it of `fact` spares reading it back.

    Only where that is the same: what `encode` had to alter holds a `?`.
    """
    return _fold(fact if fact is not None and "?" not in entry.body else entry.fact, entry)


State = dict[str, dict[tuple["Value", ...], dict[str, "Value"]]]
"""All state tables: table to key to row."""


def empty_state() -> State:
    """The tables before anything has happened."""
    return {name: {} for name in TABLES}


def refold(entries: Iterable[Entry], tables: State | None = None) -> State:
    """All state tables as the journal makes them, or as further entries make them of these, which are changed."""
    tables = empty_state() if tables is None else tables
    for entry in entries:
        for operation in fold(entry):
            apply(tables[operation.table], operation)
    return tables


def apply(rows: dict[tuple[Value, ...], dict[str, Value]], operation: Operation) -> None:
    """Carry out one operation on a table held in memory."""
    keys, others = TABLES[operation.table]
    if isinstance(operation, Put):
        key = tuple(operation.values[name] for name in keys)
        blank: dict[str, Value] = dict.fromkeys((*keys, *others))
        rows[key] = {**rows.get(key, blank), **operation.values}
        return
    for key in [k for k, row in rows.items() if all(row[n] == v for n, v in operation.equal.items())]:
        del rows[key]


def _put(table: str, **values: Value) -> Put:
    return Put(table=table, values=values)


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@singledispatch
def _fold(fact: object, entry: Entry) -> tuple[Operation, ...]:
    raise TypeError(f"no fold for {type(fact).__name__} (entry {entry.seq})")


@_fold.register(facts.LeaseTaken)
def _(fact: facts.LeaseTaken, _entry: Entry) -> tuple[Operation, ...]:
    return (_put("leases", name=fact.name, holder=fact.holder, token=fact.token),)


@_fold.register(facts.LeaseReleased)
def _(fact: facts.LeaseReleased, _entry: Entry) -> tuple[Operation, ...]:
    return (_put("leases", name=fact.name, holder=""),)


@_fold.register(facts.VersionDefined)
def _(fact: facts.VersionDefined, entry: Entry) -> tuple[Operation, ...]:
    return (
        Drop(table="removals", equal={"dataset": fact.dataset, "version": fact.version}),
        _put(
            "versions",
            dataset=fact.dataset,
            version=fact.version,
            relation=fact.relation,
            materialization=fact.materialization,
            meanings=_json(fact.meanings),
            own=fact.own,
            query=fact.query,
            described=fact.described,
            reads=_json(fact.reads),
            grain=fact.grain,
            held=fact.held,
            cut_by=fact.cut_by,
            defined_at=entry.at,
        ),
    )


@_fold.register(facts.VersionDescribed)
def _(fact: facts.VersionDescribed, _entry: Entry) -> tuple[Operation, ...]:
    return (_put("versions", dataset=fact.dataset, version=fact.version, described=fact.described),)


@_fold.register(facts.VersionHeld)
def _(fact: facts.VersionHeld, _entry: Entry) -> tuple[Operation, ...]:
    return (_put("versions", dataset=fact.dataset, version=fact.version, held=fact.held),)


@_fold.register(facts.RunQueued)
def _(fact: facts.RunQueued, entry: Entry) -> tuple[Operation, ...]:
    row = _put(
        "runs", run=fact.run, trigger=fact.trigger, key=fact.key, pipeline=fact.pipeline, datasets=fact.datasets,
        environment=fact.environment, until=fact.until, priority=fact.priority, asked_by=fact.by,
        request=fact.request, queue=f"{MOST_PRIORITY - fact.priority:07d}/{entry.seq:012d}", state="queued",
        reason="", queued_at=entry.at,
    )  # fmt: skip
    if fact.trigger == SCHEDULE:
        return (row, _put("schedules", pipeline=fact.pipeline, position=fact.key))
    if ":" in fact.trigger:
        return (row, _put("triggers", pipeline=fact.pipeline, trigger=fact.trigger, key=fact.key, at=entry.at))
    return (row,)


@_fold.register(facts.RunCancelRequested)
def _(fact: facts.RunCancelRequested, _entry: Entry) -> tuple[Operation, ...]:
    return (_put("runs", run=fact.run, cancel=fact.by),)


@_fold.register(facts.ScheduleSet)
def _(fact: facts.ScheduleSet, _entry: Entry) -> tuple[Operation, ...]:
    return (_put("schedules", pipeline=fact.pipeline, schedule=fact.schedule, since=fact.since, position=None),)


@_fold.register(facts.SchedulePaused)
def _(fact: facts.SchedulePaused, _entry: Entry) -> tuple[Operation, ...]:
    row = _put(
        "schedules", pipeline=fact.pipeline, paused=fact.paused, paused_by=fact.by, since=fact.since, position=None
    )
    return (row,)


@_fold.register(facts.TriggerSeen)
def _(fact: facts.TriggerSeen, entry: Entry) -> tuple[Operation, ...]:
    return (_put("triggers", pipeline=fact.pipeline, trigger=fact.trigger, key=fact.key, at=entry.at),)


@_fold.register(facts.BackfillRequested)
def _(fact: facts.BackfillRequested, entry: Entry) -> tuple[Operation, ...]:
    row = _put("backfills", backfill=fact.backfill, plan=fact.plan, asked_by=fact.by, reason=fact.reason, at=entry.at)
    stale = [
        _put(
            "stale", dataset=dataset, version=version, start=start, end=end, backfill=fact.backfill, reason=reason,
            seq=entry.seq,
        )
        for dataset, version, start, end, reason in json.loads(fact.stale)
    ]  # fmt: skip
    return (row, *stale)


@_fold.register(facts.FilesRestated)
def _(fact: facts.FilesRestated, entry: Entry) -> tuple[Operation, ...]:
    return tuple(
        _put(
            "stale", dataset=dataset, version=version, start=start, end=end, backfill=fact.restatement, reason=reason,
            seq=entry.seq,
        )
        for dataset, version, start, end, reason in json.loads(fact.stale)
    )  # fmt: skip


@_fold.register(facts.RunStarted)
def _(fact: facts.RunStarted, entry: Entry) -> tuple[Operation, ...]:
    row = _put(
        "runs", run=fact.run, purpose=fact.purpose, plan=fact.plan, tasks=fact.tasks, state="running",
        reason="", started_at=entry.at, finished_at=None,
    )  # fmt: skip
    return (row,)


@_fold.register(facts.RunFinished)
def _(fact: facts.RunFinished, entry: Entry) -> tuple[Operation, ...]:
    return (_put("runs", run=fact.run, state=fact.state, reason=fact.reason, finished_at=entry.at),)


@_fold.register(facts.AttemptStarted)
def _(fact: facts.AttemptStarted, entry: Entry) -> tuple[Operation, ...]:
    row = _put(
        "attempts", publish_id=fact.publish_id, attempt=fact.attempt, run=fact.run, dataset=fact.dataset,
        version=fact.version, interval=fact.interval, inputs=fact.inputs, since=fact.since, state="running",
        started_at=entry.at,
    )  # fmt: skip
    return (row,)


@_fold.register(facts.AttemptAudited)
def _(fact: facts.AttemptAudited, _entry: Entry) -> tuple[Operation, ...]:
    row = _put(
        "attempts", publish_id=fact.publish_id, attempt=fact.attempt, state="audited", rows=fact.rows,
        checks=fact.checks, failed_checks=_json(fact.failed_checks), files=fact.files, quarantined=fact.quarantined,
        caught=_json(fact.caught), nulled=_json(fact.nulled), results=fact.results, profile=fact.profile,
    )  # fmt: skip
    return (row,)


@_fold.register(facts.ResultsImported)
def _(fact: facts.ResultsImported, entry: Entry) -> tuple[Operation, ...]:
    """Beside the audits of attempts, of no version and in a state that is never open."""
    row = _put(
        "attempts", publish_id=f"{IMPORTED}/{fact.tool}/{fact.dataset}/{fact.digest}", attempt=1, run="",
        dataset=fact.dataset, version="", interval="", state=IMPORTED, rows=fact.rows, results=fact.results,
        started_at=fact.judged_at or entry.at, finished_at=fact.judged_at or entry.at, message=fact.source,
    )  # fmt: skip
    return (row,)


@_fold.register(facts.AttemptPublished)
def _(fact: facts.AttemptPublished, entry: Entry) -> tuple[Operation, ...]:
    attempt = _put(
        "attempts", publish_id=fact.publish_id, attempt=fact.attempt, state="published", rows=fact.rows,
        measured=_json(fact.measured), finished_at=entry.at,
    )  # fmt: skip
    covered = _put(
        "coverage", dataset=fact.dataset, version=fact.version, start=fact.start, end=fact.end,
        publish_id=fact.publish_id, rows=fact.rows, inputs=fact.inputs, seq=entry.seq, since=fact.since or entry.seq,
    )  # fmt: skip
    return (attempt, covered, *_profile(fact, entry), *_arrivals(fact, entry))


def _arrivals(fact: facts.AttemptPublished, entry: Entry) -> Iterator[Operation]:
    """The files that stand for what was published, in place of those that stood for it before."""
    key = {"dataset": fact.dataset, "version": fact.version}
    starts, files = read_landed(fact.files)
    for start in starts:
        yield Drop(table="arrivals", equal={**key, "start": start})
    for file in files:
        yield _put(
            "arrivals", **key, start=file.start, name=file.name, size=file.size, modified=file.modified,
            digest=file.digest, rows=file.rows, header=_json(file.header), dialect=_json(file.dialect),
            forms=_json(file.forms), publish_id=fact.publish_id, seq=entry.seq, at=entry.at,
        )  # fmt: skip


def _profile(fact: facts.AttemptPublished, entry: Entry) -> Iterator[Operation]:
    """What later intervals are held against, if any check asks for it."""
    if fact.profile:
        yield _put(
            "profiles", dataset=fact.dataset, version=fact.version, slice=fact.start or fact.publish_id,
            start=fact.start, end=fact.end, profile=fact.profile, seq=entry.seq,
        )  # fmt: skip


@_fold.register(facts.AttemptFailed)
def _(fact: facts.AttemptFailed, entry: Entry) -> tuple[Operation, ...]:
    row = _put(
        "attempts", publish_id=fact.publish_id, attempt=fact.attempt, state="failed", code=fact.code,
        message=fact.message, measured=_json(fact.measured), finished_at=entry.at,
    )  # fmt: skip
    return (row,)


@_fold.register(facts.PromotionIntended)
def _(fact: facts.PromotionIntended, entry: Entry) -> tuple[Operation, ...]:
    row = _put(
        "promotions", promotion=fact.promotion, environment=fact.environment, mapping=_json(fact.mapping),
        previous=_json(fact.previous), state="intended", reason=fact.reason, at=entry.at,
    )  # fmt: skip
    return (row,)


@_fold.register(facts.Promoted)
def _(fact: facts.Promoted, entry: Entry) -> tuple[Operation, ...]:
    cleared = Drop(table="environments", equal={"environment": fact.environment})
    rows = [
        _put(
            "environments",
            environment=fact.environment,
            dataset=name,
            version=version,
            promotion=fact.promotion,
        )
        for name, version in sorted(fact.mapping.items())
    ]
    state = _put("promotions", promotion=fact.promotion, state="promoted", at=entry.at)
    return (cleared, *rows, state)


@_fold.register(facts.RemovalIntended)
def _(fact: facts.RemovalIntended, entry: Entry) -> tuple[Operation, ...]:
    operations: list[Operation] = []
    for dataset, version, relation in json.loads(fact.versions):
        equal = {"dataset": dataset, "version": version}
        tables = ("coverage", "profiles", "stale", "arrivals", "versions")
        operations += [Drop(table=table, equal=equal) for table in tables]
        operations.append(
            _put(
                "removals", dataset=dataset, version=version, relation=relation, removal=fact.removal,
                state="intended", asked_by=fact.by, at=entry.at,
            )
        )  # fmt: skip
    return tuple(operations)


@_fold.register(facts.VersionsRemoved)
def _(fact: facts.VersionsRemoved, entry: Entry) -> tuple[Operation, ...]:
    ends = (("removed", fact.versions), ("left", fact.left))
    return tuple(
        _put("removals", dataset=dataset, version=version, state=state, at=entry.at)
        for state, versions in ends
        for dataset, version in json.loads(versions)
    )


@_fold.register(facts.ExpiryIntended)
def _(fact: facts.ExpiryIntended, entry: Entry) -> tuple[Operation, ...]:
    horizon = _put(
        "horizons", dataset=fact.dataset, before=fact.before, counted_by=fact.counted_by, expiry=fact.expiry,
        why=fact.why, asked_by=fact.by, at=entry.at,
    )  # fmt: skip
    begun = [
        _put(
            "expiries", dataset=fact.dataset, version=version, relation=relation, cut_by=column, start="",
            before=fact.before, expiry=fact.expiry, state="intended", rows=None, quarantined=None, why=fact.why,
            asked_by=fact.by, at=entry.at,
        )
        for version, relation, column in json.loads(fact.versions)
    ]  # fmt: skip
    forgotten = [
        Drop(table="profiles", equal={"dataset": fact.dataset, "version": version, "slice": slice_})
        for version, slice_ in json.loads(fact.profiles)
    ]
    return (horizon, *begun, *forgotten)


@_fold.register(facts.IntervalsExpired)
def _(fact: facts.IntervalsExpired, entry: Entry) -> tuple[Operation, ...]:
    row = _put(
        "expiries", dataset=fact.dataset, version=fact.version, start=fact.start, before=fact.before,
        expiry=fact.expiry, state="expired", rows=fact.rows, quarantined=fact.quarantined, why=fact.why,
        asked_by=fact.by, at=entry.at,
    )  # fmt: skip
    return (row,)


@_fold.register(facts.DatasetExported)
def _(fact: facts.DatasetExported, entry: Entry) -> tuple[Operation, ...]:
    row = _put(
        "exports", target=fact.target, export=fact.export, dataset=fact.dataset, version=fact.version,
        environment=fact.environment, format=fact.format, mode=fact.mode, pieces=fact.pieces, rows=fact.rows,
        digest=fact.digest, personal=_json(fact.personal), exported_by=fact.by, at=entry.at,
    )  # fmt: skip
    return (row,)


@_fold.register(facts.ChangeOpened)
def _(fact: facts.ChangeOpened, entry: Entry) -> tuple[Operation, ...]:
    row = _put(
        "changes", change=fact.change, title=fact.title, story=fact.story, story_sha256=fact.story_sha256,
        author=fact.author, base_commit=fact.base_commit, base_branch=fact.base_branch, branch=fact.branch,
        until=fact.until, stage="discovery", state="working", reason="", merge_commit=None, promotion=None,
        previous=None, observe_from=None, opened_at=entry.at, updated_at=entry.at,
    )  # fmt: skip
    fresh = ("stages", "questions", "approvals", "rollout", "observations")
    return (*(Drop(table=table, equal={"change": fact.change}) for table in fresh), row)


@_fold.register(facts.StageEntered)
def _(fact: facts.StageEntered, entry: Entry) -> tuple[Operation, ...]:
    return (
        _put("stages", change=fact.change, stage=fact.stage, entered_commit=fact.commit, state="working"),
        _put("changes", change=fact.change, stage=fact.stage, state="working", reason="", updated_at=entry.at),
    )


@_fold.register(facts.QuestionsAsked)
def _(fact: facts.QuestionsAsked, _entry: Entry) -> tuple[Operation, ...]:
    return tuple(
        _put("questions", change=fact.change, question=question, text=text, path=fact.paths[question])
        for question, text in sorted(fact.questions.items())
    )


@_fold.register(facts.QuestionAnswered)
def _(fact: facts.QuestionAnswered, entry: Entry) -> tuple[Operation, ...]:
    return (
        _put(
            "questions", change=fact.change, question=fact.question, path=fact.path, answer=fact.answer,
            answered_by=fact.by,
        ),
        _put("changes", change=fact.change, updated_at=entry.at),
    )  # fmt: skip


@_fold.register(facts.GatesJudged)
def _(fact: facts.GatesJudged, _entry: Entry) -> tuple[Operation, ...]:
    return (_put("stages", change=fact.change, stage=fact.stage, outcomes=_json(fact.outcomes)),)


@_fold.register(facts.StagePassed)
def _(fact: facts.StagePassed, entry: Entry) -> tuple[Operation, ...]:
    row = _put(
        "stages", change=fact.change, stage=fact.stage, commit=fact.commit, envelope_sha256=fact.envelope_sha256,
        state="passed", passed_at=entry.at,
    )  # fmt: skip
    finished = {"state": "done"} if fact.stage == "deployment" else {"state": "working"}
    return (row, _put("changes", change=fact.change, reason="", updated_at=entry.at, **finished))


@_fold.register(facts.StageStopped)
def _(fact: facts.StageStopped, entry: Entry) -> tuple[Operation, ...]:
    return (
        _put("stages", change=fact.change, stage=fact.stage, state=fact.state),
        _put("changes", change=fact.change, state=fact.state, reason=fact.reason, updated_at=entry.at),
    )


@_fold.register(facts.ChangeApproved)
def _(fact: facts.ChangeApproved, entry: Entry) -> tuple[Operation, ...]:
    row = _put(
        "approvals", change=fact.change, key_id=fact.key_id, envelope_sha256=fact.envelope_sha256, name=fact.by,
        approval_sha256=fact.approval_sha256, at=entry.at,
    )  # fmt: skip
    return (row, _put("changes", change=fact.change, updated_at=entry.at))


@_fold.register(facts.ChangeRejected)
def _(fact: facts.ChangeRejected, entry: Entry) -> tuple[Operation, ...]:
    reason = f"rejected by {fact.by}: {fact.reason}"
    return (_put("changes", change=fact.change, state="rejected", reason=reason, updated_at=entry.at),)


@_fold.register(facts.ChangeAbandoned)
def _(fact: facts.ChangeAbandoned, entry: Entry) -> tuple[Operation, ...]:
    reason = f"abandoned by {fact.by}: {fact.reason}"
    return (_put("changes", change=fact.change, state="abandoned", reason=reason, updated_at=entry.at),)


@_fold.register(facts.ChangeRebased)
def _(fact: facts.ChangeRebased, entry: Entry) -> tuple[Operation, ...]:
    again = ("design", "implementation", "review", "deployment")
    row = _put(
        "changes", change=fact.change, base_commit=fact.base_commit, stage="discovery", state="rebasing",
        reason=f"{fact.by} rebases it", updated_at=entry.at,
    )  # fmt: skip
    return (
        *(Drop(table="stages", equal={"change": fact.change, "stage": stage}) for stage in again),
        Drop(table="rollout", equal={"change": fact.change}),
        row,
    )


@_fold.register(facts.RolloutBegun)
def _(fact: facts.RolloutBegun, entry: Entry) -> tuple[Operation, ...]:
    row = _put(
        "rollout", change=fact.change, step=fact.step, interval="", state="begun", detail=fact.environments,
        at=entry.at,
    )  # fmt: skip
    return (row, _put("changes", change=fact.change, updated_at=entry.at))


@_fold.register(facts.RolloutCompared)
def _(fact: facts.RolloutCompared, entry: Entry) -> tuple[Operation, ...]:
    row = _put(
        "rollout", change=fact.change, step=fact.step, interval=fact.interval, state=fact.state, detail=fact.detail,
        at=entry.at,
    )  # fmt: skip
    return (row, _put("changes", change=fact.change, updated_at=entry.at))


@_fold.register(facts.ChangeMerged)
def _(fact: facts.ChangeMerged, entry: Entry) -> tuple[Operation, ...]:
    return (_put("changes", change=fact.change, merge_commit=fact.commit, updated_at=entry.at),)


@_fold.register(facts.ChangePromoted)
def _(fact: facts.ChangePromoted, entry: Entry) -> tuple[Operation, ...]:
    row = _put(
        "changes", change=fact.change, promotion=fact.promotion, previous=_json(fact.previous),
        observe_from=fact.observe_from, updated_at=entry.at,
    )  # fmt: skip
    return (row,)


@_fold.register(facts.IntervalObserved)
def _(fact: facts.IntervalObserved, entry: Entry) -> tuple[Operation, ...]:
    row = _put(
        "observations",
        change=fact.change,
        interval=fact.interval,
        state=fact.state,
        detail=fact.detail,
        at=entry.at,
        measured=_json(fact.measured),
    )
    return (row,)


@_fold.register(facts.RollbackBegun)
def _(fact: facts.RollbackBegun, entry: Entry) -> tuple[Operation, ...]:
    reason = f"{fact.by} rolls it back: {fact.reason}"
    return (_put("changes", change=fact.change, state="rolling_back", reason=reason, updated_at=entry.at),)


@_fold.register(facts.JournalCompacted)
def _(fact: facts.JournalCompacted, entry: Entry) -> tuple[Operation, ...]:
    row = _put(
        "compactions", upto=fact.upto, hash=fact.hash, archive=fact.archive, archive_sha256=fact.archive_sha256,
        snapshot_sha256=fact.snapshot_sha256, at=entry.at,
    )  # fmt: skip
    return (row,)


@_fold.register(facts.ChangeRolledBack)
def _(fact: facts.ChangeRolledBack, entry: Entry) -> tuple[Operation, ...]:
    reason = f"rolled back by {fact.by}: {fact.reason}"
    return (_put("changes", change=fact.change, state="rolled_back", reason=reason, updated_at=entry.at),)
