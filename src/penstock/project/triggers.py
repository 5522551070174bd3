"""`triggers:` of a pipeline's settings: what starts it besides its schedule, and what is wrong with it across files."""

from __future__ import annotations

import difflib
from collections import deque
from dataclasses import replace
from datetime import timedelta
from graphlib import CycleError, TopologicalSorter
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from penstock.documents import Fields, read_yaml
from penstock.model.errors import InputError
from penstock.model.findings import Finding, Place
from penstock.model.pipelines import DatasetTrigger, FilesTrigger, SqlTrigger
from penstock.model.storage import scheme_of
from penstock.project.durations import parse_duration
from penstock.sql.query import parse_query

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from penstock.model.pipelines import Pipeline, Trigger

KINDS = ("dataset", "files", "sql")
SETTLE, FILES_EVERY, SQL_EVERY = timedelta(seconds=10), timedelta(seconds=30), timedelta(minutes=5)
"""How long files must stay the same before they count, how often they are looked at, and how often a query is asked."""

_SHORTEST, _LONGEST = timedelta(seconds=1), timedelta(days=366)
_OWN_FOLDERS = {".penstock", ".git"}


def read_triggers(fields: Fields, pipeline: str) -> tuple[Trigger, ...]:
    """The triggers that `fields` lists for a pipeline; what is wrong with one leaves it out and is noted."""
    found: list[Trigger] = []
    for item in fields.items("triggers"):
        trigger = _trigger(item, pipeline)
        item.unknown()
        if trigger is None:
            continue
        if any(_watches(trigger) == _watches(other) for other in found):
            item.note(
                "project.repeated_trigger",
                f"{_watches(trigger)[1]} is listed twice",
                expected="each trigger once",
                remedy="remove one of the two",
            )
        found.append(trigger)
    return tuple(found)


def trigger_findings(pipelines: Mapping[str, Pipeline], known: set[str], texts: Mapping[str, str]) -> Iterator[Finding]:
    """What only shows across files: datasets that nothing makes, and pipelines that start each other in a ring.

    `known` are the names that exist, readable or not; `texts` the files' texts, for the lines of what is wrong.
    """
    for _, pipeline in sorted(pipelines.items()):
        for number, trigger in enumerate(pipeline.triggers):
            for dataset in _asks(trigger):
                if dataset not in known:
                    yield _unknown(pipeline, trigger, dataset, known, _place(texts, pipeline.file, number, trigger))
    for ring in _rings(pipelines):
        pipeline = pipelines[ring[0]]
        number, trigger = next(
            (number, trigger)
            for number, trigger in enumerate(pipeline.triggers)
            if isinstance(trigger, DatasetTrigger) and _pipeline_of(trigger.dataset) == ring[1]
        )
        yield _in_a_ring(ring, _place(texts, pipeline.file, number, trigger))


def _trigger(item: Fields, pipeline: str) -> Trigger | None:
    dataset, files, sql = item.text("dataset"), item.text("files"), item.text("sql")
    settle, every = _duration(item, "settle", item.text("settle")), _duration(item, "every", item.text("every"))
    given = [kind for kind in KINDS if kind in item]
    if len(given) != 1:
        item.note(
            "project.bad_trigger",
            f"a trigger says {' and '.join(given) or 'nothing to watch'}",
            expected="one of " + ", ".join(f"`{kind}:`" for kind in KINDS),
            remedy="write one item for each thing to watch",
        )
        return None
    _needless(item, given[0])
    if dataset is not None:
        return _dataset_trigger(item, dataset, pipeline)
    if files is not None:
        return _files_trigger(item, files, settle or SETTLE, every or FILES_EVERY)
    return None if sql is None else _sql_trigger(item, sql, every or SQL_EVERY)


def _needless(item: Fields, kind: str) -> None:
    """`settle` is for files alone, and a dataset is watched through the ledger."""
    for key, kinds in (("settle", {"files"}), ("every", {"files", "sql"})):
        if key in item and kind not in kinds:
            item.note(
                "project.bad_trigger",
                f"`{key}` says nothing about a trigger on a {kind}" if kind == "dataset" else f"`{key}` is for files",
                at=key,
                expected=f"`{key}` beside {' or '.join(f'`{word}:`' for word in sorted(kinds))}",
                remedy=f"remove `{key}`",
            )


def _dataset_trigger(item: Fields, dataset: str, pipeline: str) -> DatasetTrigger | None:
    if _pipeline_of(dataset) != pipeline:
        return DatasetTrigger(dataset=dataset)
    item.note(
        "project.own_trigger",
        f"{dataset} belongs to {pipeline} itself, whose own runs publish it",
        at="dataset",
        found=dataset,
        expected="a dataset of another pipeline",
        remedy="watch what this pipeline reads, not what it makes",
    )
    return None


def _files_trigger(item: Fields, pattern: str, settle: timedelta, every: timedelta) -> FilesTrigger | None:
    problem = _pattern_problem(pattern)
    if problem is None:
        return FilesTrigger(path=pattern, settle=settle, every=every)
    code, says = problem
    item.note(
        code,
        f"files: {pattern} {says}",
        at="files",
        found=pattern,
        expected="a path beneath the project's folder such as data/in/*.csv",
    )
    return None


