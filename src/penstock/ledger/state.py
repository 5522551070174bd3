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

# singledispatch reads annotations at run time
from penstock.ledger.journal import Entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from penstock.ledger.journal import Value

TABLES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "leases": (("name",), ("holder", "token")),
    "versions": (("dataset", "version"), ("relation", "materialization", "defined_at")),
    "runs": (("run",), ("purpose", "plan", "tasks", "state", "reason", "started_at", "finished_at")),
    "attempts": (
        ("publish_id", "attempt"),
        ("run", "dataset", "version", "interval", "inputs", "state", "rows", "checks", "failed_checks", "code",
         "message", "started_at", "finished_at"),
    ),
    "coverage": (("dataset", "version", "start", "end"), ("publish_id", "rows", "inputs", "seq")),
    "environments": (("environment", "dataset"), ("version", "promotion")),
    "promotions": (("promotion",), ("environment", "mapping", "previous", "state", "reason", "at")),
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


def fold(entry: Entry) -> tuple[Operation, ...]:
    """The operations of one entry, in order."""
    return _fold(entry.fact, entry)


def refold(entries: Iterable[Entry]) -> dict[str, dict[tuple[Value, ...], dict[str, Value]]]:
    """All state tables as the journal makes them: table to key to row."""
    tables: dict[str, dict[tuple[Value, ...], dict[str, Value]]] = {name: {} for name in TABLES}
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


@_fold.register
def _(fact: facts.LeaseTaken, _entry: Entry) -> tuple[Operation, ...]:
    return (_put("leases", name=fact.name, holder=fact.holder, token=fact.token),)


@_fold.register
def _(fact: facts.VersionDefined, entry: Entry) -> tuple[Operation, ...]:
    return (
        _put(
            "versions",
            dataset=fact.dataset,
            version=fact.version,
            relation=fact.relation,
            materialization=fact.materialization,
            defined_at=entry.at,
        ),
    )


@_fold.register
def _(fact: facts.RunStarted, entry: Entry) -> tuple[Operation, ...]:
    row = _put(
        "runs", run=fact.run, purpose=fact.purpose, plan=fact.plan, tasks=fact.tasks, state="running", reason="",
        started_at=entry.at, finished_at=None,
    )  # fmt: skip
    return (row,)


@_fold.register
def _(fact: facts.RunFinished, entry: Entry) -> tuple[Operation, ...]:
    return (_put("runs", run=fact.run, state=fact.state, reason=fact.reason, finished_at=entry.at),)


@_fold.register
def _(fact: facts.AttemptStarted, entry: Entry) -> tuple[Operation, ...]:
    row = _put(
        "attempts", publish_id=fact.publish_id, attempt=fact.attempt, run=fact.run, dataset=fact.dataset,
        version=fact.version, interval=fact.interval, inputs=fact.inputs, state="running", started_at=entry.at,
    )  # fmt: skip
    return (row,)


@_fold.register
def _(fact: facts.AttemptAudited, _entry: Entry) -> tuple[Operation, ...]:
    row = _put(
        "attempts", publish_id=fact.publish_id, attempt=fact.attempt, state="audited", rows=fact.rows,
        checks=fact.checks, failed_checks=_json(fact.failed_checks),
    )  # fmt: skip
    return (row,)


@_fold.register
def _(fact: facts.AttemptPublished, entry: Entry) -> tuple[Operation, ...]:
    attempt = _put(
        "attempts", publish_id=fact.publish_id, attempt=fact.attempt, state="published", rows=fact.rows,
        finished_at=entry.at,
    )  # fmt: skip
    covered = _put(
        "coverage", dataset=fact.dataset, version=fact.version, start=fact.start, end=fact.end,
        publish_id=fact.publish_id, rows=fact.rows, inputs=fact.inputs, seq=entry.seq,
    )  # fmt: skip
    return (attempt, covered)


@_fold.register
def _(fact: facts.AttemptFailed, entry: Entry) -> tuple[Operation, ...]:
    row = _put(
        "attempts", publish_id=fact.publish_id, attempt=fact.attempt, state="failed", code=fact.code,
        message=fact.message, finished_at=entry.at,
    )  # fmt: skip
    return (row,)


@_fold.register
def _(fact: facts.PromotionIntended, entry: Entry) -> tuple[Operation, ...]:
    row = _put(
        "promotions", promotion=fact.promotion, environment=fact.environment, mapping=_json(fact.mapping),
        previous=_json(fact.previous), state="intended", reason=fact.reason, at=entry.at,
    )  # fmt: skip
    return (row,)


@_fold.register
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


