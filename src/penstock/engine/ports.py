"""What the engine needs from the outside: a warehouse, files that arrive, a place to run Python, a clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import date, datetime, timedelta

    from penstock.model.intervals import Interval
    from penstock.model.pipelines import Dataset, Materialization
    from penstock.model.sources import FileSource, LandedFile
    from penstock.plan.versions import Version
    from penstock.quality.casting import Cast
    from penstock.quality.check_values import CheckResult
    from penstock.quality.sifting import Sieve

Params = "Mapping[str, object]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """Rows built but not visible. `relation` is their quoted name; `columns` pairs names with types, where known."""

    relation: str
    rows: int
    columns: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sifted:
    """What a sieve did to staged rows: what is left of them, and how many were put aside.

    `caught` counts the rows that offended each check (one row may offend several), `nulled` the values that each made
    NULL; checks that found nothing are left out.
    """

    staged: Staged
    quarantined: int = 0
    caught: Mapping[str, int] = field(default_factory=dict)
    nulled: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantinedRow:
    """A row that was put aside: by which publish and when, why (a check's id and name each), and its values as text.

    `interval` is what was being built; `moment` is the row's own, in UTC without zone.
    """

    publish_id: str
    dataset: str
    version: str
    interval: tuple[datetime | None, datetime | None]
    moment: datetime | None
    reasons: tuple[tuple[str, str], ...]
    row: Mapping[str, str | None]
    recorded_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineSum:
    """How many rows of a version are put aside for the same reasons within one day of their own (None: without)."""

    dataset: str
    version: str
    day: date | None
    reasons: tuple[tuple[str, str], ...]
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StateChange:
    """What a connector calls its state: the one that rows were read from (None: from the beginning), and the one after.

    None `after` says that there is none: the next read begins anew. With `anew` what was read makes up all there is,
    as it does whenever it was read from the beginning.
    """

    before: str | None
    after: str | None
    anew: bool = False

    @property
    def replaces_all(self) -> bool:
        """Whether the rows take the place of all there are."""
        return self.anew or self.before is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """What one publish does, in one transaction at the target, at most once for its `publish_id`.

    With an `interval`, rows of `column` within it are replaced; a table is replaced whole; a view is defined as
    `view_sql`; with a `key`, rows of the same key are replaced; with an `offset`, rows are added if the largest value
    of that column is still `base`. `token` is refused if a newer executor has shown itself at the target. What was
    sifted out of the staged rows is kept in the same transaction, as of `at`, in the place of what was put aside of the
    same rows before: of the interval, of the table, of the same keys or of what lies beyond `base`. With a `state`,
    rows are applied only if the version's is still the one before, and the one after takes its place; rows that were
    read from the beginning take the place of all there are. `gone` names what `Session.stage_gone` staged: a merge
    deletes the rows with those keys too.
    """

    publish_id: str
    run: str
    dataset: str
    version: str
    relation: str
    materialization: Materialization
    token: int
    column: str | None = None
    interval: Interval | None = None
    view_sql: str | None = None
    key: tuple[str, ...] = ()
    offset: str | None = None
    base: object = None
    at: str = ""
    state: StateChange | None = None
    gone: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Swap:
    """An environment's new mapping: dataset to (version, physical relation), all in one transaction."""

    promotion: str
    environment: str
    mapping: Mapping[str, tuple[str, str]]
    token: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """A relation that the target keeps for a version, or a view of somebody else that reads such: an environment's.

    `rows` are a table's. `reads` names the versions' relations that a view reads; maybe more, never less.
    """

    relation: str
    rows: int | None
    reads: tuple[str, ...] = ()
    is_version: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """Which relations the target holds no more, and how many bytes that freed, as far as it tells."""

    relations: frozenset[str]
    bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiry:
    """What leaves a version because its time is over: rows with `column` before `before`, and what was put aside of it.

    Done at most once for its id, `expiry`, which is of one version alone; `token` is refused as in a `Publication`.
    """

    expiry: str
    dataset: str
    version: str
    relation: str
    column: str
    before: datetime
    token: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """How many rows of a version lie before a moment, and are put aside of before it.

    `first` is the earliest moment among the rows, in UTC; `undated` are the rows that have none, which never expire.
    """

    rows: int
    quarantined: int
    first: datetime | None = None
    undated: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Compacted:
    """How large what was written anew was and is, in bytes; `left` are relations that somebody held meanwhile."""

    before: int
    after: int
    left: tuple[str, ...] = ()


class UnknownOutcomeError(Exception):
    """The target did not say whether a commit happened; ask `published` before doing anything else."""


class Session(Protocol):
    """A connection to the warehouse of one lane's own; staging lives and dies with it.

    Rows reach a dataset in two ways. `stage_…` makes staging that `publish` then applies. `build` makes a table or
    view itself, in a transaction that `commit` ends for everything built since the last one; until then nobody sees it.
    `zone_maps` is as in `quality.setting.Setting`.
    """

    zone_maps: ClassVar[bool]

    def stage_query(self, sql: str, params: Mapping[str, object]) -> Staged:
        """Run a query into staging."""
        ...

    def stage_view(self, sql: str) -> Staged:
        """Make a query readable as staging without storing its rows."""
        ...

    def stage_file(self, path: Path, casts: Sequence[Cast] = (), *, once: bool = False) -> Staged:
        """Read a Parquet file into staging, some of its text as other types; the columns are those after `sift`.

        With `once` they are read about once, by the publish, while the file is still there: no copy is needed.
        """
        ...

    def stage_gone(self, path: Path) -> Staged:
        """Read the keys of a Parquet file beside the staging: of rows that a merge deletes; see `Publication.gone`."""
        ...

    def sift(self, sieve: Sieve, publication: Publication) -> Sifted:
        """Put offending rows of the staging aside and make offending values NULL; `publish` then keeps both.

        Done once for what is staged. `publication` says what tells the rows apart: interval, key or offset.
        """
        ...

    def leave_out(self, column: str, before: datetime) -> Staged:
        """Take the staged rows out whose value of a column lies before a moment: their dataset keeps none so old.

        What is staged must be stored: neither a view nor a file to be read once.
        """
        ...

    def export(self, sql: str, params: Mapping[str, object], path: Path) -> None:
        """Write a query's rows to a Parquet file."""
        ...

    def fetch(self, sql: str) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        ...

    def columns(self, relation: str) -> tuple[tuple[str, str], ...]:
        """Names and types of a relation's columns."""
        ...

    def newest(self, relation: str, column: str) -> object:
        """The largest value of a column of a relation; None if it holds none, or is not there."""
        ...

    def state(self, dataset: str, version: str) -> str | None:
        """How far the rows of a version reach, in its connector's own words; None if nothing says so."""
        ...

    def publish(self, publication: Publication) -> int:
        """Publish the staged rows; returns how many this publish id holds, also when it was there before.

        Raises:
            UnknownOutcomeError: the commit's outcome is not known.
        """
        ...

    def build(self, publication: Publication, sql: str, params: Mapping[str, object]) -> Staged:
        """Make the published table or view of a query in the open transaction; without columns."""
        ...

    def commit(self) -> None:
        """Keep everything built, each under its publish id, or nothing of it.

        Raises:
            TransientError: a conflict, or one of the ids is there already; nothing was kept.
            UnknownOutcomeError: the commit's outcome is not known.
        """
        ...

    def rollback(self) -> None:
        """Undo everything built since the last commit."""
        ...

    def interrupt(self) -> None:
        """From another thread: stop what runs and refuse everything that follows."""
        ...


@runtime_checkable
class TakesStreams(Protocol):
    """A `Session` that can also build of rows that a database hands over, without a file between."""

    def build_stream(self, publication: Publication, stream: Stream) -> Staged:
        """As `Session.build`, of a stream's rows."""
        ...


class Warehouse(Protocol):
    """Where dataset versions live and environments show them."""

    def session(self, timeout: timedelta | None = None) -> AbstractContextManager[Session]:
        """A connection for one attempt; statements past `timeout` are interrupted and fail."""
        ...

    def published(self, publish_id: str) -> int | None:
        """How many rows were published under an id, or None if it never was."""
        ...

    def quarantined(
        self, dataset: str, version: str, interval: Interval | None = None, limit: int | None = None
    ) -> tuple[QuarantinedRow, ...]:
        """The rows of a version that are put aside, or those of an interval, in the order of their moments."""
        ...

    def quarantine_sums(self) -> tuple[QuarantineSum, ...]:
        """Everything that is put aside, counted."""
        ...

    def fence(self, token: int) -> None:
        """Refuse every later publish or swap with a smaller token."""
        ...

    def fenced_at(self) -> int:
        """The largest token that was shown here; 0 if none was."""
        ...

    def swap(self, swap: Swap) -> None:
        """Make an environment show exactly this mapping; done before is done."""
        ...

    def swapped(self, promotion: str) -> bool:
        """Whether a promotion id was carried out."""
        ...

    def holdings(self) -> tuple[Holding, ...]:
        """Every relation that versions have here, and every view that reads one, in the order of their names."""
        ...

    def drop(self, versions: Sequence[Version], token: int) -> Dropped:
        """Drop versions, with what was put aside of them and their states, and forget their publish ids, all at once.

        What is not there counts as dropped.

        A relation that something else still reads (an environment, another view) stays, with what it reads itself.
        """
        ...

    def past(self, expiry: Expiry) -> Past:
        """What an expiry would delete now, by looking; the version must be a table that has the column."""
        ...

    def expire(self, expiry: Expiry) -> Past:
        """Delete what an expiry says, in one transaction with its id; what that was, also when it was done before.

        Raises:
            UnknownOutcomeError: the commit's outcome is not known; doing it again is safe.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Landing:
    """What landed, as one Parquet file; of files, their columns plus `_file` and `_interval_start`. `bytes` were read.

    `state` is a connector's after these rows, or where a stream of changes was left; `measured` is what a process used,
    see `Processes.run`. `gone` are the keys of rows that are there no more; with `anew` the rows are all there are.
    """

    path: Path
    files: tuple[LandedFile, ...]
    bytes: int = 0
    state: str | None = None
    measured: Mapping[str, int] = field(default_factory=dict)
    gone: Path | None = None
    anew: bool = False


class Files(Protocol):
    """Brings a source's files in."""

    def land(
        self,
        source: FileSource,
        dataset: str,
        intervals: Sequence[Interval] | None,
        is_unwanted: Callable[[], bool] = ...,
    ) -> AbstractContextManager[Landing]:
        """Read the files of these intervals (or all, for a source without intervals).

        `is_unwanted` is asked now and then while they are fetched from elsewhere, and ends it.

        Raises:
            TaskError: a file is missing, empty, broken, or has another header than declared; all of them at once.
            TransientError: where they are fetched from does not answer, or has others by now.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """Rows as they come: an object with `__arrow_c_stream__`, and each column as an expression over its columns."""

    rows: object
    columns: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """What a reading of changes goes on from: the version that is to hold them, and where it was left (None: nowhere).

    `held` writes the version's rows of a condition (DuckDB's SQL, over its columns) to a Parquet file.
    """

    version: str
    state: str | None
    held: Callable[[str, Path], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Portion:
    """How much of a table an attempt reads: an interval of a column, what is not older than `since`, or changes.

    None of them: all of it. `since` is a value of the cursor's column, which rows with that value are part of.
    """

    interval: Interval | None = None
    column: str | None = None
    since: object = None
    following: Following | None = None


class Databases(Protocol):
    """Reads tables and queries of databases."""

    def land(
        self, dataset: Dataset, portion: Portion, is_unwanted: Callable[[], bool], tell: Callable[[str], None]
    ) -> AbstractContextManager[Landing]:
        """Read a portion of a source, as it is at one moment, typed as declared.

        `is_unwanted` is asked now and then, and ends it; `tell` is told how far it is, for people.

        Raises:
            TaskError: it cannot be read so, or was stopped.
            TransientError: the database does not answer, or not any more.
        """
        ...

    def streams(self, dataset: Dataset) -> bool:
        """Whether `stream` reads this source."""
        ...

    def stream(
        self, dataset: Dataset, portion: Portion, is_unwanted: Callable[[], bool], tell: Callable[[str], None]
    ) -> AbstractContextManager[Stream]:
        """The same without a file between: rows are read while somebody takes them, within the block.

        What goes wrong with the source while they are taken is raised at the end of the block, as by `land`.
        """
        ...


class Connectors(Protocol):
    """Has connectors bring their rows, each in a process of its own."""

    def land(self, order: Order, tell: Callable[[str], None]) -> AbstractContextManager[Landing]:
        """Have a source read from the order's `state` on, typed as declared; `tell` is told how far it is, for people.

        `output` of the order is not looked at: the rows are where the landing says. `Processes.stop` stops it.

        Raises:
            TaskError: it cannot be read so, or was stopped.
            TransientError: what it asks does not answer, or not any more.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One attempt's call of a Python or command task, or of a connector, which may go on from a `state`.

    `inputs` are Parquet files by parameter; the rows are expected at `output`. `log` names the attempt's log within
    those of its `run`; what the task prints goes there, bounded, without the values of secrets. `is_unwanted` is asked
    once `Processes.stop` would find the order: whoever stopped its run before that did not.
    """

    run: str
    log: str
    dataset: Dataset
    interval: Interval | None
    inputs: Mapping[str, Path] = field(default_factory=dict)
    output: Path = Path()
    is_unwanted: Callable[[], bool] = lambda: False
    state: str | None = None


class Processes(Protocol):
    """Runs Python and command tasks in processes of their own, within limits, without secrets they do not declare."""

    def run(self, order: Order) -> Mapping[str, int]:
        """Carry out an order; what was measured: `cpu` in microseconds, `memory` at its peak in bytes.

        Raises:
            TaskError: the task failed, left no rows, ran out of time or memory, or was stopped.
        """
        ...

    def scratch(self) -> AbstractContextManager[Path]:
        """A folder for inputs and output that the warehouse may read, removed afterwards."""
        ...

    def stop(self, run: str | None = None) -> int:
        """Kill what runs (for a run, or at all) with everything it started, and wait until it is gone; how many."""
        ...


class Auditor(Protocol):
    """Holds rows against suites of another tool."""

    def audit(self, dataset: Dataset, rows: Path, is_unwanted: Callable[[], bool]) -> tuple[CheckResult, ...]:
        """What the dataset's suites find in a Parquet file of its rows; files beside it may be written.

        Raises:
            TaskError: a suite cannot be read or run, the tool is not there, ran out of time, or was stopped.
        """
        ...


class Clock(Protocol):
    """Time and chance, so that a simulator can replace both."""

    def now(self) -> datetime:
        """The wall clock, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...

    def cpu(self) -> float:
        """Processor seconds that this process has used."""
        ...

    def jitter(self) -> float:
        """A number in [0, 1)."""
        ...
