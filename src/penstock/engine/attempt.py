"""One attempt: intent, staging, sifting, audit, publish, recorded.

Invariants: nothing is visible before its audit; intent and audit are in the ledger, on disk, before anything is
published; rows that are put aside are kept by the transaction that publishes the others, or not at all; a publish id
is applied at most once at the target; an unknown commit is read back, never guessed.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from penstock.engine import audit, keeping, reading, sifting, suites
from penstock.engine.ports.processes import Order
from penstock.engine.ports.publishing import Publication, StateChange
from penstock.engine.ports.warehouse import UnknownOutcomeError
from penstock.engine.surroundings import setting_of
from penstock.ledger.facts import AttemptAudited, AttemptPublished, AttemptStarted
from penstock.ledger.landed import write_landed
from penstock.model.connectors import ConnectorSource
from penstock.model.databases import DatabaseSource
from penstock.model.errors import TaskError, TransientError
from penstock.model.findings import Finding, Place
from penstock.model.intervals import stamp
from penstock.model.pipelines import CommandTask, Materialization, PythonTask, SqlTask
from penstock.model.sources import FileSource
from penstock.quality.check_values import Judged
from penstock.quality.outcomes import results_text
from penstock.sql.identifiers import quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from penstock.engine.ports.arrivals import Connectors, Databases, Files
    from penstock.engine.ports.processes import Auditor, Processes
    from penstock.engine.ports.publishing import Sifted, Staged
    from penstock.engine.ports.warehouse import Session, Warehouse
    from penstock.ledger.journal import Journal
    from penstock.model.intervals import Interval
    from penstock.model.pipelines import Dataset, Project
    from penstock.plan.build import Work
    from penstock.plan.versions import Version
    from penstock.quality.checks import CheckResult


AGAIN = "#"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A run's constants: whose work it is and what the names mean.

    `spent` counts how often each slice of this run was published before: a whole table whose inputs went back to what
    they once were is the same work again, and must not be taken for what was done then. `since` is the entry of the
    ledger up to which its plan knew what is restated: what was marked later, it may read as it was before. `until` is
    up to when data counts as arrived. Before its moment in `horizons` a dataset keeps no rows any more; `counted_by` is
    the column by which each was moved there.
    """

    run: str
    purpose: str
    project: Project
    versions: Mapping[str, Version]
    token: int
    spent: Mapping[str, int] = field(default_factory=dict)
    since: int = 0
    until: datetime | None = None
    horizons: Mapping[str, datetime] = field(default_factory=dict)
    counted_by: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """The ports an attempt works through."""

    journal: Journal
    warehouse: Warehouse
    files: Files
    processes: Processes
    databases: Databases | None = None
    connectors: Connectors | None = None
    auditor: Auditor | None = None


class Watch(Protocol):
    """Whoever may want to stop an attempt, told which connection it uses, and when its rows are being judged."""

    def uses(self, session: Session | None) -> None:
        """The attempt works through this session; None: no longer."""
        ...

    def is_stopped(self) -> bool:
        """Whether the attempt is to be stopped."""
        ...

    def audits(self) -> None:
        """Its rows are staged and being judged."""
        ...

    def tells(self, line: str) -> None:
        """How far it is, for people."""
        ...


class Unwatched:
    """The watch of an attempt that nobody stops."""

    def uses(self, session: Session | None) -> None:
        """Nothing."""

    def is_stopped(self) -> bool:
        """Never."""
        return False

    def audits(self) -> None:
        """Nothing."""

    def tells(self, line: str) -> None:
        """Nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What an attempt made visible, how its rows were judged, and what was sifted out.

    `measured` and `files` as in the ledger, `quarantined` counts rows, `nulled` the values that each check made NULL.
    """

    dataset: str
    version: str
    interval: Interval | None
    rows: int
    checks: tuple[CheckResult, ...] = ()
    measured: Mapping[str, int] = field(default_factory=dict)
    files: str = ""
    quarantined: int = 0
    nulled: Mapping[str, int] = field(default_factory=dict)
    profile: str = ""


