"""The warehouse in memory: versions, environments, publish ids and the fence change together or not at all."""

from __future__ import annotations

import re
import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from penstock.engine.ports import Staged, UnknownOutcomeError
from penstock.model.errors import TaskError, TransientError
from penstock.model.findings import Finding, Place
from penstock.model.pipelines import Materialization
from penstock.sim.faults import Fault, Faults
from penstock.sim.rows import COLUMNS, evaluate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import timedelta
    from pathlib import Path

    from penstock.engine.ports import Publication, Swap
    from penstock.sim.rows import Drive, Row

STAGING = "staging"
_OUTSIDE = re.compile(
    r"SELECT count\(\*\) FROM staging WHERE "
    r"""\("\w+" >= TIMESTAMP '([^']+)' AND "\w+" < TIMESTAMP '([^']+)'\) IS NOT TRUE"""
)

Answer = "Callable[[str], list[tuple[Any, ...]] | None]"


@dataclass(slots=True)
class _Target:
    """What the warehouse holds. A relation is its rows, or a view's query."""

    relations: dict[str, tuple[Row, ...] | str] = field(default_factory=dict)
    published: dict[str, int] = field(default_factory=dict)
    environments: dict[str, dict[str, tuple[str, str]]] = field(default_factory=dict)
    swaps: set[str] = field(default_factory=set)
    fence: int = 0


class MemoryWarehouse:
    """A `Warehouse`. What it holds survives a `Crash`. `applied` counts how often each publish id changed rows.

    It judges rows against their interval by itself; `answer` may answer other queries of the audit, and a query that
    nobody answers fails its attempt. Timeouts do not exist here.
    """

    def __init__(
        self,
        drive: Drive,
        faults: Faults | None = None,
        answer: Callable[[str], list[tuple[Any, ...]] | None] = lambda _sql: None,
    ) -> None:
        self._drive, self._faults, self._answer = drive, faults or Faults(), answer
        self._lock = threading.RLock()
        self._target = _Target()
        self.applied: Counter[str] = Counter()

    @contextmanager
    def session(self, timeout: timedelta | None = None) -> Iterator[MemorySession]:
        """A connection for one attempt."""
        del timeout
        yield MemorySession(self, self._drive)

    def published(self, publish_id: str) -> int | None:
        """How many rows were published under an id, or None."""
        return self._target.published.get(publish_id)

    def fence(self, token: int) -> None:
        """Refuse smaller tokens from now on."""
        with self._faults.step(f"fence {token}"):
            self.show_token(token)

    def show_token(self, token: int) -> None:
        """Fence as somebody whom the fault plan does not concern."""
        self._target.fence = max(token, self._target.fence)

    def swapped(self, promotion: str) -> bool:
        """Whether a promotion was carried out."""
        return promotion in self._target.swaps

    def swap(self, swap: Swap) -> None:
        """Show exactly this mapping; see `Warehouse.swap`."""
        with self._faults.step(f"swap {swap.environment}"), self._lock:
            if swap.promotion in self._target.swaps:
                return
            self._refuse_if_fenced(swap.token, None)
            self._target.environments[swap.environment] = dict(swap.mapping)
            self._target.swaps.add(swap.promotion)

    def environment(self, environment: str) -> dict[str, str]:
        """What an environment shows: dataset to version."""
        shown = self._target.environments.get(environment, {})
        return {dataset: version for dataset, (version, _) in sorted(shown.items())}

    def rows(self, relation: str) -> tuple[Row, ...]:
        """A relation's rows; a view's are evaluated now.

        Raises:
            TaskError: there is no such relation.
        """
        held = self._target.relations.get(relation)
        if held is None:
            raise TaskError(Finding(code="warehouse.refused", message=f"there is no relation {relation}"))
        return evaluate(held, {}, self.rows) if isinstance(held, str) else held

    def relations(self) -> tuple[str, ...]:
        """The relations that exist, in the order of their making."""
        return tuple(self._target.relations)

    def shown(self, environment: str, dataset: str) -> tuple[Row, ...]:
        """The rows that an environment's readers see of a dataset."""
        return self.rows(self._target.environments[environment][dataset][1])

    def answer(self, sql: str) -> list[tuple[Any, ...]] | None:
        """What the audit was told to see, if anything."""
        return self._answer(sql)

    def apply(self, publication: Publication, staged: tuple[Row, ...]) -> int:
        """One publish, whole or not at all; see `Session.publish`."""
        with self._faults.step(f"publish {publication.publish_id}"), self._lock:
            self._refuse_if_fenced(publication.token, publication.dataset)
            known = self._target.published.get(publication.publish_id)
            if known is not None:
                return known
            fault = self._faults.commit()
            if fault is Fault.CONFLICT:
                raise TransientError(Finding(code="engine.conflict", message="another transaction was first"))
            if fault is Fault.COMMIT_LOST:
                raise UnknownOutcomeError("the connection broke before the commit")
            rows = self._commit(publication, staged)
            if fault is Fault.COMMIT_KEPT:
                raise UnknownOutcomeError("the connection broke after the commit")
            return rows

    def _commit(self, publication: Publication, staged: tuple[Row, ...]) -> int:
        target = self._target
        if publication.materialization is Materialization.VIEW:
            target.relations[publication.relation] = publication.view_sql or ""
            staged = ()
        elif publication.interval is None:
            target.relations[publication.relation] = staged
        else:
            start, end = (at.replace(tzinfo=None) for at in (publication.interval.start, publication.interval.end))
            held = target.relations.get(publication.relation, ())
            kept = tuple(row for row in held if isinstance(row, tuple) and not (row[0] and start <= row[0] < end))
            target.relations[publication.relation] = (*kept, *staged)
        target.published[publication.publish_id] = len(staged)
        self.applied[publication.publish_id] += 1
        return len(staged)

    def _refuse_if_fenced(self, token: int, dataset: str | None) -> None:
        if self._target.fence > token:
            message = f"a newer executor (token {self._target.fence}) works on this warehouse; this one held {token}"
            raise TaskError(Finding(code="engine.fenced", message=message, place=Place(dataset=dataset)))


