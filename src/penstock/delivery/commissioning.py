"""Has a program write a change: what it is given to read, and what it asks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from penstock.delivery.changes import ASKED_BY_AUTHOR
from penstock.delivery.tools import settings_at
from penstock.model.errors import InputError
from penstock.model.findings import Finding, Place
from penstock.project.layout import SETTINGS_FILE, is_project_file

if TYPE_CHECKING:
    from pathlib import Path

    from penstock.delivery.changes import Change
    from penstock.delivery.ports import CommandRun, Handed
    from penstock.delivery.tools import Tools
    from penstock.model.stories import Story

_BRIEF = ("story.md", "alignment.md", "profile.json", "questions.yaml")
_READABLE = ("docs/", "README.md", "architecture.md")


class AuthorAsksError(Exception):
    """A program has written nothing yet and asks instead; `questions` are new, each with the path of its answer."""

    def __init__(self, questions: dict[str, str], run: CommandRun) -> None:
        super().__init__("; ".join(questions.values()))
        self.questions = questions
        self.run = run


def commission(story: Story, change: Change, root: Path, tools: Tools) -> Handed:
    """Run the story's author over the base revision's files.

    Raises:
        InputError: the base revision's settings name no such author, or it left what cannot be taken.
        AuthorAsksError: it has questions that were not asked before.
        RunError: it failed.
    """
    authors = settings_at(tools, change.base_commit).authors
    author = authors.get(story.author.place)
    if author is None:
        raise InputError(_unknown(story, tuple(authors)))
    names = [name for name in tools.repository.files(change.base_commit) if _is_shown(name)]
    brief = {name: tools.folder.read(root, f"{change.folder}/{name}") or b"" for name in _BRIEF}
    brief["answers.json"] = _answers(change)
    handed = tools.desk.write(author, tools.repository.contents(change.base_commit, names), brief)
    if handed.questions:
        known = {question.path for question in change.questions}
        asked = {f"{ASKED_BY_AUTHOR}{text}": text for text in handed.questions}
        new = {path: text for path, text in asked.items() if path not in known}
        if not new:
            raise InputError(_asks_again(story, handed.questions))
        raise AuthorAsksError(new, handed.run)
    return handed


def _is_shown(name: str) -> bool:
    """What a program may read: the model and the pages. Data, keys and other changes' records stay behind."""
    return is_project_file(name) or name.startswith(_READABLE)


def _answers(change: Change) -> bytes:
    own = [question for question in change.questions if question.by_author]
    rows = [
        {"question": question.text, "answer": json.loads(question.answer)}
        for question in own
        if question.answer is not None
    ]
    return (json.dumps(rows, indent=2, ensure_ascii=False) + "\n").encode()


def _unknown(story: Story, known: tuple[str, ...]) -> Finding:
    return Finding(
        code="author.unknown",
        message=f"the base revision's settings name no author {story.author.place}",
        place=Place(file=story.file, field="author.name"),
        found=story.author.place,
        expected=", ".join(known) or f"`authors` in {SETTINGS_FILE}",
        remedy=f"name one that there is, or commit it to {SETTINGS_FILE} on the base branch",
    )


def _asks_again(story: Story, questions: tuple[str, ...]) -> Finding:
    return Finding(
        code="author.asks_again",
        message=f"author {story.author.place} asks again what was answered",
        place=Place(file=SETTINGS_FILE, field=f"authors.{story.author.place}"),
        found="; ".join(questions)[:600],
        expected="a program that reads its answers in brief/answers.json",
        remedy="correct the program, then go on: penstock change resume ID",
    )
