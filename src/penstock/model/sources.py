"""Sources: which files there are to be, what they are to hold, and what their landing found out about them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from penstock.model.tasks import TaskKind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from penstock.model.intervals import Interval
    from penstock.model.storage import Storage

LANDED = ("_file", "_interval_start")
"""The columns that rows of a source carry besides those of its files; the second one only where it has intervals."""
EXTRA = "_extra"
"""The column that keeps what a file holds and nobody declared, as a JSON object; only where `drift` is `evolve`."""


ENCODINGS = ("utf-8", "utf-16", "cp1252", "latin-1")
"""How CSV files may be encoded."""


class FileFormat(StrEnum):
    """How a source's files are written."""

    CSV = "csv"
    JSON = "json"
    NDJSON = "ndjson"
    PARQUET = "parquet"
    EXCEL = "excel"


SUFFIXES: Mapping[FileFormat, tuple[str, ...]] = {
    FileFormat.CSV: (".csv", ".csv.gz", ".csv.zst", ".tsv", ".tsv.gz", ".tsv.zst", ".txt", ".txt.gz", ".txt.zst"),
    FileFormat.JSON: (".json", ".json.gz", ".json.zst", ".geojson", ".geojson.gz"),
    FileFormat.NDJSON: (".ndjson", ".ndjson.gz", ".ndjson.zst", ".jsonl", ".jsonl.gz", ".jsonl.zst"),
    FileFormat.PARQUET: (".parquet",),
    FileFormat.EXCEL: (".xlsx",),
}
"""What the names of a format's files end in."""


class Drift(StrEnum):
    """What becomes of a file that is not as declared: refused, or taken as far as it can be and told of."""

    FREEZE = "freeze"
    EVOLVE = "evolve"


class Corrections(StrEnum):
    """What becomes of a file that changed, or came, after its interval was built: told of, or taken by the next run."""

    TELL = "tell"
    TAKE = "take"


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """When a source delivers nothing and that is no fault: weekdays (Monday is 0) and dates."""

    weekdays: frozenset[int] = frozenset()
    dates: frozenset[date] = frozenset()

    def holds(self, moment: datetime) -> bool:
        """Whether the day of `moment` is a closed one."""
        return moment.weekday() in self.weekdays or moment.date() in self.dates


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSource:
    """Files that land as text, those of one interval where `path` holds `{interval_start:…}`.

    `columns` are the columns declared, in order. `also` maps a column to other names that files give it, `paths` to
    where a JSON record holds it (`properties.mag`, `coordinates.0`, `$.metadata.at` from the document's root), `types`
    to a DuckDB type other than text. `records` is where a JSON document holds its list of records; `no_records` what
    one without any lands as: `skip`, nothing; `row`, one row with what columns take from the document's root.
    With a `storage`, `path` is the address of objects in a store, such as `s3://bucket/key`; else it lies beneath the
    project.
    """

    path: str
    columns: tuple[str, ...]
    format: FileFormat = FileFormat.CSV
    delimiter: str = ","
    encoding: str = "utf-8"
    missing: str = "fail"
    closed: Closed = Closed()
    drift: Drift = Drift.FREEZE
    corrections: Corrections = Corrections.TELL
    also: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    paths: Mapping[str, str] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)
    records: str = ""
    no_records: str = "skip"
    sheet: str = ""
    storage: Storage | None = None
    reads: tuple[str, ...] = ()
    kind: TaskKind = field(default=TaskKind.SOURCE, init=False)

    def path_of(self, interval: Interval | None) -> str:
        """The path of an interval's files; a pattern, where it holds a `*`."""
        return self.path.format(interval_start=interval.start, interval_end=interval.end) if interval else self.path

    @property
    def texts(self) -> tuple[str, ...]:
        """The columns that land as text."""
        return tuple(column for column in self.columns if column not in self.types)

    @property
    def row(self) -> tuple[str, ...]:
        """Every column of its rows."""
        return tuple(self.row_types)

    @property
    def row_types(self) -> dict[str, str]:
        """The same with their types."""
        columns = {column: self.types.get(column, "VARCHAR") for column in self.columns}
        extra = {EXTRA: "VARCHAR"} if self.drift is Drift.EVOLVE else {}
        moment = {"_interval_start": "TIMESTAMP"} if "{interval_start" in self.path else {}
        return {**columns, **extra, "_file": "VARCHAR", **moment}


@dataclass(frozen=True, slots=True, kw_only=True)
class LandedFile:
    """A file as it was when it landed.

    `start` is its interval's (as in the ledger; empty without intervals). `size` in bytes and `modified` in nanoseconds
    tell a file that was not touched since, `digest` (SHA-256 of its bytes as they lie there) one that is still the
    same. `header` are the names it gave its columns, `dialect` how it was written (delimiter, encoding, line ends),
    `forms` what the values of a declared column looked like, where they all looked alike. `version` is what an object
    store calls this state of an object, so that it need not be fetched to be known again; files have none.
    """

    name: str
    start: str
    size: int
    modified: int
    digest: str
    rows: int
    header: tuple[str, ...] = ()
    dialect: Mapping[str, str] = field(default_factory=dict)
    forms: Mapping[str, str] = field(default_factory=dict)
    version: str = ""


def plain(name: str) -> str:
    """A name by which columns are known in files that may drift: lower case, signs as one `_`, none at either end."""
    return re.sub(r"[\W_]+", "_", name.strip().lower()).strip("_")
