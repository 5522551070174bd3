"""Where versions live: a warehouse, and the session of one lane with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime, timedelta
    from pathlib import Path

    from penstock.engine.ports.arrivals import Stream
    from penstock.engine.ports.publishing import Publication, QuarantinedRow, QuarantineSum, Sifted, Staged
    from penstock.engine.ports.relations import Dropped, Expiry, Holding, Past, Swap
    from penstock.model.intervals import Interval
    from penstock.plan.versions import Version
    from penstock.quality.casting import Cast
    from penstock.quality.sifting import Sieve


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
