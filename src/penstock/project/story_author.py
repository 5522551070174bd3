"""`author` of a story: who writes its files, and which."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from penstock.model.authors import Author, AuthorKind

if TYPE_CHECKING:
    from penstock.documents import Fields

_BRANCH = re.compile(r"(?![-/.])(?!.*(?:\.\.|//|@\{|\.lock$))[^\x00-\x20\x7f~^:?*\[\\]+(?<![/.])")


def read_author(front: Fields) -> Author:
    """Who writes the change; a bare word is `deterministic`."""
    if not isinstance(front.values.get("author"), dict):
        front.choice("author", (AuthorKind.DETERMINISTIC,))
        return Author()
    author = front.child("author")
    assert author is not None  # noqa: S101 - it is a mapping
    kind = AuthorKind(author.choice("kind", tuple(AuthorKind), required=True) or AuthorKind.DETERMINISTIC)
    writes = author.texts("writes") if kind is not AuthorKind.DETERMINISTIC else ()
    match kind:
        case AuthorKind.FILES:
            place = author.text("directory", required=True) or ""
            _hold_inside(author, "directory", place, "a folder beside the story")
        case AuthorKind.PATCH:
            place = author.text("file", required=True) or ""
            _hold_inside(author, "file", place, "a patch beside the story")
        case AuthorKind.BRANCH:
            place = author.text("branch", required=True) or ""
            if place and not _BRANCH.fullmatch(place):
                expected = "a branch's name, such as feature/refunds"
                author.note("story.bad_branch", f"{place!r} is no name of a branch", at="branch", expected=expected)
        case AuthorKind.COMMAND:
            place = author.text("name", required=True) or ""
            if not writes:
                message = "the story does not say what the command may write"
                expected = "writes: [pipelines/sales/, tests/], files and folders of the project"
                author.note("story.unbounded_author", message, at="kind", expected=expected)
        case _:
            place = ""
    for path in writes:
        _hold_inside(author, "writes", path, "files and folders of the project, folders with a / at their end")
    author.unknown()
    return Author(kind=kind, place=place, writes=writes)


def _hold_inside(author: Fields, at: str, path: str, expected: str) -> None:
    if path.startswith(("/", "~")) or ".." in path.split("/") or "\\" in path or "\0" in path:
        message = f"{path!r} may lead out of the project"
        author.note("story.path_outside", message, at=at, found=path, expected=expected)
