"""Eight datasets in four versions each, promoted and rolled back in one environment while others read all of them.

A reader asks for all eight in one statement, or one after the other in one transaction: the reader contract promises
both that they see one promotion or the other. To statements that are no transaction it promises nothing.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from penstock.adapters.duckdb.warehouse import DuckdbWarehouse, view_of
from penstock.engine.ports.publishing import Publication
from penstock.engine.ports.relations import Swap
from penstock.model.pipelines import Materialization
from penstock.plan.versions import relation_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from penstock.adapters.duckdb.session import DuckdbSession

DATASETS = tuple(f"sales.part_{number}" for number in range(8))
VERSIONS = 4
ROWS = 1000
EACH = tuple(f"SELECT DISTINCT version FROM {view_of(dataset, 'prod')}" for dataset in DATASETS)
BETWEEN = 5
"""Promotions between two rollbacks."""
Answer = tuple[int, ...]


@dataclass(slots=True)
class Seen:
    """What readers saw while versions were swapped: the versions in each answer, and every error.

    `seconds` is how long each swap took, from the call until it was committed; `worked` is the processor time in it,
    which a machine that does other things besides does not change.
    """

    promotions: int = 0
    rollbacks: int = 0
    statements: list[Answer] = field(default_factory=list)
    transactions: list[Answer] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    worked: list[float] = field(default_factory=list)

    @property
    def answers(self) -> int:
        """How many there are."""
        return len(self.statements) + len(self.transactions)

    @property
    def mixed(self) -> list[Answer]:
        """Answers with anything but one version."""
        return [values for values in (*self.statements, *self.transactions) if len(values) != 1]

    @property
    def all_versions(self) -> bool:
        """Whether both kinds of readers saw every version: whether the swaps were seen at all."""
        every = {(number,) for number in range(VERSIONS)}
        return every <= set(self.statements) and every <= set(self.transactions)

    def __str__(self) -> str:
        """The figures."""
        return (
            f"promotions {self.promotions}, rollbacks {self.rollbacks}; "
            f"statements {len(self.statements)}, transactions of {len(EACH)} statements {len(self.transactions)}, "
            f"mixed {len(self.mixed)}, errors {len(self.errors)}; "
            f"a swap took {_percentiles(self.seconds)}; of the processor {_percentiles(self.worked)}"
        )


def _percentiles(seconds: Sequence[float]) -> str:
    """How long half of them, 99 of 100, and each of them took at most."""
    ordered = sorted(1000 * value for value in seconds)
    p50, p99 = (ordered[min(int(share * len(ordered)), len(ordered) - 1)] for share in (0.5, 0.99))
    return f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, at most {ordered[-1]:.1f} ms"


@contextmanager
def versions_of_all(folder: Path) -> Iterator[DuckdbWarehouse]:
    """A warehouse in which every row says of which version it is; production shows the first."""
    warehouse = DuckdbWarehouse(folder / "warehouse.duckdb", folder / "spool")
    for number in range(VERSIONS):
        for dataset in DATASETS:
            _publish(warehouse, dataset, number)
    show(warehouse, 0, "begin")
    yield warehouse
    warehouse.close()


def show(warehouse: DuckdbWarehouse, number: int, promotion: str) -> None:
    """Make production show a version of all of them."""
    version = _version(number)
    mapping = {dataset: (version, relation_of(dataset, version)) for dataset in DATASETS}
    warehouse.swap(Swap(promotion=promotion, environment="prod", mapping=mapping, token=1))


def in_one_statement(session: DuckdbSession) -> Answer:
    """The versions that one statement over all datasets sees."""
    return _versions(session.fetch(" UNION ".join(EACH)))


def in_one_transaction(session: DuckdbSession) -> Answer:
    """The versions that statements for each dataset see, in a transaction of their own."""
    session.fetch("BEGIN TRANSACTION")
    try:
        return _versions([row for question in EACH for row in session.fetch(question)])
    finally:
        session.fetch("COMMIT")


def straddling(session: DuckdbSession, swap: Callable[[], object]) -> Answer:
    """The versions that statements see of which each stands alone, with a swap after the first half of them."""
    middle = len(EACH) // 2
    first = [row for question in EACH[:middle] for row in session.fetch(question)]
    swap()
    return _versions([*first, *(row for question in EACH[middle:] for row in session.fetch(question))])


def swap_under_readers(warehouse: DuckdbWarehouse, swaps: int, readers: int) -> Seen:
    """Promote, and go back now and then; half of the readers ask in one statement, half in one transaction.

    After each swap as many answers are waited for as there are readers.
    """
    seen = Seen()
    done = threading.Event()

    def read(ask: Callable[[DuckdbSession], Answer], answers: list[Answer]) -> None:
        with warehouse.session() as session:
            while not done.is_set():
                try:
                    answers.append(ask(session))
                except Exception as error:  # noqa: BLE001 - whatever a reader meets is a finding of the test
                    seen.errors.append(error)

    kinds = ((in_one_statement, seen.statements), (in_one_transaction, seen.transactions))
    threads = [threading.Thread(target=read, args=kinds[number % 2]) for number in range(readers)]
    for thread in threads:
        thread.start()
    try:
        _swap(warehouse, swaps, seen, lambda before: seen.answers < before + readers and not seen.errors)
    finally:
        done.set()
        for thread in threads:
            thread.join()
    return seen


def _swap(warehouse: DuckdbWarehouse, swaps: int, seen: Seen, waits: Callable[[int], bool]) -> None:
    shown, pause = 0, threading.Event()
    for number in range(1, swaps + 1):
        back = number % (BETWEEN + 1) == 0
        shown = (shown + (-1 if back else 1)) % VERSIONS
        before, began, worked = seen.answers, time.perf_counter(), time.thread_time()
        show(warehouse, shown, f"p{number}")
        seen.seconds.append(time.perf_counter() - began)
        seen.worked.append(time.thread_time() - worked)
        seen.rollbacks += back
        seen.promotions += not back
        while waits(before):
            pause.wait(0.001)


def _versions(rows: Sequence[tuple[object, ...]]) -> Answer:
    return tuple(sorted({int(str(row[0])) for row in rows}))


def _version(number: int) -> str:
    return str(number) * 16


def _publish(warehouse: DuckdbWarehouse, dataset: str, number: int) -> None:
    version = _version(number)
    with warehouse.session() as session:
        session.stage_query(f"SELECT {number} AS version, i FROM range({ROWS}) AS numbers(i)", {})
        publication = Publication(
            publish_id=f"{version}/{dataset}",
            run="r1",
            dataset=dataset,
            version=version,
            relation=relation_of(dataset, version),
            materialization=Materialization.TABLE,
            token=1,
        )
        session.publish(publication)
