"""The bench on which slices are built: one connection, temporary tables, and inputs of which a part can be hidden.

Invariants: nothing is written but temporary tables and views of one connection; slices are applied by the code that
publishes them; an input is hidden by the column that cuts it into intervals, never part of its intervals.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.adapters.duckdb.session import REHEARSED
from penstock.contract.column_types import is_float, normal_type
from penstock.engine import audit
from penstock.engine.ports.publishing import Publication
from penstock.engine.sifting import sieve_of
from penstock.model.intervals import Grain, parse_moment
from penstock.model.pipelines import Materialization, SqlTask
from penstock.plan.order import topological
from penstock.quality.comparison import compare_queries, digest_query, read_diff
from penstock.quality.comparison_sql import Side
from penstock.sql.identifiers import literal, quote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from penstock.adapters.duckdb.session import DuckdbSession
    from penstock.model.intervals import Interval
    from penstock.model.pipelines import Dataset, Project
    from penstock.plan.versions import Version
    from penstock.quality.comparison import DatasetDiff
    from penstock.quality.slicing import Step

WHOLE = "temp.main._whole"
DIGITS = 12
"""Significant digits in which floating point is compared: the order in which it is added up changes the last ones."""
_LENGTH = {grain: number for number, grain in enumerate(Grain)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Beneath:
    """What a dataset's rows come from: the datasets that store them, and the views between, those below first."""

    stored: tuple[str, ...]
    views: tuple[str, ...]


def beneath(project: Project, dataset: Dataset) -> Beneath:
    """What lies below a dataset, down to the first datasets that store rows."""
    found: set[str] = set()
    todo = list(dataset.reads)
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo.extend(project.datasets[name].reads if is_view(project.datasets[name]) else ())
    ordered = [name for name in topological(project) if name in found]
    return Beneath(
        stored=tuple(name for name in ordered if not is_view(project.datasets[name])),
        views=tuple(name for name in ordered if is_view(project.datasets[name])),
    )


def is_view(dataset: Dataset) -> bool:
    """Whether a dataset stores no rows of its own."""
    return dataset.materialization is Materialization.VIEW


