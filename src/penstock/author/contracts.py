"""The contracts of everything a story makes: columns and their meaning, keys, personal data, rules, promises.

An acceptance criterion that reads one dataset alone is also a rule of that dataset's contract, so that it holds in
every run and not only on the day of the change; one that compares datasets is judged at review.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from penstock.author.mart import is_never_negative, never_null
from penstock.author.staging import (
    counts_description,
    rejected_description,
    staging_description,
)
from penstock.model.contracts import ColumnSpec, Contract, Rule, RuleKind
from penstock.model.intervals import Grain
from penstock.model.sources import EXTRA, Drift
from penstock.sql.query import parse_query

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.model.stories import Criterion, Story, StoryColumn, StoryDataset, StorySource

FIRST_VERSION = "1.0.0"
_MOMENT_WORDS = {Grain.HOUR: "hour", Grain.DAY: "day", Grain.MONTH: "month"}


def contract_path(dataset: str) -> str:
    """Where a dataset's contract lies."""
    return f"contracts/{dataset}.odcs.yaml"


def story_contracts(story: Story) -> dict[str, Contract]:
    """The contract of every dataset of the story, by dataset, in the order they are made."""
    made = [contract for source in story.sources.values() for contract in _source_contracts(story, source)]
    made += [_mart(story, dataset) for dataset in story.datasets.values()]
    return {contract.dataset: _with_criteria(story, contract) for contract in made}


def _contract(
    story: Story,
    dataset: str,
    description: str,
    columns: list[ColumnSpec],
    rules: list[Rule],
    *,
    key: tuple[str, ...] = (),
) -> Contract:
    name = f"{story.pipeline}.{dataset}"
    return Contract(
        dataset=name,
        file=contract_path(name),
        version=FIRST_VERSION,
        columns=tuple(replace(column, key=column.name in key) for column in columns),
        key=key,
        rules=tuple(rules),
        owner=story.owner,
        description=description,
        retention=story.retention,
        ready_by=story.ready_by,
    )


def _source_contracts(story: Story, source: StorySource) -> Iterator[Contract]:
    yield _landed(story, source)
    yield _staged(story, source)
    if source.bad_rows == "quarantine":
        yield _rejected(story, source)
        yield _counts(story, source)


def _raw_columns(source: StorySource) -> list[ColumnSpec]:
    return [
        ColumnSpec(
            name=column.raw,
            type="VARCHAR",
            description=f"As in the file. {column.description}".strip(),
            personal=column.personal,
        )
        for column in source.columns
    ]


def _landed(story: Story, source: StorySource) -> Contract:
    extra = "What a file holds and no column does, as a JSON object."
    columns = [
        *_raw_columns(source),
        *([ColumnSpec(name=EXTRA, type="VARCHAR", description=extra)] if source.drift is Drift.EVOLVE else []),
        ColumnSpec(name="_file", type="VARCHAR", description="The file that the line is from.", required=True),
    ]
    if source.interval:
        start = "The start (UTC) of the interval that the file stands for."
        columns.append(ColumnSpec(name="_interval_start", type="TIMESTAMP", description=start, required=True))
    rules = [rule for column in source.staged for rule in _readable(source, column)]
    return _contract(story, source.name, source.description, columns, rules)


def _readable(source: StorySource, column: StoryColumn) -> Iterator[Rule]:
    """Where bad rows fail the run, a number that a cast would round away must fail it too."""
    decimal = re.fullmatch(r"DECIMAL\(\d+,(\d+)\)", column.type)
    whole = column.type in {"SMALLINT", "INTEGER", "BIGINT"}
    if source.bad_rows == "quarantine" or column.clean is not None or not (whole or decimal):
        return
    digits = int(decimal[1]) if decimal else 0
    places = rf"(\.[0-9]{{1,{digits}}})?" if digits else ""
    yield Rule(
        kind=RuleKind.PATTERN,
        columns=(column.raw,),
        name=f"{column.raw} is written as a number of its type",
        description=f"{column.type} without rounding.",
        pattern=rf"^[+-]?[0-9]+{places}$",
    )


def _moment_column(source: StorySource) -> list[ColumnSpec]:
    moment = source.file_moment
    if moment is None or source.interval is None:
        return []
    what = f"The {_MOMENT_WORDS[source.interval]} (UTC) that the file stands for."
    return [ColumnSpec(name=moment[0], type=moment[1], description=what, required=True)]


