"""What the made-up rows should become, taken from the story's own expressions rather than from the generated SQL."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from penstock.author.mart import zero_when_empty
from penstock.author.sql_text import guarded, name
from penstock.project.story_datasets import is_over_measures
from penstock.sql.renaming import rename_columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from penstock.author.boundaries import Line
    from penstock.author.ports import RowEvaluator
    from penstock.model.stories import StoryDataset, StorySource

Row = "Mapping[str, str | None]"
NUMBER = "_row"


def typed_rows(source: StorySource, lines: Sequence[Line], evaluate: RowEvaluator) -> list[dict[str, str | None]]:
    """Each line's values as their types (as text), with the flags, in the lines' order."""
    columns = [(column.raw, "VARCHAR") for column in source.columns]
    rows = [[line.raw[raw] for raw, _ in columns] for line in lines]
    values = []
    for column in source.staged:
        text = rename_columns(column.clean or "value", {"value": name(column.raw)})
        values.append(f"CAST({text} AS {column.type})")
    known = [(column.name, column.type) for column in source.staged]
    typed = _each(values, columns, rows, evaluate)
    for flag, text in source.flags.items():
        answers = _each([text], known, typed, evaluate)
        typed = [[*row, *answer] for row, answer in zip(typed, answers, strict=True)]
        known.append((flag, "BOOLEAN"))
    return [dict(zip((word for word, _ in known), row, strict=True)) for row in typed]


def kept(source: StorySource, rows: Sequence[Mapping[str, str | None]], evaluate: RowEvaluator) -> list[bool]:
    """Whether each staged row passes every `keep` predicate."""
    if not rows or not source.keep:
        return [True] * len(rows)
    known = staged_types(source)
    cells = [[row[word] for word, _ in known] for row in rows]
    answers = _each([f"({text}) IS TRUE" for text in source.keep.values()], known, cells, evaluate)
    return [all(answer == "true" for answer in row) for row in answers]


def staged_types(source: StorySource) -> list[tuple[str, str]]:
    """Name and type of every staged column and flag, before them of what says which file a row came from."""
    moment = [source.file_moment] if source.file_moment else []
    columns = [(column.name, column.type) for column in source.staged]
    return [*moment, *columns, *((flag, "BOOLEAN") for flag in source.flags)]


def _each(
    expressions: Sequence[str],
    columns: Sequence[tuple[str, str]],
    rows: Sequence[Sequence[str | None]],
    evaluate: RowEvaluator,
) -> list[list[str | None]]:
    numbered = [[str(number), *row] for number, row in enumerate(rows)]
    select = f"SELECT {', '.join(expressions)} FROM given ORDER BY {NUMBER}"
    return [list(row) for row in evaluate(select, [(NUMBER, "INTEGER"), *columns], numbered)]


def measured_rows(
    dataset: StoryDataset,
    source: StorySource,
    rows: Sequence[Mapping[str, str | None]],
    evaluate: RowEvaluator,
) -> list[dict[str, str | None]]:
    """One row per grain, each measure evaluated alone, straight from the story; sorted by grain."""
    known = staged_types(source)
    cells = [[row[word] for word, _ in known] for row in rows]
    groups = [f"CAST({text} AS {dataset.grain_types[word]})" for word, text in dataset.grain.items()]
    words = list(dataset.grain)
    where = " AND ".join(guarded(text) for text in dataset.filters.values()) or "true"
    found: dict[tuple[str | None, ...], dict[str, str | None]] = {}
    for measure in dataset.measures:
        if is_over_measures(measure):
            _derive(dataset, measure.name, measure.sql, found, evaluate)
            continue
        value = f"CAST({measure.sql} AS {measure.type})"
        select = f"SELECT {', '.join([*groups, value])} FROM given WHERE {where} GROUP BY {', '.join(groups)}"
        for *group, answer in evaluate(f"{select} ORDER BY ALL", known, cells):
            row = found.setdefault(tuple(group), dict(zip(words, group, strict=True)))
            row[measure.name] = _zero(measure.type) if answer is None and zero_when_empty(measure.sql) else answer
    return [{word: row[word] for word in [*words, *(m.name for m in dataset.measures)]} for row in found.values()]


def _zero(type_name: str) -> str:
    """Nothing, as the type writes it."""
    scale = int(type_name.rstrip(")").rpartition(",")[2]) if type_name.startswith("DECIMAL") else 0
    return f"{Decimal(0):.{scale}f}"


def _derive(
    dataset: StoryDataset,
    measure: str,
    sql: str,
    found: Mapping[tuple[str | None, ...], dict[str, str | None]],
    evaluate: RowEvaluator,
) -> None:
    types = {m.name: m.type for m in dataset.measures}
    before = [(word, types[word]) for word in next(iter(found.values()), {}) if word in types]
    cells = [[row[word] for word, _ in before] for row in found.values()]
    answers = _each([f"CAST({sql} AS {types[measure]})"], before, cells, evaluate)
    for row, answer in zip(found.values(), answers, strict=True):
        row[measure] = answer[0]
