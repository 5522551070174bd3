"""One scheduled run of each query that a change makes or alters, done again: the same rows, and at what cost?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.app import planning
from penstock.app.slices_bench import rounded
from penstock.app.warehouses import with_rehearsals
from penstock.model.errors import PenstockError
from penstock.model.pipelines import Materialization, SqlTask
from penstock.plan.versions import versions_of
from penstock.quality.comparison import digest_query
from penstock.quality.rerunning import NoRepeat, Repeat, Rerun
from penstock.sql.identifiers import quote
from penstock.sql.query import parse_query

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from penstock.adapters.duckdb.session import DuckdbSession
    from penstock.app.warehouses import ProjectWarehouse
    from penstock.ledger.journal import Journal
    from penstock.model.intervals import Interval
    from penstock.model.pipelines import Dataset, Project
    from penstock.plan.build import Coverage
    from penstock.plan.versions import Version
    from penstock.quality.rerunning import Effort

FIRST = "temp.main._first"
MOST_MIXED = 2_000_000
"""Up to how many rows an input is read in another order the second time: beyond, sorting costs more than it shows."""


def rerun(
    warehouse: ProjectWarehouse, journal: Journal, old: Project, new: Project, names: Sequence[str]
) -> tuple[Rerun, ...]:
    """The verdict on each of the datasets of `new` that stores rows; `old` is what production is built of.

    Raises:
        InputError: the warehouse is in Postgres.
    """
    rehearsing, coverage = with_rehearsals(warehouse), planning.coverage(journal)
    found = []
    for name in names:
        if new.datasets[name].materialization is Materialization.VIEW:
            continue
        with rehearsing.session() as session:
            found.append(_rerun(session, coverage, old, new, name))
    return tuple(found)


def _rerun(session: DuckdbSession, coverage: Coverage, old: Project, new: Project, name: str) -> Rerun:
    dataset = new.datasets[name]
    this = _Run(session, coverage, new, dataset)
    if not isinstance(dataset.task, SqlTask):
        return Rerun(dataset=name, file=dataset.file, repeat=Repeat.NOT_TRIED, why=NoRepeat.NOT_SQL)
    if not this.is_built:
        return Rerun(dataset=name, file=dataset.file, repeat=Repeat.NOT_TRIED, why=NoRepeat.NOT_BUILT)
    try:
        rows, differing = this.repeated()
        effort = this.effort()
    except PenstockError as error:
        cause = error.findings[0]
        return Rerun(
            dataset=name, file=dataset.file, repeat=Repeat.NOT_TRIED, why=NoRepeat.FAILS, cause=cause, span=this.span
        )
    warnings = parse_query(dataset.task.text, dataset.file, dataset=name).warnings
    return Rerun(
        dataset=name,
        file=dataset.file,
        repeat=Repeat.DIFFERENT if differing else Repeat.SAME,
        span=this.span,
        rows=rows,
        differing=differing,
        effort=effort,
        before=_before(session, coverage, old, name),
        unstable=tuple(warning for warning in warnings if warning.code == "sql.nondeterministic"),
    )


def _before(session: DuckdbSession, coverage: Coverage, old: Project, name: str) -> Effort | None:
    """What production's query takes for one of its runs; None where that is not known."""
    dataset = old.datasets.get(name)
    if dataset is None or not isinstance(dataset.task, SqlTask):
        return None
    before = _Run(session, coverage, old, dataset)
    try:
        return before.effort() if before.is_built else None
    except PenstockError:
        return None


class _Run:
    """One scheduled run of a query: the newest interval that is built, or everything where there are none."""

    def __init__(self, session: DuckdbSession, coverage: Coverage, project: Project, dataset: Dataset) -> None:
        self._session, self._dataset = session, dataset
        versions = versions_of(project)
        self._relations = {name: version.relation for name, version in versions.items()}
        self._interval = _newest(coverage, versions, dataset)
        self.is_built = self._interval is not None or dataset.interval is None
        self.span = str(self._interval) if self._interval else "everything"

    def effort(self) -> Effort:
        """What the query takes."""
        return self._session.effort(self._sql, self._params)

    def repeated(self) -> tuple[int, int]:
        """How many rows the query makes, and how many of them are otherwise when it is run again.

        The second time it runs in one thread, over inputs that come in another order.
        """
        first = self._session.stage_query(self._sql, self._params)
        self._session.fetch(f"CREATE OR REPLACE TEMP TABLE _first AS SELECT * FROM {first.relation}")
        digests = [self._digest(FIRST)]
        with self._session.one_thread():
            second = self._session.stage_query(self._over(self._mixed()), self._params)
        digests.append(self._digest(second.relation))
        if digests[0] == digests[1]:
            return first.rows, 0
        one, other = (rounded(self._session, relation)[0] for relation in (FIRST, second.relation))
        columns = ", ".join(quote(name) for name, _ in self._session.columns(FIRST))
        picked = f"SELECT {columns} FROM"
        differing = self._session.fetch(f"SELECT count(*) FROM ({picked} {one} EXCEPT ALL {picked} {other})")
        return first.rows, max(int(differing[0][0]), abs(first.rows - second.rows), 1)

    @property
    def _sql(self) -> str:
        return self._over(self._inputs)

    def _over(self, relations: Mapping[str, str]) -> str:
        task = self._dataset.task
        assert isinstance(task, SqlTask)  # noqa: S101 - asked before
        return task.over(relations)

    @property
    def _inputs(self) -> dict[str, str]:
        return {name: self._relations[name] for name in self._dataset.task.reads}

    def _mixed(self) -> dict[str, str]:
        """The same rows of what the query reads, in an order that no build would choose."""
        mixed = self._inputs
        for number, (name, relation) in enumerate(sorted(self._inputs.items())):
            if int(self._session.fetch(f"SELECT count(*) FROM {relation}")[0][0]) <= MOST_MIXED:
                mixed[name] = f"temp.main._mixed_{number}"
                rows = f"SELECT * FROM {relation} AS penstock_row ORDER BY hash(penstock_row)"
                self._session.fetch(f"CREATE OR REPLACE TEMP VIEW _mixed_{number} AS {rows}")
        return mixed

    @property
    def _params(self) -> Mapping[str, object]:
        task = self._dataset.task
        if self._interval is None or not isinstance(task, SqlTask):
            return {}
        bounds = {"interval_start": self._interval.start, "interval_end": self._interval.end}
        return {name: moment.replace(tzinfo=None) for name, moment in bounds.items() if name in task.params}

    def _digest(self, relation: str) -> str:
        return str(self._session.fetch(digest_query(*rounded(self._session, relation)))[0][0])


def _newest(coverage: Coverage, versions: Mapping[str, Version], dataset: Dataset) -> Interval | None:
    covered = coverage.covered(versions[dataset.name])
    if dataset.interval is None or not covered:
        return None
    return list(covered[-1].split(dataset.interval.grain))[-1]
