"""The engine over a real DuckDB and real files in a folder; the ledger stays in memory."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine_bench import day

from penstock.adapters.clock import SystemClock
from penstock.adapters.duckdb.warehouse import DuckdbWarehouse
from penstock.adapters.sources.bringing import SourceFiles
from penstock.engine.attempt import Tools
from penstock.engine.executor import Executor
from penstock.engine.lease import take_lease
from penstock.engine.run import Request
from penstock.model.intervals import Grain
from penstock.model.pipelines import Dataset, IntervalBy, Materialization, Retry, SqlTask
from penstock.model.sources import FileSource
from penstock.plan.build import coverage_of, plan_build
from penstock.plan.versions import versions_of
from penstock.sim.clock import VirtualClock
from penstock.sim.journal import MemoryJournal
from penstock.sim.processes import MemoryProcesses
from penstock.sim.projects import project_of
from penstock.sql.fingerprint import digest
from penstock.sql.rewriting import edits_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from penstock.engine.run import Running, RunReport
    from penstock.model.intervals import Interval
    from penstock.plan.build import BuildPlan

ARRIVED = "_interval_start"
BY_DAY = IntervalBy(grain=Grain.DAY, column=ARRIVED, batch=1)
WITHIN = f"{ARRIVED} >= $interval_start AND {ARRIVED} < $interval_end"
BOUNDS = frozenset({"interval_start", "interval_end"})
QUICKLY = Retry(attempts=3, delay=0.01, cap=0.02)
SLOW = "SELECT count(*) AS n FROM range(100000000000) AS a(x) WHERE hash(x) % 7 = 0"


def orders(missing: str = "fail") -> Dataset:
    """What was told of orders, a file a day."""
    return Dataset(
        name="sim.orders",
        file="orders.yaml",
        task=FileSource(path="data/{interval_start:%Y-%m-%d}.csv", columns=("id", "state"), missing=missing),
        materialization=Materialization.INCREMENTAL,
        interval=BY_DAY,
    )


ORDERS = orders()


def query(name: str, text: str, *reads: str, **changes: Any) -> Dataset:
    """A dataset of a query, a table unless the test says otherwise."""
    params = frozenset(word for word in (*BOUNDS, "offset") if f"${word}" in text)
    values = {"materialization": Materialization.TABLE, **changes}
    task = SqlTask(text=text, reads=reads, query_digest=digest(text), edits=edits_of(text), params=params)
    return Dataset(name=name, file=f"{name}.sql", task=task, **values)


def newest_orders(id_sql: str = "id", **changes: Any) -> Dataset:
    """Each order as it was told of last."""
    text = f"SELECT {id_sql}, state, {ARRIVED} AS told FROM sim.orders WHERE {WITHIN}"
    kept = {"materialization": Materialization.MERGE, "interval": BY_DAY, "key": ("id",), **changes}
    return query("sim.newest", text, "sim.orders", **kept)


def all_orders(**changes: Any) -> Dataset:
    """Every order that was ever told of, one after the other."""
    text = f"SELECT id, state, {ARRIVED} AS told FROM sim.orders WHERE $offset IS NULL OR {ARRIVED} > $offset"
    kept = {"materialization": Materialization.APPEND, "offset": "told", **changes}
    return query("sim.told", text, "sim.orders", **kept)


@dataclass
class Shop:
    """A project over a folder of CSV files."""

    folder: Path
    datasets: tuple[Dataset, ...]
    lanes: int = 1
    retry: Retry = QUICKLY
    pools: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.project = project_of(self.datasets, retry=self.retry, pools=self.pools)
        self.clock = VirtualClock()
        self.journal = MemoryJournal(self.clock.stamp)
        self.spool = self.folder / "spool"
        self.warehouse = DuckdbWarehouse(self.folder / "w.duckdb", self.spool)
        self.tools = Tools(
            journal=self.journal,
            warehouse=self.warehouse,
            files=SourceFiles(self.folder, self.spool),
            processes=MemoryProcesses({}),
        )
        self.token = take_lease(self.journal, self.warehouse, "test")
        self.progress: list[tuple[str, str]] = []

    def arrive(self, number: int, **states: str) -> None:
        """A day's file: orders and their states."""
        path = self.folder / "data" / f"{day(number).date()}.csv"
        path.parent.mkdir(exist_ok=True)
        lines = [f"{order},{state}" for order, told in states.items() for state in told.split()]
        path.write_text("\n".join(["id,state", *lines, ""]), encoding="utf-8")

    def plan(self, days: int, window: Interval | None = None) -> BuildPlan:
        coverage = coverage_of(self.journal.rows("coverage"), self.journal.rows("stale"))
        return plan_build(self.project, coverage, day(days), window=window)

    def executor(self) -> Executor:
        return Executor(self.tools, SystemClock(), self.token, lanes=self.lanes)

    def admit(self, executor: Executor, days: int, purpose: str = "test", window: Interval | None = None) -> Running:
        request = Request(purpose=purpose, project=self.project, plan=self.plan(days, window))
        return executor.admit(request, lambda work, state: self.progress.append((str(work.slice), state)))

    def run(self, days: int, purpose: str = "test", window: Interval | None = None) -> RunReport:
        """Build up to the end of the n-th day."""
        executor = self.executor()
        running = self.admit(executor, days, purpose, window)
        executor.drain()
        assert running.report is not None
        return running.report

    def relation(self, dataset: str) -> str:
        return versions_of(self.project)[dataset].relation

    def rows(self, dataset: str, columns: str = "*") -> list[tuple[Any, ...]]:
        """A dataset's rows, sorted."""
        return self.warehouse.query(f"SELECT {columns} FROM {self.relation(dataset)} ORDER BY ALL")[1]

    def holds(self, dataset: str) -> bool:
        """Whether anybody could see a dataset's rows."""
        sql = f"SELECT count(*) FROM duckdb_tables() WHERE schema_name || '.' || table_name = '{self._plain(dataset)}'"
        return self.warehouse.query(sql)[1] == [(1,)]

    def states(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for row in self.journal.rows("attempts"):
            found.setdefault(str(row["dataset"]), []).append(str(row["code"] or row["state"]))
        return found

    def close(self) -> None:
        self.warehouse.close()

    def _plain(self, dataset: str) -> str:
        return self.relation(dataset).replace('"', "")


@contextmanager
def shops(folder: Path) -> Iterator[Callable[..., Shop]]:
    """A maker of shops that are closed afterwards."""
    made: list[Shop] = []

    def make(*datasets: Dataset, **changes: Any) -> Shop:
        place = folder / str(len(made))
        place.mkdir()
        made.append(Shop(place, datasets, **changes))
        return made[-1]

    yield make
    for shop in made:
        shop.close()
