"""The warehouse in memory: versions, environments, publish ids and the fence change together or not at all."""

from __future__ import annotations

import re
import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from penstock.engine.ports.publishing import Staged
from penstock.engine.ports.relations import Dropped, Holding, Past
from penstock.engine.ports.warehouse import UnknownOutcomeError
from penstock.model.errors import TaskError, TransientError
from penstock.model.findings import Finding, Place
from penstock.model.pipelines import Materialization
from penstock.sim import quarantine
from penstock.sim.faults import Fault, Faults
from penstock.sim.rows import COLUMNS, evaluate, key_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import timedelta

    from penstock.engine.ports.publishing import Publication, QuarantinedRow, QuarantineSum, Sifted
    from penstock.engine.ports.relations import Expiry, Swap
    from penstock.model.intervals import Interval
    from penstock.plan.versions import Version
    from penstock.quality.casting import Cast
    from penstock.quality.sifting import Sieve
    from penstock.sim.quarantine import Aside
    from penstock.sim.rows import Drive, Row

    Held = Mapping[str, tuple[Row, ...] | str]

STAGING = "staging"
_OUTSIDE = re.compile(
    r"SELECT count\(\*\) FROM staging WHERE "
    r"""\("\w+" >= TIMESTAMP '([^']+)' AND "\w+" < TIMESTAMP '([^']+)'\) IS NOT TRUE"""
)


@dataclass(slots=True)
class _Target:
    """What the warehouse holds. A relation is its rows, or a view's query."""

    relations: dict[str, tuple[Row, ...] | str] = field(default_factory=dict)
    published: dict[str, int] = field(default_factory=dict)
    made: dict[str, tuple[str, str]] = field(default_factory=dict)
    environments: dict[str, dict[str, tuple[str, str]]] = field(default_factory=dict)
    swaps: set[str] = field(default_factory=set)
    fence: int = 0
    quarantine: tuple[QuarantinedRow, ...] = ()
    states: dict[tuple[str, str], str] = field(default_factory=dict)
    expired: dict[str, Past] = field(default_factory=dict)


