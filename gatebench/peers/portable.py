"""A project as another tool can hold it: queries, the checks of contracts and the data tests, none of Penstock's own.

- What a file says is taken as it stands at the change's own commit, mistakes between files included: other tools judge.
- A dataset that another tool cannot make (a Python function, a program, a masking function) is left out, with whatever
  reads it, and so are their checks and tests.
- Queries are full: the bounds of an interval are those of the pipeline's whole period, an offset is that of the first
  run. A data test brings bounds of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from penstock.adapters.duckdb.scratch import column_types
from penstock.model.contracts import OnFailure, RuleKind
from penstock.model.findings import Severity
from penstock.model.pipelines import Materialization, Source, SqlTask
from penstock.project.layout import is_project_file
from penstock.project.reading import examine
from penstock.project.sql_file import HEADER
from penstock.quality.implied import rules_of
from penstock.quality.scanning import plain_condition, predicate_of, unrelated
from penstock.sql.identifiers import literal, quote
from penstock.sql.syntax import read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from penstock.model.contracts import Rule, Threshold
    from penstock.model.datatests import DataTest
    from penstock.model.pipelines import Dataset, IntervalBy, Project

TABLE = "{table}"
"""Stands in a check's query where the judged rows do."""
_HISTORY = frozenset({RuleKind.FRESHNESS, RuleKind.VOLUME, RuleKind.DRIFT})
"""Kinds that hold a build against earlier ones, or against the moment of a run, which other tools do not know."""
_COMPARISONS = {
    "mustBe": "n = {0}",
    "mustNotBe": "n <> {0}",
    "mustBeGreaterThan": "n > {0}",
    "mustBeGreaterOrEqualTo": "n >= {0}",
    "mustBeLessThan": "n < {0}",
    "mustBeLessOrEqualTo": "n <= {0}",
    "mustBeBetween": "n BETWEEN {0} AND {1}",
    "mustNotBeBetween": "n NOT BETWEEN {0} AND {1}",
}


class NotPortableError(Exception):
    """The project's files cannot be read, so that nothing can be made of them for another tool."""


class Part(StrEnum):
    """What stands in a piece of a query: text, a dataset's relation, or the value of a parameter."""

    TEXT = "text"
    DATASET = "dataset"
    PARAMETER = "parameter"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The interval that a query covers, `start` within it and `end` not; both without a zone, in UTC."""

    start: datetime
    end: datetime

    def values(self) -> dict[str, str]:
        """By the name of the parameter, as timestamps are written."""
        return {"interval_start": _moment(self.start), "interval_end": _moment(self.end)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A query that makes a dataset: its pieces in turn, the columns that are declared, and its whole period."""

    name: str
    is_view: bool
    pieces: tuple[tuple[Part, str], ...]
    reads: tuple[str, ...]
    bounds: Bounds
    columns: Mapping[str, str] = field(default_factory=dict)

    def sql(self, render: Callable[[Part, str], str]) -> str:
        """The query, each piece as a tool wants it."""
        return "".join(render(part, text) for part, text in self.pieces).strip()