@_fold.register
def _(fact: facts.ChangeOpened, entry: Entry) -> tuple[Operation, ...]:
    row = _put(
        "changes", change=fact.change, title=fact.title, story=fact.story, story_sha256=fact.story_sha256,
        author=fact.author, base_commit=fact.base_commit, base_branch=fact.base_branch, branch=fact.branch,
        until=fact.until, stage="discovery", state="working", reason="", merge_commit=None, promotion=None,
        previous=None, observe_from=None, opened_at=entry.at, updated_at=entry.at,
    )  # fmt: skip
    fresh = ("stages", "questions", "approvals", "observations")
    return (*(Drop(table=table, equal={"change": fact.change}) for table in fresh), row)


@_fold.register
def _(fact: facts.StageEntered, entry: Entry) -> tuple[Operation, ...]:
    return (
        _put("stages", change=fact.change, stage=fact.stage, entered_commit=fact.commit, state="working"),
        _put("changes", change=fact.change, stage=fact.stage, state="working", reason="", updated_at=entry.at),
    )


@_fold.register
def _(fact: facts.QuestionsAsked, _entry: Entry) -> tuple[Operation, ...]:
    return tuple(
        _put("questions", change=fact.change, question=question, text=text, path=fact.paths[question])
        for question, text in sorted(fact.questions.items())
    )


@_fold.register
def _(fact: facts.QuestionAnswered, entry: Entry) -> tuple[Operation, ...]:
    return (
        _put(
            "questions", change=fact.change, question=fact.question, path=fact.path, answer=fact.answer,
            answered_by=fact.by,
        ),
        _put("changes", change=fact.change, updated_at=entry.at),
    )  # fmt: skip


@_fold.register
def _(fact: facts.GatesJudged, _entry: Entry) -> tuple[Operation, ...]:
    return (_put("stages", change=fact.change, stage=fact.stage, outcomes=_json(fact.outcomes)),)


@_fold.register
def _(fact: facts.StagePassed, entry: Entry) -> tuple[Operation, ...]:
    row = _put(
        "stages", change=fact.change, stage=fact.stage, commit=fact.commit, envelope_sha256=fact.envelope_sha256,
        state="passed", passed_at=entry.at,
    )  # fmt: skip
    finished = {"state": "done"} if fact.stage == "deployment" else {"state": "working"}
    return (row, _put("changes", change=fact.change, reason="", updated_at=entry.at, **finished))


@_fold.register
def _(fact: facts.StageStopped, entry: Entry) -> tuple[Operation, ...]:
    return (
        _put("stages", change=fact.change, stage=fact.stage, state=fact.state),
        _put("changes", change=fact.change, state=fact.state, reason=fact.reason, updated_at=entry.at),
    )


@_fold.register
def _(fact: facts.ChangeApproved, entry: Entry) -> tuple[Operation, ...]:
    row = _put(
        "approvals", change=fact.change, key_id=fact.key_id, envelope_sha256=fact.envelope_sha256, name=fact.by,
        approval_sha256=fact.approval_sha256, at=entry.at,
    )  # fmt: skip
    return (row, _put("changes", change=fact.change, updated_at=entry.at))


@_fold.register
def _(fact: facts.ChangeRejected, entry: Entry) -> tuple[Operation, ...]:
    reason = f"rejected by {fact.by}: {fact.reason}"
    return (_put("changes", change=fact.change, state="rejected", reason=reason, updated_at=entry.at),)


@_fold.register
def _(fact: facts.ChangeMerged, entry: Entry) -> tuple[Operation, ...]:
    return (_put("changes", change=fact.change, merge_commit=fact.commit, updated_at=entry.at),)


@_fold.register
def _(fact: facts.ChangePromoted, entry: Entry) -> tuple[Operation, ...]:
    row = _put(
        "changes", change=fact.change, promotion=fact.promotion, previous=_json(fact.previous),
        observe_from=fact.observe_from, updated_at=entry.at,
    )  # fmt: skip
    return (row,)


@_fold.register
def _(fact: facts.IntervalObserved, entry: Entry) -> tuple[Operation, ...]:
    row = _put(
        "observations",
        change=fact.change,
        interval=fact.interval,
        state=fact.state,
        detail=fact.detail,
        at=entry.at,
    )
    return (row,)


@_fold.register
def _(fact: facts.RollbackBegun, entry: Entry) -> tuple[Operation, ...]:
    reason = f"{fact.by} rolls it back: {fact.reason}"
    return (_put("changes", change=fact.change, state="rolling_back", reason=reason, updated_at=entry.at),)


@_fold.register
def _(fact: facts.ChangeRolledBack, entry: Entry) -> tuple[Operation, ...]:
    reason = f"rolled back by {fact.by}: {fact.reason}"
    return (_put("changes", change=fact.change, state="rolled_back", reason=reason, updated_at=entry.at),)
