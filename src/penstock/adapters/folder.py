"""Files of a project's folder: bounded and link-free to read, whole-or-not-at-all to write."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from penstock.model.errors import InputError, RunError
from penstock.model.findings import Finding, Place
from penstock.project.layout import PROJECT_FOLDERS, SETTINGS_FILE, is_project_file

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_FILE_BYTES = 2_000_000
_SKIPPED = {".git", ".penstock", ".venv", "__pycache__", "node_modules", "data", "build"}


class ProjectFolder:
    """The `Folder` of delivery. Paths are relative to a root and stay beneath it."""

    def read(self, root: Path, path: str) -> bytes | None:
        """A file's bytes, or None if it is not there."""
        target = beneath(root, path)
        return target.read_bytes() if target.is_file() else None

    def write(self, root: Path, path: str, data: bytes) -> None:
        """Write a file so that a crash leaves the old bytes or the new, and the new ones are on disk on return.

        Raises:
            RunError: the disk refuses; what stood there before still stands there, or the new bytes do.
        """
        target = beneath(root, path)
        fresh = target.with_name(f".{target.name}.new")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with fresh.open("wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            fresh.replace(target)
            _sync_folder(target.parent)
        except OSError as error:
            with suppress(OSError):
                fresh.unlink(missing_ok=True)
            raise RunError(_not_written(path, error)) from error

    def remove(self, root: Path, path: str) -> None:
        """Remove a file, and the folders that this empties."""
        target = beneath(root, path)
        target.unlink(missing_ok=True)
        for folder in target.parents:
            if folder == root or not folder.is_dir() or any(folder.iterdir()):
                return
            folder.rmdir()

    def list(self, root: Path, under: str) -> tuple[str, ...]:
        """Every file under a folder, sorted, relative to the root."""
        start = beneath(root, under) if under else root
        return tuple(sorted(path.relative_to(root).as_posix() for path in _walk(start)))


def load_project(root: Path) -> dict[str, bytes]:
    """The bytes of every file that makes up the project's model.

    Raises:
        InputError: files that are too large, no plain files, or links; all of them at once.
    """
    files: dict[str, bytes] = {}
    findings: list[Finding] = []
    for path in _candidates(root):
        name = path.relative_to(root).as_posix()
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode) and path.is_dir():
            findings.append(_refused(name, "is a link to a folder", "a plain folder beneath the project"))
            continue
        if not is_project_file(name):
            continue
        if not name.isprintable():
            findings.append(_refused(_printable(name), "has a name that cannot be printed", "a name of letters"))
        elif not stat.S_ISREG(status.st_mode):
            findings.append(_refused(name, "is a link or no plain file", "a plain file beneath the project"))
        elif status.st_size > MAX_FILE_BYTES:
            findings.append(_refused(name, f"has {status.st_size:,} bytes", f"at most {MAX_FILE_BYTES:,}"))
        else:
            files[name] = path.read_bytes()
    if findings:
        raise InputError(tuple(findings))
    return files


def beneath(root: Path, path: str) -> Path:
    """A relative path as a path under the root.

    Raises:
        InputError: it is absolute, climbs out, or a link leads out.
    """
    pure = PurePosixPath(path)
    target = root / pure
    if pure.is_absolute() or ".." in pure.parts or not target.resolve().is_relative_to(root.resolve()):
        raise InputError(_refused(path, "lies outside the project", "a path beneath the project's folder"))
    return target


def _candidates(root: Path) -> Iterator[Path]:
    """What may be a project file: the settings, and everything in the project's folders. Data is not looked at."""
    if os.path.lexists(root / SETTINGS_FILE):
        yield root / SETTINGS_FILE
    for name in PROJECT_FOLDERS:
        folder = root / name
        if folder.is_symlink():
            yield folder
        else:
            yield from _walk(folder, links=True)


def _walk(start: Path, *, links: bool = False) -> Iterator[Path]:
    """Every file; with `links` also every link to a folder. Links are not followed."""
    for folder, names, files in os.walk(start):
        names[:] = sorted(name for name in names if name not in _SKIPPED)
        linked = [name for name in names if links and (Path(folder) / name).is_symlink()]
        for name in sorted([*files, *linked]):
            yield Path(folder) / name


def _printable(name: str) -> str:
    """A file's name with what a terminal or a JSON text cannot show as escapes."""
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in name)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _not_written(name: str, error: OSError) -> Finding:
    return Finding(
        code="project.not_written",
        message=f"{name} cannot be written: {error.strerror}",
        place=Place(file=name),
        expected="room on the disk and a folder that can be written",
        remedy="free space or fix the disk, then go on: penstock change resume ID, or the same command again",
    )


def _refused(name: str, found: str, expected: str) -> Finding:
    return Finding(
        code="project.refused_file",
        message=f"{name} {found}",
        place=Place(file=name),
        found=found,
        expected=expected,
        remedy="replace it by a plain, small file with a plain name",
    )