class MemorySession:
    """A `Session` over the warehouse in memory."""

    def __init__(self, warehouse: MemoryWarehouse, drive: Drive) -> None:
        self._warehouse, self._drive = warehouse, drive
        self._staged: tuple[Row, ...] = ()

    def stage_query(self, sql: str, params: Mapping[str, object]) -> Staged:
        """Run a query into staging."""
        return self._stage(evaluate(sql, params, self._warehouse.rows))

    def stage_view(self, sql: str) -> Staged:
        """Make a query readable as staging."""
        return self._stage(evaluate(sql, {}, self._warehouse.rows))

    def stage_file(self, path: Path) -> Staged:
        """Read a landed file into staging."""
        return self._stage(self._drive[path])

    def export(self, sql: str, params: Mapping[str, object], path: Path) -> None:
        """Write a query's rows to a file."""
        self._drive[path] = evaluate(sql, params, self._warehouse.rows)

    def fetch(self, sql: str) -> list[tuple[Any, ...]]:
        """The answer to a question of the audit about what is staged.

        Raises:
            TaskError: nobody can answer it here.
        """
        asked = _OUTSIDE.fullmatch(sql)
        if asked:
            start, end = (datetime.fromisoformat(text) for text in asked.groups())
            return [(sum(not (row[0] and start <= row[0] < end) for row in self._staged),)]
        told = self._warehouse.answer(sql)
        if told is None:
            raise TaskError(Finding(code="sim.no_answer", message=f"the simulated warehouse cannot answer: {sql}"))
        return told

    def publish(self, publication: Publication) -> int:
        """Publish what is staged; see `Session.publish`."""
        return self._warehouse.apply(publication, self._staged)

    def _stage(self, rows: tuple[Row, ...]) -> Staged:
        self._staged = rows
        return Staged(relation=STAGING, rows=len(rows), columns=COLUMNS)