class MemoryWarehouse:
    """A `Warehouse`. What it holds survives a `Crash`. `applied` counts how often each publish id changed rows.

    It judges rows against their interval by itself; `answer` may answer other queries of the audit, and a query that
    nobody answers fails its attempt. `witness` is shown every publication in the moment of its commit. Timeouts do not
    exist here.
    """

    def __init__(
        self,
        drive: Drive,
        faults: Faults | None = None,
        answer: Callable[[str], list[tuple[Any, ...]] | None] = lambda _sql: None,
    ) -> None:
        self._drive, self.faults, self._answer = drive, faults or Faults(), answer
        self._lock = threading.RLock()
        self._target = _Target()
        self.applied: Counter[str] = Counter()
        self.witness: Callable[[Publication], None] = lambda _publication: None

    @contextmanager
    def session(self, timeout: timedelta | None = None) -> Iterator[MemorySession]:
        """A connection for one lane; what was built on it and not committed ends with it."""
        del timeout
        session = MemorySession(self, self._drive)
        yield session
        session.rollback()

    def published(self, publish_id: str) -> int | None:
        """How many rows were published under an id, or None."""
        return self._target.published.get(publish_id)

    def quarantined(
        self, dataset: str, version: str, interval: Interval | None = None, limit: int | None = None
    ) -> tuple[QuarantinedRow, ...]:
        """Rows of a version that are put aside; see `Warehouse.quarantined`."""
        held = [each for each in self._target.quarantine if (each.dataset, each.version) == (dataset, version)]
        if interval is not None:
            start, end = interval.start.replace(tzinfo=None), interval.end.replace(tzinfo=None)
            held = [each for each in held if each.moment is not None and start <= each.moment < end]
        return tuple(sorted(held, key=lambda each: str((each.moment, sorted(each.row.items())))))[:limit]

    def quarantine_sums(self) -> tuple[QuarantineSum, ...]:
        """Everything that is put aside, counted."""
        return quarantine.sums(self._target.quarantine)

    def fence(self, token: int) -> None:
        """Refuse smaller tokens from now on."""
        with self.faults.step(f"fence {token}"):
            self.show_token(token)

    def fenced_at(self) -> int:
        """The largest token that was shown here."""
        return self._target.fence

    def show_token(self, token: int) -> None:
        """Fence as somebody whom the fault plan does not concern."""
        self._target.fence = max(token, self._target.fence)

    def swapped(self, promotion: str) -> bool:
        """Whether a promotion was carried out."""
        return promotion in self._target.swaps

    def swap(self, swap: Swap) -> None:
        """Show exactly this mapping; see `Warehouse.swap`."""
        with self.faults.step(f"swap {swap.environment}"), self._lock:
            if swap.promotion in self._target.swaps:
                return
            self._refuse_if_fenced(swap.token, None)
            self._target.environments[swap.environment] = dict(swap.mapping)
            self._target.swaps.add(swap.promotion)

    def holdings(self) -> tuple[Holding, ...]:
        """Every relation, with what it reads; see `Warehouse.holdings`."""
        held = self._target.relations
        versions = [
            Holding(relation=name, rows=None if isinstance(kept, str) else len(kept), reads=_read_by(name, held))
            for name, kept in held.items()
        ]
        shown = [
            Holding(relation=f"{environment} {dataset}", rows=None, reads=(relation,), is_version=False)
            for environment, mapping in self._target.environments.items()
            for dataset, (_, relation) in mapping.items()
        ]
        return tuple(sorted((*versions, *shown), key=lambda holding: holding.relation))

    def drop(self, versions: Sequence[Version], token: int) -> Dropped:
        """Drop versions that nothing else reads; see `Warehouse.drop`."""
        with self.faults.step(f"drop {len(versions)}"), self._lock:
            self._refuse_if_fenced(token, None)
            gone = {version.relation for version in versions}
            while kept := gone & {
                read for holding in self.holdings() if holding.relation not in gone for read in holding.reads
            }:
                gone -= kept
            for version in versions:
                if version.relation in gone:
                    self._target.relations.pop(version.relation, None)
                    self._forget(version)
            return Dropped(relations=frozenset(gone))

    def past(self, expiry: Expiry) -> Past:
        """What an expiry would delete; see `Warehouse.past`."""
        old = [row for row in self._stored(expiry.relation) if _is_past(row, expiry)]
        undated = sum(key_of(row, (expiry.column,))[0] is None for row in self._stored(expiry.relation))
        first = min((row[0] for row in old if row[0] is not None), default=None)
        aside = quarantine.expired(self._target.quarantine, expiry)
        first = first.replace(tzinfo=UTC) if first else None
        return Past(rows=len(old), quarantined=len(aside), first=first, undated=undated)

    def expire(self, expiry: Expiry) -> Past:
        """Delete what an expiry says; see `Warehouse.expire`."""
        with self.faults.step(f"expire {expiry.expiry}"), self._lock:
            self._refuse_if_fenced(expiry.token, expiry.dataset)
            if (known := self._target.expired.get(expiry.expiry)) is not None:
                return known
            found = self.past(expiry)
            aside = quarantine.expired(self._target.quarantine, expiry)
            fault = self.faults.commit()
            if fault is Fault.CONFLICT:
                raise _conflict("another transaction was first")
            if fault is not Fault.COMMIT_LOST:
                kept = tuple(row for row in self._stored(expiry.relation) if not _is_past(row, expiry))
                self._target.relations[expiry.relation] = kept
                self._target.quarantine = tuple(each for each in self._target.quarantine if each not in aside)
                self._target.expired[expiry.expiry] = found
            if fault in {Fault.COMMIT_LOST, Fault.COMMIT_KEPT}:
                raise UnknownOutcomeError("the connection broke at the commit")
            return self._target.expired[expiry.expiry]

    def _stored(self, relation: str) -> tuple[Row, ...]:
        held = self._target.relations.get(relation, ())
        return () if isinstance(held, str) else held

    def _forget(self, version: Version) -> None:
        key = (version.dataset, version.fingerprint)
        for publish_id in [name for name, made in self._target.made.items() if made == key]:
            del self._target.made[publish_id], self._target.published[publish_id]
        self._target.quarantine = tuple(each for each in self._target.quarantine if (each.dataset, each.version) != key)
        self._target.states.pop(key, None)

    def environment(self, environment: str) -> dict[str, str]:
        """What an environment shows: dataset to version."""
        shown = self._target.environments.get(environment, {})
        return {dataset: version for dataset, (version, _) in sorted(shown.items())}

    def state(self, dataset: str, version: str) -> str | None:
        """How far the rows of a version reach; see `Session.state`."""
        return self._target.states.get((dataset, version))

    def rows(self, relation: str) -> tuple[Row, ...]:
        """A relation's rows; a view's are evaluated now.

        Raises:
            TaskError: there is no such relation.
        """
        return rows_of(relation, self._target.relations)

    def held(self) -> Held:
        """Every relation: its rows, or its query."""
        return self._target.relations

    def relations(self) -> tuple[str, ...]:
        """The relations that exist, in the order of their making."""
        return tuple(self._target.relations)

    def shown(self, environment: str, dataset: str) -> tuple[Row, ...]:
        """The rows that an environment's readers see of a dataset."""
        return self.rows(self._target.environments[environment][dataset][1])

    def answer(self, sql: str) -> list[tuple[Any, ...]] | None:
        """What the audit was told to see, if anything."""
        return self._answer(sql)

    def commit(self, built: list[tuple[Publication, tuple[Row, ...]]]) -> None:
        """Several publishes, all or none; see `Session.commit`."""
        ids = ", ".join(publication.publish_id for publication, _ in built)
        with self.faults.step(f"publish {ids}"), self._lock:
            self._refuse_if_fenced(built[0][0].token, built[0][0].dataset)
            if any(publication.publish_id in self._target.published for publication, _ in built):
                raise _conflict("a publish id is there already")
            self._apply(built)

    def apply(self, publication: Publication, staged: tuple[Row, ...], aside: tuple[Aside, ...] | None = None) -> int:
        """One publish, whole or not at all; see `Session.publish`."""
        with self.faults.step(f"publish {publication.publish_id}"), self._lock:
            self._refuse_if_fenced(publication.token, publication.dataset)
            known = self._target.published.get(publication.publish_id)
            if known is not None:
                return known
            change = publication.state
            if change is not None and self.state(publication.dataset, publication.version) != change.before:
                raise TransientError(Finding(code="engine.state_moved", message="its state moved on meanwhile"))
            self._apply([(publication, staged)], aside)
            return self._target.published[publication.publish_id]

    def _apply(self, built: list[tuple[Publication, tuple[Row, ...]]], aside: tuple[Aside, ...] | None = None) -> None:
        """The end of a transaction, with whatever happens to its commit."""
        held = self._target.relations
        after = [
            (publication, relation_after(publication, staged, held, self._gone(publication)))
            for publication, staged in built
        ]
        fault = self.faults.commit()
        if fault is Fault.CONFLICT:
            raise _conflict("another transaction was first")
        if fault is Fault.COMMIT_LOST:
            raise UnknownOutcomeError("the connection broke before the commit")
        for (publication, staged), (_, relation) in zip(built, after, strict=True):
            self.witness(publication)
            self._target.relations[publication.relation] = relation
            self._target.published[publication.publish_id] = 0 if isinstance(relation, str) else len(staged)
            self._target.made[publication.publish_id] = (publication.dataset, publication.version)
            self.applied[publication.publish_id] += 1
            self._keep_state(publication)
            if aside is not None:
                replaced = (*staged, *self._gone(publication))
                self._target.quarantine = quarantine.after(self._target.quarantine, publication, replaced, aside)
        if fault is Fault.COMMIT_KEPT:
            raise UnknownOutcomeError("the connection broke after the commit")

    def _gone(self, publication: Publication) -> tuple[Row, ...]:
        return self._drive[Path(publication.gone)] if publication.gone is not None else ()

    def _keep_state(self, publication: Publication) -> None:
        if publication.state is None:
            return
        key = publication.dataset, publication.version
        self._target.states.pop(key, None)
        if publication.state.after is not None:
            self._target.states[key] = publication.state.after

    def _refuse_if_fenced(self, token: int, dataset: str | None) -> None:
        if self._target.fence > token:
            message = f"a newer executor (token {self._target.fence}) works on this warehouse; this one held {token}"
            raise TaskError(Finding(code="engine.fenced", message=message, place=Place(dataset=dataset)))


