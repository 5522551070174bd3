"""The immutable model of a user's project: what the readers make and everything else works on."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from penstock.model.connectors import ConnectorSource
from penstock.model.databases import DatabaseSource
from penstock.model.masking import HASH
from penstock.model.queries import over
from penstock.model.sources import FileSource
from penstock.model.tasks import TaskKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime, time

    from penstock.model.authors import AuthorCommand
    from penstock.model.contracts import Contract
    from penstock.model.datatests import DataTest
    from penstock.model.exports import Export
    from penstock.model.intervals import Grain, Interval
    from penstock.model.masking import MaskingKey
    from penstock.model.queries import Edit, QueryForms
    from penstock.model.schedule import Schedule
    from penstock.model.suites import Expectations

NAME_PATTERN = re.compile(r"[a-z][a-z0-9_]{0,62}")


class Materialization(StrEnum):
    """How a dataset's rows are kept."""

    VIEW = "view"
    TABLE = "table"
    INCREMENTAL = "incremental"
    MERGE = "merge"
    APPEND = "append"


class CatchUp(StrEnum):
    """What a scheduler does about fires that it missed."""

    ALL = "all"
    LAST = "last"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetTrigger:
    """A run whenever something is published into another pipeline's dataset."""

    dataset: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesTrigger:
    """A run whenever the files that match `path` are others than before, and have not changed for `settle`."""

    path: str
    settle: timedelta
    every: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlTrigger:
    """A run whenever the one value of a query is true and another one than before; asked `every` so often."""

    sql: str
    every: timedelta


Trigger = DatasetTrigger | FilesTrigger | SqlTrigger


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What bounds a dataset's work: its pool, how many of its slices run at once, who goes first (larger first)."""

    pool: str = ""
    concurrency: int | None = None
    priority: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Exponential backoff for transient errors: `attempts` in all, delays in seconds."""

    attempts: int = 3
    delay: float = 1.0
    factor: float = 2.0
    cap: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalBy:
    """An incremental dataset's slicing: intervals of `grain` of its `column`, up to `batch` of them in one task."""

    grain: Grain
    column: str
    batch: int = 31

    def __str__(self) -> str:
        return f"{self.grain}({self.column})"


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlTask:
    """A query: its text as written (header included), what it reads, and its bound parameters.

    `query_digest` is of its canonical form: queries that mean the same share it, whatever their layout. `forms` are the
    same by column, where they can be told apart. `edits` are where the text names datasets, `masks` the masking
    functions that it calls.
    """

    text: str
    reads: tuple[str, ...]
    query_digest: str
    edits: tuple[Edit, ...]
    params: frozenset[str] = frozenset()
    forms: QueryForms | None = None
    masks: tuple[str, ...] = ()
    kind: TaskKind = field(default=TaskKind.SQL, init=False)

    def over(self, tables: Mapping[str, str]) -> str:
        """The query over the relations of the datasets it reads (quoted SQL)."""
        return over(self.text, self.edits, tables)


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonTask:
    """A function of a project file: `reads` maps its parameters to datasets; `code_digest` covers all it reaches.

    `forms` maps parameters to how they are given (`duckdb.DuckDBPyRelation` if left out), `modules` are the top-level
    modules that its file imports, `secrets` the environment variables it may see, `memory` its limit in bytes.
    `columns` declares what each column is made of: pairs of a dataset and a column of it.
    """

    function: str
    reads_by_parameter: Mapping[str, str]
    code_digest: str
    forms: Mapping[str, str] = field(default_factory=dict)
    modules: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    memory: int | None = None
    columns: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    kind: TaskKind = field(default=TaskKind.PYTHON, init=False)

    @property
    def reads(self) -> tuple[str, ...]:
        """The datasets it reads, each once, sorted."""
        return tuple(sorted(set(self.reads_by_parameter.values())))


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandTask:
    """A program run with an argument list, never through a shell.

    It finds each dataset it reads as a Parquet file whose path stands in `PENSTOCK_INPUT_<NAME>`, and leaves its rows
    at `PENSTOCK_OUTPUT` as `format` (parquet | csv). `code_digest` covers the project files that `argv` names.
    """

    argv: tuple[str, ...]
    reads_by_parameter: Mapping[str, str]
    code_digest: str
    format: str = "parquet"
    secrets: tuple[str, ...] = ()
    memory: int | None = None
    kind: TaskKind = field(default=TaskKind.COMMAND, init=False)

    @property
    def reads(self) -> tuple[str, ...]:
        """The datasets it reads, each once, sorted."""
        return tuple(sorted(set(self.reads_by_parameter.values())))