def publish_id_of(job: Job, work: Work) -> str:
    """The id under which this work is published, the same for every attempt of the run."""
    name = f"{job.run}/{work.version.fingerprint}/{work.slice}"
    before = job.spent.get(name, 0)
    return f"{name}{AGAIN}{before + 1}" if before else name


def carry_out(work: Work, attempt: int, job: Job, tools: Tools, watch: Watch | None = None) -> Published:
    """Do one attempt up to its publish; `record` is for the caller.

    Raises:
        TaskError: it failed and would fail again.
        TransientError: it failed and may succeed later.
    """
    dataset = job.project.datasets[work.slice.dataset]
    watch = watch or Unwatched()
    intent = tools.journal.submit(intent_of(work, attempt, job), token=job.token)
    if isinstance(dataset.task, PythonTask | CommandTask | ConnectorSource):
        intent.result()  # what a process does outside, only its intent tells of
    with tools.warehouse.session(dataset.timeout) as session, _watched(session, watch):
        publication = publication_of(work, job, base=_base(session, dataset, work))
        with _staged(session, publication, work, job, tools, watch) as made:
            staged = keeping.kept(session, made.staged, work, job)
            watch.audits()
            audit.within_interval(session, staged, dataset, work.slice.interval)
            outcome = sifting.sift(session, staged, dataset, publication)
            sifted, judged = outcome.sifted, Judged()
            setting = setting_of(tools.journal, work, job, intent)
            others: tuple[CheckResult, ...] = ()
            if not outcome.findings:
                judged = audit.judge(session, sifted.staged, dataset, setting)
                others = suites.judge(session, sifted.staged, dataset, tools, watch)
            judged = replace(judged, results=(*outcome.checks, *judged.results, *others))
            fact = audited(publication.publish_id, attempt, sifted, judged, made.files)
            (entry,) = tools.journal.append(fact, token=job.token)
            sifting.refuse(outcome)
            audit.refuse_if_failed(session, sifted.staged, dataset, judged.results, setting)
            publication = replace(publication, at=entry.at, state=made.state, gone=made.gone)
            rows = _publish(session, publication, tools, made)
    return Published(
        dataset=dataset.name,
        version=work.version.fingerprint,
        interval=work.slice.interval,
        rows=rows,
        checks=judged.results,
        measured=made.measured,
        files=made.files,
        quarantined=sifted.quarantined,
        nulled=sifted.nulled,
        profile=profile_text(judged),
    )


def intent_of(work: Work, attempt: int, job: Job) -> AttemptStarted:
    """What is recorded before an attempt may publish."""
    return AttemptStarted(
        publish_id=publish_id_of(job, work),
        attempt=attempt,
        run=job.run,
        dataset=work.slice.dataset,
        version=work.version.fingerprint,
        interval=str(work.slice.interval or ""),
        inputs=work.inputs,
        since=job.since,
    )


def audited(publish_id: str, attempt: int, sifted: Sifted, judged: Judged, files: str = "") -> AttemptAudited:
    """What is recorded of an audit, and of what was sifted out before it."""
    return AttemptAudited(
        publish_id=publish_id,
        attempt=attempt,
        rows=sifted.staged.rows,
        checks=len(judged.results),
        failed_checks={check.id: check.failed_rows for check in judged.results if not check.passed},
        files=files,
        quarantined=sifted.quarantined,
        caught=sifted.caught,
        nulled=sifted.nulled,
        results=results_text(judged.results),
        profile=profile_text(judged),
    )


def profile_text(judged: Judged) -> str:
    """What later intervals are held against, as the ledger keeps it; nothing if no check asks for it."""
    return judged.profile.text() if judged.profile else ""


def record_of(work: Work, attempt: int, job: Job, published: Published) -> AttemptPublished:
    """What is recorded once the target holds the rows."""
    interval = work.slice.interval
    return AttemptPublished(
        publish_id=publish_id_of(job, work),
        attempt=attempt,
        dataset=work.slice.dataset,
        version=work.version.fingerprint,
        start=stamp(interval.start) if interval else "",
        end=stamp(interval.end) if interval else "",
        rows=published.rows,
        inputs=work.inputs,
        since=job.since,
        measured=published.measured,
        files=published.files,
        profile=published.profile,
    )


