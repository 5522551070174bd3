"""Dependency order over a project's datasets."""

from __future__ import annotations

from graphlib import TopologicalSorter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from penstock.model.pipelines import Project


def topological(project: Project) -> tuple[str, ...]:
    """Every dataset after those it reads and is related to; ties by name, so that the order is always the same."""
    datasets = project.datasets
    sorter = TopologicalSorter(
        {name: sorted({other for other in datasets[name].needs if other in datasets}) for name in sorted(datasets)}
    )
    sorter.prepare()
    order: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        order.extend(ready)
        sorter.done(*ready)
    return tuple(order)
