"""What is different between two models of a project: datasets new, altered, moved by what they read, removed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.plan.versions import own_definition, versions_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from penstock.model.pipelines import Dataset, Project


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectChange:
    """Names are sorted. `altered` datasets have another definition; `moved` ones only read something that moved.

    `columns` lists the contract's columns of every dataset that is new, altered or moved; `versions` are the new ones.
    """

    new: tuple[str, ...]
    altered: tuple[str, ...]
    moved: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: tuple[str, ...]
    edges_added: tuple[tuple[str, str], ...]
    edges_removed: tuple[tuple[str, str], ...]
    columns: Mapping[str, tuple[str, ...]]
    versions: Mapping[str, str]

    @property
    def touched(self) -> tuple[str, ...]:
        """Every dataset whose version is another one than before."""
        return tuple(sorted((*self.new, *self.altered, *self.moved)))


def compare_projects(old: Project, new: Project) -> ProjectChange:
    """What `new` changes about `old`."""
    before, after = versions_of(old), versions_of(new)
    common = sorted(set(before) & set(after))
    differing = [name for name in common if before[name].fingerprint != after[name].fingerprint]
    altered = tuple(
        name for name in differing if own_definition(old.datasets[name]) != own_definition(new.datasets[name])
    )
    touched = {*(set(after) - set(before)), *differing}
    old_edges, new_edges = set(_edges(old)), set(_edges(new))
    return ProjectChange(
        new=tuple(sorted(set(after) - set(before))),
        altered=altered,
        moved=tuple(name for name in differing if name not in altered),
        removed=tuple(sorted(set(before) - set(after))),
        unchanged=tuple(name for name in common if name not in differing),
        edges_added=tuple(sorted(new_edges - old_edges)),
        edges_removed=tuple(sorted(old_edges - new_edges)),
        columns={name: _columns(new.datasets[name]) for name in sorted(touched)},
        versions={name: version.fingerprint for name, version in after.items()},
    )


def _edges(project: Project) -> Iterator[tuple[str, str]]:
    for name, dataset in project.datasets.items():
        for upstream in dataset.reads:
            yield upstream, name


def _columns(dataset: Dataset) -> tuple[str, ...]:
    return tuple(column.name for column in dataset.contract.columns) if dataset.contract else ()
