"""A story's text to its value.

Invariants: what is wrongly made is a finding, all of them at once; what is only missing or open is left None, and
becomes a question (`questions.py`). A change's front matter lies over that of the pipeline's earlier stories, answers
lie over both; identity, impact, acceptance and author are always the story's own.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import time
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from penstock.documents import Fields, split_front_matter
from penstock.model.errors import InputError
from penstock.model.intervals import parse_moment
from penstock.model.schedule import ScheduleError, parse_schedule
from penstock.model.stories import Monitoring, Rollout, Story
from penstock.policy.rollout_steps import read_rollout
from penstock.project.retries import read_retries
from penstock.project.story_author import read_author
from penstock.project.story_datasets import read_acceptance, read_datasets, read_impact
from penstock.project.story_paths import deep_merge, join_path, lay, split_path
from penstock.project.story_sources import named, read_sources

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from penstock.documents import Document
    from penstock.model.stories import Criterion

KINDS = ("new", "change")
OWN_KEYS = frozenset(
    {"id", "title", "kind", "impact", "acceptance", "author", "assumptions", "irreversible", "retire", "destructive"}
    | {"leaving", "loosened"}
)

_ID = re.compile(r"[A-Z][A-Z0-9]*-[0-9]{1,9}")
_RETENTION = re.compile(r"[1-9]\d{0,3} (day|week|month|year)s?")
_DURATION = re.compile(r"[1-9]\d{0,4}[smh]")


def read_story(
    text: str,
    file: str,
    *,
    earlier: Sequence[Story] = (),
    answers: Mapping[str, object] = MappingProxyType({}),
) -> Story:
    """The story in a Markdown file with YAML front matter.

    `earlier` are the stories delivered before, oldest first; those of the same pipeline and of the deterministic
    author lie beneath a change. `answers` maps dotted paths of the front matter (`Question.path`) to values.

    Raises:
        InputError: something in it is wrongly made; every such mistake is a finding.
    """
    document, prose = split_front_matter(text, file)
    own = _criteria_spelled_out(document.data) if isinstance(document.data, dict) else {}
    for path, value in answers.items():
        own = lay(own, split_path(path), value)
    beneath = _beneath(own, earlier)
    merged: dict[str, Any] = {}
    for story in beneath:
        merged = deep_merge(merged, {key: value for key, value in story.own.items() if key not in OWN_KEYS})
    merged = deep_merge(merged, own)
    data = merged if isinstance(document.data, dict) else document.data
    front = Fields(replace(document, data=data))
    result = _story(front, prose, own, beneath)
    front.unknown()
    if front.findings:
        raise InputError(tuple(front.findings))
    return replace(result, lines=MappingProxyType(_lines(document)))


def story_id(text: str, file: str) -> str | None:
    """The id that a story gives itself, before anything else in it is read.

    Raises:
        InputError: there is no front matter, or it is not YAML.
    """
    data = split_front_matter(text, file)[0].data
    return str(data["id"]) if isinstance(data, dict) and "id" in data else None


def _criteria_spelled_out(data: dict[str, Any]) -> dict[str, Any]:
    """The front matter with each criterion that is a bare sentence as a mapping, so that an answer can add its SQL."""
    criteria = data.get("acceptance")
    if not isinstance(criteria, dict):
        return data
    spelled = {key: {"text": value} if isinstance(value, str) else value for key, value in criteria.items()}
    return {**data, "acceptance": spelled}


def _beneath(own: Mapping[str, Any], earlier: Sequence[Story]) -> tuple[Story, ...]:
    """The earlier stories whose work a change goes on from, oldest first.

    A misspelt kind is said once; read as a change, it does not also make everything seem missing.
    """
    if own.get("kind") in (None, "new"):
        return ()
    return tuple(
        story
        for story in earlier
        if story.pipeline == own.get("pipeline") and story.author.deterministic and story.id != own.get("id")
    )


def _story(front: Fields, prose: str, own: Mapping[str, Any], beneath: Sequence[Story]) -> Story:
    pipeline = front.text("pipeline", required=True) or ""
    if pipeline:
        named(front, pipeline)
    identity = _id(front)
    sources = read_sources(front)
    cron, timezone = _schedule(front)
    start, end = _moment(front, "start"), _moment(front, "end")
    observe, rollout = _watching(front, own)
    if start and end and end <= start:
        front.note("story.bad_end", f"end {end.date()} is not after start {start.date()}", at="end")
    return Story(
        id=identity,
        title=front.text("title", required=True) or "",
        kind=_kind(front, beneath),
        pipeline=pipeline,
        file=front.document.file,
        text=prose,
        front=MappingProxyType(dict(front.values)),
        own=MappingProxyType(dict(own)),
        author=read_author(front),
        owner=front.text("owner"),
        cron=cron,
        timezone=timezone,
        start=start,
        end=end,
        ready_by=_ready_by(front),
        retention=_shaped(front, "retention", _RETENTION, "such as 90 days or 7 years"),
        sources=MappingProxyType(sources),
        datasets=MappingProxyType(read_datasets(front, sources)),
        impact=MappingProxyType(read_impact(front, pipeline)),
        criteria=read_acceptance(front, identity),
        standing=_standing(front, beneath),
        monitoring=_monitoring(front),
        description=front.text("description") or "",
        observe_intervals=observe,
        rollout=rollout,
        assumptions=front.texts("assumptions"),
        irreversible=front.texts("irreversible"),
        retries=read_retries(front),
        leaving=MappingProxyType(_leaving(front)),
        destructive=MappingProxyType(front.word_map("destructive")),
        loosened=MappingProxyType(front.word_map("loosened")),
    )


def _id(front: Fields) -> str:
    text = front.text("id", required=True)
    if text is not None and not _ID.fullmatch(text):
        front.note(
            "story.bad_id",
            f"{text!r} cannot be a story's id",
            at="id",
            found=text,
            expected="letters, a dash and a number, such as RETAIL-1",
        )
    return text or ""


def _kind(front: Fields, beneath: Sequence[Story]) -> str:
    kind = front.choice("kind", KINDS, required=True) or "new"
    by_hand = isinstance(front.values.get("author"), dict)  # whose files bring the sources
    if kind == "new" and not by_hand and not front.values.get("sources"):
        front.note("story.no_sources", "the story brings in no source", expected="`sources` with one source or more")
    if kind == "change" and not beneath and not by_hand:
        front.note(
            "story.nothing_to_change",
            f"no earlier story of pipeline {front.values.get('pipeline')} is known",
            at="kind",
            expected="a story of this pipeline delivered before",
            remedy="deliver the story that makes the pipeline first, or write `kind: new`",
        )
    return kind


def _schedule(front: Fields) -> tuple[str | None, str | None]:
    cron, timezone = front.text("schedule"), front.text("timezone")
    try:
        parse_schedule(cron or "@daily", timezone or "UTC")
    except ScheduleError as error:
        front.note(
            "story.bad_schedule",
            f"schedule and timezone cannot be used: {error}",
            at="schedule" if cron else "timezone",
            found=f"{cron} {timezone}",
            expected="five cron fields or @hourly, @daily, @weekly, @monthly; an IANA time zone",
        )
    return cron, timezone


def _moment(front: Fields, key: str) -> datetime | None:
    text = front.text(key)
    if text is None:
        return None
    try:
        return parse_moment(text)
    except ValueError:
        front.note("story.bad_date", f"{text!r} is no date", at=key, found=text, expected="such as 2010-12-01")
        return None


def _ready_by(front: Fields) -> str | None:
    sla = front.child("sla")
    if sla is None:
        return None
    text = sla.text("ready_by")
    sla.unknown()
    if text is None or is_clock_time(text):
        return text
    sla.note("story.bad_time", f"{text!r} is no time of day", at="ready_by", found=text, expected="such as 06:30")
    return None


def is_clock_time(text: str) -> bool:
    """Whether a text is a time of day as `HH:MM`."""
    try:
        time.fromisoformat(text)
    except ValueError:
        return False
    return len(text) == 5


def is_retention(text: str) -> bool:
    """Whether a text says how long rows are kept, such as `7 years`."""
    return _RETENTION.fullmatch(text) is not None


def _shaped(front: Fields, key: str, shape: re.Pattern[str], expected: str) -> str | None:
    text = front.text(key)
    if text is None or shape.fullmatch(text):
        return text
    front.note(f"story.bad_{key}", f"{key} is {text!r}", at=key, found=text, expected=expected)
    return None


def _standing(front: Fields, beneath: Sequence[Story]) -> tuple[Criterion, ...]:
    """The criteria of earlier stories, without those that this or an earlier story retires (`RETAIL-1.A3`)."""
    standing = [criterion for story in beneath for criterion in story.criteria]
    names = {f"{criterion.story}.{criterion.id}" for criterion in standing}
    own = front.texts("retire")
    retired = {*own, *(name for story in beneath for name in _words(story.own.get("retire")))}
    for name in own:
        if name not in names:
            front.note(
                "story.unknown_criterion",
                f"{name} cannot be retired: no earlier story has it",
                at="retire",
                found=name,
                expected=" | ".join(sorted(names)) or "nothing",
            )
    return tuple(one for one in standing if f"{one.story}.{one.id}" not in retired)


def _monitoring(front: Fields) -> Monitoring:
    fields = front.child("monitoring")
    if fields is None:
        return Monitoring()
    volume = fields.child("volume")
    default = Monitoring()
    rate = fields.number("min_success_rate", low=0.0)
    tolerance = volume.number("tolerance", low=0.0) if volume else None
    monitoring = Monitoring(
        min_success_rate=default.min_success_rate if rate is None else rate,
        max_runtime=_shaped(fields, "max_runtime", _DURATION, "such as 10m") or default.max_runtime,
        volume_tolerance=default.volume_tolerance if tolerance is None else tolerance,
        volume_history=(volume.integer("history", low=3) if volume else None) or default.volume_history,
        budget=_budget(fields),
    )
    if volume:
        volume.unknown()
    fields.unknown()
    return monitoring


def _budget(monitoring: Fields) -> Mapping[str, float]:
    """The share of events that may be bad, by objective."""
    fields = monitoring.child("budget")
    if fields is None:
        return MappingProxyType({})
    shares = {
        "errors": fields.number("errors", low=0.0, high=1.0),
        "warnings": fields.number("warnings", low=0.0, high=1.0),
        "runtime": fields.number("runtime", low=0.0, high=1.0),
        "freshness": fields.number("freshness", low=0.0, high=1.0),
    }
    fields.unknown()
    return MappingProxyType({name: share for name, share in shares.items() if share is not None})


def _watching(front: Fields, own: Mapping[str, Any]) -> tuple[int, Rollout]:
    """How long the observation window is (7 intervals if nothing says), and the steps before it.

    `observe_intervals` and `rollout.observe` are two words for one thing: what the story itself says counts.
    """
    observe, (rollout, said) = front.integer("observe_intervals", low=0), read_rollout(front)
    if said is None or observe is None:
        return next((one for one in (said, observe) if one is not None), 7), rollout
    here = isinstance(own.get("rollout"), dict) and "observe" in own["rollout"]
    if here and "observe_intervals" in own and observe != said:
        front.note(
            "story.two_windows",
            f"observe_intervals says {observe} and rollout.observe {said}",
            at="observe_intervals",
            expected="one length of the observation window",
        )
    return said if here else observe, rollout


def _words(value: object) -> list[str]:
    return [str(word) for word in value] if isinstance(value, list) else [value] if isinstance(value, str) else []


def _leaving(front: Fields) -> dict[str, tuple[str, ...]]:
    """Exports, each with the personal columns that may leave by it unmasked."""
    fields = front.child("leaving")
    return {name: fields.texts(name) for name in fields.values} if fields else {}


def _lines(document: Document) -> dict[str, int]:
    """The line of the file on which each dotted path stands."""
    return {
        join_path(*map(str, path)): line + document.first_line - 1 for path, (line, _) in document.marks.items() if path
    }
