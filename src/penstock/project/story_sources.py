"""The `sources` of a story: files, their columns, and how staging treats their rows."""

from __future__ import annotations

import re
from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING

from penstock.model.intervals import Grain
from penstock.model.pipelines import NAME_PATTERN
from penstock.model.sources import ENCODINGS, SUFFIXES, Corrections, Drift, FileFormat
from penstock.model.storage import scheme_of
from penstock.model.stories import StoryColumn, StorySource
from penstock.sql.query import ExpressionError, expression_columns, is_aggregate, parse_expression

if TYPE_CHECKING:
    from penstock.documents import Fields

TYPES = "VARCHAR | BOOLEAN | SMALLINT | INTEGER | BIGINT | DOUBLE | DECIMAL(p, s) | DATE | TIME | TIMESTAMP"
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

STORY_FORMATS = (FileFormat.CSV, FileFormat.JSON, FileFormat.NDJSON)
_PLAIN_TYPE = re.compile(r"VARCHAR|BOOLEAN|SMALLINT|INTEGER|BIGINT|DOUBLE|DATE|TIME|TIMESTAMP")
_DECIMAL = re.compile(r"DECIMAL\s*\(\s*(\d{1,2})\s*,\s*(\d{1,2})\s*\)")
_PLACEHOLDER = re.compile(r"\{[^}]*\}")


def read_sources(front: Fields) -> dict[str, StorySource]:
    """Every source of the front matter; mistakes are noted on `front`."""
    return {name: read_source(name, fields) for name, fields in front.children("sources") if named(fields, name)}


def read_source(name: str, fields: Fields) -> StorySource:
    """One source; mistakes are noted on `fields`."""
    interval = fields.choice("interval", tuple(Grain))
    format_ = FileFormat(fields.choice("format", STORY_FORMATS) or FileFormat.CSV)
    columns = tuple(_columns(fields, format_))
    flags, described = _flags(fields)
    keep = fields.word_map("keep")
    for where, texts in (("keep", keep), ("flags", flags)):
        for word, text in texts.items():
            check_expression(fields, where, word, text)
    closed = fields.child("closed")
    source = StorySource(
        name=name,
        path=_path(fields, format_),
        format=format_,
        records=fields.text("records") or "" if format_ is FileFormat.JSON else "",
        columns=columns,
        interval=Grain(interval) if interval else None,
        description=fields.text("description") or "",
        delimiter=fields.text("delimiter") or ",",
        encoding=fields.choice("encoding", ENCODINGS) or "utf-8",
        drift=Drift(fields.choice("drift", tuple(Drift)) or Drift.FREEZE),
        corrections=Corrections(fields.choice("corrections", tuple(Corrections)) or Corrections.TELL),
        missing=fields.choice("missing", ("fail", "empty")) or "fail",
        closed_weekdays=_weekdays(closed) if closed else (),
        closed_dates=_dates(closed) if closed else (),
        deduplicate=bool(fields.flag("deduplicate")),
        bad_rows=fields.choice("bad_rows", ("quarantine", "fail")) or "fail",
        keep=MappingProxyType(keep),
        flags=MappingProxyType(flags),
        flag_descriptions=MappingProxyType(described),
    )
    if closed:
        closed.unknown()
    _check_names(fields, source)
    fields.unknown()
    return source


def named(fields: Fields, name: str) -> bool:
    """Whether `name` can name a dataset or column; notes it if not."""
    if NAME_PATTERN.fullmatch(name):
        return True
    fields.note(
        "story.bad_name",
        f"{name!r} cannot be a name",
        found=name,
        expected="a lower-case word: letters, digits and _, beginning with a letter",
    )
    return False


def read_type(fields: Fields, key: str = "type", *, required: bool = False) -> str:
    """A column's DuckDB type in one spelling, or `""` when it is missing or wrong."""
    text = fields.text(key, required=required)
    if text is None:
        return ""
    word = text.strip().upper()
    decimal = _DECIMAL.fullmatch(word)
    if decimal and int(decimal[2]) <= int(decimal[1]) <= 38 and int(decimal[1]):
        return f"DECIMAL({decimal[1]},{decimal[2]})"
    if _PLAIN_TYPE.fullmatch(word):
        return word
    fields.note("story.bad_type", f"{text!r} is not a type stories use", at=key, found=text, expected=TYPES)
    return ""


def check_expression(fields: Fields, where: str, word: str, text: str, *, aggregate: bool | None = False) -> None:
    """Note an expression that does not parse, or that is an aggregate where none may stand (None allows both)."""
    try:
        parse_expression(text)
        wrong = aggregate is not None and is_aggregate(text) != aggregate
    except ExpressionError as error:
        fields.note(
            "story.bad_expression",
            f"{where}.{word} is not an expression: {error}",
            at=where,
            found=text,
            expected="one DuckDB SQL expression over the staged columns",
        )
        return
    if wrong:
        fields.note(
            "story.aggregate",
            f"{where}.{word} adds rows up",
            at=where,
            found=text,
            expected="an expression over one row",
            remedy="move sums and counts to the measures of a dataset",
        )


def _columns(fields: Fields, format_: FileFormat) -> list[StoryColumn]:
    declared = fields.child("columns", required=True)
    if declared is None:
        return []
    children = {key: declared.child(key) for key in declared.values}
    columns = [_column(key, column, format_) for key, column in children.items() if column is not None]
    times = [column.name for column in columns if column.event_time]
    if len(times) > 1:
        declared.note(
            "story.two_event_times",
            f"{' and '.join(times)} both say when a row happened",
            expected="one column with `event_time: true`",
        )
    return columns