class CheckKind(StrEnum):
    """The checks for which tools have words of their own; any other is a query that returns offending rows."""

    NOT_NULL = "not_null"
    UNIQUE = "unique"
    ACCEPTED_VALUES = "accepted_values"
    QUERY = "query"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One promise of a contract. `sql` returns the rows that offend it, with `{table}` where the judged ones stand.

    `other` is a second dataset that the query names as `{other}`; `warns` says that an offence stops nothing.
    """

    name: str
    dataset: str
    kind: CheckKind
    sql: str
    columns: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    other: str | None = None
    warns: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitTest:
    """A case of a data test. `types` are those of the columns of each dataset that is read, `result` of the result."""

    name: str
    dataset: str
    given: Mapping[str, tuple[Mapping[str, object], ...]]
    types: Mapping[str, Mapping[str, str]]
    expect: tuple[Mapping[str, object], ...]
    result: Mapping[str, str]
    bounds: Bounds | None = None

    @property
    def named(self) -> tuple[str, ...]:
        """The columns that an expected row names; of none all that the contract declares."""
        found = tuple(dict.fromkeys(column for row in self.expect for column in row))
        return found or tuple(self.result)


@dataclass(frozen=True, slots=True, kw_only=True)
class Portable:
    """What another tool is given of a project. `sources` maps what is landed to its columns and types."""

    models: Mapping[str, Model]
    sources: Mapping[str, Mapping[str, str]]
    checks: tuple[Check, ...]
    tests: tuple[UnitTest, ...]
    left_out: Mapping[str, str]
    files: Mapping[str, str]


def read_portable(folder: Path, until: datetime) -> Portable:
    """What a project's files say, as another tool can hold it, with data up to a moment.

    Raises:
        NotPortableError: its settings or a file with a query cannot be read.
    """
    paths = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    files = {str(path.relative_to(folder)): path for path in paths}
    project, findings = examine({name: path.read_bytes() for name, path in files.items() if is_project_file(name)})
    if project is None:
        raise NotPortableError("; ".join(finding.message for finding in findings))
    read_ones = {dataset.file for dataset in project.datasets.values()}
    unread = sorted(name for name in files if name.endswith(".sql") and is_project_file(name) and name not in read_ones)
    if unread:
        raise NotPortableError(f"{', '.join(unread)}: not read")
    return portable(project, until)


def portable(project: Project, until: datetime) -> Portable:
    """The part of a project that another tool can hold."""
    left_out = _left_out(project)
    held = {name: dataset for name, dataset in project.datasets.items() if name not in left_out}
    sources = {name: column_types(one) for name, one in held.items() if isinstance(one.task, Source)}
    models = {name: _model(one, project, until) for name, one in held.items() if name not in sources}
    return Portable(
        models=models,
        sources=sources,
        checks=tuple(check for one in held.values() for check in _checks(one, held)),
        tests=tuple(_unit_test(test, project) for test in project.tests if test.dataset in models),
        left_out=left_out,
        files={dataset.file: name for name, dataset in project.datasets.items()},
    )


def _left_out(project: Project) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, dataset in project.datasets.items():
        task = dataset.task
        if isinstance(task, SqlTask):
            if task.masks:
                found[name] = f"calls {', '.join(task.masks)}"
        elif not isinstance(task, Source):
            found[name] = f"is made by a {task.kind} task"
        if dataset.contract and dataset.contract.names_policies:
            found[name] = f"puts rows aside: on failure {OnFailure.QUARANTINE} or {OnFailure.NULL}"
    for name in project.downstream(*found):
        found.setdefault(name, "reads what is left out")
    return dict(sorted(found.items()))


def _model(dataset: Dataset, project: Project, until: datetime) -> Model:
    assert isinstance(dataset.task, SqlTask)  # noqa: S101 - the caller left out the others
    pipeline = project.pipelines.get(dataset.pipeline)
    end = until.replace(tzinfo=None)
    return Model(
        name=dataset.name,
        is_view=dataset.materialization is Materialization.VIEW,
        pieces=tuple(_pieces(dataset.task)),
        reads=dataset.task.reads,
        bounds=Bounds(start=pipeline.start.replace(tzinfo=None) if pipeline else end, end=end),
        columns=column_types(dataset) if dataset.contract else {},
    )


def _pieces(task: SqlTask) -> Iterator[tuple[Part, str]]:
    """The text after its header, cut where a dataset or a parameter stands."""
    header = HEADER.match(task.text)
    done = header.end() if header else 0
    cuts: list[tuple[int, int, Part, str, str]] = [
        (start, end, Part.TEXT if dataset is None else Part.DATASET, dataset or "", words)
        for start, end, dataset, words in task.edits
    ]
    cuts += [(start, end, Part.PARAMETER, name, "") for start, end, name in _parameters(task)]
    for start, end, part, name, words in sorted(cuts):
        yield Part.TEXT, task.text[done:start]
        yield part, name
        yield Part.TEXT, words
        done = end
    yield Part.TEXT, task.text[done:].rstrip().rstrip(";")


def _parameters(task: SqlTask) -> Iterator[tuple[int, int, str]]:
    tokens = read(task.text).tokens
    for mark, name in pairwise(tokens):
        if mark.text == "$" and name.text in task.params:
            yield mark.start, name.end + 1, name.text


# -- contracts --------------------------------------------------------------------------------------------------------


def _checks(dataset: Dataset, held: Mapping[str, Dataset]) -> Iterator[Check]:
    contract = dataset.contract
    if contract is None:
        return
    types = {column.name: column.type for column in contract.columns}
    for number, rule in enumerate(rules_of(contract), start=1):
        if rule.kind in _HISTORY or (rule.dataset and rule.dataset not in held):
            continue
        about = "_".join((rule.kind, *rule.columns) if rule.columns else (rule.kind, str(number)))
        plain = rule.threshold is None
        yield Check(
            name=f"{contract.dataset.replace('.', '__')}__{_word(about)}__{number}",
            dataset=contract.dataset,
            kind=_kind(rule) if plain else CheckKind.QUERY,
            sql=_offending(rule, types, dataset.interval),
            columns=rule.columns,
            values=rule.values,
            other=rule.dataset,
            warns=rule.severity is not Severity.ERROR,
        )


def _kind(rule: Rule) -> CheckKind:
    if len(rule.columns) != 1:
        return CheckKind.QUERY
    words = {
        RuleKind.NOT_NULL: CheckKind.NOT_NULL,
        RuleKind.UNIQUE: CheckKind.UNIQUE,
        RuleKind.ACCEPTED_VALUES: CheckKind.ACCEPTED_VALUES,
    }
    return words.get(rule.kind, CheckKind.QUERY)


def _offending(rule: Rule, types: Mapping[str, str], interval: IntervalBy | None) -> str:
    """A query for the rows that offend a rule; of one with a threshold, a row if too many do.

    The number of rows is that of each interval, where a dataset has intervals; one without rows is not seen.
    """
    if rule.kind is RuleKind.ROW_COUNT and rule.threshold:
        by = f" GROUP BY date_trunc({literal(interval.grain)}, {quote(interval.column)})" if interval else ""
        return _beyond(f"SELECT count(*) AS n FROM {TABLE}{by}", rule.threshold)
    rows = _rows(rule, types)
    if rule.threshold is None:
        return rows
    number = f"SELECT count(*) AS n FROM ({rows}) AS offending"
    if rule.threshold.percent:
        number = f"SELECT 100.0 * ({number}) / nullif((SELECT count(*) FROM {TABLE}), 0) AS n"
    return _beyond(number, rule.threshold)


def _rows(rule: Rule, types: Mapping[str, str]) -> str:
    if rule.kind is RuleKind.UNIQUE:
        names = ", ".join(quote(column) for column in rule.columns)
        whole = " AND ".join(f"{quote(column)} IS NOT NULL" for column in rule.columns)
        return f"SELECT {names} FROM {TABLE} WHERE {whole} GROUP BY {names} HAVING count(*) > 1"
    if rule.kind is RuleKind.RELATION:
        return f"SELECT here.* {unrelated(rule, TABLE, '{other}')}"
    predicate = predicate_of(rule, types)
    if rule.kind is RuleKind.SQL and not (predicate and plain_condition(rule.sql or "")):
        return rule.sql or ""
    return f"SELECT * FROM {TABLE} WHERE {predicate}"


def _beyond(number: str, threshold: Threshold) -> str:
    holds = _COMPARISONS[threshold.operator].format(*threshold.operands)
    return f"SELECT n FROM ({number}) AS counted WHERE NOT ({holds})"


# -- data tests -------------------------------------------------------------------------------------------------------


def _unit_test(test: DataTest, project: Project) -> UnitTest:
    dataset = project.datasets[test.dataset]
    reads = [name for name in dataset.reads if name in project.datasets]
    given = {name: tuple(test.given.get(name, ())) for name in reads}
    interval = test.interval
    return UnitTest(
        name=f"{test.dataset.replace('.', '__')}__{_word(test.name)}",
        dataset=test.dataset,
        given=given,
        types={name: column_types(project.datasets[name], rows) for name, rows in given.items()},
        expect=test.expect,
        result=column_types(dataset, test.expect),
        bounds=Bounds(start=interval.start.replace(tzinfo=None), end=interval.end.replace(tzinfo=None))
        if interval
        else None,
    )


def value_text(value: Any) -> str | None:
    """A value of a data test's row as the text that is cast to its column's type; None of NULL."""
    if value is None or isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)


def _moment(moment: datetime) -> str:
    return moment.isoformat(sep=" ", timespec="seconds")


def _word(text: str) -> str:
    """Letters, digits and _ alone, as names of tests are written."""
    return "_".join("".join(letter if letter.isalnum() else " " for letter in text.lower()).split())[:120]
