"""Marts: one row per grain of a delivered dataset, with its measures, and measures over measures."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from penstock.author.sql_text import comment, guarded, header, listed, name
from penstock.author.staging import spelled
from penstock.project.story_datasets import is_over_measures
from penstock.sql.comparisons import comparisons, conjuncts
from penstock.sql.query import expression_columns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.model.stories import Measure, StoryDataset, StorySource

_SUM = re.compile(r"\bsum\s*\(", re.IGNORECASE)
_MEANS_NOTHING = re.compile(r"\b(avg|min|max|median|mode|first|last|any_value|quantile\w*)\s*\(", re.IGNORECASE)
_COUNT = re.compile(r"\s*count\s*\([^()]*\)\s*(filter\s*\(.*\))?\s*", re.IGNORECASE | re.DOTALL)
_FILTERED_SUM = re.compile(r"\s*sum\s*\(([\w\s*]+)\)\s*filter\s*\(\s*where\b(.*)\)\s*", re.IGNORECASE | re.DOTALL)
_ARITHMETIC = re.compile(r"[\w\s.+*()-]+")
_TO_DATE = re.compile(r"\s*cast\s*\(\s*(\w+)\s+as\s+date\s*\)\s*|\s*(\w+)\s*(::\s*date)?\s*", re.IGNORECASE)


def zero_when_empty(sql: str) -> bool:
    """Whether a measure over no rows at all is 0: a sum is, an average or a minimum is not."""
    return bool(_SUM.search(sql)) and not _MEANS_NOTHING.search(sql)


def measure_sql(measure: Measure) -> str:
    """A measure as its declared type."""
    if _COUNT.fullmatch(measure.sql) and measure.type == "BIGINT":
        return measure.sql
    inner = f"coalesce({measure.sql}, 0)" if zero_when_empty(measure.sql) else measure.sql
    return f"CAST({inner} AS {spelled(measure.type)})"


def interval_column(dataset: StoryDataset, source: StorySource) -> str | None:
    """The column that the dataset's intervals are cut by; none if its source comes as a whole."""
    return dataset.interval_column if source.interval else None


def moment_of_rows(dataset: StoryDataset, source: StorySource) -> str | None:
    """What places a staged row in its interval: the event time where the date is just its day, else the date."""
    column = interval_column(dataset, source)
    if column is None:
        return None
    expression = dataset.grain[column]
    match = _TO_DATE.fullmatch(expression)
    time = source.event_time
    if match and time and time.name in {match[1], match[2]}:
        expression = name(time.name)
    return expression


def mart_sql(pipeline: str, dataset: StoryDataset, source: StorySource) -> str:
    """`NAME.sql` of a delivered dataset."""
    settings: dict[str, object] = {"description": dataset.description or f"{dataset.name} from {source.name}."}
    column = interval_column(dataset, source)
    if column:
        settings |= {"materialize": "incremental", "interval": f"day({column})"}
    else:
        settings["materialize"] = "table"
    plain = [measure for measure in dataset.measures if not is_over_measures(measure)]
    derived = [measure for measure in dataset.measures if is_over_measures(measure)]
    inner = _grouped(pipeline, dataset, source, plain)
    if not derived:
        return header(settings) + inner
    body = "".join(f"  {line}\n" if line else "\n" for line in inner.splitlines())
    return header(settings) + f"WITH measured AS (\n{body})\n\n" + _over_measures(dataset)


def _grouped(pipeline: str, dataset: StoryDataset, source: StorySource, measures: list[Measure]) -> str:
    items = [_grain_item(word, text, dataset.grain_types) for word, text in dataset.grain.items()]
    items += [_described(measure, f"{measure_sql(measure)} AS {name(measure.name)}") for measure in measures]
    lines = ["SELECT", listed(items), f"FROM {name(pipeline)}.stg_{source.name}"]
    moment = moment_of_rows(dataset, source)
    within = f"{moment} >= $interval_start AND {moment} < $interval_end" if moment else None
    conditions = [within] if within else []
    for index, (word, text) in enumerate(dataset.filters.items()):
        why = "\n".join(comment(f"{word[:1].upper()}{word[1:]}.", "  "))
        conditions.append(f"{why}\n  {'AND ' if index or within else ''}{guarded(text)}")
    if conditions:
        lines.append("WHERE " + "\n".join(conditions) if within else "WHERE\n" + "\n".join(conditions))
    lines.append("GROUP BY ALL")
    return "\n".join(lines) + "\n"


def _grain_item(word: str, text: str, types: Mapping[str, str]) -> str:
    if text == word:
        return name(word)
    wanted = types.get(word, "")
    cast = text.isidentifier() or not wanted or re.search(rf"\bAS\s+{re.escape(wanted)}\s*\)$", text, re.IGNORECASE)
    return f"{text} AS {name(word)}" if cast else f"CAST({text} AS {spelled(wanted)}) AS {name(word)}"


def _described(measure: Measure, item: str) -> str:
    return "\n".join([*(comment(measure.description) if measure.description else []), item])


def _over_measures(dataset: StoryDataset) -> str:
    items = [name(word) for word in dataset.grain]
    for measure in dataset.measures:
        item = name(measure.name)
        if is_over_measures(measure):
            item = _described(measure, f"CAST({measure.sql} AS {spelled(measure.type)}) AS {item}")
        items.append(item)
    return f"SELECT\n{listed(items)}\nFROM measured\n"


def never_null(dataset: StoryDataset) -> frozenset[str]:
    """The measures that always have a value: counts, sums (0 over no rows), and plain arithmetic over such measures."""
    filled: set[str] = set()
    for measure in dataset.measures:
        if is_over_measures(measure):
            arithmetic = _ARITHMETIC.fullmatch(measure.sql) is not None
            has_value = arithmetic and set(expression_columns(measure.sql)) <= filled
        else:
            has_value = zero_when_empty(measure.sql) or _COUNT.fullmatch(measure.sql) is not None
        if has_value:
            filled.add(measure.name)
    return frozenset(filled)


def is_never_negative(measure: Measure, source: StorySource) -> bool:
    """Whether a measure cannot be below zero: a count, or a sum of products of columns its filter keeps positive."""
    if _COUNT.fullmatch(measure.sql):
        return True
    match = _FILTERED_SUM.fullmatch(measure.sql)
    if match is None:
        return False
    positive = _held_above_zero(match[2], source, frozenset())
    return all(factor.strip() in positive for factor in match[1].split("*"))


def _held_above_zero(predicate: str, source: StorySource, seen: frozenset[str]) -> frozenset[str]:
    """The columns that are zero or more wherever the predicate holds, through the flags it asks for."""
    positive = {
        found.column
        for found in comparisons(predicate)
        if found.certain and found.operator in {">", ">=", "="} and _is_positive(found.literal)
    }
    for flag in conjuncts(predicate):
        if flag in source.flags and flag not in seen:
            positive |= _held_above_zero(source.flags[flag], source, seen | {flag})
    return frozenset(positive)


def _is_positive(text: str) -> bool:
    try:
        return Decimal(text) >= 0
    except InvalidOperation:
        return False
