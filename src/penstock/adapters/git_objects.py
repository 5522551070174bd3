"""Raw objects of a repository, by id, from one `git cat-file --batch` that answers as long as it is asked."""

from __future__ import annotations

import os
import re
import subprocess
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from penstock.evidence.git_objects import KINDS, GitObject

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_OURS = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")


@contextmanager
def raw_objects(folder: Path) -> Iterator[Callable[[str], GitObject | None]]:
    """A function from an object's id to the object, or to None where the repository around `folder` lacks it."""
    kept = {name: value for name, value in os.environ.items() if name not in _OURS}
    with subprocess.Popen(
        ["git", "-C", str(folder), "cat-file", "--batch"],
        env={**kept, "LC_ALL": "C", "GIT_NO_LAZY_FETCH": "1", "GIT_NO_REPLACE_OBJECTS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        asked, said = process.stdin, process.stdout
        if asked is None or said is None:
            raise RuntimeError("a process was begun without pipes")
        yield lambda name: _read(asked, said, name)
        asked.close()


def _read(asked: IO[bytes], said: IO[bytes], name: str) -> GitObject | None:
    """One object. Nothing but an id is asked for: git would take other words too."""
    if not _ID.fullmatch(name):
        return None
    asked.write(name.encode() + b"\n")
    asked.flush()
    _, _, answer = said.readline().strip().partition(b" ")
    kind, _, size = answer.decode().partition(" ")
    if kind not in KINDS:
        return None
    data = said.read(int(size))
    said.read(1)
    return GitObject(kind=kind, data=data)
