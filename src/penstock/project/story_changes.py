"""Which datasets a story makes or changes, read from what it says itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from penstock.model.stories import Story, StorySource

LANDING_KEYS = frozenset({"path", "columns", "delimiter", "interval"})
REJECTING_KEYS = LANDING_KEYS | {"deduplicate", "bad_rows"}
ROW_KEYS = REJECTING_KEYS | {"keep", "flags"}
DATASET_KEYS = frozenset({"from", "grain", "measures", "filters"})


def source_datasets(pipeline: str, source: StorySource) -> tuple[str, ...]:
    """The datasets that a source is landed and staged as, in the order they are made."""
    landed, staged = f"{pipeline}.{source.name}", f"{pipeline}.stg_{source.name}"
    if source.bad_rows != "quarantine":
        return (landed, staged)
    return (landed, staged, f"{staged}_rejected", f"{staged}_counts")


def story_datasets(story: Story) -> tuple[str, ...]:
    """Every dataset of the story's pipeline, in the order they are made."""
    landed = [name for source in story.sources.values() for name in source_datasets(story.pipeline, source)]
    return (*landed, *(f"{story.pipeline}.{name}" for name in story.datasets))


def changed_datasets(story: Story) -> dict[str, bool]:
    """The datasets whose rows the story changes, each with whether it is new, in the order they are made.

    A story that somebody else writes the files of says so itself: its declared impact.
    """
    if not story.author.deterministic:
        return {name: impact.new for name, impact in story.impact.items()}
    if story.kind == "new":
        return dict.fromkeys(story_datasets(story), True)
    changed = {
        name: new for source in story.sources.values() for name, new in _changed_by_source(story, source).items()
    }
    own = _mapping(story.own.get("datasets"))
    for dataset in story.datasets.values():
        name = f"{story.pipeline}.{dataset.name}"
        new = {"from", "grain", "measures"} <= set(_mapping(own.get(dataset.name)))
        touched = DATASET_KEYS & set(_mapping(own.get(dataset.name)))
        if touched or f"{story.pipeline}.stg_{dataset.source}" in changed:
            changed[name] = new
    return changed


def _changed_by_source(story: Story, source: StorySource) -> dict[str, bool]:
    own = set(_mapping(_mapping(story.own.get("sources")).get(source.name)))
    names = source_datasets(story.pipeline, source)
    if {"path", "columns"} <= own:
        return dict.fromkeys(names, True)
    touched = {
        names[0]: bool(own & LANDING_KEYS),
        names[1]: bool(own & ROW_KEYS),
        **{name: bool(own & REJECTING_KEYS) for name in names[2:3]},
        **{name: bool(own & ROW_KEYS) for name in names[3:]},
    }
    quarantine_begins = "bad_rows" in own and source.bad_rows == "quarantine"
    return {name: quarantine_begins and name in names[2:] for name, hit in touched.items() if hit}


def _mapping(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}
