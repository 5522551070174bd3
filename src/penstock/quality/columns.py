"""Whether a relation has the columns its contract promises."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.contract.column_types import normal_type
from penstock.model.findings import Finding, Place

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from penstock.model.contracts import Contract


def compare_columns(contract: Contract, actual: Sequence[tuple[str, str]]) -> tuple[Finding, ...]:
    """What is missing, extra, or of another type; names compare as DuckDB does, without regard to case.

    `actual` holds name and type of each column as DuckDB describes them. An extra column is an error too: nobody said
    what it means or whether it is personal data.
    """
    return tuple(_differences(contract, {name.casefold(): (name, type_) for name, type_ in actual}))


def _differences(contract: Contract, actual: dict[str, tuple[str, str]]) -> Iterator[Finding]:
    for column in contract.columns:
        found = actual.pop(column.name.casefold(), None)
        if found is None:
            yield Finding(
                code="quality.column_missing",
                message=f"{contract.dataset} has no column {column.name}",
                place=_place(contract, column.name),
                expected=f"{column.name} {column.type}",
                remedy="add the column to the task, or take it out of the contract",
            )
        elif _normal(found[1]) != _normal(column.type):
            yield Finding(
                code="quality.column_type",
                message=f"{contract.dataset}.{column.name} is {found[1]}",
                place=_place(contract, column.name),
                found=found[1],
                expected=column.type,
                remedy=f"cast it to {column.type} in the task, or correct the contract",
            )
    for name, type_ in actual.values():
        yield Finding(
            code="quality.column_extra",
            message=f"{contract.dataset} has a column {name} that its contract does not name",
            place=_place(contract, name),
            found=f"{name} {type_}",
            expected="only columns of the contract",
            remedy="add it to the contract, with its meaning, or take it out of the task",
        )


def _normal(text: str) -> str:
    return normal_type(text) or text.upper()


def _place(contract: Contract, column: str) -> Place:
    return Place(file=contract.file, dataset=contract.dataset, field=column)