def _column(key: str, fields: Fields, format_: FileFormat) -> StoryColumn:
    raw = fields.text("header") or key
    name = fields.text("name") or _snake(raw)
    personal = fields.text("personal")
    column = StoryColumn(
        raw=raw,
        name=name,
        type=read_type(fields) or "VARCHAR",
        description=fields.text("description") or "",
        required=bool(fields.flag("required")) or bool(fields.flag("event_time")),
        event_time=bool(fields.flag("event_time")),
        personal=None if personal == "none" else personal,
        personal_asked=personal is not None,
        clean=fields.text("clean"),
        ignored=bool(fields.flag("ignore")),
        example=fields.text("example"),
        declared_as=key,
        also=fields.texts("also"),
        path=(fields.text("path") or "") if format_ is not FileFormat.CSV else "",
    )
    named(fields, name)
    if column.clean is not None:
        _check_clean(fields, column.clean)
    if column.event_time and column.type not in {"DATE", "TIMESTAMP"}:
        fields.note(
            "story.event_time", f"{name} says when a row happened, as {column.type}", expected="DATE | TIMESTAMP"
        )
    fields.unknown()
    return column


def _check_clean(fields: Fields, text: str) -> None:
    check_expression(fields, "clean", "value", text)
    try:
        others = [column for column in expression_columns(text) if column != "value"]
    except ExpressionError:
        return
    if others:
        fields.note(
            "story.bad_expression",
            f"clean reads {', '.join(others)}",
            at="clean",
            found=text,
            expected="an expression over the raw text, which stands there as `value`",
        )


def _snake(raw: str) -> str:
    """The header's word as a column name: `InvoiceNo` is `invoice_no`, `Unit price (£)` is `unit_price`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", raw)
    return re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_") or "column"


def _flags(fields: Fields) -> tuple[dict[str, str], dict[str, str]]:
    """Flag expressions and what they mean; a flag is text, or a mapping with `sql` and `description`."""
    flags: dict[str, str] = {}
    described: dict[str, str] = {}
    declared = fields.child("flags")
    for name in list(declared.values) if declared else ():
        assert declared is not None  # noqa: S101 - it had names
        named(declared, name)
        if not isinstance(declared.values[name], dict):
            flags[name] = declared.text(name, required=True) or "NULL"
        elif (flag := declared.child(name)) is not None:
            flags[name] = flag.text("sql", required=True) or "NULL"
            described[name] = flag.text("description") or ""
            flag.unknown()
    return flags, described


def _path(fields: Fields, format_: FileFormat) -> str:
    path = fields.text("path", required=True) or ""
    bare = _PLACEHOLDER.sub("", path)
    outside = path.startswith(("/", "~")) or ".." in path.split("/") or "\\" in path or ":" in bare
    if scheme_of(path) is not None:
        fields.note(
            "story.path_outside",
            "`path` is the address of objects, and stories look at files of the project",
            at="path",
            expected="a path beneath the project",
            remedy="let `author: {kind: files}` bring a NAME.source.yaml with this path",
        )
    elif outside or any(ord(letter) < 32 for letter in path):
        fields.note(
            "story.path_outside",
            f"the path {path!r} may lead out of the project",
            at="path",
            found=path,
            expected="a path beneath the project, without `..`",
        )
    elif path and not path.endswith(SUFFIXES[format_]):
        expected = " | ".join(SUFFIXES[format_])
        fields.note("story.bad_path", f"{path!r} is no {format_} file", at="path", found=path, expected=expected)
    wrong = [hole for hole in _PLACEHOLDER.findall(path) if not hole.startswith("{interval_start:%")]
    if wrong or bare.count("{") + bare.count("}"):
        fields.note(
            "story.bad_path",
            f"{path!r} holds {(wrong or ['a brace alone'])[0]}",
            at="path",
            found=path,
            expected="{interval_start:%Y-%m-%d} or another date format",
        )
    elif path and (("{interval_start:" in path) != (fields.values.get("interval") is not None)):
        fields.note(
            "story.bad_path",
            f"{path!r} and `interval` do not agree",
            at="path",
            found=path,
            expected="both {interval_start:…} in the path and an interval, or neither",
        )
    return path


def _weekdays(closed: Fields) -> tuple[str, ...]:
    words = closed.texts("weekdays")
    for word in words:
        if word not in WEEKDAYS:
            closed.note(
                "story.bad_weekday",
                f"{word!r} is not a weekday",
                at="weekdays",
                found=word,
                expected=" | ".join(WEEKDAYS),
            )
    return words


def _dates(closed: Fields) -> tuple[str, ...]:
    spans = closed.texts("dates")
    for span in spans:
        first, slash, last = span.partition("/")
        try:
            fine = date.fromisoformat(first) <= date.fromisoformat(last if slash else first)
        except ValueError:
            fine = False
        if not fine:
            closed.note(
                "story.bad_dates",
                f"{span!r} is neither a date nor a span of dates",
                at="dates",
                found=span,
                expected="2011-04-22 or 2010-12-24/2011-01-03",
            )
    return spans


def _check_names(fields: Fields, source: StorySource) -> None:
    names = [column.name for column in source.staged] + list(source.flags)
    if source.file_moment:
        names.append(source.file_moment[0])
    twice = sorted({name for name in names if names.count(name) > 1})
    for name in twice:
        fields.note(
            "story.name_twice",
            f"staging of {source.name} would have two columns {name}",
            at="columns",
            found=name,
            expected="each staged column and flag once (file_hour, file_date, file_month are taken by intervals)",
        )
    raws = [column.raw for column in source.columns]
    for raw in sorted({raw for raw in raws if raws.count(raw) > 1}):
        fields.note("story.name_twice", f"column {raw} is declared twice", at="columns", expected="each column once")
