"""What brings rows from outside: files, databases and connectors, and what landed of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from penstock.engine.ports.processes import Order
    from penstock.model.intervals import Interval
    from penstock.model.pipelines import Dataset
    from penstock.model.sources import FileSource, LandedFile


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
