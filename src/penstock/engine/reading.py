"""How much of a source an attempt reads: an interval, what is new since the newest row held, or everything."""

from __future__ import annotations

import math
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from penstock.engine.ports.arrivals import Following, Portion
from penstock.engine.ports.publishing import StateChange
from penstock.engine.ports.warehouse import TakesStreams
from penstock.engine.sifting import sieve_of
from penstock.model.databases import DatabaseSource
from penstock.model.errors import TaskError
from penstock.model.findings import Finding, Place
from penstock.model.pipelines import Materialization
from penstock.plan.horizons import counted_from

if TYPE_CHECKING:
    from collections.abc import Container, Iterator
    from pathlib import Path

    from penstock.engine.attempt import Watch
    from penstock.engine.ports.arrivals import Connectors, Databases, Landing
    from penstock.engine.ports.processes import Order
    from penstock.engine.ports.publishing import Publication, Staged
    from penstock.engine.ports.warehouse import Session
    from penstock.model.pipelines import Dataset


@contextmanager
def landed(
    session: Session, publication: Publication, dataset: Dataset, databases: Databases | None, watch: Watch
) -> Iterator[tuple[Landing, StateChange | None]]:
    """The rows of a source's portion, and how its state changes with them, for the time of a block.

    Raises:
        TaskError: as `Databases.land`, or nothing here reads databases.
    """
    if databases is None:
        raise TaskError(_no_reader(dataset, "read from a database, and nothing here reads databases"))
    portion = portion_of(session, publication, dataset)
    with databases.land(dataset, portion, watch.is_stopped, watch.tells) as landing:
        yield landing, _state_change(portion, landing)


def built(
    session: Session, publication: Publication, dataset: Dataset, databases: Databases | None, watch: Watch
) -> Staged | None:
    """Build a source's table of its rows as they come, in the open transaction; None where that cannot be.

    Of a dataset that `needs_staging`, nothing may be built so.

    Raises:
        TaskError: as `Databases.stream`.
    """
    if databases is None or not databases.streams(dataset) or not isinstance(session, TakesStreams):
        return None
    portion = portion_of(session, publication, dataset)
    with databases.stream(dataset, portion, watch.is_stopped, watch.tells) as stream:
        return session.build_stream(publication, stream)


def needs_staging(dataset: Dataset, horizons: Container[str]) -> bool:
    """Whether rows may not go into their table as they come.

    So it is if they do not make up all of it, may be put aside, may be too old to be kept, or go to another tool first.
    """
    may_be_old = counted_from(dataset) is not None or dataset.name in horizons
    is_sifted = sieve_of(dataset) is not None
    return dataset.materialization is not Materialization.TABLE or may_be_old or is_sifted or bool(dataset.suites)


@contextmanager
def brought(order: Order, connectors: Connectors | None, watch: Watch) -> Iterator[Landing]:
    """The rows that a connector brings from the order's state on, for the time of a block.

    Raises:
        TaskError: as `Connectors.land`, or nothing here runs connectors.
    """
    if connectors is None:
        raise TaskError(_no_reader(order.dataset, "brought by a connector, and nothing here runs connectors"))
    with connectors.land(replace(order, is_unwanted=watch.is_stopped), watch.tells) as landing:
        yield landing


def portion_of(session: Session, publication: Publication, dataset: Dataset) -> Portion:
    """What an attempt reads. A cursor's state is the newest row published: it moves with the rows or not at all.

    Raises:
        TaskError: the newest value is infinite, so that nothing newer would ever be read.
    """
    source = dataset.task
    if dataset.interval is not None:
        return Portion(interval=publication.interval, column=dataset.interval.column)
    if isinstance(source, DatabaseSource) and source.changes is not None:
        return Portion(following=_following(session, publication))
    if not isinstance(source, DatabaseSource) or source.cursor is None:
        return Portion()
    newest = session.newest(publication.relation, source.cursor.column)
    if isinstance(newest, date) and newest.year in {date.min.year, date.max.year}:
        raise TaskError(_endless(dataset, source.cursor.column))
    return Portion(since=_less(newest, source.cursor.overlap))


def _following(session: Session, publication: Publication) -> Following:
    def held(condition: str, path: Path) -> None:
        session.export(f"SELECT * FROM {publication.relation} WHERE {condition}", {}, path)

    state = session.state(publication.dataset, publication.version)
    return Following(version=publication.version, state=state, held=held)


def _state_change(portion: Portion, landing: Landing) -> StateChange | None:
    """How the state changes with what landed; None of what has none."""
    if portion.following is None:
        return None
    return StateChange(before=portion.following.state, after=landing.state, anew=landing.anew)


def _less(newest: object, overlap: timedelta | int | None) -> object:
    """A value less the overlap; of dates whole days, of what would come before all time, everything."""
    if newest is None or overlap is None:
        return newest
    if isinstance(newest, int) and isinstance(overlap, int):
        return newest - overlap
    if isinstance(newest, date) and isinstance(overlap, timedelta):
        whole = timedelta(days=math.ceil(overlap / timedelta(days=1)))
        try:
            return newest - (overlap if isinstance(newest, datetime) else whole)
        except OverflowError:
            return None
    return newest


def _endless(dataset: Dataset, column: str) -> Finding:
    return Finding(
        code="source.endless_cursor",
        message=f"the newest {column} that {dataset.name} holds is infinite: nothing would ever be newer",
        place=Place(file=dataset.file, dataset=dataset.name, field=column),
        expected="a cursor of finite values",
        remedy=f"read a `query` without such rows, or that gives them another {column}",
    )


def _no_reader(dataset: Dataset, why: str) -> Finding:
    return Finding(
        code="source.no_reader",
        message=f"{dataset.name} is {why}",
        place=Place(file=dataset.file, dataset=dataset.name),
        expected="an executor that was given a reader",
    )
