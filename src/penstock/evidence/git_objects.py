"""Git's commits, trees and files, read from raw objects, each of which must hash to the id it is asked for by.

Invariants: nothing here runs git or touches a repository; an object that is missing or does not have its id raises;
what was read is remembered, so that a bundle can hold exactly that. Source: gitrepository-layout of git.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.model.errors import InputError
from penstock.model.findings import Finding, Place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FOLDER = "40000"
KINDS = ("blob", "commit", "tree")
MAX_COMPARED = 20_000
"""How many pairs of trees are compared at most: a few objects can name one another in ever so many paths."""
MAX_DEPTH = 200
_SHA1_DIGITS = 40
_NO_NAMES = (b"", b".", b"..")


@dataclass(frozen=True, slots=True, kw_only=True)
class GitObject:
    """An object's kind (one of `KINDS`) and its bytes without git's header."""

    kind: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a tree holds under a name: git's mode, and the id of a blob, a tree or a submodule's commit."""

    mode: str
    id: str


def object_id(each: GitObject, digits: int = _SHA1_DIGITS) -> str:
    """The id git gives an object: SHA-1 for ids of 40 digits, SHA-256 for ids of 64.

    >>> object_id(GitObject(kind="blob", data=b""))
    'e69de29bb2d1d6434b8b29ae775ad8c2e48c5391'
    """
    framed = b"%s %d\0%s" % (each.kind.encode(), len(each.data), each.data)
    if digits == _SHA1_DIGITS:
        return hashlib.sha1(framed, usedforsecurity=False).hexdigest()
    return hashlib.sha256(framed).hexdigest()


class History:
    """Commits and their files, of a project that lies at `prefix` (empty: the top) of its repository.

    `read` returns an object by its id, or None. `seen` holds every object that was asked for and found.
    """

    def __init__(self, read: Callable[[str], GitObject | None], prefix: str = "") -> None:
        self._read = read
        self.prefix = prefix
        self.seen: dict[str, GitObject] = {}
        self._compared = 0

    def afresh(self) -> History:
        """The same commits, of which nothing was read yet."""
        return History(self._read, self.prefix)

    def file(self, commit: str, path: str) -> bytes | None:
        """A project file's bytes at a commit, or None if it was not there.

        Raises:
            InputError: an object on the way is missing or not what its id says.
        """
        entry = self._entry(commit, self._full(path))
        return None if entry is None or entry.mode == FOLDER else self._object(entry.id, "blob").data

    def folder(self, commit: str, path: str) -> dict[str, bytes]:
        """The files beneath a project's folder at a commit, by their path in the project.

        Raises:
            InputError: as for `file`.
        """
        entry = self._entry(commit, self._full(path))
        if entry is None or entry.mode != FOLDER:
            return {}
        found = self._differences(None, entry.id, f"{self._full(path)}/", "")
        return {self._relative(name): self._object(blob, "blob").data for name, blob in found if blob is not None}

    def changed(self, old: str, new: str, apart: str) -> dict[str, str | None]:
        """Files that differ between two commits: the new blob's id, or None where the file is gone.

        Paths are relative to the project, those outside it begin with `../`; the project's folder `apart` is not looked
        into.

        Raises:
            InputError: as for `file`.
        """
        found = self._differences(self._tree(old), self._tree(new), "", self._full(apart))
        return {self._relative(path): each for path, each in found}

    def _differences(self, old: str | None, new: str | None, path: str, apart: str) -> Iterator[tuple[str, str | None]]:
        if old == new or path == f"{apart}/":
            return
        self._compared += 1
        if self._compared > MAX_COMPARED or path.count("/") > MAX_DEPTH:
            raise InputError(_too_large(path))
        before = self._entries(old) if old else {}
        after = self._entries(new) if new else {}
        for name in sorted({*before, *after}):
            one, other = before.get(name), after.get(name)
            if one == other:
                continue
            was, now = (entry.id if entry and entry.mode == FOLDER else None for entry in (one, other))
            yield from self._differences(was, now, f"{path}{name}/", apart)
            if other is not None and other.mode != FOLDER:
                yield f"{path}{name}", other.id
            elif one is not None and one.mode != FOLDER:
                yield f"{path}{name}", None

    def _full(self, path: str) -> str:
        return f"{self.prefix}/{path}" if self.prefix else path

    def _relative(self, path: str) -> str:
        if not self.prefix:
            return path
        inside = path.removeprefix(f"{self.prefix}/")
        return inside if inside != path else f"{'../' * (self.prefix.count('/') + 1)}{path}"

    def _entry(self, commit: str, path: str) -> Entry | None:
        """What stands at a path of the repository."""
        entry = Entry(mode=FOLDER, id=self._tree(commit))
        for name in path.split("/"):
            if entry.mode != FOLDER:
                return None
            inside = self._entries(entry.id).get(name)
            if inside is None:
                return None
            entry = inside
        return entry

    def _tree(self, commit: str) -> str:
        """The id of a commit's tree: what its first line says."""
        first = self._object(commit, "commit").data.partition(b"\n")[0]
        return first.removeprefix(b"tree ").decode("ascii", "replace")

    def _entries(self, tree: str) -> dict[str, Entry]:
        return dict(_entries(self._object(tree, "tree").data, len(tree) // 2, tree))

    def _object(self, name: str, kind: str) -> GitObject:
        found = self.seen.get(name) or self._read(name)
        if found is None:
            raise InputError(_missing(name, kind))
        if not _is_itself(found, kind, name):
            raise InputError(_changed(name, kind))
        self.seen[name] = found
        return found


def _is_itself(found: GitObject, kind: str, name: str) -> bool:
    return found.kind == kind and object_id(found, len(name)) == name


def _entries(data: bytes, width: int, tree: str) -> Iterator[tuple[str, Entry]]:
    """The entries of a raw tree; ids are `width` bytes."""
    spot, names = 0, set[bytes]()
    while spot < len(data):
        end = data.find(b"\0", spot)
        mode, space, name = data[spot:end].partition(b" ")
        raw = data[end + 1 : end + 1 + width]
        if end < 0 or not space or name in names or name in _NO_NAMES or b"/" in name or len(raw) != width:
            raise InputError(_changed(tree, "tree"))
        names.add(name)
        text = name.decode("utf-8", "surrogateescape")
        yield text, Entry(mode=mode.decode("ascii", "replace"), id=raw.hex())
        spot = end + 1 + width


def _missing(name: str, kind: str) -> Finding:
    return Finding(
        code="evidence.object_missing",
        message=f"the {kind} {name[:12]} is not there",
        place=Place(field=name),
        found="nothing under that id",
        expected=f"git's {kind} {name}",
        remedy="a shallow clone lacks it: git fetch --unshallow; a bundle that lacks it is no longer whole",
    )


def _changed(name: str, kind: str) -> Finding:
    return Finding(
        code="evidence.object_changed",
        message=f"the {kind} {name[:12]} is not what its id says",
        place=Place(field=name),
        found="bytes of another object",
        expected=f"git's {kind} {name}",
        remedy="take the bundle or the repository again from where it is whole",
    )


def _too_large(path: str) -> Finding:
    return Finding(
        code="evidence.too_many_trees",
        message="the commits differ in more folders than are looked into",
        place=Place(file=path[:200]),
        expected=f"at most {MAX_COMPARED:,} folders, at most {MAX_DEPTH} deep",
        remedy="deliver changes of that size in parts",
    )
