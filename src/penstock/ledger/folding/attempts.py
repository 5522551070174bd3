"""The tables made of `ledger/facts/attempts.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.ledger.facts.attempts import (
    AttemptAudited,
    AttemptFailed,
    AttemptPublished,
    AttemptStarted,
    ResultsImported,
)
from penstock.ledger.landed import read_landed
from penstock.ledger.operations import Drop, as_json, put

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.ledger.journal import Entry
    from penstock.ledger.operations import Folds, Operation, Tables

IMPORTED = "imported"
"""The state of results that another tool came to elsewhere."""
TABLES: Tables = {
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
}  # fmt: skip


def _attempt_started(fact: AttemptStarted, entry: Entry) -> tuple[Operation, ...]:
    row = put(
        "attempts", publish_id=fact.publish_id, attempt=fact.attempt, run=fact.run, dataset=fact.dataset,
        version=fact.version, interval=fact.interval, inputs=fact.inputs, since=fact.since, state="running",
        started_at=entry.at,
    )  # fmt: skip
    return (row,)


def _attempt_audited(fact: AttemptAudited, _entry: Entry) -> tuple[Operation, ...]:
    row = put(
        "attempts", publish_id=fact.publish_id, attempt=fact.attempt, state="audited", rows=fact.rows,
        checks=fact.checks, failed_checks=as_json(fact.failed_checks), files=fact.files, quarantined=fact.quarantined,
        caught=as_json(fact.caught), nulled=as_json(fact.nulled), results=fact.results, profile=fact.profile,
    )  # fmt: skip
    return (row,)


def _attempt_published(fact: AttemptPublished, entry: Entry) -> tuple[Operation, ...]:
    attempt = put(
        "attempts", publish_id=fact.publish_id, attempt=fact.attempt, state="published", rows=fact.rows,
        measured=as_json(fact.measured), finished_at=entry.at,
    )  # fmt: skip
    covered = put(
        "coverage", dataset=fact.dataset, version=fact.version, start=fact.start, end=fact.end,
        publish_id=fact.publish_id, rows=fact.rows, inputs=fact.inputs, seq=entry.seq, since=fact.since or entry.seq,
    )  # fmt: skip
    return (attempt, covered, *_profile(fact, entry), *_arrivals(fact, entry))


def _attempt_failed(fact: AttemptFailed, entry: Entry) -> tuple[Operation, ...]:
    row = put(
        "attempts", publish_id=fact.publish_id, attempt=fact.attempt, state="failed", code=fact.code,
        message=fact.message, measured=as_json(fact.measured), finished_at=entry.at,
    )  # fmt: skip
    return (row,)


def _results_imported(fact: ResultsImported, entry: Entry) -> tuple[Operation, ...]:
    """Beside the audits of attempts, of no version and in a state that is never open."""
    row = put(
        "attempts", publish_id=f"{IMPORTED}/{fact.tool}/{fact.dataset}/{fact.digest}", attempt=1, run="",
        dataset=fact.dataset, version="", interval="", state=IMPORTED, rows=fact.rows, results=fact.results,
        started_at=fact.judged_at or entry.at, finished_at=fact.judged_at or entry.at, message=fact.source,
    )  # fmt: skip
    return (row,)


def _arrivals(fact: AttemptPublished, entry: Entry) -> Iterator[Operation]:
    """The files that stand for what was published, in place of those that stood for it before."""
    key = {"dataset": fact.dataset, "version": fact.version}
    starts, files = read_landed(fact.files)
    for start in starts:
        yield Drop(table="arrivals", equal={**key, "start": start})
    for file in files:
        yield put(
            "arrivals", **key, start=file.start, name=file.name, size=file.size, modified=file.modified,
            digest=file.digest, rows=file.rows, header=as_json(file.header), dialect=as_json(file.dialect),
            forms=as_json(file.forms), publish_id=fact.publish_id, seq=entry.seq, at=entry.at,
        )  # fmt: skip


def _profile(fact: AttemptPublished, entry: Entry) -> Iterator[Operation]:
    """What later intervals are held against, if any check asks for it."""
    if fact.profile:
        yield put(
            "profiles", dataset=fact.dataset, version=fact.version, slice=fact.start or fact.publish_id,
            start=fact.start, end=fact.end, profile=fact.profile, seq=entry.seq,
        )  # fmt: skip


FOLDS: Folds = {
    AttemptStarted: _attempt_started,
    AttemptAudited: _attempt_audited,
    AttemptPublished: _attempt_published,
    AttemptFailed: _attempt_failed,
    ResultsImported: _results_imported,
}