class MemorySession:
    """A `Session` over the warehouse in memory. It sees what it has built itself, before anybody else does."""

    zone_maps: ClassVar[bool] = False

    def __init__(self, warehouse: MemoryWarehouse, drive: Drive) -> None:
        self._warehouse, self._drive = warehouse, drive
        self._staged: tuple[Row, ...] = ()
        self._aside: tuple[Aside, ...] | None = None
        self._built: list[tuple[Publication, tuple[Row, ...]]] = []
        self._open: dict[str, tuple[Row, ...] | str] = {}
        self._interrupted = False

    def stage_query(self, sql: str, params: Mapping[str, object]) -> Staged:
        """Run a query into staging."""
        self._begin("query")
        return self._stage(evaluate(sql, params, self._rows))

    def stage_view(self, sql: str) -> Staged:
        """Make a query readable as staging."""
        self._begin("view")
        return self._stage(evaluate(sql, {}, self._rows))

    def stage_file(self, path: Path, casts: Sequence[Cast] = (), *, once: bool = False) -> Staged:
        """Read a landed file into staging; its columns have their types."""
        del casts, once
        self._refuse_if_interrupted()
        return self._stage(self._drive[path])

    def stage_gone(self, path: Path) -> Staged:
        """Read keys of a file; see `Session.stage_gone`."""
        self._refuse_if_interrupted()
        return Staged(relation=str(path), rows=len(self._drive[path]))

    def sift(self, sieve: Sieve, publication: Publication) -> Sifted:
        """Put offending rows aside and make offending values NULL; see `Session.sift`."""
        del publication
        self._begin("sift")
        sifted, self._staged, self._aside = quarantine.sift(sieve, self._staged)
        return sifted

    def leave_out(self, column: str, before: datetime) -> Staged:
        """Take the staged rows out that lie before a moment; see `Session.leave_out`."""
        self._refuse_if_interrupted()
        limit = before.replace(tzinfo=None)
        values = ((row, key_of(row, (column,))[0]) for row in self._staged)
        return self._stage(tuple(row for row, at in values if not (isinstance(at, datetime) and at < limit)))

    def export(self, sql: str, params: Mapping[str, object], path: Path) -> None:
        """Write a query's rows to a file."""
        self._begin("export")
        self._drive[path] = evaluate(sql, params, self._rows)

    def fetch(self, sql: str) -> list[tuple[Any, ...]]:
        """The answer to a question of the audit about what is staged.

        Raises:
            TaskError: nobody can answer it here.
        """
        self._refuse_if_interrupted()
        asked = _OUTSIDE.fullmatch(sql)
        if asked:
            start, end = (datetime.fromisoformat(text) for text in asked.groups())
            return [(sum(not (row[0] and start <= row[0] < end) for row in self._staged),)]
        told = self._warehouse.answer(sql)
        if told is None:
            raise TaskError(Finding(code="sim.no_answer", message=f"the simulated warehouse cannot answer: {sql}"))
        return told

    def columns(self, relation: str) -> tuple[tuple[str, str], ...]:
        """Every relation here has the same columns."""
        del relation
        return COLUMNS

    def newest(self, relation: str, column: str) -> object:
        """The largest value of a column of a relation; None if it holds none, or is not there."""
        return newest(relation, column, self._warehouse.held())

    def state(self, dataset: str, version: str) -> str | None:
        """How far the rows of a version reach; see `Session.state`."""
        return self._warehouse.state(dataset, version)

    def publish(self, publication: Publication) -> int:
        """Publish what is staged; see `Session.publish`."""
        self._refuse_if_interrupted()
        return self._warehouse.apply(publication, self._staged, self._aside)

    def build(self, publication: Publication, sql: str, params: Mapping[str, object]) -> Staged:
        """Make a table or view that `commit` shows; see `Session.build`."""
        self._begin(f"build of {publication.dataset}")
        self._staged = evaluate(sql, params, self._rows)
        self._built.append((publication, self._staged))
        self._open[publication.relation] = relation_after(publication, self._staged, self._open)
        is_view = publication.materialization is Materialization.VIEW
        return Staged(relation=publication.relation, rows=0 if is_view else len(self._staged))

    def commit(self) -> None:
        """Keep everything built, or nothing; see `Session.commit`."""
        built = self._built
        self.rollback()
        if built:
            self._refuse_if_interrupted()
            self._warehouse.commit(built)

    def rollback(self) -> None:
        """Undo what was built."""
        self._built, self._open = [], {}

    def interrupt(self) -> None:
        """Refuse everything that follows."""
        self._interrupted = True

    def _begin(self, what: str) -> None:
        self._refuse_if_interrupted()
        self._warehouse.faults.effort(what)
        self._refuse_if_interrupted()

    def _refuse_if_interrupted(self) -> None:
        if self._interrupted:
            raise TaskError(Finding(code="engine.timeout", message="the attempt was interrupted"))

    def _rows(self, relation: str) -> tuple[Row, ...]:
        return rows_of(relation, self._open, self._warehouse.held())

    def _stage(self, rows: tuple[Row, ...]) -> Staged:
        self._staged, self._aside = rows, None
        return Staged(relation=STAGING, rows=len(rows), columns=COLUMNS)


