"""`lineage`: where a dataset or a column comes from and where it goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.model.errors import InputError
from penstock.model.findings import Finding
from penstock.model.pipelines import LANDED, FileSource, SqlTask
from penstock.sql.lineage import column_lineage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.app.wiring import Workplace
    from penstock.model.pipelines import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """One step of lineage. `columns` are empty where only whole datasets are known."""

    source: str
    target: str
    source_column: str | None = None
    target_column: str | None = None

    def __str__(self) -> str:
        source = f"{self.source}.{self.source_column}" if self.source_column else self.source
        target = f"{self.target}.{self.target_column}" if self.target_column else self.target
        return f"{source} -> {target}"


def lineage(place: Workplace, name: str, *, down: bool) -> tuple[Edge, ...]:
    """The edges above (or below) a dataset `pipeline.dataset` or a column `pipeline.dataset.column`.

    Raises:
        InputError: there is no such dataset or column.
    """
    project = place.project
    parts = name.split(".")
    dataset = ".".join(parts[:2])
    if dataset not in project.datasets or len(parts) > 3:
        raise InputError(_unknown(name, project))
    if len(parts) == 2:
        return tuple(_datasets(project, dataset, down=down))
    edges = tuple(_column_edges(project))
    column = parts[2]
    if not any(column == edge.target_column for edge in edges if edge.target == dataset) and column not in columns_of(
        project
    ).get(dataset, ()):
        raise InputError(_unknown(name, project))
    return tuple(_walk(edges, dataset, column, down=down))


def _datasets(project: Project, start: str, *, down: bool) -> Iterator[Edge]:
    seen, todo = {start}, [start]
    while todo:
        current = todo.pop(0)
        near = project.consumers(current) if down else project.datasets[current].reads
        for other in sorted(near):
            yield Edge(source=current, target=other) if down else Edge(source=other, target=current)
            if other not in seen:
                seen.add(other)
                todo.append(other)


def columns_of(project: Project) -> dict[str, tuple[str, ...]]:
    """Each dataset's columns: its contract's, or a source's own."""
    found: dict[str, tuple[str, ...]] = {}
    for name, dataset in project.datasets.items():
        if dataset.contract is not None:
            found[name] = tuple(column.name for column in dataset.contract.columns)
        elif isinstance(dataset.task, FileSource):
            found[name] = (*dataset.task.columns, *LANDED)
    return found


def _column_edges(project: Project) -> Iterator[Edge]:
    schema = columns_of(project)
    for name, dataset in project.datasets.items():
        if not isinstance(dataset.task, SqlTask):
            continue
        for column, references in column_lineage(dataset.task.text, schema).columns.items():
            for reference in references:
                yield Edge(source=reference.dataset, target=name, source_column=reference.column, target_column=column)


def _walk(edges: tuple[Edge, ...], dataset: str, column: str, *, down: bool) -> Iterator[Edge]:
    seen, todo = {(dataset, column)}, [(dataset, column)]
    while todo:
        here = todo.pop(0)
        for edge in edges:
            ends = ((edge.source, edge.source_column), (edge.target, edge.target_column))
            near, far = ends if down else (ends[1], ends[0])
            if near != here:
                continue
            yield edge
            if far not in seen:
                seen.add((far[0], far[1] or ""))
                todo.append((far[0], far[1] or ""))


def _unknown(name: str, project: Project) -> Finding:
    return Finding(
        code="lineage.unknown",
        message=f"there is no dataset or column {name}",
        found=name,
        expected=", ".join(project.datasets) or "a dataset of this project",
        remedy="write pipeline.dataset or pipeline.dataset.column",
    )
