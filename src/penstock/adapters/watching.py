"""Looks at files without reading them: what a trigger's pattern matches, and whether a project's files changed."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.engine.triggers import FileSeen
from penstock.model.errors import InputError
from penstock.model.findings import Finding, Place
from penstock.project.layout import PROJECT_FOLDERS, SETTINGS_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator


class SourceFolder:
    """The `Folder` of triggers: a project's files as they lie there."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def matching(self, pattern: str) -> tuple[FileSeen, ...]:
        """The plain files beneath the project that match; see `Folder.matching`.

        A link counts if what it points to lies beneath the project. A folder that is not there holds no files.
        """
        try:
            return tuple(sorted(self._seen(pattern)))
        except OSError as error:
            raise InputError(_not_looked_at(pattern, error)) from error

    def _seen(self, pattern: str) -> Iterator[FileSeen]:
        home = self._root.resolve()
        for path in self._root.glob(pattern):
            try:
                status = path.stat()
            except FileNotFoundError:  # it was there a moment ago, or the link leads nowhere
                continue
            if stat.S_ISREG(status.st_mode) and path.resolve().is_relative_to(home):
                name = path.relative_to(self._root).as_posix()
                yield FileSeen(name=name, size=status.st_size, changed=status.st_mtime_ns)


def fingerprint_of_files(root: Path) -> str:
    """A digest of names, sizes and times of change of everything that may make up a project's model."""
    digest = hashlib.sha256()
    for path in (root / SETTINGS_FILE, *(root / name for name in sorted(PROJECT_FOLDERS))):
        for name, status in _walked(path):
            digest.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _walked(path: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Every file at or under a path, in order."""
    if path.is_file():
        yield str(path), path.stat()
        return
    try:
        entries = sorted(os.scandir(path), key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _walked(Path(entry.path))
        elif entry.is_file(follow_symlinks=False):
            yield entry.path, entry.stat(follow_symlinks=False)


def _not_looked_at(pattern: str, error: OSError) -> Finding:
    return Finding(
        code="trigger.not_looked_at",
        message=f"the files {pattern} cannot be looked at: {error.strerror}",
        place=Place(file=pattern),
        expected="a folder that can be read",
        remedy="correct its permissions; it is looked at again",
    )
