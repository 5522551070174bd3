"""What a query's parts hand upward while columns are traced: columns, what each is made from, what rows rest on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True, order=True)
class ColumnRef:
    """One column of one dataset."""

    dataset: str
    column: str

    def __str__(self) -> str:
        return f"{self.dataset}.{self.column}"


Refs = frozenset[ColumnRef]
NONE: Refs = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class TracedColumn:
    """A column, where it is written, and what it is made from. `named` is false if the engine makes up its name."""

    name: str
    refs: Refs = NONE
    named: bool = True
    offset: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """Rows handed upward.

    `rows` decide which there are. `open_dataset` has columns nobody listed; `opaque` stands for columns that depend on
    the data, each made from all of it. `merged_by` names columns that a USING made one.
    """

    columns: tuple[TracedColumn, ...] = ()
    rows: Refs = NONE
    open_dataset: str | None = None
    opaque: Refs | None = None

    def find(self, name: str) -> Refs | None:
        """What the column of that name is made from (any case), or None if there is none."""
        found = [column.refs for column in self.columns if column.name.lower() == name.lower()]
        if found:
            return union(found)
        if self.open_dataset is not None:
            return frozenset({ColumnRef(self.open_dataset, name.lower())})
        return self.opaque

    @property
    def certain(self) -> bool:
        """Whether its columns are all listed."""
        return self.open_dataset is None and self.opaque is None

    def everything(self) -> Refs:
        """What any of its columns is made from."""
        return union(column.refs for column in self.columns) | (self.opaque or NONE)

    def renamed(self, names: tuple[str, ...]) -> Relation:
        """The first columns under other names, as `AS t(a, b)` gives them."""
        pairs = zip(self.columns, names, strict=False)
        first = tuple(replace(column, name=name, named=True) for column, name in pairs)
        return replace(self, columns=(*first, *self.columns[len(first) :]))

    def merged(self) -> tuple[TracedColumn, ...]:
        """Its columns, those of one name taken together."""
        names = dict.fromkeys(column.name for column in self.columns)
        return tuple(
            TracedColumn(name=name, refs=union(item.refs for item in self.columns if item.name == name))
            for name in names
        )


def union(refs: Iterable[Refs]) -> Refs:
    """All of them together."""
    return NONE.union(*refs)
