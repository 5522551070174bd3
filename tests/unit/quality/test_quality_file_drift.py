"""What is another in a file than in the one before it."""

from __future__ import annotations

from typing import Any

from penstock.model.sources import Drift, FileFormat, FileSource, LandedFile
from penstock.quality.file_drift import DriftKind, drifts

SOURCE = FileSource(
    path="data/*.csv",
    columns=("Province_State", "Lat", "Count"),
    drift=Drift.EVOLVE,
    also={"Lat": ("Latitude",)},
)
HEADER = ("Province/State", "Latitude", "Count")


def _file(start: str, **changes: Any) -> LandedFile:
    values = {"name": f"data/{start}.csv", "start": start, "size": 1, "modified": 1, "digest": "d", "rows": 1}
    return LandedFile(**{**values, "header": HEADER, **changes})


def _told(*files: LandedFile, source: FileSource = SOURCE) -> list[tuple[str, DriftKind, str]]:
    return [(one.start, one.kind, str(one)) for one in drifts(source, files)]


def test_files_that_are_alike_drift_nowhere() -> None:
    assert _told(_file("2020-03-01"), _file("2020-03-02")) == []


def test_each_kind_is_told_on_its_day_whatever_the_order_of_landing() -> None:
    files = (
        _file("2020-03-03", header=("Count", "Province_State", "New", "Lat"), dialect={"delimiter": ";"}),
        _file("2020-03-01", forms={"Count": "whole number"}, dialect={"delimiter": ","}),
        _file("2020-03-04", header=("Count", "New", "Lat"), dialect={"delimiter": ";"}),
        _file("2020-03-02", forms={"Count": "number with 1 decimals"}, dialect={"delimiter": ","}),
        _file("2020-03-05", header=("New", "Count", "Lat"), dialect={"delimiter": ";"}),
    )
    assert _told(*files) == [
        ("2020-03-02", DriftKind.RETYPED, "Count: whole number before, number with 1 decimals now"),
        ("2020-03-03", DriftKind.RENAMED, "renamed: Province/State is Province_State now"),
        ("2020-03-03", DriftKind.RENAMED, "renamed: Latitude is Lat now"),
        ("2020-03-03", DriftKind.NEW, "new: New (kept in _extra)"),
        ("2020-03-03", DriftKind.WRITTEN, "delimiter: comma before, semicolon now"),
        ("2020-03-04", DriftKind.GONE, "gone: Province_State"),
        ("2020-03-05", DriftKind.REORDERED, "columns stand in another order"),
    ]


def test_an_empty_column_says_nothing_of_what_its_values_look_like() -> None:
    files = (_file("1", forms={"Count": "whole number"}), _file("2"), _file("3", forms={"Count": "date 2020-01-31"}))
    assert _told(*files) == [("3", DriftKind.RETYPED, "Count: whole number before, date 2020-01-31 now")]


def test_paths_of_json_come_and_go_and_a_document_without_records_says_nothing() -> None:
    source = FileSource(
        path="data/*.json",
        format=FileFormat.JSON,
        columns=("id", "mag"),
        paths={"mag": "properties.mag"},
        drift=Drift.EVOLVE,
    )
    files = (
        _file("1", header=("id", "properties.mag", *(f"properties.p{n:02}" for n in range(10)))),
        _file("2", header=()),
        _file("3", header=("properties.mag", "id")),
        _file("4", header=("properties.mag",)),
        _file("5", header=("properties.mag", "id", "properties.p00")),
    )
    assert _told(*files, source=source) == [
        ("3", DriftKind.GONE, f"gone: {', '.join(f'properties.p{n:02}' for n in range(8))} and 2 more (undeclared)"),
        ("4", DriftKind.GONE, "gone: id"),
        ("5", DriftKind.NEW, "new: id"),
        ("5", DriftKind.NEW, "new: properties.p00 (kept in _extra)"),
    ]
