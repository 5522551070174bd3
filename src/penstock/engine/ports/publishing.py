"""What one publish does: rows staged, sifted and put aside, and the transaction that keeps them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from penstock.model.intervals import Interval
    from penstock.model.pipelines import Materialization


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