def _pattern_problem(pattern: str) -> tuple[str, str] | None:
    """The code and the words of what is wrong with a pattern of files, if anything."""
    path = PurePosixPath(pattern)
    if scheme_of(pattern) is not None:
        return "project.bad_pattern", "is about objects of a store, which a schedule looks at, and no trigger"
    if path.is_absolute() or ".." in path.parts:
        return "project.outside", "leaves the project"
    if not path.parts or pattern != pattern.strip() or not pattern.isprintable():
        return "project.bad_pattern", "names no file"
    if path.parts[0] in _OWN_FOLDERS:
        return "project.bad_pattern", f"lies in {path.parts[0]}, which changes with every run"
    if any("**" in part and part != "**" for part in path.parts):
        return "project.bad_pattern", "has ** beside other signs"
    return None


def _sql_trigger(item: Fields, sql: str, every: timedelta) -> SqlTrigger | None:
    here = item.document.place(*item.path, "sql")
    try:
        query = parse_query(sql, item.document.file)
    except InputError as error:
        item.findings.extend(replace(each, place=replace(here, excerpt=each.place.excerpt)) for each in error.findings)
        return None
    if query.params:
        item.note(
            "project.unbound_parameter",
            f"a trigger's query uses ${sorted(query.params)[0]}, and a trigger has no interval",
            at="sql",
            expected="a query without parameters",
        )
        return None
    return SqlTrigger(sql=sql, every=every)


def _duration(item: Fields, key: str, text: str | None) -> timedelta | None:
    if text is None:
        return None
    try:
        found = parse_duration(text)
    except (ValueError, OverflowError):
        found = timedelta()
    if _SHORTEST <= found <= _LONGEST:
        return found
    item.note(
        "project.bad_duration",
        f"{key} is {text!r}",
        at=key,
        found=text,
        expected="90s, 10m, 2h or 1d, and no less than 1s",
    )
    return None


def _watches(trigger: Trigger) -> tuple[str, str]:
    """What a trigger watches, however often."""
    if isinstance(trigger, DatasetTrigger):
        return "dataset", trigger.dataset
    return ("files", trigger.path) if isinstance(trigger, FilesTrigger) else ("sql", trigger.sql.strip())


def _asks(trigger: Trigger) -> tuple[str, ...]:
    """The datasets that a trigger depends on."""
    if isinstance(trigger, DatasetTrigger):
        return (trigger.dataset,)
    return parse_query(trigger.sql, "").datasets if isinstance(trigger, SqlTrigger) else ()


def _pipeline_of(dataset: str) -> str:
    return dataset.partition(".")[0]


def _watched(pipeline: Pipeline | None) -> tuple[str, ...]:
    """The pipelines whose datasets a pipeline waits for."""
    triggers = pipeline.triggers if pipeline else ()
    return tuple(_pipeline_of(each.dataset) for each in triggers if isinstance(each, DatasetTrigger))


def _rings(pipelines: Mapping[str, Pipeline]) -> Iterator[tuple[str, ...]]:
    """Each way from a pipeline along dataset triggers back to itself, said of its first name in the alphabet."""
    waits = {name: _watched(pipeline) for name, pipeline in pipelines.items()}
    try:
        TopologicalSorter(waits).prepare()
    except CycleError:
        ways = (_way_back(name, waits) for name in sorted(waits))
        yield from (way for way in ways if way and way[0] == min(way))


def _way_back(name: str, waits: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The shortest way from a pipeline back to itself, its name first and last; nothing if there is none."""
    ways: deque[tuple[str, ...]] = deque([(name,)])
    seen: set[str] = set()
    while ways:
        way = ways.popleft()
        for watched in waits.get(way[-1], ()):
            if watched == name:
                return (*way, watched)
            if watched not in seen:
                seen.add(watched)
                ways.append((*way, watched))
    return ()


def _place(texts: Mapping[str, str], file: str, number: int, trigger: Trigger) -> Place:
    """Where a trigger stands; read again only on the way to a finding."""
    return read_yaml(texts[file], file).place("triggers", number, _watches(trigger)[0])


def _unknown(pipeline: Pipeline, trigger: Trigger, dataset: str, known: set[str], place: Place) -> Finding:
    close = difflib.get_close_matches(dataset, sorted(name for name in known if "." in name), n=1)
    word = "asks" if isinstance(trigger, SqlTrigger) else "waits for"
    return Finding(
        code="project.unknown_dataset",
        message=f"a trigger of {pipeline.name} {word} {dataset}, which no file makes",
        place=place,
        found=dataset,
        expected=f"perhaps {close[0]}" if close else "a dataset of this project",
        remedy="correct the name, or add the source or query that makes it",
    )


def _in_a_ring(ring: tuple[str, ...], place: Place) -> Finding:
    return Finding(
        code="project.trigger_ring",
        message=f"pipelines start each other in a ring: {' waits for '.join(ring)}",
        place=place,
        expected="no pipeline whose own run would start it again",
        remedy="take one of these triggers out",
    )
