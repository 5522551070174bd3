"""The lines that a git diff adds, each with its file and number; of a log of diffs also the commit, and its message.

Lines are told apart by the hunks' counts, never by how they begin: an added line can look like a file header.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_HUNK = re.compile(r"@@ -\d+(?:,(?P<old>\d+))? \+(?P<start>\d+)(?:,(?P<new>\d+))? @@")
_COMMIT = re.compile(r"commit ([0-9a-f]{40}(?:[0-9a-f]{24})?)")
MESSAGE_INDENT = "    "
_ESCAPE = re.compile(rb"\\([0-7]{3}|.)")
_LETTERS = {b"t": b"\t", b"n": b"\n", b"r": b"\r", b"a": b"\a", b"b": b"\b", b"f": b"\f", b"v": b"\v"}


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedLine:
    """One line that was not there before; numbers count from 1.

    `commit` is the one that adds it, if the text says so. A line of its message has the commit in place of a file.
    """

    file: str
    number: int
    text: str
    commit: str = ""


def added_lines(diff: str) -> Iterator[AddedLine]:
    """Every added line of a unified diff, in its order. Binary files have none.

    Between diffs a line `commit ID` names the next one, and indented lines after it are its message.
    """
    file = commit = ""
    old = new = number = 0
    for line in diff.split("\n"):
        if old <= 0 and new <= 0:
            if named := _COMMIT.fullmatch(line):
                commit, number = named[1], 0
            elif line.startswith(MESSAGE_INDENT) and commit:
                number += 1
                yield AddedLine(file=f"commit {commit[:12]}", number=number, text=line.strip(), commit=commit)
            elif line.startswith("+++ "):
                file = _path(line[4:])
            elif hunk := _HUNK.match(line):
                old, new = int(hunk["old"] or 1), int(hunk["new"] or 1)
                number = int(hunk["start"])
        elif line.startswith("+"):
            yield AddedLine(file=file, number=number, text=line[1:].removesuffix("\r"), commit=commit)
            number, new = number + 1, new - 1
        elif line.startswith("-"):
            old -= 1
        elif not line.startswith("\\"):
            number, old, new = number + 1, old - 1, new - 1


def stretches(lines: Iterable[AddedLine]) -> Iterator[tuple[AddedLine, ...]]:
    """Lines that were added right after each other, together."""
    current: list[AddedLine] = []
    for line in lines:
        last = current[-1] if current else None
        if last and (last.file, last.commit, last.number + 1) != (line.file, line.commit, line.number):
            yield tuple(current)
            current = []
        current.append(line)
    if current:
        yield tuple(current)


def _path(text: str) -> str:
    """The path of a `+++` line, without git's prefix and quoting."""
    path = text.rstrip("\t\r")
    if len(path) > 1 and path[0] == path[-1] == '"':
        path = _ESCAPE.sub(_unescaped, path[1:-1].encode()).decode(errors="replace")
    return path[2:] if path[:2] in {"b/", "w/", "i/"} else path


def _unescaped(match: re.Match[bytes]) -> bytes:
    code = match[1]
    return bytes([int(code, 8) & 0xFF]) if len(code) == 3 else _LETTERS.get(code, code)
