"""Whether a change's queries were exercised by the rows that the warehouse holds."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from penstock.adapters.duckdb.laboratory import MemoryLaboratory
from penstock.adapters.duckdb.mutant_bench import TestsLaboratory
from penstock.app.killing import telling_test
from penstock.model.errors import InputError
from penstock.model.intervals import Grain, Interval, parse_moment
from penstock.model.pipelines import CommandTask, PythonTask, Source, SqlTask
from penstock.plan.versions import versions_of
from penstock.quality.exercise import Comparison, Exercise, Grounds, Pair, PlaceSeen, exercise
from penstock.quality.synthesis import Shape, model_of
from penstock.sql.changes import ChangedPlace, ChangeKind
from penstock.sql.query import parse_query
from penstock.sql.rewriting import edits_of, rewrite

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from penstock.app.warehouses import ProjectWarehouse
    from penstock.model.pipelines import Dataset, Project
    from penstock.quality.synthesis import World
    from penstock.quality.witness import Question

MADE_UP_DAY = parse_moment("2024-01-10")
"""The interval for which rows are made up begins here."""


def exercised(
    warehouse: ProjectWarehouse, old: Project, new: Project, moved: Mapping[str, bool], until: datetime
) -> tuple[Exercise, ...]:
    """What the built versions of `new` show of each query that is another one than in `old`.

    `moved` names the datasets whose rows were compared, and whether they differ; the others are left out.
    """
    found = []
    with closing(MemoryLaboratory()) as laboratory:
        for name, differs in sorted(moved.items()):
            before, after = old.datasets[name], new.datasets[name]
            if isinstance(before.task, SqlTask) and isinstance(after.task, SqlTask):
                if before.task.query_digest == after.task.query_digest:
                    continue
                data = _Built(warehouse, _relations(old, new), _bounds(new, after, until))
                pair = _pair(data, before, after, new, differs=differs)
                found.append(exercise(replace(pair, write=_Writer(after, new)), data, laboratory))
            elif _is_other_code(before, after):
                found.append(_unprobed(after, differs=differs))
    return tuple(found)


def exercised_versions(
    warehouse: ProjectWarehouse,
    project: Project,
    name: str,
    queries: tuple[str, str],
    relations: Mapping[str, str],
    until: datetime,
    *,
    differs: bool,
) -> Exercise | None:
    """The same of two versions of one dataset by the text of their queries, over the rows of `relations`.

    None where that cannot be told: one of them is no query, or reads what is not there.
    """
    dataset = project.datasets.get(name)
    if dataset is None or not isinstance(dataset.task, SqlTask) or not all(queries):
        return None
    reads = [parse_query(text, dataset.file).datasets for text in queries]
    if any(read not in relations for listed in reads for read in listed):
        return None
    before, after = (
        replace(dataset, task=replace(dataset.task, text=text, reads=listed, edits=edits_of(text)))
        for text, listed in zip(queries, reads, strict=True)
    )
    data = _Built(warehouse, relations, _bounds(project, dataset, until))
    with closing(MemoryLaboratory()) as laboratory:
        return exercise(_pair(data, before, after, project, differs=differs), data, laboratory)


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes a data test of rows that tell a dataset's new query from the old one."""

    dataset: Dataset
    project: Project

    def __call__(self, question: Question, world: World) -> str | None:
        turned = replace(question, old=question.new, new=question.old)
        with closing(TestsLaboratory()) as laboratory:
            made = telling_test("rows that changed", self.dataset, turned, world, self.project, laboratory)
        return made[0].text if made is not None else None


@dataclass(frozen=True, slots=True)
class _Built:
    """The rows of built versions, asked over the names of their datasets."""

    warehouse: ProjectWarehouse
    relations: Mapping[str, str]
    bounds: Mapping[str, object]

    def ask(self, sql: str) -> tuple[Any, ...] | None:
        bound = {name: value for name, value in self.bounds.items() if f"${name}" in sql}
        try:
            rows = self.warehouse.query(rewrite(sql, self.relations), bound)[1]
        except InputError:
            return None
        return rows[0] if rows else None

    def columns(self, dataset: str) -> tuple[tuple[str, str], ...]:
        return self.warehouse.columns(self.relations[dataset])


def _relations(old: Project, new: Project) -> dict[str, str]:
    """The relation of every dataset: the new version, or the old one of what the new project does not have."""
    versions = {**versions_of(old), **versions_of(new)}
    return {name: version.relation for name, version in versions.items()}


def _bounds(project: Project, dataset: Dataset, until: datetime) -> dict[str, object]:
    """All of a dataset's time as one interval, and an append's beginning."""
    start = project.pipeline_of(dataset.name).start
    return {"interval_start": start.replace(tzinfo=None), "interval_end": until.replace(tzinfo=None), "offset": None}


def _pair(data: _Built, before: Dataset, after: Dataset, project: Project, *, differs: bool) -> Pair:
    assert isinstance(before.task, SqlTask)  # noqa: S101 - the caller looked
    assert isinstance(after.task, SqlTask)  # noqa: S101 - as above
    reads = sorted({*before.task.reads, *after.task.reads})
    shapes = {name: _shape(data, name, project) for name in reads}
    tests = [test for test in project.tests if test.dataset == after.name]
    written = next((test.interval for test in tests if test.interval is not None), None)
    return Pair(
        dataset=after.name,
        file=after.file,
        old=before.task.text,
        new=after.task.text,
        inputs=shapes,
        differ=differs,
        interval=written or _made_up_interval(after),
        tests={test.name: (model_of(test.given, shapes), test.interval) for test in tests},
    )


def _shape(data: _Built, name: str, project: Project) -> Shape:
    dataset = project.datasets.get(name)
    return Shape(columns=data.columns(name)).promised(dataset.contract if dataset else None)


def _made_up_interval(dataset: Dataset) -> Interval | None:
    if dataset.interval is None:
        return None
    start = Grain(dataset.interval.grain).floor(MADE_UP_DAY)
    return Interval(start, dataset.interval.grain.step(start))


def _is_other_code(before: Dataset, after: Dataset) -> bool:
    if isinstance(after.task, Source) and isinstance(before.task, Source):
        return False  # what arrives is compared as rows; there is no code to go through
    codes = [
        task.code_digest if isinstance(task, PythonTask | CommandTask) else task.kind
        for task in (before.task, after.task)
    ]
    return codes[0] != codes[1]


def _unprobed(dataset: Dataset, *, differs: bool) -> Exercise:
    """Code that is no query: nothing in it can be probed."""
    place = ChangedPlace(kind=ChangeKind.EXPRESSION, line=1, excerpt=f"the code of {dataset.name}")
    return Exercise(
        dataset=dataset.name,
        file=dataset.file,
        comparison=Comparison.DIFFERENT if differs else Comparison.NOT_EXERCISED,
        places=(PlaceSeen(place=place, grounds=Grounds.NOT_PROBED),),
    )