def publication_of(work: Work, job: Job, base: object = None) -> Publication:
    """How a piece of work is published."""
    dataset = job.project.datasets[work.slice.dataset]
    is_view = dataset.materialization is Materialization.VIEW
    return Publication(
        publish_id=publish_id_of(job, work),
        run=job.run,
        dataset=dataset.name,
        version=work.version.fingerprint,
        relation=work.version.relation,
        materialization=dataset.materialization,
        token=job.token,
        column=dataset.interval.column if dataset.interval else None,
        interval=work.slice.interval,
        view_sql=physical_sql(dataset, job) if is_view else None,
        key=dataset.key,
        offset=dataset.offset,
        base=base,
    )


def _base(session: Session, dataset: Dataset, work: Work) -> object:
    """How far an append got before its rows are made; the publish is refused if that moved meanwhile."""
    return session.newest(work.version.relation, dataset.offset) if dataset.offset else None


def _publish(session: Session, publication: Publication, tools: Tools, made: _Made) -> int:
    try:
        if not made.is_built:
            return session.publish(publication)
        session.commit()
        return made.staged.rows
    except UnknownOutcomeError as error:
        rows = tools.warehouse.published(publication.publish_id)
        if rows is None:
            raise TransientError(commit_lost(publication.publish_id, publication.dataset)) from error
        return rows


def commit_lost(publish_id: str, dataset: str) -> Finding:
    """The connection broke, and the target says that it kept nothing."""
    return Finding(
        code="engine.commit_lost",
        message=f"the target did not keep {publish_id}",
        place=Place(dataset=dataset),
        remedy="it is tried again",
    )


