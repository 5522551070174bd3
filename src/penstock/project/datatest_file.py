"""`tests/*.test.yaml` to `DataTest` values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.documents import Fields, read_yaml
from penstock.model.datatests import DataTest
from penstock.model.intervals import Interval

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.model.findings import Finding


def read_datatests(text: str, file: str, findings: list[Finding]) -> tuple[DataTest, ...]:
    """The cases of one file; what is wrong is added to `findings`."""
    fields = Fields(read_yaml(text, file), findings=findings)
    dataset = fields.text("dataset", required=True)
    fields.text("description")
    cases = [case for item in fields.items("cases", required=True) if (case := _case(item, dataset or "", file))]
    fields.unknown()
    return tuple(cases) if dataset else ()


def _case(item: Fields, dataset: str, file: str) -> DataTest | None:
    before = len(item.findings)
    name = item.text("name", required=True)
    interval = _interval(item)
    given = item.child("given", required=True)
    tables = {upstream: _rows(given, upstream) for upstream in given.values} if given else {}
    expect = _rows(item, "expect")
    description = item.text("description") or ""
    item.unknown()
    if len(item.findings) > before or name is None:
        return None
    line, _ = item.document.marks[item.path]
    return DataTest(
        dataset=dataset,
        name=name,
        file=file,
        line=line,
        given=tables,
        expect=expect,
        interval=interval,
        description=description,
    )


def _rows(fields: Fields, key: str) -> tuple[Mapping[str, Any], ...]:
    value = fields.raw(key)
    if value is None:
        value = []
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        fields.note("kind", f"{key} is not a list of rows", at=key, expected="a list of mappings: column to value")
        return ()
    return tuple(value)


def _interval(item: Fields) -> Interval | None:
    text = item.text("interval")
    if text is None:
        return None
    try:
        return Interval.parse(text)
    except ValueError as error:
        item.note(
            "project.bad_interval", f"interval is {text!r}: {error}", at="interval", expected="2011-01-04/2011-01-05"
        )
    return None
