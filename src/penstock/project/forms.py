"""What each query's columns rest on, once all datasets are known: `*` needs the columns of what is read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from penstock.model.pipelines import Source, SqlTask
from penstock.sql.columns import query_forms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.model.pipelines import Dataset


def with_forms(datasets: Mapping[str, Dataset], known: Mapping[str, Dataset] | None = None) -> dict[str, Dataset]:
    """The datasets, their queries with forms. What Python and commands make is not known by column before they ran.

    `known` are datasets as they were: the same query over the same columns has the same forms.
    """
    before = known or {}
    found: dict[str, Dataset] = {}
    for name in _inward(datasets):
        dataset = datasets[name]
        task = dataset.task
        if isinstance(task, SqlTask):
            schema = _schema(task, found)
            was = before[name].task if name in before else None
            same = isinstance(was, SqlTask) and was.text == task.text and _schema(was, before) == schema
            forms = was.forms if isinstance(was, SqlTask) and same else query_forms(task.text, schema)
            dataset = replace(dataset, task=replace(task, forms=forms))
        found[name] = dataset
    return {name: found[name] for name in datasets}


def _schema(task: SqlTask, datasets: Mapping[str, Dataset]) -> dict[str, tuple[str, ...]]:
    """The columns of what a query reads, as far as they are known."""
    columns = {name: _columns(datasets[name]) for name in task.reads if name in datasets}
    return {name: listed for name, listed in columns.items() if listed}


def _columns(dataset: Dataset) -> tuple[str, ...]:
    if isinstance(dataset.task, Source):
        return dataset.task.row
    forms = dataset.task.forms if isinstance(dataset.task, SqlTask) else None
    return tuple(forms.columns) if forms is not None else ()


def _inward(datasets: Mapping[str, Dataset]) -> list[str]:
    """Names in an order in which what is read comes first; in a circle, which is told of elsewhere, in any."""
    done: dict[str, None] = {}
    for start in datasets:
        todo, seen = [start], set[str]()
        while todo:
            name = todo[-1]
            waiting = [] if name in seen else [read for read in datasets[name].reads if read in datasets]
            seen.add(name)
            todo += [read for read in waiting if read not in done and read not in seen]
            if todo[-1] == name:
                done.setdefault(todo.pop())
    return list(done)