class Bench:
    """One SQL dataset with intervals, over the versions that its query reads."""

    def __init__(
        self, session: DuckdbSession, project: Project, versions: Mapping[str, Version], dataset: Dataset
    ) -> None:
        assert isinstance(dataset.task, SqlTask)  # noqa: S101 - asked before
        assert dataset.interval is not None  # noqa: S101 - asked before
        self._session, self._project, self._versions = session, project, versions
        self._dataset, self._task, self._by = dataset, dataset.task, dataset.interval
        self._below = beneath(project, dataset)
        self._cut = {name: column for name in self._below.stored if (column := self._cutting(name)) is not None}
        self._unseen: Interval | None = None
        self._digest = ""
        self._show(self._below.stored)
        for name in self._below.views:
            task = project.datasets[name].task
            assert isinstance(task, SqlTask)  # noqa: S101 - a view is a query
            self._run(f"CREATE OR REPLACE TEMP VIEW {_seen(name)} AS {self._over_seen(task)}")

    def occupied(self, slices: Sequence[Interval]) -> frozenset[Interval]:
        """The slices whose input has rows that can be hidden."""
        found: set[Interval] = set()
        for name, column in self._cut.items():
            counts = ", ".join(f"count(*) FILTER (WHERE {_within(column, piece)})" for piece in slices)
            (row,) = self._session.fetch(f"SELECT {counts} FROM {self._versions[name].relation}")
            found.update(piece for piece, count in zip(slices, row, strict=True) if count)
        return frozenset(found)

    def held(self) -> tuple[datetime, datetime] | None:
        """The first and the last moment of any input that can be hidden; None where there is no such row."""
        found = []
        for name, column in self._cut.items():
            moment = f"CAST({quote(column)} AS TIMESTAMP)"
            (row,) = self._session.fetch(f"SELECT min({moment}), max({moment}) FROM {self._versions[name].relation}")
            found += [] if row[0] is None else [(parse_moment(row[0]), parse_moment(row[1]))]
        return (min(first for first, _ in found), max(last for _, last in found)) if found else None

    def hide(self, hidden: Interval | None) -> None:
        """Let builds see everything but an interval's input."""
        if hidden != self._unseen:
            self._unseen = hidden
            self._show(self._cut)

    def missed(self) -> int:
        """How many input rows builds do not see."""
        relations = ((self._versions[name].relation, _seen(name)) for name in self._cut)
        missing = (f"SELECT (SELECT count(*) FROM {all_}) - (SELECT count(*) FROM {seen})" for all_, seen in relations)
        return sum(int(self._session.fetch(sql)[0][0]) for sql in missing)

    def clear(self) -> None:
        """Begin with no rows."""
        self._run(f"DROP TABLE IF EXISTS {REHEARSED}")

    def build(self, step: Step) -> None:
        """Build one interval and apply its rows, with its audit of where they lie.

        Raises:
            TaskError: the query fails, or its rows would be refused.
        """
        self.hide(step.hidden)
        bounds = {"interval_start": step.interval.start, "interval_end": step.interval.end}
        params = {name: moment.replace(tzinfo=None) for name, moment in bounds.items() if name in self._task.params}
        staged = self._session.stage_query(self._over_seen(self._task), params)
        audit.within_interval(self._session, staged, self._dataset, step.interval)
        publication = self._publication(step.interval)
        if (sieve := sieve_of(self._dataset)) is not None:
            self._session.sift(sieve, publication)
        self._session.rehearse(publication)

    def keep_as_whole(self) -> int:
        """Take what was built as what everything is compared with; how many rows it has."""
        self._run(f"CREATE OR REPLACE TEMP TABLE {WHOLE} AS SELECT * FROM {REHEARSED}")
        self._digest = self._digest_of(WHOLE)
        return int(self._session.fetch(f"SELECT count(*) FROM {WHOLE}")[0][0])

    def is_whole(self) -> bool:
        """Whether what was built holds the same rows as the whole, by digest."""
        return self._digest_of(REHEARSED) == self._digest

    def difference(self) -> DatasetDiff:
        """What was built against the whole: `old` is the whole."""
        contract = self._dataset.contract
        personal = frozenset(column.name for column in contract.columns if column.personal) if contract else frozenset()
        sides = [rounded(self._session, relation) for relation in (WHOLE, REHEARSED)]
        old, new = (Side(relation=relation, columns=columns) for relation, columns in sides)
        key = self._dataset.key or (contract.key if contract else ())
        comparison = compare_queries(self._dataset.name, old, new, key=key, masked=personal)
        return read_diff(comparison, {name: self._session.fetch(sql) for name, sql in comparison.queries.items()})

    def _cutting(self, name: str) -> str | None:
        """The column by which an input can be hidden: its intervals are not longer than the dataset's."""
        by = self._project.datasets[name].interval
        return by.column if by is not None and _LENGTH[by.grain] <= _LENGTH[self._by.grain] else None

    def _show(self, names: Sequence[str] | Mapping[str, str]) -> None:
        """Make inputs readable, without what is hidden; rows without a time are always there."""
        for name in names:
            column = self._cut.get(name)
            hides = self._unseen is not None and column is not None
            where = f" WHERE ({_within(column, self._unseen)}) IS NOT TRUE" if hides else ""  # type: ignore[arg-type]
            relation = self._versions[name].relation
            self._run(f"CREATE OR REPLACE TEMP VIEW {_seen(name)} AS SELECT * FROM {relation}{where}")

    def _over_seen(self, task: SqlTask) -> str:
        return task.over({name: _seen(name) for name in task.reads})

    def _publication(self, interval: Interval) -> Publication:
        dataset = self._dataset
        return Publication(
            publish_id="",
            run="",
            dataset=dataset.name,
            version="",
            relation=REHEARSED,
            materialization=dataset.materialization,
            token=0,
            column=self._by.column,
            interval=interval,
            key=dataset.key,
        )

    def _digest_of(self, relation: str) -> str:
        return str(self._session.fetch(digest_query(*rounded(self._session, relation)))[0][0])

    def _run(self, statement: str) -> None:
        self._session.fetch(statement)


def rounded(session: DuckdbSession, relation: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """A relation with its floating point rounded, and its columns."""
    columns = session.columns(relation)
    floats = [f"{_rounded(quote(name))} AS {quote(name)}" for name, type_ in columns if _is_float(type_)]
    if not floats:
        return relation, columns
    return f"(SELECT * REPLACE ({', '.join(floats)}) FROM {relation})", columns


def _seen(name: str) -> str:
    """A temporary name under which a query sees an input."""
    return f"temp.main.{quote(f'_seen {name}')}"


def _within(column: str, interval: Interval) -> str:
    start, end = (literal(moment.replace(tzinfo=None)) for moment in (interval.start, interval.end))
    return f"{quote(column)} >= {start} AND {quote(column)} < {end}"


def _is_float(type_: str) -> bool:
    return is_float(normal_type(type_) or type_)


def _rounded(column: str) -> str:
    places = f"CAST({DIGITS - 1} - floor(log10(abs({column}))) AS INTEGER)"
    return f"CASE WHEN {column} = 0 OR NOT isfinite({column}) THEN {column} ELSE round({column}, {places}) END"
