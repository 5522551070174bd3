"""Steps of a change that no rollback takes back, and what else it is that asks for particular approvers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.policy.rules import Label

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from penstock.delivery.design import Design
    from penstock.model.pipelines import Project


def irreversible_steps(planned: Design) -> tuple[str, ...]:
    """What cannot be undone, a sentence each: what the story labels so."""
    return planned.story.irreversible


def labels_of(irreversible: tuple[str, ...], project: Project, touched: Iterable[str]) -> tuple[str, ...]:
    """The labels of a change that makes or moves these datasets."""
    return tuple(str(label) for label in _labels(irreversible, project, touched))


def _labels(irreversible: tuple[str, ...], project: Project, touched: Iterable[str]) -> Iterator[Label]:
    if irreversible:
        yield Label.IRREVERSIBLE
    contracts = (project.datasets[name].contract for name in touched if name in project.datasets)
    if any(column.personal for contract in contracts if contract for column in contract.columns):
        yield Label.PERSONAL_DATA
