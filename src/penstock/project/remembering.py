"""A project's model as lines of text and back, so that files which have not changed need not be read and judged again.

The lines name the classes they hold; only those listed here are ever made from them, by their own constructors.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, fields, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import lru_cache, singledispatch
from typing import TYPE_CHECKING, Any

from penstock.model.connectors import Connector, ConnectorSource
from penstock.model.contracts import ColumnSpec, Contract, OnFailure, Past, Rule, RuleKind, Threshold
from penstock.model.databases import Changes, Cursor, DatabaseEngine, DatabaseSource, Refresh
from penstock.model.datatests import DataTest
from penstock.model.exports import Export, ExportFormat, ExportMode
from penstock.model.findings import Severity
from penstock.model.intervals import Grain, Interval
from penstock.model.masking import MaskingKey
from penstock.model.pipelines import (
    CatchUp,
    CommandTask,
    Dataset,
    DatasetTrigger,
    FilesTrigger,
    IntervalBy,
    Limits,
    Materialization,
    Pipeline,
    Project,
    PythonTask,
    Retry,
    Settings,
    Sla,
    Slo,
    SqlTask,
    SqlTrigger,
)
from penstock.model.queries import Form, QueryForms
from penstock.model.schedule import Schedule
from penstock.model.sources import Closed, Corrections, Drift, FileFormat, FileSource
from penstock.model.storage import Identity, Scheme, Storage
from penstock.model.suites import Expectations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_MODELS: tuple[type, ...] = (
    Past,
    Threshold,
    Closed,
    ColumnSpec,
    Changes,
    CommandTask,
    ConnectorSource,
    Contract,
    Cursor,
    DataTest,
    DatabaseSource,
    Dataset,
    DatasetTrigger,
    Export,
    Expectations,
    FileSource,
    FilesTrigger,
    Form,
    Interval,
    IntervalBy,
    Limits,
    MaskingKey,
    Pipeline,
    Project,
    PythonTask,
    QueryForms,
    Retry,
    Rule,
    Schedule,
    Settings,
    Sla,
    Slo,
    SqlTask,
    SqlTrigger,
    Storage,
)
_WORDS: tuple[type[Enum], ...] = (
    CatchUp,
    Connector,
    Corrections,
    DatabaseEngine,
    Drift,
    ExportFormat,
    ExportMode,
    FileFormat,
    Grain,
    Identity,
    Materialization,
    OnFailure,
    Refresh,
    RuleKind,
    Scheme,
    Severity,
)
_LARGE = ("pipelines", "datasets", "files")
"""The mappings of a project that grow with it."""
_KIND, _OF = "%", "of"


def dump(project: Project) -> Iterator[str]:
    """A project as lines of text: first all but its large mappings, then each entry of these.

    A line is short, so that a project of thousands of pipelines is never held as text and as model at once.
    """
    yield _line(replace(project, pipelines={}, datasets={}, files={}))
    for name in _LARGE:
        for key, value in getattr(project, name).items():
            yield _line((name, key, value))


def load(lines: Iterable[str]) -> Project:
    """The project of lines that `dump` made.

    Raises:
        ValueError: they are no such lines, or those of another edition of the model.
    """
    found: dict[str, dict[str, Any]] = {name: {} for name in _LARGE}
    rest = iter(lines)
    try:
        head: Project = _made(json.loads(next(rest, "")))
        for line in rest:
            name, key, value = _made(json.loads(line))
            found[name][key] = value
        return replace(head, pipelines=found["pipelines"], datasets=found["datasets"], files=found["files"])
    except (KeyError, TypeError, AttributeError, ArithmeticError) as error:
        raise ValueError(str(error)) from error


def _line(value: Any) -> str:
    return json.dumps(_plain(value), separators=(",", ":"))


def _plain(value: Any) -> Any:
    if value is None or type(value) in {str, int, float, bool}:
        return value
    if type(value) is tuple:
        return [_plain(item) for item in value]
    return {_KIND: type(value).__name__, **_parts(value)}


@singledispatch
def _parts(value: Any) -> dict[str, Any]:
    """What an object of the model is made of; what its class has by itself is left out."""
    parts = {}
    for field in fields(value):
        held = getattr(value, field.name)
        if field.init and (field.default is MISSING or field.default != held):
            parts[field.name] = _plain(held)
    return parts


@_parts.register(Enum)
def _(value: Enum) -> dict[str, Any]:
    return {_OF: value.value}


@_parts.register(Mapping)
def _(value: Mapping[Any, Any]) -> dict[str, Any]:
    return {_KIND: "dict", _OF: [[_plain(key), _plain(item)] for key, item in value.items()]}


@_parts.register(list)
def _(value: list[Any]) -> dict[str, Any]:
    return {_OF: [_plain(item) for item in value]}


@_parts.register(frozenset)
def _(value: frozenset[Any]) -> dict[str, Any]:
    return {_OF: sorted((_plain(item) for item in value), key=str)}


@_parts.register(timedelta)
def _(value: timedelta) -> dict[str, Any]:
    return {_OF: [value.days, value.seconds, value.microseconds]}


@_parts.register(Decimal)
def _(value: Decimal) -> dict[str, Any]:
    return {_OF: str(value)}


@_parts.register(date)  # and datetime, which is one
@_parts.register(time)
def _(value: date | time) -> dict[str, Any]:
    return {_OF: value.isoformat()}


def _made(value: Any) -> Any:
    if type(value) is list:
        return tuple([_made(item) for item in value])
    if type(value) is not dict:
        return value
    kind = value[_KIND]
    make = _MAKERS.get(kind)
    if make is not None:
        return make(_made(value[_OF]))
    return _CLASSES[kind](**{name: _made(item) for name, item in value.items() if name != _KIND})


@lru_cache(maxsize=4096)
def _set(values: tuple[Any, ...]) -> frozenset[Any]:
    """The same object for equal values: schedules by the thousand have few different fields."""
    return frozenset(values)


_CLASSES: dict[str, type] = {kind.__name__: kind for kind in _MODELS}
_MAKERS: dict[str, Callable[[Any], Any]] = {
    **{kind.__name__: kind for kind in _WORDS},
    "dict": dict,
    "list": list,
    "frozenset": _set,
    "timedelta": lambda parts: timedelta(*parts),
    "Decimal": Decimal,
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
}
