"""What a change of a contract means to each who reads the dataset, by the columns that they read.

A change of one column concerns those who read it. What is about no single column (the key, a check of several columns,
a promise of time) concerns everybody. Where it cannot be told which columns are read, all of them are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.contract.compatibility import Effect
from penstock.model.errors import InputError
from penstock.model.pipelines import SqlTask
from penstock.plan.lineage import ProjectLineage
from penstock.sql.lineage import column_lineage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.contract.compatibility import ContractChange
    from penstock.contract.consumers import NamedConsumer
    from penstock.model.contracts import Contract
    from penstock.model.pipelines import Project

_ORDER = (Effect.NONE, Effect.ADDITIVE, Effect.BREAKING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """What a change means to one consumer. `reads` are the columns it reads, None for all; `changes` concern it."""

    consumer: str
    inside: bool
    reads: tuple[str, ...] | None
    changes: tuple[ContractChange, ...]

    @property
    def effect(self) -> Effect:
        """The worst of the changes that concern it."""
        return worst(self.changes)


def worst(changes: Sequence[ContractChange]) -> Effect:
    """Breaking if one is, else additive if one is, else none."""
    return max((change.effect for change in changes), key=_ORDER.index, default=Effect.NONE)


def impacts(
    changes: Sequence[ContractChange],
    *,
    old: Contract | None,
    new: Contract | None,
    project: Project | None,
    named: Sequence[NamedConsumer],
) -> tuple[Impact, ...]:
    """What the changes mean to the project's datasets that read this one, then to those whom the contract names."""
    contract = new or old
    if contract is None:
        return ()
    found = []
    columns = tuple(dict.fromkeys(column.name for one in (old, new) if one for column in one.columns))
    for consumer, reads in _readers(project, contract.dataset, columns) if project else ():
        found.append(Impact(consumer=consumer, inside=True, reads=reads, changes=_concerning(changes, reads)))
    for one in named:
        changed = _concerning(changes, one.columns)
        found.append(Impact(consumer=one.name, inside=False, reads=one.columns, changes=changed))
    return tuple(found)


def _concerning(changes: Sequence[ContractChange], reads: tuple[str, ...] | None) -> tuple[ContractChange, ...]:
    known = None if reads is None else {column.casefold() for column in reads}
    return tuple(
        change for change in changes if known is None or change.column is None or change.column.casefold() in known
    )


def _readers(project: Project, dataset: str, columns: tuple[str, ...]) -> list[tuple[str, tuple[str, ...] | None]]:
    """Each dataset that reads this one, with the columns that it reads; the old contract's and the new one's count."""
    readers = project.consumers(dataset)
    if not readers:
        return []
    schema = {**ProjectLineage(project).columns, dataset: columns}
    spelt = {column.casefold(): column for column in columns}
    found: list[tuple[str, tuple[str, ...] | None]] = []
    for name in readers:
        task = project.datasets[name].task
        reads = _read_columns(task.text, schema, dataset) if isinstance(task, SqlTask) else None
        found.append((name, reads and tuple(sorted(spelt.get(column.casefold(), column) for column in reads))))
    return found


def _read_columns(text: str, schema: dict[str, tuple[str, ...]], dataset: str) -> tuple[str, ...] | None:
    try:
        lineage = column_lineage(text, schema)
    except InputError:
        return None
    references = (*lineage.rows, *(one for refs in lineage.columns.values() for one in refs))
    return tuple({reference.column for reference in references if reference.dataset == dataset})
