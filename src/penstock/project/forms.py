"""What each query's columns rest on, once all datasets are known: `*` needs the columns of what is read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from penstock.model.pipelines import LANDED, FileSource, SqlTask
from penstock.sql.columns import query_forms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.model.pipelines import Dataset


def with_forms(datasets: Mapping[str, Dataset]) -> dict[str, Dataset]:
    """The datasets, their queries with forms. What Python and commands make is not known by column before they ran."""
    found: dict[str, Dataset] = {}
    schema: dict[str, tuple[str, ...]] = {}
    for name in _inward(datasets):
        dataset = datasets[name]
        task = dataset.task
        if isinstance(task, FileSource):
            schema[name] = (*task.columns, *LANDED)
        elif isinstance(task, SqlTask):
            forms = query_forms(task.text, {read: schema[read] for read in task.reads if read in schema})
            if forms is not None:
                schema[name] = tuple(forms.columns)
            dataset = replace(dataset, task=replace(task, forms=forms))
        found[name] = dataset
    return {name: found[name] for name in datasets}


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
