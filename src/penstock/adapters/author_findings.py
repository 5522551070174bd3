"""Why a program that writes a change was not run, or why what it left is not taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.findings import Finding, Place
from penstock.project.layout import SETTINGS_FILE

if TYPE_CHECKING:
    from penstock.delivery.ports import CommandRun
    from penstock.model.authors import AuthorCommand

BRIEF, QUESTIONS, ASKING = "brief", "questions.txt", 4
MOST_FILES = 2_000
_GO_ON = "then go on: penstock change resume ID"


def unconfined(author: AuthorCommand) -> Finding:
    """There is nothing here that could confine it."""
    return Finding(
        code="author.unconfined",
        message=f"author {author.name} cannot be confined here, and is not run otherwise",
        place=_place(author),
        expected="bubblewrap, allowed to make namespaces",
        remedy="install the package bubblewrap, or have the files written elsewhere and handed in as a patch",
    )


def not_set(author: AuthorCommand, name: str) -> Finding:
    """An environment variable that it is to be given is not there."""
    return Finding(
        code="author.no_variable",
        message=f"author {author.name} needs {name}, which is not set",
        place=_place(author),
        expected=f"an environment variable {name}",
        remedy=f"set {name}, {_GO_ON}",
    )


def failed(author: AuthorCommand, run: CommandRun) -> Finding:
    """It said itself that it could not do it."""
    expected = f"exit code 0 with the files written, or {ASKING} with questions in {BRIEF}/{QUESTIONS}"
    return _ended(author, run, "failed", f"ended with {run.exit_code}", expected)


def too_late(author: AuthorCommand, run: CommandRun) -> Finding:
    """It took longer than it may."""
    how = f"was ended after {author.timeout.total_seconds():g} s"
    return _ended(author, run, "too_late", how, "an end within its timeout", "give it a longer `timeout`")


def too_much(author: AuthorCommand, run: CommandRun, reason: str) -> Finding:
    """It took more memory, processes or room than it may."""
    expected = "a program that keeps within the bounds of its desk"
    return _ended(author, run, "too_much", f"was ended: it took {reason}", expected)


def odd(author: AuthorCommand, path: str, what: str) -> Finding:
    """What it left is not what a change is made of."""
    return Finding(
        code="author.odd_file",
        message=f"author {author.name} left {path[:200]!r}, {what}",
        place=Place(file=path[:200]),
        expected=f"plain text files of at most 1 MiB, at most {MOST_FILES:,} of them, and no links",
        remedy="have the program write plain files alone",
    )


def asks_nothing(author: AuthorCommand) -> Finding:
    """It said that it has questions, and left none."""
    return Finding(
        code="author.asks_nothing",
        message=f"author {author.name} ended with {ASKING} and asks nothing",
        place=_place(author),
        expected=f"one question a line in {BRIEF}/{QUESTIONS}",
        remedy=f"correct the program, {_GO_ON}",
    )


def _ended(
    author: AuthorCommand, run: CommandRun, code: str, how: str, expected: str, remedy: str = "correct the program"
) -> Finding:
    """It ran, and did not come to a good end; its last lines tell people more."""
    return Finding(
        code=f"author.{code}",
        message=f"author {author.name} {how}",
        place=_place(author),
        found="\n".join(run.output.strip().splitlines()[-15:]) or "no output",
        expected=expected,
        remedy=f"{remedy}, {_GO_ON}",
    )


def _place(author: AuthorCommand) -> Place:
    return Place(file=SETTINGS_FILE, field=f"authors.{author.name}")
