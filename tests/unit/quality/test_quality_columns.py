"""A relation has the columns of its contract, or the findings say which not."""

from __future__ import annotations

from penstock.model.contracts import ColumnSpec, Contract
from penstock.quality.columns import compare_columns

CONTRACT = Contract(
    dataset="a.b",
    file="f",
    version="1",
    columns=(ColumnSpec(name="Day", type="DATE"), ColumnSpec(name="total", type="DECIMAL(18,2)")),
)


def found(*actual: tuple[str, str]) -> list[tuple[str, str | None]]:
    return [(finding.code, finding.place.field) for finding in compare_columns(CONTRACT, actual)]


def test_the_same_columns_in_other_spellings_are_no_finding() -> None:
    assert found(("total", "NUMERIC(18, 2)"), ("DAY", "date")) == []


def test_what_is_missing_extra_or_of_another_type_is_found_at_once() -> None:
    assert found(("total", "DOUBLE"), ("mail", "VARCHAR")) == [
        ("quality.column_missing", "Day"),
        ("quality.column_type", "total"),
        ("quality.column_extra", "mail"),
    ]
