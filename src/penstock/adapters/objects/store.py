"""One store as one identity sees it: what it holds, and its objects as files.

Invariants: an object is fetched as it was listed or not at all; no more of it is in memory than a block; what a
connection loses is asked for again block by block.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from penstock.adapters.objects import faults
from penstock.model.errors import TaskError, TransientError
from penstock.model.storage import Scheme, split_address

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from penstock.adapters.processes.masking import Mask

BLOCK = 8 << 20
"""Bytes that are asked for at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """An object as its store lists it: its address, its bytes, when it was written (nanoseconds), and what its store
    calls this state of it."""

    name: str
    size: int
    modified: int
    version: str


class Stream(Protocol):
    """An object that is being read: what its store says of it now, and its bytes."""

    details: Mapping[str, Any]

    def read(self, length: int, /) -> bytes:
        """The next bytes; none at its end."""
        ...


class Filesystem(Protocol):
    """What of fsspec's filesystems is used. Paths are a bucket and a key."""

    def find(self, path: str, *, prefix: str, detail: bool) -> Mapping[str, Mapping[str, Any]]:
        """All objects in a folder whose names there begin so."""
        ...

    def info(self, path: str) -> Mapping[str, Any]:
        """What the store says of an object."""
        ...

    def open(self, path: str, mode: str, *, block_size: int, cache_type: str) -> AbstractContextManager[Stream]:
        """An object to be read."""
        ...


class Store:
    """A store that was opened; see `opening.store_of`. Several threads may use it."""

    def __init__(
        self, opened: Filesystem, scheme: Scheme, dataset: str, mask: Mask, forget: Callable[[], None]
    ) -> None:
        """`forget` is called when the store refuses who asks: the next question is to be asked anew."""
        self._opened, self._scheme, self._dataset, self._mask, self._forget = opened, scheme, dataset, mask, forget

    def listed(self, start: str) -> list[StoredObject]:
        """Every object whose address begins so, by name; what only marks a folder is none.

        Raises:
            TaskError: the store refuses, or has no such bucket.
            TransientError: it does not answer, or not now.
        """
        bucket, key = split_address(start)
        folder, _, prefix = key.rpartition("/")
        try:
            found = self._opened.find(f"{bucket}/{folder}".rstrip("/"), prefix=prefix, detail=True)
        except faults.of(self._scheme) as error:
            raise self._translated(error, start) from error
        listed = (self._object(info) for info in found.values() if info.get("type") == "file")
        wanted = (one for one in listed if one.name.startswith(start) and not one.name.endswith("/"))
        return sorted(wanted, key=lambda one: one.name)

    def fetch(self, wanted: StoredObject, target: Path, is_unwanted: Callable[[], bool]) -> str:
        """Write an object to a file; the SHA-256 of its bytes.

        Raises:
            TaskError: the store refuses, there is no room for it, or nobody wants it any more.
            TransientError: the store does not answer any more, or the object is another one by now.
        """
        try:
            with target.open("wb") as file:
                return self._copied(wanted, file, is_unwanted)
        except OSError as error:
            raise TaskError(faults.no_room(self._dataset, wanted.name, error)) from error

    def _copied(self, wanted: StoredObject, file: BinaryIO, is_unwanted: Callable[[], bool]) -> str:
        digest, size = hashlib.sha256(), 0
        for block in self._blocks(wanted):
            file.write(block)
            digest.update(block)
            size += len(block)
            if is_unwanted():
                raise TaskError(faults.stopped(self._dataset))
        if size != wanted.size:
            raise TransientError(faults.cut_short(self._dataset, wanted.name, size, wanted.size))
        return digest.hexdigest()

    def _blocks(self, wanted: StoredObject) -> Iterator[bytes]:
        """An object's bytes, all of the state that was listed."""
        path = wanted.name.partition("://")[2]
        try:
            with self._opened.open(path, "rb", block_size=BLOCK, cache_type="none") as stream:
                self._refuse_another(wanted, stream.details)
                while block := stream.read(BLOCK):
                    yield block
            if self._scheme is not Scheme.S3:  # which is asked for that state with every block
                self._refuse_another(wanted, self._opened.info(path))
        except faults.of(self._scheme) as error:
            raise self._translated(error, wanted.name, fetching=True) from error

    def _refuse_another(self, wanted: StoredObject, info: Mapping[str, Any]) -> None:
        now = self._object(info)
        if (now.version, now.size) != (wanted.version, wanted.size):
            raise TransientError(faults.replaced(self._dataset, wanted.name))

    def _object(self, info: Mapping[str, Any]) -> StoredObject:
        modified = _moment(next((info[word] for word in _MODIFIED if info.get(word)), None))
        version = next((str(info[word]).strip('"') for word in _VERSION if info.get(word)), f"of {modified}")
        name = f"{self._scheme}://{info['name']}"
        return StoredObject(name=name, size=int(info["size"]), modified=modified, version=version)

    def _translated(self, error: Exception, name: str, *, fetching: bool = False) -> TaskError | TransientError:
        found = faults.translated(error, self._dataset, name, self._mask, fetching=fetching)
        if found.findings[0].code in faults.ABOUT_WHO:
            self._forget()
        return found


_MODIFIED = ("LastModified", "last_modified", "updated", "mtime")
_VERSION = ("ETag", "etag", "generation")
"""What the packages call these."""


def _moment(value: object) -> int:
    """A moment in nanoseconds since 1970; 0 if it is none."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return 0
    if not isinstance(value, datetime):
        return 0
    since = (value if value.tzinfo else value.replace(tzinfo=UTC)) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1_000
