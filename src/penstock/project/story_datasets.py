"""The `datasets`, `impact` and `acceptance` of a story: what is delivered, what may move, how it is judged."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING

from penstock.model.errors import InputError
from penstock.model.stories import Bound, Criterion, Impact, Measure, StoryDataset
from penstock.project.story_sources import check_expression, named, read_type
from penstock.sql.query import ExpressionError, is_aggregate, parse_query

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.documents import Fields
    from penstock.model.stories import StorySource

BOUND = "LOW%..HIGH% (such as -5%..0%), any, or none; of a column also gone"
FILTER = "a predicate over the dataset's columns, such as country = 'France'"
CRITERION_ID = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,30}")
_CAST = re.compile(r"\s*(?:try_)?cast\s*\(.*\bas\s+([a-z]+(?:\s*\(\s*\d+\s*,\s*\d+\s*\))?)\s*\)\s*", re.I | re.S)


def read_datasets(front: Fields, sources: Mapping[str, StorySource]) -> dict[str, StoryDataset]:
    """Every delivered dataset of the front matter; mistakes are noted on `front`."""
    datasets: dict[str, StoryDataset] = {}
    for name, fields in front.children("datasets"):
        if named(fields, name):
            datasets[name] = _dataset(name, fields, sources)
    return datasets


def _dataset(name: str, fields: Fields, sources: Mapping[str, StorySource]) -> StoryDataset:
    origin = fields.text("from", required=True) or ""
    if origin and origin not in sources:
        fields.note(
            "story.unknown_source",
            f"datasets.{name} is made from {origin}, which the story does not bring in",
            at="from",
            found=origin,
            expected=" | ".join(sorted(sources)) or "a source under `sources`",
        )
    grain, types, described = _grain(fields, sources.get(origin))
    measures = tuple(_measures(fields))
    filters = fields.word_map("filters")
    for word, text in filters.items():
        check_expression(fields, "filters", word, text)
    names = [*grain, *(measure.name for measure in measures)]
    for twice in sorted({word for word in names if names.count(word) > 1}):
        fields.note("story.name_twice", f"{name} would have two columns {twice}", expected="each column once")
    dataset = StoryDataset(
        name=name,
        source=origin,
        grain=MappingProxyType(grain),
        measures=measures,
        filters=MappingProxyType(filters),
        description=fields.text("description") or "",
        grain_types=MappingProxyType(types),
        grain_descriptions=MappingProxyType(described),
    )
    fields.unknown()
    return dataset


def _grain(fields: Fields, source: StorySource | None) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """Expressions, types and descriptions by grain column; a column is an expression, or a mapping with `sql`."""
    grain: dict[str, str] = {}
    types: dict[str, str] = {}
    described: dict[str, str] = {}
    declared = fields.child("grain", required=True)
    staged = {column.name: column for column in source.staged} if source else {}
    moment = dict([source.file_moment]) if source and source.file_moment else {}
    for name in list(declared.values) if declared else ():
        assert declared is not None  # noqa: S101 - it had names
        named(declared, name)
        column = declared.child(name) if isinstance(declared.values[name], dict) else None
        text = (column.text("sql") if column else declared.text(name)) or name
        check_expression(declared, "grain", name, text)
        given = read_type(column) if column else ""
        plain = staged.get(text)
        described[name] = (column.text("description") if column else None) or (plain.description if plain else "")
        grain[name] = text
        types[name] = given or (plain.type if plain else "") or moment.get(text, "") or _cast_type(text)
        if not types[name] and source is not None and not text.isidentifier():
            declared.note(
                "story.no_type",
                f"the type of grain column {name} cannot be read from {text!r}",
                at=name,
                expected="a plain staged column, CAST(… AS type), or a `type` beside `sql`",
            )
        if column:
            column.unknown()
    return grain, types, described


def _cast_type(text: str) -> str:
    match = _CAST.fullmatch(text)
    return re.sub(r"\s", "", match[1].upper()) if match else ""


def _measures(fields: Fields) -> list[Measure]:
    measures: list[Measure] = []
    for name, measure in fields.children("measures", required=True):
        named(measure, name)
        sql = measure.text("sql", required=True) or "NULL"
        check_expression(measure, "sql", name, sql, aggregate=None)
        measures.append(
            Measure(
                name=name,
                sql=sql,
                type=read_type(measure, required=True) or "VARCHAR",
                description=measure.text("description") or "",
            )
        )
        measure.unknown()
    return measures


def is_over_measures(measure: Measure) -> bool:
    """Whether a measure is an expression over earlier measures rather than an aggregate over staged rows."""
    try:
        return not is_aggregate(measure.sql)
    except ExpressionError:
        return False


def read_impact(front: Fields, pipeline: str) -> dict[str, Impact]:
    """What the story says may move, by full dataset name (a bare name gets the story's pipeline)."""
    impacts: dict[str, Impact] = {}
    declared = front.child("impact")
    for key in list(declared.values) if declared else ():
        assert declared is not None  # noqa: S101 - it had names
        name = key if "." in key else f"{pipeline}.{key}"
        if declared.values[key] in ("new", "any", "none"):
            word = declared.text(key)
            bound = None if word == "new" else Bound.parse(word or "")
            impacts[name] = Impact(dataset=name, new=word == "new", rows=bound, every_column=bound)
        elif (fields := declared.child(key)) is not None:
            impacts[name] = _impact(name, fields)
    return impacts


def _impact(name: str, fields: Fields) -> Impact:
    columns = fields.child("columns")
    bounds = {column: _bound(columns, column, may_go=column != "*") for column in columns.values} if columns else {}
    every = bounds.pop("*", None)
    impact = Impact(
        dataset=name,
        new=bool(fields.flag("new")),
        rows=_bound(fields, "rows"),
        columns=MappingProxyType({column: bound for column, bound in bounds.items() if bound is not None}),
        every_column=every,
        where=_where(fields),
    )
    fields.unknown()
    return impact


def _where(fields: Fields) -> str | None:
    """The rows in which alone something may move."""
    text = fields.text("where")
    if text is None:
        return None
    try:
        folds = is_aggregate(text)
    except ExpressionError as error:
        for finding in error.findings:
            fields.note("story.bad_filter", finding.message, at="where", expected=FILTER)
        return None
    if folds:
        fields.note("story.bad_filter", f"{text!r} folds rows into one value", at="where", expected=FILTER)
    return text


def _bound(fields: Fields, key: str, *, may_go: bool = False) -> Bound | None:
    text = fields.text(key)
    if text is None:
        return None
    try:
        bound = Bound.parse(text)
    except ValueError:
        bound = None
    if bound is None or (bound.gone and not may_go):
        fields.note("story.bad_bound", f"{text!r} does not say how far {key} may move", at=key, expected=BOUND)
        return None
    return bound


def read_acceptance(front: Fields, story: str) -> tuple[Criterion, ...]:
    """The acceptance criteria, in the story's order: each a sentence, or a mapping with `text` and `sql`."""
    criteria: list[Criterion] = []
    declared = front.child("acceptance")
    for key in list(declared.values) if declared else ():
        assert declared is not None  # noqa: S101 - it had names
        if not CRITERION_ID.fullmatch(key):
            declared.note("story.bad_id", f"{key!r} cannot name a criterion", at=key, expected="such as A1")
        if not isinstance(declared.values[key], dict):
            text, sql = declared.text(key, required=True), None
        elif (fields := declared.child(key)) is not None:
            text, sql = fields.text("text", required=True), _query(fields)
            fields.unknown()
        criteria.append(Criterion(id=key, text=text or "", sql=sql, story=story))
    return tuple(criteria)


def _query(fields: Fields) -> str | None:
    sql = fields.text("sql")
    if sql is None:
        return None
    try:
        parse_query(sql, fields.document.file)
    except InputError as error:
        for finding in error.findings:
            fields.note(
                "story.bad_query",
                f"the criterion's sql cannot be used: {finding.message}",
                at="sql",
                found=finding.found,
                expected=finding.expected or "one SELECT that returns the rows that contradict it",
                remedy=finding.remedy,
            )
        return None
    return sql.strip()
