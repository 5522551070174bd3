"""The model of the project as it was last read, beside the ledger: for files that have not changed since.

It saves time and decides nothing. A file that is not whole, or was made of other files or by other code, is not used.
"""

from __future__ import annotations

import hashlib
import os
import sys
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import penstock
from penstock.project import remembering

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from penstock.model.pipelines import Project

_READERS = ("model", "documents", "contract", "sql", "project")
"""The floors whose code decides what a file comes to."""
_END = "= "
_PACKAGE = Path(penstock.__file__).parent


class RememberedProject:
    """One file: what the model was made of, the model, and the digest of its lines."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def recall(self, files: Mapping[str, bytes]) -> Project | None:
        """The model of these files, if it is known."""
        return self._load(f"{_code_digest()} {_digest_of(files)}")

    def earlier(self) -> Project | None:
        """The model of whatever files there were the last time, if the same code made it."""
        return self._load(f"{_code_digest()} ")

    def _load(self, made_of: str) -> Project | None:
        with suppress(OSError, ValueError, RecursionError), self._path.open(encoding="utf-8") as stream:
            if stream.readline().startswith(made_of):
                lines = _Checked(stream)
                project = remembering.load(lines)
                return project if lines.whole else None
        return None

    def remember(self, files: Mapping[str, bytes], project: Project) -> None:
        """Keep the model of these files. A disk that refuses is no matter: they are read again the next time."""
        fresh = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with fresh.open("w", encoding="utf-8") as stream:
                    stream.write(f"{_code_digest()} {_digest_of(files)}\n")
                    digest = hashlib.sha256()
                    for line in remembering.dump(project):
                        stream.write(f"{line}\n")
                        digest.update(f"{line}\n".encode())
                    stream.write(f"{_END}{digest.hexdigest()}\n")
                fresh.replace(self._path)
            finally:
                fresh.unlink(missing_ok=True)


class _Checked:
    """The lines of a stream up to the last, which holds their digest."""

    def __init__(self, stream: Iterable[str]) -> None:
        self._stream, self._digest = stream, hashlib.sha256()
        self.whole = False

    def __iter__(self) -> Iterator[str]:
        for line in self._stream:
            if line.startswith(_END):
                self.whole = line == f"{_END}{self._digest.hexdigest()}\n"
                return
            self._digest.update(line.encode())
            yield line


def _digest_of(files: Mapping[str, bytes]) -> str:
    """The files that a model is made of."""
    found = hashlib.sha256()
    for name in sorted(files):
        found.update(f"{name}\0{len(files[name])}\0".encode("utf-8", "surrogatepass"))
        found.update(files[name])
    return found.hexdigest()


def _code_digest() -> str:
    """Of the readers' code, of the SQL parser by its version, and of the Python that runs them."""
    parser = find_spec("sqlglot")
    found = hashlib.sha256(sys.version.encode())
    if parser is not None and parser.origin:
        found.update((Path(parser.origin).parent / "_version.py").read_bytes())
    for name in _READERS:
        for file in sorted((_PACKAGE / name).glob("*.py")):
            # the kernel's time of the last change, and the file's number: nobody sets those to what they were
            status = file.stat()
            known = (file, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
            found.update(f"{known}\n".encode())
    return found.hexdigest()
