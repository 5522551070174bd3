"""What a story leaves open: pure, in a stable order, numbered Q1, Q2, ….

Each question says what was found, what kind of answer is expected, and which place of the front matter it fills.
"""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

from penstock.model.stories import Question
from penstock.project.answers import parse_answer
from penstock.project.story_changes import changed_datasets
from penstock.project.story_datasets import is_over_measures
from penstock.project.story_paths import join_path
from penstock.sql.query import expression_columns

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from penstock.model.stories import Story, StoryColumn, StoryDataset, StorySource
    from penstock.project.story_facts import SourceFacts, Suspicion

__all__ = ["PERSONAL_KINDS", "open_questions", "parse_answer"]

PERSONAL_KINDS = (
    "name",
    "email",
    "phone",
    "address",
    "birth_date",
    "national_id",
    "payment_card",
    "bank_account",
    "customer_id",
    "ip_address",
    "other",
    "none",
)


def open_questions(story: Story, facts: Mapping[str, SourceFacts]) -> tuple[Question, ...]:
    """Everything that a person has to say before the story can be built. `facts` are by source name."""
    found = [
        *_promises(story),
        *(question for source in story.sources.values() for question in _source(source, facts.get(source.name))),
        *_expressions(story),
        *_criteria(story),
        *_impact(story),
    ]
    return tuple(
        replace(question, id=f"Q{number}", line=_line(story, question.path))
        for number, question in enumerate(found, start=1)
    )


def _question(
    code: str, path: str, text: str, expects: str, *, choices: tuple[str, ...] = (), suggestion: str | None = None
) -> Question:
    return Question(
        id="", code=f"story.{code}", text=text, path=path, expects=expects, choices=choices, suggestion=suggestion
    )


def _line(story: Story, path: str) -> int | None:
    """The line of the question's place, or of the nearest place around it that the story writes down."""
    while path and path not in story.lines:
        path = path.rpartition(".")[0]
    return story.lines.get(path)


def _promises(story: Story) -> Iterator[Question]:
    if not story.author.deterministic:
        return
    what = f"pipeline {story.pipeline}"
    if not story.owner:
        yield _question(
            "no_owner",
            "owner",
            f"Nobody owns {what}. Who answers for it?",
            "a team or a person, such as sales-analytics",
        )
    if not story.cron:
        yield _question(
            "no_schedule",
            "schedule",
            f"The story does not say when {what} runs. On which schedule?",
            "five cron fields, or @hourly, @daily, @weekly, @monthly",
        )
    if not story.timezone:
        yield _question(
            "no_timezone",
            "timezone",
            f"The story does not say in which time zone the schedule and the SLA of {what} are. Which one?",
            "an IANA time zone, such as Europe/London",
        )
    if not story.ready_by:
        yield _question(
            "no_sla",
            "sla.ready_by",
            f"The story does not say when the data of {what} must be ready. By which local time?",
            "a time of day as HH:MM, such as 06:30",
        )
    if not story.retention:
        yield _question(
            "no_retention",
            "retention",
            f"The story does not say how long the rows of {what} are kept. How long?",
            "a number of days, weeks, months or years, such as 7 years",
        )


def _source(source: StorySource, facts: SourceFacts | None) -> Iterator[Question]:
    path = join_path("sources", source.name)
    if facts is None or facts.files == 0 or facts.header is None:
        yield _question(
            "no_files",
            f"{path}.path",
            f"No file of source {source.name} matches {source.path}. Where do its files lie?",
            "a path beneath the project, such as data/{interval_start:%Y-%m-%d}.csv",
        )
        return
    declared = {column.raw: column for column in source.columns}
    spare = tuple(word for word in facts.header if word not in declared)
    for column in source.columns:
        if column.raw not in facts.header:
            yield _unknown_header(f"{path}.columns", source, column, facts.header, spare)
    taken = {_closest(column.raw, spare) for column in source.columns if column.raw not in facts.header}
    for word in spare:
        if word not in taken:
            yield _undeclared(source, word, facts)
    for column in source.columns:
        if column.raw in facts.suspicions and not column.personal_asked:
            yield _personal(source, column, facts.suspicions[column.raw])


def _word(raw: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in raw.lower())


def _closest(word: str, among: tuple[str, ...]) -> str | None:
    lower = {_word(other).replace("_", ""): other for other in among}
    close = get_close_matches(_word(word).replace("_", ""), list(lower), n=1, cutoff=0.5)
    return lower[close[0]] if close else None


def _unknown_header(
    path: str, source: StorySource, column: StoryColumn, header: tuple[str, ...], spare: tuple[str, ...]
) -> Question:
    near = _closest(column.raw, spare) or _closest(column.raw, header)
    hint = f" Is {near} meant?" if near else ""
    return _question(
        "unknown_column",
        f"{path}.{join_path(column.declared_as or column.raw, 'header')}",
        f"The story names a column {column.raw} of {source.name}; the files' header has none."
        f"{hint} Which column of the header is it?",
        f"one of {', '.join(header)}",
        choices=header,
        suggestion=near,
    )


