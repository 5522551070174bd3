"""A story: what is wanted, in a form that can be checked, built from and measured against."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from penstock.model.authors import Author
from penstock.model.intervals import Grain
from penstock.model.sources import Corrections, Drift, FileFormat, FileSource

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from penstock.model.pipelines import Retry


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryColumn:
    """One column of a source file and what staging makes of it.

    `raw` is the header's word, `name` the staged column, `type` its DuckDB type. `clean` is a SQL expression over the
    raw text, which stands there as `value`, applied before the cast. `personal` names the kind of personal data;
    `personal_asked` says the story took a stand on it, even if that was "none". An `ignored` column lands but is not
    staged. `example` is a made-up value, typed as staged, that unit tests start from. `declared_as` is the key under
    which the story names the column; it differs from `raw` only when the story gives the header's word apart. `also`
    and `path` as in `FileSource`.
    """

    raw: str
    name: str
    type: str
    description: str = ""
    required: bool = False
    event_time: bool = False
    personal: str | None = None
    personal_asked: bool = False
    clean: str | None = None
    ignored: bool = False
    example: str | None = None
    declared_as: str = ""
    also: tuple[str, ...] = ()
    path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StorySource:
    """Files to bring in, and how staging treats their rows.

    `keep` maps a word to a predicate over staged columns: rows that fail one are left out. `flags` maps a boolean
    column to its expression; a flag may use those before it; `flag_descriptions` says what they mean. `bad_rows` is
    `quarantine` (rows that cannot be typed go to `stg_NAME_rejected`) or `fail`. `deduplicate` says that lines equal
    in every column count once. `format`, `encoding`, `drift`, `corrections` and `records` as in `FileSource`.
    """

    name: str
    path: str
    columns: tuple[StoryColumn, ...]
    interval: Grain | None = None
    description: str = ""
    delimiter: str = ","
    missing: str = "fail"
    closed_weekdays: tuple[str, ...] = ()
    closed_dates: tuple[str, ...] = ()
    deduplicate: bool = False
    bad_rows: str = "fail"
    keep: Mapping[str, str] = field(default_factory=dict)
    flags: Mapping[str, str] = field(default_factory=dict)
    flag_descriptions: Mapping[str, str] = field(default_factory=dict)
    format: FileFormat = FileFormat.CSV
    encoding: str = "utf-8"
    drift: Drift = Drift.FREEZE
    corrections: Corrections = Corrections.TELL
    records: str = ""

    def files(self, columns: tuple[str, ...] | None = None) -> FileSource:
        """The source as the engine knows it, of the columns declared or of others; without its closed days."""
        declared = self.columns if columns is None else ()
        return FileSource(
            path=self.path,
            columns=tuple(column.raw for column in declared) if columns is None else columns,
            format=self.format,
            delimiter=self.delimiter,
            encoding=self.encoding,
            missing=self.missing,
            drift=self.drift,
            corrections=self.corrections,
            records=self.records,
            also={column.raw: column.also for column in declared if column.also},
            paths={column.raw: column.path for column in declared if column.path},
        )

    @property
    def takes_what_is_known(self) -> bool:
        """Whether files need only hold what the story declares: their own header is then no declaration."""
        return self.drift is Drift.EVOLVE or self.format is not FileFormat.CSV

    @property
    def staged(self) -> tuple[StoryColumn, ...]:
        """The columns that staging types and keeps."""
        return tuple(column for column in self.columns if not column.ignored)

    @property
    def file_moment(self) -> tuple[str, str] | None:
        """Name and type of the staged column that says which file a row came from; None without intervals."""
        if self.interval is None:
            return None
        return f"file_{'date' if self.interval is Grain.DAY else self.interval}", (
            "TIMESTAMP" if self.interval is Grain.HOUR else "DATE"
        )

    @property
    def event_time(self) -> StoryColumn | None:
        """The column that says when a row happened."""
        return next((column for column in self.columns if column.event_time), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One delivered number: a SQL aggregate over staged columns, or an expression over earlier measures."""

    name: str
    sql: str
    type: str
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryDataset:
    """A delivered dataset: one row per `grain` (column name to expression over staged columns), with `measures`.

    `filters` maps a word to a predicate; a row counts only if all hold. The first grain column of type date is what
    its intervals are cut by.
    """

    name: str
    source: str
    grain: Mapping[str, str]
    measures: tuple[Measure, ...]
    filters: Mapping[str, str] = field(default_factory=dict)
    description: str = ""
    grain_types: Mapping[str, str] = field(default_factory=dict)
    grain_descriptions: Mapping[str, str] = field(default_factory=dict)

    @property
    def interval_column(self) -> str | None:
        """The first grain column of type DATE, which intervals are cut by, or None."""
        return next((name for name in self.grain if self.grain_types.get(name) == "DATE"), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """How far something may move, in percent of what it was; both ends belong to it.

    `gone` says of a column that it is taken away.

    >>> Bound.parse("-5%..0%").holds(Decimal("-2.5"))
    True
    """

    low: Decimal
    high: Decimal
    gone: bool = False

    @classmethod
    def parse(cls, text: str) -> Bound:
        """The bound written `LOW%..HIGH%`; `any` is no bound at all, `none` is none at all; `gone` is for columns.

        Raises:
            ValueError: it is written otherwise, or low is above high.
        """
        if text.strip() in {"any", "gone"}:
            return cls(low=Decimal("-Infinity"), high=Decimal("Infinity"), gone=text.strip() == "gone")
        if text.strip() == "none":
            return cls(low=Decimal(0), high=Decimal(0))
        low, dots, high = text.replace(" ", "").partition("..")
        try:
            bound = cls(low=Decimal(low.removesuffix("%")), high=Decimal(high.removesuffix("%")))
        except ArithmeticError as error:
            raise ValueError(f"{text!r} is not a bound") from error
        finite = bound.low.is_finite() and bound.high.is_finite()
        if not dots or not low.endswith("%") or not high.endswith("%") or not finite or bound.low > bound.high:
            raise ValueError(f"{text!r} is not a bound")
        return bound

    def holds(self, percent: Decimal) -> bool:
        """Whether a movement of `percent` stays within."""
        return self.low <= percent <= self.high

    @property
    def moves(self) -> bool:
        """Whether any movement lies within."""
        return not self.low == self.high == 0

    @property
    def wants_movement(self) -> bool:
        """Whether standing still would contradict the declaration: zero lies outside, or at an end, of a real range."""
        return self.low != self.high and self.low.is_finite() and self.high.is_finite()

    def __str__(self) -> str:
        if not self.low.is_finite():
            return "gone" if self.gone else "any"
        return f"{self.low}%..{self.high}%"


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """What a story says of one dataset: it is new, or its row count and columns move within bounds.

    A column that is not named must not move. With `where`, a predicate over the dataset's columns, nothing may move in
    rows that do not meet it.
    """

    dataset: str
    new: bool = False
    rows: Bound | None = None
    columns: Mapping[str, Bound] = field(default_factory=dict)
    every_column: Bound | None = None
    where: str | None = None

    def bound_of(self, column: str) -> Bound | None:
        """The bound declared for a column, or None if it must not move."""
        return self.columns.get(column, self.every_column)


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """One acceptance criterion of the story `story`. `sql` returns the rows that contradict it.

    Without `sql` it cannot be measured.
    """

    id: str
    text: str
    sql: str | None = None
    story: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Something the story leaves open. `path` says which place of the front matter an answer fills.

    `text` says what was found and what is asked, `expects` the kind of answer. `choices` closes the answer: the words
    allowed, or the columns an expression may use. `suggestion` is the likely answer, if there is one.
    """

    id: str
    code: str
    text: str
    path: str
    expects: str
    line: int | None = None
    choices: tuple[str, ...] = ()
    suggestion: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitoring:
    """What each dataset of the story is held to in production: see `model.pipelines.Slo`; `max_runtime` as written.

    `budget` maps objectives to the share of events that may be bad in the observation window (`policy/budgets.py`).
    """

    min_success_rate: float = 0.99
    max_runtime: str = "10m"
    volume_tolerance: float = 0.9
    volume_history: int = 8
    budget: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """The steps between approval and promotion.

    For `shadow` intervals the new versions are built beside production and compared with it; for `canary` intervals
    after them `consumers` read the new versions, each in an environment of its own.
    """

    shadow: int = 0
    canary: int = 0
    consumers: tuple[str, ...] = ()

    @property
    def environments(self) -> tuple[str, ...]:
        """The environments that show the change during its canary."""
        if not self.canary:
            return ()
        return tuple(f"canary_{name}" for name in self.consumers) or ("canary",)

    def at_least(self, other: Rollout) -> Rollout:
        """This one, with no step shorter than in `other` and nobody missing who reads there."""
        return Rollout(
            shadow=max(self.shadow, other.shadow),
            canary=max(self.canary, other.canary),
            consumers=tuple(dict.fromkeys((*self.consumers, *other.consumers))),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One requirement. Fields that the story left out are None and become questions.

    `front` is the front matter as read, with earlier stories of the pipeline beneath it and answers on top; `own` is
    this story's part alone. `criteria` are this story's; `standing` are those of earlier stories that still hold.
    `irreversible` names steps that no rollback takes back. `retries` is None where the story leaves them as they are.
    `destructive` maps what may be destroyed (a dataset, a pipeline, a file) to the reason, `loosened` what is tested or
    refused less than before (a source, a tested dataset or its test file). `leaving` maps exports to personal columns
    that may leave by them unmasked. `lines` says on which line of `file` each dotted path of the front
    matter stands.
    """

    id: str
    title: str
    kind: str
    pipeline: str
    file: str
    text: str
    front: Mapping[str, object]
    own: Mapping[str, object]
    author: Author = field(default_factory=Author)
    owner: str | None = None
    cron: str | None = None
    timezone: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    ready_by: str | None = None
    retention: str | None = None
    sources: Mapping[str, StorySource] = field(default_factory=dict)
    datasets: Mapping[str, StoryDataset] = field(default_factory=dict)
    impact: Mapping[str, Impact] = field(default_factory=dict)
    criteria: tuple[Criterion, ...] = ()
    standing: tuple[Criterion, ...] = ()
    monitoring: Monitoring = Monitoring()
    description: str = ""
    observe_intervals: int = 7
    rollout: Rollout = Rollout()
    assumptions: tuple[str, ...] = ()
    irreversible: tuple[str, ...] = ()
    retries: Retry | None = None
    destructive: Mapping[str, str] = field(default_factory=dict)
    loosened: Mapping[str, str] = field(default_factory=dict)
    leaving: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)

    @property
    def watched_intervals(self) -> int:
        """How many intervals its rollout looks at, from the first step to the end of the window."""
        return self.rollout.shadow + self.rollout.canary + self.observe_intervals
