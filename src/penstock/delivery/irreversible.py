"""Steps of a change that no rollback takes back, and what else it is that asks for particular approvers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.delivery.sealing import find_statement
from penstock.evidence.envelope import read_envelope, read_statement
from penstock.evidence.statements import Link
from penstock.policy.rules import Label

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from penstock.delivery.changes import Change
    from penstock.delivery.design import Design
    from penstock.delivery.tools import Tools
    from penstock.model.pipelines import Project


IRREVERSIBLE = "irreversible"
"""The fact of an implementation that names steps no rollback takes back."""


def irreversible_steps(change: Change, planned: Design, root: Path, tools: Tools) -> tuple[str, ...]:
    """What cannot be undone, a sentence each: what the story labels so, and what the implementation saw destroyed."""
    path = find_statement(change, Link.IMPLEMENTATION, root, tools)
    seen: tuple[str, ...] = ()
    if path is not None:
        statement = read_statement(read_envelope(tools.folder.read(root, path) or b"", path), path)
        steps = statement.facts.get(IRREVERSIBLE, ())
        seen = tuple(str(step) for step in steps) if isinstance(steps, list | tuple) else ()
    return (*planned.story.irreversible, *seen)


def labels_of(irreversible: tuple[str, ...], project: Project, touched: Iterable[str]) -> tuple[str, ...]:
    """The labels of a change that makes or moves these datasets."""
    return tuple(str(label) for label in _labels(irreversible, project, touched))


def _labels(irreversible: tuple[str, ...], project: Project, touched: Iterable[str]) -> Iterator[Label]:
    if irreversible:
        yield Label.IRREVERSIBLE
    contracts = (project.datasets[name].contract for name in touched if name in project.datasets)
    if any(column.personal for contract in contracts if contract for column in contract.columns):
        yield Label.PERSONAL_DATA
