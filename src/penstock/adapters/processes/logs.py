"""What tasks print: a file for each piece of work beneath its run's folder, masked and bounded; and how it is read.

Attempts at the same piece of work follow each other in one file.
"""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import BinaryIO

    from penstock.adapters.processes.masking import Mask

FIRST_BYTES = 512 << 10
LAST_BYTES = 512 << 10
LATEST_BYTES = 4000
SUFFIX = ".log"
MOST_CHARACTERS = 150
FURTHER_ATTEMPT = b"--- a further attempt ---\n"
_KEPT = "[]#=@+,"
_PAUSE = 0.1


def log_file(folder: Path, run: str, log: str) -> Path:
    """Where a log of a run lies. What a file's name cannot hold is spelt as in a URL, so that names stay apart."""
    return folder / _plain(run) / f"{_plain(log)}{SUFFIX}"


def _plain(name: str) -> str:
    quoted = quote(name, safe=_KEPT, errors="surrogatepass") or "%"
    if quoted.startswith("."):
        quoted = f"%2E{quoted[1:]}"
    if len(quoted) <= MOST_CHARACTERS:
        return quoted
    return f"{quoted[:100]}~{hashlib.sha256(quoted.encode()).hexdigest()[:16]}"


def name_of(path: Path) -> str:
    """The name of the log that lies in a file."""
    return unquote(path.name.removesuffix(SUFFIX))


class LogWriter:
    """Keeps the beginning and the end of what is written, without secrets. A disk that refuses ends the log, no more.

    The beginning is in the file as soon as it was printed; what comes after it follows at the end.
    """

    def __init__(self, path: Path, mask: Mask) -> None:
        self._path, self._mask = path, mask
        self._room = FIRST_BYTES
        self._tail = bytearray()
        self._left_out = 0
        self._latest = b""
        self._file: BinaryIO | None = None
        self._refused = False

    def write(self, data: bytes) -> None:
        """Take what was printed."""
        self._add(self._mask.feed(data))

    def close(self) -> None:
        """Write the end."""
        self._add(self._mask.finish())
        if self._left_out:
            self._put(f"\n[{self._left_out:,} bytes are left out here]\n".encode())
        self._put(bytes(self._tail))
        if self._file is not None:
            self._file.close()

    def ending(self) -> str:
        """The last few thousand characters, once the log is closed."""
        return self._latest.decode(errors="replace")

    def _add(self, data: bytes) -> None:
        self._latest = (self._latest + data[-LATEST_BYTES:])[-LATEST_BYTES:]
        first, rest = data[: self._room], data[self._room :]
        self._room -= len(first)
        self._put(first)
        self._tail += rest
        over = len(self._tail) - LAST_BYTES
        if over > 0:
            self._left_out += over
            del self._tail[:over]

    def _put(self, data: bytes) -> None:
        """Write to the file, which is made for the first byte: a task that prints nothing leaves none."""
        if self._refused or not data:
            return
        try:
            if self._file is None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self._path.open("ab", buffering=0)
                if self._file.tell():
                    self._file.write(FURTHER_ATTEMPT)
            self._file.write(data)
        except OSError:
            self._refused = True


def logs_of(folder: Path, run: str) -> tuple[Path, ...]:
    """The logs of a run, oldest first."""
    found = (folder / _plain(run)).glob(f"*{SUFFIX}")
    return tuple(sorted(found, key=lambda path: (path.stat().st_mtime_ns, path.name)))


def follow(
    folder: Path, run: str, stop: Callable[[], bool], pause: Callable[[], None] = lambda: time.sleep(_PAUSE)
) -> Iterator[tuple[str, str]]:
    """Name of the log and line, as they are written, until `stop` says that nothing more will come.

    What was there before comes first. A line without an end is given once the run has stopped.
    """
    read: dict[Path, tuple[int, bytes]] = {}
    while True:
        stopped = stop()
        for path in logs_of(folder, run):
            place, begun = read.get(path, (0, b""))
            with path.open("rb") as stream:
                stream.seek(place)
                data = stream.read()
            *lines, rest = (begun + data).split(b"\n")
            read[path] = (place + len(data), rest)
            for line in lines:
                yield name_of(path), line.decode(errors="replace")
            if stopped and rest:
                yield name_of(path), rest.decode(errors="replace")
        if stopped:
            return
        pause()
