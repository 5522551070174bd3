"""`NAME.source.yaml` to a source dataset."""

from __future__ import annotations

import re
import string
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from penstock.documents import Fields, read_yaml
from penstock.model.connectors import Connector
from penstock.model.databases import DATABASE
from penstock.model.intervals import Grain
from penstock.model.pipelines import Dataset, IntervalBy, Materialization
from penstock.model.sources import ENCODINGS, SUFFIXES, Closed, Corrections, Drift, FileFormat, FileSource
from penstock.model.storage import scheme_of
from penstock.project.connector_file import read_connector
from penstock.project.database_file import read_database
from penstock.project.source_columns import read_columns
from penstock.project.storage import read_storage
from penstock.project.task_options import read_limits

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from penstock.model.findings import Finding

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
INTERVAL_COLUMN = "_interval_start"
_DELIMITER = re.compile(r"[\t !#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]")
_FORMAT = re.compile(r"(?:%[YymdHMSj]|[-_./T])*")


FORMATS = (*FileFormat, DATABASE, *Connector)
"""What `format` may say."""


def read_source(
    name: str, text: str, file: str, findings: list[Finding], texts: Mapping[str, str] | None = None
) -> Dataset | None:
    """One source; what is wrong is added to `findings`. `texts` are the files whose functions it may name."""
    fields = Fields(read_yaml(text, file), findings=findings)
    if fields.values.get("format") in tuple(Connector):
        return read_connector(name, fields, file, texts or {})
    if fields.values.get("format") == DATABASE:
        return read_database(name, fields, file)
    before = len(findings)
    description = fields.text("description") or ""
    format_ = FileFormat(fields.choice("format", FORMATS, required=True) or FileFormat.CSV)
    path = fields.text("path", required=True)
    grain = fields.choice("interval", tuple(Grain))
    columns = read_columns(fields, format_)
    missing = fields.choice("missing", ("fail", "empty")) or "fail"
    drift = Drift(fields.choice("drift", tuple(Drift)) or Drift.FREEZE)
    corrections = Corrections(fields.choice("corrections", tuple(Corrections)) or Corrections.TELL)
    closed = _closed(fields)
    batch = fields.integer("batch", low=1) or 31
    limits = read_limits(fields, None)
    layout = _layout(fields, format_)
    storage = read_storage(fields, path)
    fields.unknown()
    if path is not None and (storage is not None or scheme_of(path) is None):
        _check_path(fields, path, format_, dated="interval" in fields)
    if len(findings) > before or path is None:
        return None
    files = FileSource(path=path, columns=(), format=format_, missing=missing, closed=closed, drift=drift)
    source = replace(files, corrections=corrections, storage=storage, **columns.parts(), **layout)
    by = IntervalBy(grain=Grain(grain), column=INTERVAL_COLUMN, batch=batch) if grain else None
    kept = Materialization.INCREMENTAL if grain else Materialization.TABLE
    return Dataset(
        name=name,
        file=file,
        task=source,
        materialization=kept,
        interval=by,
        description=description,
        limits=limits,
    )


def _layout(fields: Fields, format_: FileFormat) -> dict[str, Any]:
    """How files of this format are laid out, where the source says so."""
    found: dict[str, Any] = {}
    if format_ is FileFormat.CSV:
        delimiter, encoding = fields.text("delimiter"), fields.choice("encoding", ENCODINGS)
        if delimiter is not None and not _DELIMITER.fullmatch(delimiter):
            expected = "one sign such as , ; | or tab"
            fields.note("project.bad_delimiter", f"delimiter is {delimiter!r}", at="delimiter", expected=expected)
        found = {"delimiter": delimiter or ",", "encoding": encoding or "utf-8"}
    elif format_ is FileFormat.JSON:
        alone = fields.choice("no_records", ("skip", "row")) or "skip"
        found = {"records": fields.text("records") or "", "no_records": alone}
    elif format_ is FileFormat.EXCEL:
        found = {"sheet": fields.text("sheet") or ""}
    return found


def _check_path(fields: Fields, path: str, format_: FileFormat, *, dated: bool) -> None:
    pure = PurePosixPath(path)
    if scheme_of(path) is None and (pure.is_absolute() or ".." in pure.parts):
        fields.note(
            "project.outside",
            f"path {path} leaves the project",
            at="path",
            found=path,
            expected="a path beneath the project's folder",
            remedy="move the data into the project and write its path from there",
        )
        return
    problem = template_problem(path)
    if problem:
        fields.note(
            "project.bad_template", problem, at="path", found=path, expected="{interval_start:%Y-%m-%d} or no braces"
        )
    elif ("{interval_start" in path) != dated:
        fields.note(
            "project.bad_template",
            "`interval` and {interval_start:…} in `path` go together",
            at="path",
            found=path,
            expected="both, for one file an interval, or neither",
        )
    elif not path.endswith((*SUFFIXES[format_], "*")):
        expected = " | ".join(SUFFIXES[format_])
        fields.note("project.bad_suffix", f"path ends in {pure.suffix or 'no suffix'}", at="path", expected=expected)


def template_problem(path: str) -> str | None:
    """What is wrong with the braces of a source path, if anything."""
    try:
        parts = list(string.Formatter().parse(path))
        if any(
            field not in {None, "interval_start", "interval_end"} or conversion for _, field, _, conversion in parts
        ):
            return f"path {path} has braces that are not {{interval_start:…}} or {{interval_end:…}}"
        if not all(_FORMAT.fullmatch(spec or "") for _, field, spec, _ in parts if field is not None):
            return f"path {path} has a time format that is not made of %Y %y %m %d %H %M %S %j and - _ . /"
        if any("**" in part and part != "**" for part in PurePosixPath(path).parts):
            return f"path {path} has ** beside other signs; write * there"
        moment = datetime(2000, 1, 1, tzinfo=UTC)
        if ".." in PurePosixPath(path.format(interval_start=moment, interval_end=moment)).parts:
            return f"path {path} leaves the project once it is filled in"
    except (ValueError, IndexError, KeyError) as error:
        return f"path {path} cannot be filled in: {error}"
    return None


def _closed(fields: Fields) -> Closed:
    child = fields.child("closed")
    if child is None:
        return Closed()
    weekdays = child.texts("weekdays")
    wrong = [word for word in weekdays if word not in WEEKDAYS]
    if wrong:
        child.note("project.bad_weekday", f"{wrong[0]!r} is no weekday", at="weekdays", expected=" | ".join(WEEKDAYS))
    dates: set[date] = set()
    for text in child.texts("dates"):
        try:
            dates.update(date_range(text))
        except ValueError:
            child.note(
                "project.bad_date", f"{text!r} is no date", at="dates", expected="2010-12-24 or 2010-12-24/2011-01-03"
            )
    child.unknown()
    return Closed(
        weekdays=frozenset(WEEKDAYS.index(word) for word in weekdays if word in WEEKDAYS), dates=frozenset(dates)
    )


def date_range(text: str) -> Iterable[date]:
    """The dates of `2010-12-24` or `2010-12-24/2011-01-03`, both ends included.

    Raises:
        ValueError: not dates, or more than ten years of them.
    """
    first, _, last = text.partition("/")
    start, end = date.fromisoformat(first.strip()), date.fromisoformat((last or first).strip())
    if not timedelta(0) <= end - start <= timedelta(days=3660):
        raise ValueError(f"{text!r} is no range of dates")
    return [start + timedelta(days=offset) for offset in range((end - start).days + 1)]
