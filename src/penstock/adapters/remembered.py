"""The model of the project as it was last read, beside the ledger: for files that have not changed since.

It saves time and decides nothing. A text that is not whole, or was made of other files or by other code, is not used.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import penstock
from penstock.project import remembering

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.model.pipelines import Project

_READERS = ("model", "documents", "contract", "sql", "project")
"""The floors whose code decides what a file comes to."""
_PACKAGE = Path(penstock.__file__).parent


class RememberedProject:
    """One file with a project's model and, in its first line, what it was made of."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def recall(self, files: Mapping[str, bytes]) -> Project | None:
        """The model of these files, if it is known."""
        try:
            made_of, digest, text = self._path.read_text(encoding="utf-8").split("\n", 2)
        except (OSError, ValueError):
            return None
        if made_of != _digest_of(files) or digest != _sha256(text):
            return None
        try:
            return remembering.load(text)
        except ValueError:
            return None

    def remember(self, files: Mapping[str, bytes], project: Project) -> None:
        """Keep the model of these files. A disk that refuses is no matter: they are read again the next time."""
        text = remembering.dump(project)
        fresh = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            try:
                fresh.write_text(f"{_digest_of(files)}\n{_sha256(text)}\n{text}", encoding="utf-8")
                fresh.replace(self._path)
            finally:
                fresh.unlink(missing_ok=True)


def _digest_of(files: Mapping[str, bytes]) -> str:
    """What a model is made of: the files, and the code that read them."""
    found = hashlib.sha256(_code_digest().encode())
    for name in sorted(files):
        found.update(f"{name}\0{len(files[name])}\0".encode("utf-8", "surrogatepass"))
        found.update(files[name])
    return found.hexdigest()


def _code_digest() -> str:
    """Of the readers' code by size and time of each file, and of the SQL parser by its version."""
    parser = find_spec("sqlglot")
    found = hashlib.sha256()
    if parser is not None and parser.origin:
        found.update((Path(parser.origin).parent / "_version.py").read_bytes())
    for name in _READERS:
        for file in sorted((_PACKAGE / name).glob("*.py")):
            status = file.stat()
            found.update(f"{name}/{file.name} {status.st_size} {status.st_mtime_ns}\n".encode())
    return found.hexdigest()


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
