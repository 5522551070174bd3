"""What a connector has: its resources or streams with their columns, and a sample of the rows of one."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.engine.ports.processes import Order

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from penstock.engine.ports.processes import Processes
    from penstock.model.pipelines import Dataset


@dataclass(frozen=True, slots=True, kw_only=True)
class Look(Order):
    """An order to read so many rows `at_most`; with `names_resources`, only to say what there is."""

    at_most: int
    names_resources: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A resource or stream: its columns as they would be declared, its key and cursor where it names them."""

    name: str
    columns: tuple[tuple[str, str], ...]
    key: tuple[str, ...] = ()
    cursor: str = ""


def resources_of(processes: Processes, dataset: Dataset, rows: int) -> tuple[Resource, ...]:
    """What a source's connector has; types are those it names, or those that so many rows show.

    Raises:
        TaskError: it cannot be run so.
        TransientError: what it asks does not answer.
    """
    with processes.scratch() as folder:
        output = folder / "_seen.json"
        processes.run(_look(dataset, output, rows, names_resources=True))
        found = json.loads(output.read_text(encoding="utf-8"))
    return tuple(
        Resource(
            name=str(one["name"]),
            columns=tuple((str(name), str(type_)) for name, type_ in one["columns"].items()),
            key=tuple(map(str, one["key"])),
            cursor=str(one["cursor"]),
        )
        for one in found
    )


@contextmanager
def sample_of(processes: Processes, dataset: Dataset, rows: int) -> Iterator[Path]:
    """The first rows of a source as a Parquet file, for the time of a block; raises as `resources_of`."""
    with processes.scratch() as folder:
        output = folder / "_output.parquet"
        processes.run(_look(dataset, output, rows))
        yield output


def _look(dataset: Dataset, output: Path, rows: int, *, names_resources: bool = False) -> Look:
    return Look(
        run="look",
        log=dataset.name,
        dataset=dataset,
        interval=None,
        output=output,
        at_most=rows,
        names_resources=names_resources,
    )