@contextmanager
def _watched(session: Session, watch: Watch) -> Iterator[None]:
    watch.uses(session)
    try:
        yield
    finally:
        watch.uses(None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """Rows staged, what was measured, the files they came from as facts hold them, and how far a connector got.

    With `is_built` the rows stand in their table already, in a transaction that is open. `gone` as in `Publication`.
    """

    staged: Staged
    measured: Mapping[str, int] = field(default_factory=dict)
    files: str = ""
    is_built: bool = False
    state: StateChange | None = None
    gone: str | None = None


@contextmanager
def _staged(
    session: Session, publication: Publication, work: Work, job: Job, tools: Tools, watch: Watch
) -> Iterator[_Made]:
    dataset = job.project.datasets[work.slice.dataset]
    task = dataset.task
    interval = work.slice.interval
    if isinstance(task, FileSource):
        grain = dataset.interval.grain if dataset.interval else None
        pieces = tuple(interval.split(grain)) if interval and grain else None
        with tools.files.land(task, dataset.name, pieces, watch.is_stopped) as landing:
            starts = [stamp(piece.start) for piece in pieces] if pieces else [""]
            files = write_landed(starts, landing.files)
            staged = session.stage_file(landing.path, sifting.casts(dataset))
            yield _Made(staged=staged, measured={"bytes": landing.bytes}, files=files)
    elif isinstance(task, DatabaseSource):
        with _read(session, publication, job, tools, watch) as made:
            yield made
    elif isinstance(task, ConnectorSource):
        before = session.state(dataset.name, publication.version) if task.keeps_state else None
        order = Order(run=job.run, log=str(work.slice), dataset=dataset, interval=interval, state=before)
        with reading.brought(order, tools.connectors, watch) as landing:
            staged = session.stage_file(landing.path, once=_is_read_once(dataset, job))
            state = StateChange(before=before, after=landing.state) if task.keeps_state else None
            yield _Made(staged=staged, measured={"bytes": landing.bytes, **landing.measured}, state=state)
    elif isinstance(task, PythonTask | CommandTask):
        with tools.processes.scratch() as folder:
            order = _order(session, dataset, work, job, folder)
            measured = tools.processes.run(replace(order, is_unwanted=watch.is_stopped))
            yield _Made(staged=session.stage_file(order.output), measured=measured)
    elif dataset.materialization is Materialization.VIEW:
        yield _Made(staged=session.stage_view(physical_sql(dataset, job)))
    else:
        params = {**_bounds(task, interval), **_offset(task, publication)}
        yield _Made(staged=session.stage_query(physical_sql(dataset, job), params))


@contextmanager
def _read(session: Session, publication: Publication, job: Job, tools: Tools, watch: Watch) -> Iterator[_Made]:
    """Rows of a database: in their table, where they may go there as they come, else staged."""
    dataset = job.project.datasets[publication.dataset]
    try:
        may = not reading.needs_staging(dataset, job.horizons)
        built = reading.built(session, publication, dataset, tools.databases, watch) if may else None
        if built is not None:
            yield _Made(staged=built, is_built=True)
            return
    finally:
        session.rollback()
    with reading.landed(session, publication, dataset, tools.databases, watch) as (landing, state):
        staged = session.stage_file(landing.path, once=_is_read_once(dataset, job))
        gone = session.stage_gone(landing.gone).relation if landing.gone else None
        yield _Made(staged=staged, measured={"bytes": landing.bytes}, state=state, gone=gone)


def _is_read_once(dataset: Dataset, job: Job) -> bool:
    """Whether landed rows are read by their publish alone."""
    whole = dataset.contract is None and dataset.materialization is not Materialization.MERGE
    return whole and dataset.name not in job.horizons


def _order(session: Session, dataset: Dataset, work: Work, job: Job, folder: Path) -> Order:
    """A process's inputs, exported, and where it is to leave its rows."""
    task = dataset.task
    assert isinstance(task, PythonTask | CommandTask)  # noqa: S101 - nothing else runs in a process
    inputs = {}
    for parameter, upstream in task.reads_by_parameter.items():
        path = folder / f"{parameter}.parquet"
        session.export(*_input_query(job, upstream, work.slice.interval), path)
        inputs[parameter] = path
    return Order(
        run=job.run,
        log=str(work.slice),
        dataset=dataset,
        inputs=inputs,
        output=folder / "_output.parquet",
        interval=work.slice.interval,
    )


def physical_sql(dataset: Dataset, job: Job) -> str:
    """A SQL task's query over the versions of its run.

    Raises:
        TaskError: the dataset is no query.
    """
    task = dataset.task
    if not isinstance(task, SqlTask):
        finding = Finding(
            code="engine.view_without_query",
            message=f"{dataset.name} is a view but not a query",
            place=Place(file=dataset.file, dataset=dataset.name),
            expected="materialize: table or incremental",
        )
        raise TaskError(finding)
    return task.over({name: job.versions[name].relation for name in task.reads})


def _bounds(task: SqlTask, interval: Interval | None) -> Mapping[str, object]:
    """The bound parameters the query names, as UTC timestamps without zone."""
    if interval is None:
        return {}
    values = {"interval_start": interval.start, "interval_end": interval.end}
    return {name: value.replace(tzinfo=None) for name, value in values.items() if name in task.params}


def _offset(task: SqlTask, publication: Publication) -> Mapping[str, object]:
    """How far the rows reach that an append already holds, as `$offset`; None at first."""
    return {"offset": publication.base} if "offset" in task.params else {}


def _input_query(job: Job, upstream: str, interval: Interval | None) -> tuple[str, Mapping[str, object]]:
    """A process's input: all rows, or those of its interval when both are incremental."""
    by = job.project.datasets[upstream].interval
    relation = job.versions[upstream].relation
    if interval is None or by is None:
        return f"SELECT * FROM {relation}", {}
    column = quote(by.column)
    sql = f"SELECT * FROM {relation} WHERE {column} >= $interval_start AND {column} < $interval_end"
    return sql, {
        "interval_start": interval.start.replace(tzinfo=None),
        "interval_end": interval.end.replace(tzinfo=None),
    }
