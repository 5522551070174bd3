"""Made-up rows on both sides of every boundary that a story's expressions draw.

A typical row comes from the columns' examples (or, without one, from their types). Each literal that an expression
compares a column with gives rows just below, at and above it; a column that may be empty gives a row where it is.
Nothing here is taken from real data.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from penstock.model.intervals import Grain, Interval, parse_moment
from penstock.sql.comparisons import comparisons
from penstock.sql.query import expression_columns

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from penstock.model.stories import Story, StoryColumn, StoryDataset, StorySource
    from penstock.sql.comparisons import Comparison

FALLBACK_DAY = date(2024, 1, 10)
_EXAMPLES = {
    "BOOLEAN": "true",
    "SMALLINT": "6",
    "INTEGER": "6",
    "BIGINT": "6",
    "DOUBLE": "2.5",
    "TIME": "10:30:00",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One made-up line of a file: raw text by the header's words. `label` says in what it differs from the typical one.

    `column` is the staged column that differs, if one does.
    """

    label: str
    raw: Mapping[str, str | None]
    column: str = ""

    def with_value(self, column: StoryColumn, value: str | None, label: str) -> Line:
        """The same line with another value for one column."""
        return replace(self, label=label, raw={**self.raw, column.raw: value}, column=column.name)


def interval_of_tests(story: Story, source: StorySource) -> Interval:
    """The interval that the tests of a source and of what is made from it stand in."""
    event = source.event_time
    example = parse_moment(event.example) if event and event.example else story.start
    grain = source.interval or Grain.DAY
    start = grain.floor(example or parse_moment(FALLBACK_DAY))
    return Interval(start, grain.step(start))


def typical_line(story: Story, source: StorySource) -> Line:
    """A line that nothing is wrong with."""
    day = interval_of_tests(story, source).start
    return Line(label="a typical line", raw={column.raw: _example(column, day) for column in source.columns})


def _example(column: StoryColumn, day: datetime) -> str:
    if column.example is not None:
        return column.example
    if column.type == "DATE":
        return day.date().isoformat()
    if column.type == "TIMESTAMP":
        return f"{day.date().isoformat()} 10:30:00"
    if column.type.startswith("DECIMAL"):
        return "2.5" if _scale(column.type) else "6"
    return _EXAMPLES.get(column.type, f"{column.name.replace('_', ' ')} A")


def boundary_lines(source: StorySource, texts: Mapping[str, str], typical: Line) -> tuple[Line, ...]:
    """Lines around every literal that the expressions `texts` compare a staged column with, and empty ones."""
    staged = {column.name: column for column in source.staged}
    lines: dict[tuple[str, str | None], Line] = {}
    for text in texts.values():
        for comparison in comparisons(text):
            column = staged.get(comparison.column)
            for value in _around(column, comparison, typical.raw[column.raw] or "") if column else ():
                assert column is not None  # noqa: S101 - there was a value
                lines.setdefault((column.name, value), typical.with_value(column, value, f"{column.name} {value}"))
        for word in expression_columns(text):
            column = staged.get(word)
            if column and not column.required:
                line = typical.with_value(column, None, f"no {column.name}")
                lines.setdefault((column.name, None), line)
    return tuple(line for (name, value), line in lines.items() if value != typical.raw[staged[name].raw])


def _around(column: StoryColumn, comparison: Comparison, typical: str) -> Iterator[str]:
    """Values of the column on both sides of a literal."""
    literal = comparison.literal
    if comparison.operator in {"LIKE", "ILIKE"}:
        filled = literal.replace("%", typical).replace("_", "x")
        yield from dict.fromkeys((filled, filled.swapcase() if filled.swapcase() != filled else typical))
    elif comparison.operator == "~":
        yield from (typical[1:], f"X{typical}")
    elif column.type in {"SMALLINT", "INTEGER", "BIGINT"} or column.type.startswith("DECIMAL"):
        step = Decimal(1).scaleb(-_scale(column.type))
        yield from (f"{Decimal(literal) + shift:f}" for shift in (-step, Decimal(0), step))
    elif column.type == "DOUBLE":
        yield from (f"{Decimal(literal) + shift:f}" for shift in (Decimal("-0.1"), Decimal(0), Decimal("0.1")))
    elif column.type == "DATE":
        day = date.fromisoformat(literal[:10])
        yield from (str(day + timedelta(days=shift)) for shift in (-1, 0, 1))
    elif column.type == "TIMESTAMP":
        moment = datetime.fromisoformat(literal)
        yield from (str(moment + timedelta(seconds=shift)) for shift in (-1, 0, 1))
    elif column.type == "VARCHAR":
        yield from dict.fromkeys((literal, literal.swapcase()))


def _scale(type_name: str) -> int:
    return int(type_name.rstrip(")").rpartition(",")[2]) if type_name.startswith("DECIMAL") else 0


def other_line(source: StorySource, typical: Line, but: frozenset[str], label: str) -> Line:
    """A line that differs from the typical one in every word and number, except in the staged columns `but`."""
    raw = dict(typical.raw)
    for column in source.staged:
        value = raw[column.raw]
        if column.name not in but and not column.event_time and value is not None:
            raw[column.raw] = _other(column, value)
    return Line(label=label, raw=raw)


def _other(column: StoryColumn, value: str) -> str:
    if column.type in {"SMALLINT", "INTEGER", "BIGINT"}:
        return str(int(value) + 1)
    if column.type.startswith("DECIMAL") or column.type == "DOUBLE":
        return f"{Decimal(value) * 2:f}"
    if column.type != "VARCHAR" or not value:
        return value
    digits = [index for index, letter in enumerate(value.partition(".")[0]) if letter.isdigit()]
    if not digits:
        return f"Another {value}"
    last = digits[-1]
    return f"{value[:last]}{(int(value[last]) + 1) % 10}{value[last + 1 :]}"


def unreadable_lines(source: StorySource, typical: Line) -> tuple[tuple[Line, StoryColumn, bool], ...]:
    """Lines that cannot be staged, each with the column at fault and whether it is missing rather than unreadable."""
    found: list[tuple[Line, StoryColumn, bool]] = []
    for column in source.staged:
        if column.required:
            found.append((typical.with_value(column, None, f"no {column.raw}"), column, True))
        if column.type == "VARCHAR":
            continue
        values = ["n/a"]
        if column.type in {"SMALLINT", "INTEGER", "BIGINT"}:
            values.append("1.5")
        elif column.type.startswith("DECIMAL"):
            values.append("0." + "0" * _scale(column.type) + "5")
        found += [(typical.with_value(column, text, f"{column.raw} {text}"), column, False) for text in values]
    return tuple(found)


def source_texts(source: StorySource) -> dict[str, str]:
    """The expressions that staging evaluates, by what they are for."""
    return {**source.flags, **source.keep}


def dataset_texts(dataset: StoryDataset, staged: frozenset[str]) -> dict[str, str]:
    """The expressions that a mart evaluates over staged rows (measures over measures are not)."""
    texts = {**dataset.grain, **dataset.filters, **{measure.name: measure.sql for measure in dataset.measures}}
    return {word: text for word, text in texts.items() if set(expression_columns(text)) <= staged}