Source = FileSource | DatabaseSource | ConnectorSource
Task = SqlTask | PythonTask | CommandTask | Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """One dataset and the task that makes it. `file` is relative to the project.

    `key` is what a merge replaces rows by, `offset` the growing column that an append goes on from, `suites` what else
    than its contract its rows are held to.
    """

    name: str
    file: str
    task: Task
    materialization: Materialization
    interval: IntervalBy | None = None
    contract: Contract | None = None
    description: str = ""
    retry: Retry | None = None
    timeout: timedelta | None = None
    key: tuple[str, ...] = ()
    offset: str | None = None
    limits: Limits = Limits()
    suites: tuple[Expectations, ...] = ()

    @property
    def pipeline(self) -> str:
        """The pipeline it belongs to."""
        return self.name.split(".", 1)[0]

    @property
    def reads(self) -> tuple[str, ...]:
        """The datasets it reads."""
        return self.task.reads

    @property
    def needs(self) -> tuple[str, ...]:
        """The datasets it reads, and those that its contract says its values stand in."""
        related = self.contract.related if self.contract else ()
        return (*self.reads, *(name for name in related if name not in self.reads))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sla:
    """Ready by this local time, in the pipeline's zone, on the day after the interval ends."""

    ready_by: time


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """The settings that a pipeline's datasets share. Without a schedule only triggers and people start it.

    `timezone` is that of all its local times, the schedule's as well.
    """

    name: str
    file: str
    owner: str
    schedule: Schedule | None
    start: datetime
    end: datetime | None = None
    description: str = ""
    sla: Sla | None = None
    retry: Retry = Retry()
    alerts: tuple[Mapping[str, str], ...] = ()
    triggers: tuple[Trigger, ...] = ()
    catchup: CatchUp = CatchUp.LAST
    paused: bool = False
    concurrency: int | None = None
    priority: int = 0
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Slo:
    """What monitoring holds a dataset to, read from `monitoring/*.slo.yaml`.

    `min_success_rate` is a share of slices, retries included; `max_runtime` is per run; volume is judged against the
    median of `volume_history` earlier intervals of the same weekday, within `volume_tolerance` (0.9 allows ±90 %).
    """

    dataset: str
    file: str
    min_success_rate: float = 1.0
    max_runtime: timedelta | None = None
    volume_tolerance: float | None = None
    volume_history: int = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`penstock.yaml`: the project's name, where its warehouse and ledger are, how much runs at once, and policy.

    `warehouse` and `ledger` are files beneath the project, or `postgres` (the address then comes from the environment).
    `pools` maps names to how many tasks of a pool run at once. `retention` is for how long a version stays after its
    last use; with `expires_daily` rows that are past their contract's retention are deleted without being asked.
    `great_expectations` are suites of that tool to which datasets are held, `masking` says where the key of `mask_hash`
    is. `authors` are the programs that may write changes.
    """

    name: str
    warehouse: str = ".penstock/warehouse.duckdb"
    ledger: str = ".penstock/ledger.db"
    parallel: int = 4
    pools: Mapping[str, int] = field(default_factory=dict)
    policy: Mapping[str, object] = field(default_factory=dict)
    retention: timedelta = timedelta(days=7)
    expires_daily: bool = False
    great_expectations: tuple[Expectations, ...] = ()
    masking: MaskingKey | None = None
    authors: Mapping[str, AuthorCommand] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """Everything a project's files say. `files` maps every file read to its SHA-256.

    `mask_digest` tells which masking key is at hand; no file says so, it comes from whoever opens the project.
    """

    settings: Settings
    pipelines: Mapping[str, Pipeline]
    datasets: Mapping[str, Dataset]
    tests: tuple[DataTest, ...] = ()
    slos: tuple[Slo, ...] = ()
    exports: Mapping[str, Export] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    mask_digest: str = ""

    @property
    def hashing(self) -> tuple[str, ...]:
        """The datasets whose queries hash under the masking key."""
        tasks = ((name, dataset.task) for name, dataset in self.datasets.items())
        return tuple(name for name, task in tasks if isinstance(task, SqlTask) and HASH in task.masks)

    def pipeline_of(self, dataset: str) -> Pipeline:
        """The pipeline a dataset belongs to."""
        return self.pipelines[dataset.split(".", 1)[0]]

    def narrowed(self, names: Iterable[str]) -> Project:
        """The same project with these datasets, what they read and refer to alone: what a run of them needs to know."""
        wanted = {name for name in names if name in self.datasets}
        wanted |= self._needed(wanted)
        datasets = {name: dataset for name, dataset in self.datasets.items() if name in wanted}
        pipelines = {dataset.pipeline: self.pipelines[dataset.pipeline] for dataset in datasets.values()}
        slos = tuple(slo for slo in self.slos if slo.dataset in wanted)
        return replace(self, datasets=datasets, pipelines=pipelines, tests=(), slos=slos, exports={}, files={})

    def _needed(self, names: Iterable[str]) -> set[str]:
        """These, what they read or refer to, and so on."""
        seen: set[str] = set()
        todo = list(names)
        while todo:
            name = todo.pop()
            if name in self.datasets and name not in seen:
                seen.add(name)
                todo.extend(self.datasets[name].needs)
        return seen

    def consumers(self, dataset: str) -> tuple[str, ...]:
        """The datasets that read this one directly, sorted."""
        return tuple(sorted(name for name, other in self.datasets.items() if dataset in other.reads))

    def upstream(self, *datasets: str) -> tuple[str, ...]:
        """Every dataset that these read, directly or not, sorted, without these themselves."""
        seen: set[str] = set()
        todo = [name for name in datasets if name in self.datasets]
        while todo:
            for name in self.datasets[todo.pop()].reads:
                if name not in seen and name in self.datasets:
                    seen.add(name)
                    todo.append(name)
        return tuple(sorted(seen - set(datasets)))

    def downstream(self, *datasets: str) -> tuple[str, ...]:
        """Every dataset that reads one of these, directly or not, sorted, without these themselves."""
        consumers: dict[str, list[str]] = {}
        for name, dataset in self.datasets.items():
            for read in dataset.reads:
                consumers.setdefault(read, []).append(name)
        seen: set[str] = set()
        todo = list(datasets)
        while todo:
            for name in consumers.get(todo.pop(), ()):
                if name not in seen:
                    seen.add(name)
                    todo.append(name)
        return tuple(sorted(seen - set(datasets)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """One piece of work: a dataset, and the interval it is to cover (none for a view or a whole table)."""

    dataset: str
    interval: Interval | None = None

    def __str__(self) -> str:
        return f"{self.dataset}[{self.interval}]" if self.interval else self.dataset