def _staged(story: Story, source: StorySource) -> Contract:
    columns = _moment_column(source)
    columns += [
        ColumnSpec(
            name=column.name,
            type=column.type,
            description=column.description,
            required=column.required,
            personal=column.personal,
        )
        for column in source.staged
    ]
    columns += [
        ColumnSpec(name=flag, type="BOOLEAN", description=source.flag_descriptions.get(flag) or f"Whether {text}.")
        for flag, text in source.flags.items()
    ]
    rules = [_own_file(source, event)] if source.interval and (event := source.event_time) else []
    return _contract(story, f"stg_{source.name}", staging_description(source), columns, rules)


def _own_file(source: StorySource, event: StoryColumn) -> Rule:
    moment = source.file_moment
    assert moment is not None  # noqa: S101 - the source has intervals
    assert source.interval is not None  # noqa: S101
    word = _MOMENT_WORDS[source.interval]
    of_row = f"CAST({event.name} AS DATE)" if word == "day" else f"date_trunc('{word}', {event.name})"
    return Rule(
        kind=RuleKind.SQL,
        columns=(event.name, moment[0]),
        name=f"every row happened in its file's {word}",
        description="A row in another file's place would be counted in the wrong interval, or twice.",
        sql=f"SELECT * FROM {{table}} WHERE {of_row} <> {moment[0]}",
    )


def _rejected(story: Story, source: StorySource) -> Contract:
    columns = [
        *_moment_column(source),
        *_raw_columns(source),
        ColumnSpec(
            name="reason",
            type="VARCHAR",
            description="What is wrong with the line; several reasons are parted by semicolons.",
            required=True,
        ),
    ]
    return _contract(story, f"stg_{source.name}_rejected", rejected_description(source), columns, [])


def _counts(story: Story, source: StorySource) -> Contract:
    meanings = {
        "lines": "Lines of the file.",
        "repeats": "Lines that repeat another one in every column.",
        "readable": "Different lines that can be read, counted in the file.",
        "kept": f"Those of them that stg_{source.name} should hold.",
        "staged": f"Rows in stg_{source.name}.",
        "rejected": f"Rows in stg_{source.name}_rejected.",
    }
    moment = _moment_column(source)
    columns = [*moment, *(ColumnSpec(name=n, type="BIGINT", description=d, required=True) for n, d in meanings.items())]
    rules = [
        _equal("readable + rejected", "lines - repeats", "every line can be read or is set aside, and only once"),
        _equal("staged", "kept", "every line to be kept is staged, and only once"),
    ]
    return _contract(
        story,
        f"stg_{source.name}_counts",
        counts_description(source),
        columns,
        rules,
        key=tuple(column.name for column in moment),
    )


def _equal(left: str, right: str, name: str) -> Rule:
    return Rule(
        kind=RuleKind.SQL,
        name=name,
        description="Otherwise lines were lost or multiplied on their way.",
        sql=f"SELECT * FROM {{table}} WHERE {left} <> {right}",
    )


def _never_negative(column: str) -> Rule:
    return Rule(kind=RuleKind.RANGE, columns=(column,), name=f"{column} is never negative", low="0")


def _mart(story: Story, dataset: StoryDataset) -> Contract:
    source = story.sources[dataset.source]
    staged = {column.name: column for column in source.staged}
    columns = [_grain_column(dataset, name, staged) for name in dataset.grain]
    filled = never_null(dataset)
    columns += [
        ColumnSpec(name=m.name, type=m.type, description=m.description, required=m.name in filled)
        for m in dataset.measures
    ]
    rules = [_never_negative(m.name) for m in dataset.measures if is_never_negative(m, source)]
    return _contract(story, dataset.name, dataset.description, columns, rules, key=tuple(dataset.grain))


def _grain_column(dataset: StoryDataset, name: str, staged: dict[str, StoryColumn]) -> ColumnSpec:
    origin = staged.get(dataset.grain[name])
    return ColumnSpec(
        name=name,
        type=dataset.grain_types.get(name) or "VARCHAR",
        description=dataset.grain_descriptions.get(name, ""),
        required=True,
        personal=origin.personal if origin else None,
    )


def _with_criteria(story: Story, contract: Contract) -> Contract:
    criteria = [*story.standing, *story.criteria]
    rules = [rule for criterion in criteria if (rule := _criterion_rule(criterion, contract.dataset)) is not None]
    return replace(contract, rules=(*contract.rules, *rules))


def _criterion_rule(criterion: Criterion, dataset: str) -> Rule | None:
    if criterion.sql is None:
        return None
    reads = {use.name for use in parse_query(criterion.sql, criterion.story).reads}
    if reads != {dataset}:
        return None
    return Rule(
        kind=RuleKind.SQL,
        name=f"{criterion.story} {criterion.id}",
        description=criterion.text,
        sql=re.sub(rf"(?<![\w.\"']){re.escape(dataset)}(?![\w\"'])", "{table}", criterion.sql),
    )
