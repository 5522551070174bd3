"""Where every dataset and column of a project comes from and goes, values kept apart from what decides the rows."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from penstock.model.errors import InputError
from penstock.model.pipelines import PythonTask, Source, SqlTask
from penstock.plan.order import topological
from penstock.sql.lineage import column_lineage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from penstock.model.findings import Finding
    from penstock.model.pipelines import Dataset, Project
    from penstock.sql.lineage import Lineage

WHOLE = ""
"""What stands for a dataset as a whole where a column would."""
Node = tuple[str, str]
"""A dataset and one of its columns, or `WHOLE`."""


class Bond(StrEnum):
    """What one thing is to another that is made of it."""

    VALUE = "value"
    """Its values are made of it."""
    ROWS = "rows"
    """Which rows there are rests on it."""
    DATASET = "dataset"
    """It reads it; more is not known, as of Python."""


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """One step of lineage."""

    source: Node
    target: Node
    bond: Bond

    def __str__(self) -> str:
        arrow = "~>" if self.bond is Bond.ROWS else "->"
        return f"{written(self.source)} {arrow} {written(self.target)}"


def written(node: Node) -> str:
    """A node as people write it."""
    return ".".join(part for part in node if part)


class ProjectLineage:
    """The edges of a project, read once. `columns` are those of each dataset, where they are known.

    `refused` says of queries that could not be followed why not.
    """

    def __init__(self, project: Project) -> None:
        self.columns: dict[str, tuple[str, ...]] = {}
        self.refused: dict[str, tuple[Finding, ...]] = {}
        self._above: dict[Node, list[Edge]] = defaultdict(list)
        self._below: dict[Node, list[Edge]] = defaultdict(list)
        self._reads = {name: tuple(sorted(set(dataset.reads))) for name, dataset in project.datasets.items()}
        self._consumers = {name: project.consumers(name) for name in project.datasets}
        for name in topological(project):
            for edge in self._edges(project.datasets[name]):
                self._above[edge.target].append(edge)
                self._below[edge.source].append(edge)

    def datasets(self, start: str, *, down: bool) -> Iterator[Edge]:
        """The steps between datasets above (or below) one, the nearest first."""
        seen, todo = {start}, [start]
        while todo:
            current = todo.pop(0)
            for other in self._consumers[current] if down else self._reads[current]:
                pair = ((current, WHOLE), (other, WHOLE)) if down else ((other, WHOLE), (current, WHOLE))
                yield Edge(*pair, Bond.DATASET)
                if other not in seen:
                    seen.add(other)
                    todo.append(other)

    def column(self, dataset: str, column: str, *, down: bool) -> Iterator[Edge]:
        """The steps above (or below) a column, the nearest first; with what decides the rows that its values are of."""
        start = (dataset, column)
        seen, todo, told = {start}, [start], set[Edge]()
        while todo:
            here = todo.pop(0)
            for edge in self._near(here, down=down):
                far = edge.target if down else edge.source
                if edge not in told:
                    told.add(edge)
                    yield edge
                if far not in seen and not (down and edge.bond is Bond.ROWS):
                    seen.add(far)
                    todo.append(far)

    def into(self, dataset: str) -> dict[Node, tuple[Edge, ...]]:
        """The steps into each column of a dataset, and into its rows (`WHOLE`)."""
        nodes = ((dataset, column) for column in (*self.columns.get(dataset, ()), WHOLE))
        return {node: tuple(self._above[node]) for node in nodes if node in self._above}

    def _near(self, node: Node, *, down: bool) -> Iterator[Edge]:
        """A column's own steps and, upward, those of its dataset's rows."""
        yield from (self._below if down else self._above)[node]
        if not down and node[1] != WHOLE:
            yield from self._above[(node[0], WHOLE)]

    def _edges(self, dataset: Dataset) -> Iterator[Edge]:
        """The steps into a dataset; its columns become known."""
        name, task = dataset.name, dataset.task
        if isinstance(task, Source):
            self.columns[name] = task.row
            return
        if isinstance(task, PythonTask) and task.columns:
            self.columns[name] = tuple(task.columns)
            yield from _of_code(name, task)
            return
        found = self._lineage(name, task) if isinstance(task, SqlTask) else None
        if found is None:
            if dataset.contract is not None:
                self.columns[name] = tuple(column.name for column in dataset.contract.columns)
            for read in self._reads[name]:
                yield from self._of_whole(read, name)
            return
        self.columns[name] = tuple(found.columns)
        yield from _of_query(name, found)

    def _lineage(self, name: str, task: SqlTask) -> Lineage | None:
        known = {read: self.columns[read] for read in task.reads if read in self.columns}
        try:
            return column_lineage(task.text, known)
        except InputError as error:
            self.refused[name] = error.findings
            return None

    def _of_whole(self, source: str, target: str) -> Iterator[Edge]:
        """Every column of the one may be in every column of the other."""
        sources: Iterable[str] = self.columns.get(source, (WHOLE,))
        for column in self.columns.get(target, (WHOLE,)):
            for read in sources:
                yield Edge((source, read), (target, column), Bond.DATASET)


def _of_code(name: str, task: PythonTask) -> Iterator[Edge]:
    """The steps that code declares; which rows it makes rests on everything it reads."""
    for column, made_of in task.columns.items():
        for source in made_of:
            yield Edge(source, (name, column), Bond.VALUE)
    for read in task.reads:
        yield Edge((read, WHOLE), (name, WHOLE), Bond.ROWS)


def _of_query(name: str, found: Lineage) -> Iterator[Edge]:
    for column, references in found.columns.items():
        for reference in references:
            yield Edge((reference.dataset, reference.column), (name, column), Bond.VALUE)
    for reference in found.rows:
        yield Edge((reference.dataset, reference.column), (name, WHOLE), Bond.ROWS)


def mermaid(edges: Iterable[Edge]) -> str:
    """A flowchart of edges: a box for each dataset with its columns in it; dotted where rows rest on something."""
    edges = tuple(edges)
    nodes: dict[str, dict[str, str]] = {}
    for edge in edges:
        for dataset, column in (edge.source, edge.target):
            inside = nodes.setdefault(dataset, {})
            inside.setdefault(column, f"n{sum(map(len, nodes.values()))}")
    lines = ["flowchart LR"]
    for dataset, inside in nodes.items():
        lines.append(f'  subgraph {dataset.replace(".", "__")}["{dataset}"]')
        lines += [f'    {identity}["{column or "rows"}"]' for column, identity in inside.items()]
        lines.append("  end")
    for edge in edges:
        arrow = "-.->" if edge.bond is Bond.ROWS else "-->"
        lines.append(f"  {_identity(nodes, edge.source)} {arrow} {_identity(nodes, edge.target)}")
    return "\n".join(lines) + "\n"


def _identity(nodes: Mapping[str, Mapping[str, str]], node: Node) -> str:
    return nodes[node[0]][node[1]]
