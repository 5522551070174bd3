"""One attempt: intent, staging, audit, publish, recorded.

Invariants: nothing is visible before its audit; a publish id is applied at most once at the target; an unknown
commit is read back, never guessed; every step is in the ledger before the next begins.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from penstock.engine import audit
from penstock.engine.ports import Publication, UnknownOutcomeError
from penstock.ledger.facts import AttemptAudited, AttemptPublished, AttemptStarted
from penstock.model.errors import TaskError, TransientError
from penstock.model.findings import Finding, Place
from penstock.model.intervals import stamp
from penstock.model.pipelines import FileSource, Materialization, PythonTask, SqlTask
from penstock.sql.identifiers import quote
from penstock.sql.rewriting import rewrite

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from penstock.engine.ports import Files, PythonRunner, Session, Staged, Warehouse
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
    they once were is the same work again, and must not be taken for what was done then.
    """

    run: str
    purpose: str
    project: Project
    versions: Mapping[str, Version]
    token: int
    spent: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """The ports an attempt works through."""

    journal: Journal
    warehouse: Warehouse
    files: Files
    python: PythonRunner


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What an attempt made visible, and how its rows were judged."""

    dataset: str
    version: str
    interval: Interval | None
    rows: int
    checks: tuple[CheckResult, ...]


def publish_id_of(job: Job, work: Work) -> str:
    """The id under which this work is published, the same for every attempt of the run."""
    name = f"{job.run}/{work.version.fingerprint}/{work.slice}"
    before = job.spent.get(name, 0)
    return f"{name}{AGAIN}{before + 1}" if before else name


def carry_out(work: Work, attempt: int, job: Job, tools: Tools) -> Published:
    """Do one attempt.

    Raises:
        TaskError: it failed and would fail again.
        TransientError: it failed and may succeed later.
    """
    dataset = job.project.datasets[work.slice.dataset]
    publish_id = publish_id_of(job, work)
    started = AttemptStarted(
        publish_id=publish_id,
        attempt=attempt,
        run=job.run,
        dataset=dataset.name,
        version=work.version.fingerprint,
        interval=str(work.slice.interval or ""),
        inputs=work.inputs,
    )
    tools.journal.append(started, token=job.token)
    with tools.warehouse.session(dataset.timeout) as session, _staged(session, dataset, work, job, tools) as staged:
        audit.within_interval(session, staged, dataset, work.slice.interval)
        checks = audit.judge(session, staged, dataset)
        failed = {check.id: check.failed_rows for check in checks if not check.passed}
        audited = AttemptAudited(
            publish_id=publish_id, attempt=attempt, rows=staged.rows, checks=len(checks), failed_checks=failed
        )
        tools.journal.append(audited, token=job.token)
        audit.refuse_if_failed(session, staged, dataset, checks)
        rows = _publish(session, _publication(dataset, work, job, publish_id), tools)
    return _record(work, attempt, job, tools, rows=rows, checks=checks)


def _record(
    work: Work, attempt: int, job: Job, tools: Tools, *, rows: int, checks: tuple[CheckResult, ...]
) -> Published:
    interval = work.slice.interval
    published = AttemptPublished(
        publish_id=publish_id_of(job, work),
        attempt=attempt,
        dataset=work.slice.dataset,
        version=work.version.fingerprint,
        start=stamp(interval.start) if interval else "",
        end=stamp(interval.end) if interval else "",
        rows=rows,
        inputs=work.inputs,
    )
    tools.journal.append(published, token=job.token)
    return Published(
        dataset=work.slice.dataset, version=work.version.fingerprint, interval=interval, rows=rows, checks=checks
    )


def _publication(dataset: Dataset, work: Work, job: Job, publish_id: str) -> Publication:
    is_view = dataset.materialization is Materialization.VIEW
    return Publication(
        publish_id=publish_id,
        run=job.run,
        dataset=dataset.name,
        version=work.version.fingerprint,
        relation=work.version.relation,
        materialization=dataset.materialization,
        token=job.token,
        column=dataset.interval.column if dataset.interval else None,
        interval=work.slice.interval,
        view_sql=_physical_sql(dataset, job) if is_view else None,
    )


def _publish(session: Session, publication: Publication, tools: Tools) -> int:
    try:
        return session.publish(publication)
    except UnknownOutcomeError as error:
        rows = tools.warehouse.published(publication.publish_id)
        if rows is None:
            finding = Finding(
                code="engine.commit_lost",
                message=f"the target did not keep {publication.publish_id}",
                place=Place(dataset=publication.dataset),
                remedy="it is tried again",
            )
            raise TransientError(finding) from error
        return rows


@contextmanager
def _staged(session: Session, dataset: Dataset, work: Work, job: Job, tools: Tools) -> Iterator[Staged]:
    task = dataset.task
    interval = work.slice.interval
    if isinstance(task, FileSource):
        grain = dataset.interval.grain if dataset.interval else None
        pieces = tuple(interval.split(grain)) if interval and grain else None
        with tools.files.land(task, dataset.name, pieces) as landing:
            yield session.stage_file(landing.path)
    elif isinstance(task, PythonTask):
        with tools.python.scratch() as folder:
            inputs = {}
            for parameter, upstream in task.reads_by_parameter.items():
                path = folder / f"{parameter}.parquet"
                session.export(*_input_query(job, upstream, interval), path)
                inputs[parameter] = path
            output = folder / "_output.parquet"
            tools.python.run(dataset, inputs, output, interval)
            yield session.stage_file(output)
    elif dataset.materialization is Materialization.VIEW:
        yield session.stage_view(_physical_sql(dataset, job))
    else:
        yield session.stage_query(_physical_sql(dataset, job), _params(task, interval))


def _physical_sql(dataset: Dataset, job: Job) -> str:
    task = dataset.task
    if not isinstance(task, SqlTask):
        finding = Finding(
            code="engine.view_without_query",
            message=f"{dataset.name} is a view but not a query",
            place=Place(file=dataset.file, dataset=dataset.name),
            expected="materialize: table or incremental",
        )
        raise TaskError(finding)
    return rewrite(task.text, {name: job.versions[name].relation for name in task.reads})


def _params(task: SqlTask, interval: Interval | None) -> Mapping[str, object]:
    """The bound parameters the query names, as UTC timestamps without zone."""
    if interval is None:
        return {}
    values = {"interval_start": interval.start, "interval_end": interval.end}
    return {name: values[name].replace(tzinfo=None) for name in sorted(task.params)}


def _input_query(job: Job, upstream: str, interval: Interval | None) -> tuple[str, Mapping[str, object]]:
    """A Python task's input: all rows, or those of its interval when both are incremental."""
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