def _undeclared(source: StorySource, word: str, facts: SourceFacts) -> Question:
    suspicion = facts.suspicions.get(word)
    looks = f" It looks like personal data ({suspicion.kind}: {suspicion.reason})." if suspicion else ""
    personal = f", personal: {suspicion.kind}" if suspicion else ""
    return _question(
        "undeclared_column",
        join_path("sources", source.name, "columns", word),
        f"The files of {source.name} have a column {word} that the story does not mention.{looks} What is it?",
        f"`ignore`, or its name and type, such as {{name: {_word(word)}, type: VARCHAR{personal}}}",
    )


def _personal(source: StorySource, column: StoryColumn, suspicion: Suspicion) -> Question:
    return _question(
        "personal_data",
        join_path("sources", source.name, "columns", column.declared_as or column.raw, "personal"),
        f"Column {column.raw} of {source.name} looks like personal data ({suspicion.kind}: {suspicion.reason}),"
        " and the story does not say so. Which kind is it?",
        f"one of {', '.join(PERSONAL_KINDS)} (`none` if it is not personal)",
        choices=PERSONAL_KINDS,
        suggestion=suspicion.kind if suspicion.kind in PERSONAL_KINDS else "other",
    )


def _expressions(story: Story) -> Iterator[Question]:
    for source in story.sources.values():
        known = [column.name for column in source.staged]
        for name, text in source.flags.items():
            path = join_path("sources", source.name, "flags", name)
            nested = isinstance(_at(story.front, "sources", source.name, "flags", name), dict)
            yield from _missing_columns(f"{path}.sql" if nested else path, text, tuple(known), source.name)
            known.append(name)
        for name, text in source.keep.items():
            path = join_path("sources", source.name, "keep", name)
            yield from _missing_columns(path, text, tuple(known), source.name)
    for dataset in story.datasets.values():
        origin = story.sources[dataset.source]
        moment = origin.file_moment[:1] if origin.file_moment else ()
        yield from _dataset(story, dataset, (*moment, *(column.name for column in origin.staged), *origin.flags))


def _dataset(story: Story, dataset: StoryDataset, staged: tuple[str, ...]) -> Iterator[Question]:
    base = join_path("datasets", dataset.name)
    for name, text in dataset.grain.items():
        nested = isinstance(_at(story.front, "datasets", dataset.name, "grain", name), dict)
        path = f"{base}.{join_path('grain', name)}" + (".sql" if nested else "")
        yield from _missing_columns(path, text, staged, dataset.source)
    for name, text in dataset.filters.items():
        yield from _missing_columns(f"{base}.{join_path('filters', name)}", text, staged, dataset.source)
    before: tuple[str, ...] = ()
    for measure in dataset.measures:
        known = before if is_over_measures(measure) else staged
        path = f"{base}.{join_path('measures', measure.name, 'sql')}"
        yield from _missing_columns(path, measure.sql, known, dataset.source)
        before = (*before, measure.name)


def _at(front: Mapping[str, object], *steps: str) -> object:
    value: object = front
    for step in steps:
        value = value.get(step) if isinstance(value, dict) or hasattr(value, "get") else None
    return value


def _missing_columns(path: str, text: str, known: tuple[str, ...], source: str) -> Iterator[Question]:
    missing = [column for column in expression_columns(text) if column not in known]
    if not missing:
        return
    near = {column: _closest(column, known) for column in missing}
    hints = ", ".join(f"{column} (is {other} meant?)" if other else column for column, other in near.items())
    yield _question(
        "unknown_column",
        path,
        f"`{text}` uses {hints}, and what is made of {source} has no such column. How should it read?",
        f"a SQL expression over {', '.join(known)}",
        choices=known,
        suggestion=near[missing[0]],
    )


def _criteria(story: Story) -> Iterator[Question]:
    for criterion in story.criteria:
        if criterion.sql is None:
            yield _question(
                "unmeasurable",
                join_path("acceptance", criterion.id, "sql"),
                f"Acceptance criterion {criterion.id} ({criterion.text.rstrip('.')}) cannot be measured."
                " Which rows would contradict it?",
                "one SELECT that returns the rows that contradict it, and nothing when it is met",
            )


def _impact(story: Story) -> Iterator[Question]:
    for dataset, is_new in changed_datasets(story).items():
        if not is_new and dataset not in story.impact:
            yield _question(
                "no_impact",
                join_path("impact", dataset),
                f"The story changes {dataset} and does not say what may move there. How far, by column?",
                "`any`, `none`, or bounds such as {rows: -5%..0%, columns: {net: -5%..0%}}",
            )
