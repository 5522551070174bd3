"""Takes up a story: reads it, looks at its sources, and only then records that the change exists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.delivery.changes import Change, find_change
from penstock.delivery.stages import ENDED
from penstock.delivery.storybook import earlier_stories, under_policy
from penstock.delivery.tools import policy_at, project_at
from penstock.evidence.canonical import digest
from penstock.ledger.facts import ChangeOpened
from penstock.model.errors import InputError
from penstock.model.findings import Finding, Place
from penstock.model.intervals import Interval, stamp
from penstock.project.story import read_story, story_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from penstock.delivery.tools import Tools
    from penstock.model.pipelines import Project
    from penstock.model.stories import Story


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What `deliver` was given: the story's path in the project, its text, and up to when data counts as arrived."""

    path: str
    text: str
    until: datetime | None = None


def open_change(opening: Opening, tools: Tools) -> Change:
    """The change of a story, new or taken up again.

    Raises:
        InputError: the story, the project or a source file is broken, or the id is taken by another story; the
            ledger is then as it was.
    """
    base = tools.repository.head()
    _refuse_ended(opening, tools)
    story = read_story(opening.text, opening.path, earlier=earlier_stories(base, tools))
    story = under_policy(story, policy_at(tools, base))
    sha256 = digest(opening.text.encode())
    known = tools.journal.rows("changes", change=story.id)
    if known:
        change = find_change(tools.journal, story.id)
        if change.story_sha256 == sha256 and change.state != "refused":
            return change
        if change.merge_commit is not None:
            raise InputError(_under_way(change, opening.path))
    project = project_at(tools, base)
    _, findings, _ = tools.runtime.source_facts(story)
    if findings:
        raise InputError(findings)
    until = stamp(_until(opening, story, project, tools))
    if known:
        _start_afresh(find_change(tools.journal, story.id), tools)
    _keep_story(sha256, opening.text, tools)
    opened = ChangeOpened(
        change=story.id,
        title=story.title,
        story=opening.path,
        story_sha256=sha256,
        author=tools.author,
        base_commit=base,
        base_branch=tools.repository.branch(),
        branch=f"change/{story.id}",
        until=until,
    )
    tools.journal.append(opened)
    return find_change(tools.journal, story.id)


def _refuse_ended(opening: Opening, tools: Tools) -> None:
    """Say that an id is taken before anything else that is odd about a story that takes it."""
    identity = story_id(opening.text, opening.path)
    if identity is not None and tools.journal.rows("changes", change=identity):
        change = find_change(tools.journal, identity)
        if change.state in ENDED:
            raise InputError(_ended(change, opening.path))


def _until(opening: Opening, story: Story, project: Project, tools: Tools) -> datetime:
    """Up to when data is reviewed.

    Where a pipeline has an end in the past, its last intervals (at most half of all) are held back for the observation
    window, unless production already shows them.

    Raises:
        InputError: no interval of the story has arrived by then.
    """
    until = opening.until or _held_back(story, project, tools)
    if story.start is not None and not any(_spans(story, until)):
        raise InputError(_no_data(story, until))
    return until


def _spans(story: Story, until: datetime) -> Iterator[bool]:
    """For each source with intervals, and for a story without any, whether a whole one lies before `until`."""
    assert story.start is not None  # noqa: S101 - the caller looked
    grains = [source.interval for source in story.sources.values() if source.interval is not None]
    if not grains:
        yield True
    for grain in grains:
        yield grain.step(grain.floor(story.start)) <= until


def _held_back(story: Story, project: Project, tools: Tools) -> datetime:
    now = tools.clock.now().replace(microsecond=0)
    if story.end is None or story.end > now:
        return now
    grains = [source.interval for source in story.sources.values() if source.interval is not None]
    if not grains or story.start is None:
        return story.end
    grain = grains[0]
    whole = sum(1 for _ in Interval(story.start, story.end).split(grain))
    count = min(story.watched_intervals, whole // 2)
    held_back = grain.step(grain.floor(story.end), -count)
    reached = tools.runtime.covered_until(project, story.pipeline)
    return max(held_back, reached) if reached else held_back


def _keep_story(sha256: str, text: str, tools: Tools) -> None:
    """The story's exact bytes, kept until discovery copies them into the change's own folder."""
    tools.folder.write(tools.root, f".penstock/stories/{sha256}.md", text.encode())


def _start_afresh(change: Change, tools: Tools) -> None:
    """A refused or edited story begins again from the base as it is now; its old branch is kept under another name."""
    tools.repository.retire(change.branch, tools.root / ".penstock" / "worktrees" / change.id)


def _ended(change: Change, path: str) -> tuple[Finding, ...]:
    return (
        Finding(
            code="change.ended",
            message=f"{change.id} has ended ({change.state.replace('_', ' ')})",
            place=Place(file=path),
            found=change.id,
            expected="the id of a story that was not delivered yet",
            remedy=f"give the story a new id; `penstock change show {change.id}` tells what happened to the old one",
        ),
    )


def _under_way(change: Change, path: str) -> tuple[Finding, ...]:
    return (
        Finding(
            code="change.under_way",
            message=f"{change.id} is already merged, and its story was edited since",
            place=Place(file=path),
            expected="the story as it was approved",
            remedy=f"`penstock change resume {change.id}` finishes it; write a new story for the new wish",
        ),
    )


def _no_data(story: Story, until: datetime) -> Finding:
    return Finding(
        code="change.no_data",
        message=f"no interval of {story.id} is complete by {stamp(until)}",
        place=Place(file=story.file),
        found=f"data counts as arrived up to {stamp(until)}; the story starts at {stamp(story.start or until)}",
        expected="at least one whole interval of real data to review the change on",
        remedy="give a later --until, or correct `start`",
    )
