"""`pipeline.yaml`, `NAME.source.yaml` and `NAME.slo.yaml`, laid out as their reference page shows them."""

from __future__ import annotations

import json
import re
import textwrap
from typing import TYPE_CHECKING

from penstock.documents import to_yaml
from penstock.model.errors import InputError
from penstock.model.findings import Finding, Place
from penstock.model.intervals import stamp
from penstock.model.pipelines import Retry
from penstock.model.sources import Corrections, Drift, FileFormat

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from penstock.model.stories import Story, StorySource
    from penstock.project.story_facts import SourceFacts

_BARE = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_ALERTS = """\
alerts:
  - on: failure
    to: file
"""
_DATES = re.compile(r"[0-9-]+(/[0-9-]+)?")


def pipeline_yaml(story: Story, facts: Mapping[str, SourceFacts]) -> str:
    """The settings that the pipeline's datasets share.

    Raises:
        InputError: the story leaves open what they are; its questions have to be answered first.
    """
    start = story.start or _first(facts)
    needed = {"owner": story.owner, "schedule": story.cron, "timezone": story.timezone, "start": start}
    missing = [word for word, value in needed.items() if value is None]
    if missing or start is None:
        raise InputError(
            Finding(
                code="author.unanswered",
                message=f"{story.id} does not say {', '.join(missing)}",
                place=Place(file=story.file),
                expected="a story without open questions",
                remedy="answer the questions of the change",
            )
        )
    lines = [
        to_yaml({"description": story.description or story.title, "owner": story.owner}).rstrip("\n"),
        f"schedule: {json.dumps(story.cron)}",
        f"timezone: {story.timezone}",
        f"start: {stamp(start)}",
    ]
    if story.end:
        lines.append(f"end: {stamp(story.end)}")
    if story.ready_by:
        lines += ["sla:", f"  ready_by: {json.dumps(story.ready_by)}"]
    return "\n".join([*lines, *_retries(story.retries or Retry()), _ALERTS])


def _retries(retry: Retry) -> list[str]:
    numbers = {"attempts": retry.attempts, "delay": retry.delay, "factor": retry.factor, "cap": retry.cap}
    return [
        "retries:",
        *(f"  {name}: {int(number) if number == int(number) else number}" for name, number in numbers.items()),
    ]


def _first(facts: Mapping[str, SourceFacts]) -> datetime | None:
    return min((fact.first for fact in facts.values() if fact.first), default=None)


def source_yaml(source: StorySource, header: tuple[str, ...]) -> str:
    """A source's files: `header` is the exact header they have, where they have one and the same."""
    settings: dict[str, object] = {
        "description": source.description or f"The files of {source.name}.",
        "format": str(source.format),
        "path": source.path,
    }
    if source.interval:
        settings["interval"] = str(source.interval)
    if source.records:
        settings["records"] = source.records
    if source.encoding != "utf-8":
        settings["encoding"] = source.encoding
    text = to_yaml(settings)
    text += f"delimiter: {json.dumps(source.delimiter)}\n" if source.format is FileFormat.CSV else ""
    text += _listed_columns(source) if source.takes_what_is_known else _flow("columns", header)
    text += to_yaml({"missing": source.missing})
    if source.drift is not Drift.FREEZE:
        text += to_yaml({"drift": str(source.drift)})
    if source.corrections is not Corrections.TELL:
        text += to_yaml({"corrections": str(source.corrections)})
    if source.closed_weekdays or source.closed_dates:
        text += "closed:\n"
    if source.closed_weekdays:
        text += _flow("weekdays", source.closed_weekdays, "  ")
    if source.closed_dates:
        text += _flow("dates", source.closed_dates, "  ")
    return text


def _listed_columns(source: StorySource) -> str:
    """One declared column a line, with what else it is called and where it is."""
    lines = ["columns:"]
    for column in source.columns:
        said = {"path": column.path} if column.path else {}
        also = {"also": list(column.also)} if column.also else {}
        entry: object = {"name": column.raw, **said, **also} if said or also else column.raw
        lines.append(f"  - {json.dumps(entry, ensure_ascii=False)}")
    return "\n".join(lines) + "\n"


def _flow(key: str, words: tuple[str, ...], indent: str = "") -> str:
    """A list of words on one line, or on as few as it takes."""
    bare = [
        word if _BARE.fullmatch(word) or _DATES.fullmatch(word) else json.dumps(word, ensure_ascii=False)
        for word in words
    ]
    line = f"{indent}{key}: [{', '.join(bare)}]"
    wrapped = textwrap.wrap(
        line, width=110, subsequent_indent=f"{indent}  ", break_long_words=False, break_on_hyphens=False
    )
    return "\n".join(wrapped) + "\n"


def slo_yaml(story: Story) -> str:
    """What the pipeline's datasets are held to; row volumes are judged where rows arrive."""
    held = story.monitoring
    volume = {"tolerance": held.volume_tolerance, "history": held.volume_history}
    promise: dict[str, object] = {"min_success_rate": held.min_success_rate, "max_runtime": held.max_runtime}
    datasets: dict[str, object] = {}
    for source in story.sources.values():
        judged = promise | ({"volume": dict(volume)} if source.interval else {})
        datasets[f"{story.pipeline}.{source.name}"] = judged
        datasets[f"{story.pipeline}.stg_{source.name}"] = dict(promise)
    for dataset in story.datasets.values():
        datasets[f"{story.pipeline}.{dataset.name}"] = dict(promise)
    return to_yaml({"pipeline": story.pipeline, "datasets": datasets})
