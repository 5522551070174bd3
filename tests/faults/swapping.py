"""Eight datasets in two versions each, swapped in one environment while others read all of them in one statement."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from penstock.adapters.duckdb.warehouse import DuckdbWarehouse, view_of
from penstock.engine.ports import Publication, Swap
from penstock.model.pipelines import Materialization
from penstock.plan.versions import relation_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DATASETS = tuple(f"sales.part_{number}" for number in range(8))
OLD, NEW = "0" * 16, "1" * 16
QUESTION = " UNION ".join(f"SELECT DISTINCT version FROM {view_of(dataset, 'prod')}" for dataset in DATASETS)


@dataclass(slots=True)
class Seen:
    """What readers saw while `swaps` swaps went on: for each statement the versions in its answer, and every error."""

    swaps: int
    answers: list[tuple[int, ...]] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)

    @property
    def mixed(self) -> list[tuple[int, ...]]:
        """Answers with anything but one version."""
        return [values for values in self.answers if len(values) != 1]

    @property
    def both(self) -> bool:
        """Whether the swaps were seen at all."""
        return {(0,), (1,)} <= set(self.answers)

    def __str__(self) -> str:
        """The figures."""
        return f"swaps {self.swaps}, statements {len(self.answers)}, mixed {len(self.mixed)}, errors {len(self.errors)}"


@contextmanager
def two_versions(folder: Path) -> Iterator[DuckdbWarehouse]:
    """A warehouse in which every row of the old versions says 0, of the new ones 1; production shows the old ones."""
    warehouse = DuckdbWarehouse(folder / "warehouse.duckdb", folder / "spool")
    for version, value in ((OLD, 0), (NEW, 1)):
        for dataset in DATASETS:
            _publish(warehouse, dataset, version, value)
    show(warehouse, OLD, 0)
    yield warehouse
    warehouse.close()


def show(warehouse: DuckdbWarehouse, version: str, number: int) -> None:
    """Make production show a version of all of them."""
    mapping = {dataset: (version, relation_of(dataset, version)) for dataset in DATASETS}
    warehouse.swap(Swap(promotion=f"p{number}", environment="prod", mapping=mapping, token=1))


def swap_under_readers(warehouse: DuckdbWarehouse, swaps: int, readers: int) -> Seen:
    """Promote and roll back in turn; after each swap wait for as many answers as there are readers."""
    seen = Seen(swaps)
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            try:
                rows = warehouse.query(QUESTION)[1]
                seen.answers.append(tuple(sorted(int(row[0]) for row in rows)))
            except Exception as error:  # noqa: BLE001 - whatever a reader meets is a finding of the test
                seen.errors.append(error)

    threads = [threading.Thread(target=read) for _ in range(readers)]
    for thread in threads:
        thread.start()
    for number in range(1, swaps + 1):
        before = len(seen.answers)
        show(warehouse, NEW if number % 2 else OLD, number)
        while len(seen.answers) < before + readers and not seen.errors:
            done.wait(0.001)
    done.set()
    for thread in threads:
        thread.join()
    return seen


def _publish(warehouse: DuckdbWarehouse, dataset: str, version: str, value: int) -> None:
    with warehouse.session() as session:
        session.stage_query(f"SELECT {value} AS version, i FROM range(1000) AS numbers(i)", {})
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