def rows_of(relation: str, *layers: Held) -> tuple[Row, ...]:
    """A relation's rows by the first layer that has it; a view's are evaluated over the same layers.

    Raises:
        TaskError: none has it.
    """
    held = next((layer[relation] for layer in layers if relation in layer), None)
    if held is None:
        raise TaskError(Finding(code="warehouse.refused", message=f"there is no relation {relation}"))
    return evaluate(held, {}, lambda name: rows_of(name, *layers)) if isinstance(held, str) else held


def _read_by(relation: str, held: Held) -> tuple[str, ...]:
    """The relations that a view's query names."""
    sql = held[relation]
    return tuple(name for name in held if name != relation and name in sql) if isinstance(sql, str) else ()


def newest(relation: str, column: str, held: Held) -> object:
    """The largest value of a column; None where there is none, or no relation."""
    rows = rows_of(relation, held) if relation in held else ()
    values = [value for row in rows if (value := key_of(row, (column,))[0]) is not None]
    return max(values, key=str, default=None)


def relation_after(
    publication: Publication, staged: tuple[Row, ...], held: Held, gone: tuple[Row, ...] = ()
) -> tuple[Row, ...] | str:
    """What a relation is once staged rows are applied, and those with the keys of what is gone are deleted.

    Raises:
        TaskError: two staged rows have the same key; or rows to be appended do not lie beyond the offset.
        TransientError: an append no longer goes on from where its rows began.
    """
    before = held.get(publication.relation, ())
    is_anew = publication.state is not None and publication.state.replaces_all
    rows = () if isinstance(before, str) or is_anew else before
    match publication.materialization:
        case Materialization.VIEW:
            return publication.view_sql or ""
        case Materialization.TABLE:
            return staged
        case Materialization.INCREMENTAL:
            return (*(row for row in rows if not _falls_into(row, publication)), *staged)
        case Materialization.MERGE:
            keys = Counter(key_of(row, publication.key) for row in staged)
            if any(times > 1 for times in keys.values()):
                raise TaskError(Finding(code="engine.doubled_key", message="several new rows have the same key"))
            replaced = {*keys, *(key_of(row, publication.key) for row in gone)}
            return (*(row for row in rows if key_of(row, publication.key) not in replaced), *staged)
        case Materialization.APPEND:
            _refuse_bad_offset(publication, staged, held)
            return (*rows, *staged)


def _refuse_bad_offset(publication: Publication, staged: tuple[Row, ...], held: Held) -> None:
    if publication.offset is None:
        return
    base, values = publication.base, [key_of(row, (publication.offset,))[0] for row in staged]
    if any(value is None or (base is not None and str(value) <= str(base)) for value in values):
        raise TaskError(Finding(code="engine.offset_not_beyond", message="new rows do not lie after the offset"))
    if newest(publication.relation, publication.offset, held) != base:
        raise TransientError(Finding(code="engine.offset_moved", message="it grew meanwhile"))


def _falls_into(row: Row, publication: Publication) -> bool:
    """Whether a row is one of those that an interval's new rows replace."""
    interval = publication.interval
    if interval is None or row[0] is None:
        return False
    return interval.start.replace(tzinfo=None) <= row[0] < interval.end.replace(tzinfo=None)


def _is_past(row: Row, expiry: Expiry) -> bool:
    """Whether a row is one of those that an expiry deletes."""
    value = key_of(row, (expiry.column,))[0]
    return isinstance(value, datetime) and value < expiry.before.replace(tzinfo=None)


def _conflict(message: str) -> TransientError:
    return TransientError(Finding(code="engine.conflict", message=message))
