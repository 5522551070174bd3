"""A change as the ledger knows it."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from penstock.delivery.stages import Progress, Stage
from penstock.model.errors import InputError
from penstock.model.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.ledger.journal import Journal, Value


ASKED_BY_AUTHOR = "author:"
"""How the path of a question begins that a program asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question of a change and its answer, if there is one."""

    id: str
    text: str
    path: str
    answer: str | None
    by: str | None

    @property
    def by_author(self) -> bool:
        """Whether the program that writes the change asked it: its answer fills no place of the story."""
        return self.path.startswith(ASKED_BY_AUTHOR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change's row of the ledger with what belongs to it. `until` bounds the data that counts as arrived."""

    id: str
    title: str
    story: str
    story_sha256: str
    author: str
    base_commit: str
    base_branch: str
    branch: str
    until: str
    stage: str
    state: str
    reason: str
    merge_commit: str | None
    promotion: str | None
    previous: Mapping[str, str] | None
    observe_from: str | None
    opened_at: str
    passed: Mapping[Stage, str]
    commits: Mapping[Stage, str]
    entered: Mapping[str, str]
    outcomes: Mapping[str, Mapping[str, str]]
    questions: tuple[Question, ...]
    observations: Mapping[str, str]

    @property
    def folder(self) -> str:
        """Where its artefacts stand in the project."""
        return f"changes/{self.id}"

    @property
    def answers(self) -> dict[str, str]:
        """Answers by the place of the front matter that they fill."""
        return {q.path: q.answer for q in self.questions if q.answer is not None and not q.by_author}

    def asking_again(self, question: str) -> Change:
        """The change as if one of its questions had no answer yet."""
        questions = tuple(replace(q, answer=None, by=None) if q.id == question else q for q in self.questions)
        return replace(self, questions=questions)

    def progress(self, approvals: int, needed: int) -> Progress:
        """What `next_step` decides on."""
        return Progress(
            state=self.state,
            passed=self.passed,
            unanswered=tuple(question.id for question in self.questions if question.answer is None),
            approvals=approvals,
            approvals_needed=needed,
        )


def list_changes(journal: Journal) -> tuple[Change, ...]:
    """Every change, oldest first."""
    rows = sorted(journal.rows("changes"), key=lambda row: (str(row["opened_at"]), str(row["change"])))
    return tuple(_change(row, journal) for row in rows)


def find_change(journal: Journal, change: str) -> Change:
    """The change of that id.

    Raises:
        InputError: there is none; the finding suggests one that is alike.
    """
    rows = journal.rows("changes", change=change)
    if rows:
        return _change(rows[0], journal)
    known = [str(row["change"]) for row in journal.rows("changes")]
    close = difflib.get_close_matches(change, known, n=1)
    raise InputError(
        Finding(
            code="change.unknown",
            message=f"there is no change {change!r}",
            found=change,
            expected=f"perhaps {close[0]}" if close else (", ".join(known) or "a change that was delivered"),
            remedy="`penstock change list` shows all; `penstock deliver STORY` starts one",
        )
    )


def _change(row: Mapping[str, Value], journal: Journal) -> Change:
    change = str(row["change"])
    stages = journal.rows("stages", change=change)
    previous = row["previous"]
    return Change(
        id=change,
        **{
            name: str(row[name] or "")
            for name in (
                "title", "story", "story_sha256", "author", "base_commit", "base_branch", "branch", "until", "stage",
                "state", "reason", "opened_at",
            )
        },
        merge_commit=_text(row["merge_commit"]),
        promotion=_text(row["promotion"]),
        observe_from=_text(row["observe_from"]),
        previous=json.loads(str(previous)) if previous is not None else None,
        passed={Stage(str(s["stage"])): str(s["envelope_sha256"]) for s in stages if s["state"] == "passed"},
        commits={Stage(str(s["stage"])): str(s["commit"]) for s in stages if s["state"] == "passed"},
        entered={str(s["stage"]): str(s["entered_commit"]) for s in stages if s["entered_commit"] is not None},
        outcomes={str(s["stage"]): json.loads(str(s["outcomes"])) for s in stages if s["outcomes"] is not None},
        questions=_questions(journal, change),
        observations={str(o["interval"]): str(o["state"]) for o in journal.rows("observations", change=change)},
    )  # fmt: skip


def _questions(journal: Journal, change: str) -> tuple[Question, ...]:
    rows = journal.rows("questions", change=change)
    found = (
        Question(
            id=str(row["question"]),
            text=str(row["text"] or ""),
            path=str(row["path"] or ""),
            answer=_text(row["answer"]),
            by=_text(row["answered_by"]),
        )
        for row in rows
    )
    return tuple(sorted(found, key=lambda question: int(question.id.removeprefix("Q"))))


def _text(value: Value) -> str | None:
    return None if value is None else str(value)
