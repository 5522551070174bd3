"""Reads a change's story as it stands: the stories delivered before it beneath, people's answers on top."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from penstock.delivery.tools import policy_at
from penstock.documents import read_yaml
from penstock.project.story import read_story

if TYPE_CHECKING:
    from pathlib import Path

    from penstock.delivery.changes import Change
    from penstock.delivery.tools import Tools
    from penstock.model.stories import Story
    from penstock.policy.rules import Policy

STORY = "story.md"
QUESTIONS = "questions.yaml"


def story_of(change: Change, root: Path, tools: Tools) -> Story:
    """The change's effective story, from the copy that discovery made."""
    text = tools.folder.read(root, f"{change.folder}/{STORY}") or b""
    return story_from(text.decode(), change.story, change, tools)


def story_from(text: str, file: str, change: Change, tools: Tools) -> Story:
    """A story's text with what came before it and the change's answers."""
    answers = {path: json.loads(answer) for path, answer in change.answers.items()}
    story = read_story(text, file, earlier=earlier_stories(change.base_commit, tools), answers=answers)
    return under_policy(story, policy_at(tools, change.base_commit))


def under_policy(story: Story, policy: Policy) -> Story:
    """The story with what policy says: the window where neither it nor a story beneath it says one, and no step of
    the rollout shorter than policy has it.
    """
    story = replace(story, rollout=story.rollout.at_least(policy.rollout))
    rollout = story.front.get("rollout")
    if "observe_intervals" in story.front or (isinstance(rollout, dict) and "observe" in rollout):
        return story
    return replace(story, observe_intervals=policy.observe_intervals)


def earlier_stories(commit: str, tools: Tools) -> tuple[Story, ...]:
    """The stories delivered and not rolled back as of a commit, in the order in which they came."""
    stories: list[Story] = []
    names = frozenset(tools.repository.files(commit))
    for path in tools.repository.story_order(commit):
        folder = str(PurePosixPath(path).parent)
        if any(name.startswith(f"{folder}/evidence/") and "rollback" in name for name in names):
            continue
        answers = _answers(tools.repository.show(commit, f"{folder}/{QUESTIONS}"), f"{folder}/{QUESTIONS}")
        text = (tools.repository.show(commit, path) or b"").decode()
        stories.append(read_story(text, path, earlier=tuple(stories), answers=answers))
    return tuple(stories)


def _answers(data: bytes | None, file: str) -> dict[str, object]:
    if data is None:
        return {}
    rows = read_yaml(data.decode(), file).data or {}
    return {row["path"]: row["answer"] for row in rows.get("questions") or () if "answer" in row}
