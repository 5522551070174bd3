"""Who writes the files of a change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class AuthorKind(StrEnum):
    """Where a change's files come from."""

    DETERMINISTIC = "deterministic"
    FILES = "files"
    PATCH = "patch"
    BRANCH = "branch"
    COMMAND = "command"


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Who writes: Penstock from the story alone, or somebody else, whose files are taken as they are.

    `place` is the folder of files or the patch beside the story, the branch, or the name that the project's settings
    give a command. `writes` are the files and folders (with a slash at their end) that may be written; where it is
    empty, the files there are count as planned.
    """

    kind: AuthorKind = AuthorKind.DETERMINISTIC
    place: str = ""
    writes: tuple[str, ...] = ()

    @property
    def deterministic(self) -> bool:
        """Whether the story alone decides about every byte."""
        return self.kind is AuthorKind.DETERMINISTIC

    def may_write(self, path: str) -> bool:
        """Whether a file of the project is among those that it may write."""
        return not self.writes or any(
            path.startswith(each) if each.endswith("/") else path == each for each in self.writes
        )

    def words(self) -> str:
        """Where the files come from, for people."""
        return {
            AuthorKind.DETERMINISTIC: "Written by Penstock from the story",
            AuthorKind.FILES: f"Written by hand: the files under `{self.place}`",
            AuthorKind.PATCH: f"Written by hand: the patch `{self.place}`",
            AuthorKind.BRANCH: f"Written by hand: the branch `{self.place}`",
            AuthorKind.COMMAND: f"Written by the command `{self.place}` of `penstock.yaml`, confined",
        }[self.kind]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorCommand:
    """A program that writes changes, as the project's settings name it: a story can ask for it, and for no other.

    It is given the variables of `environment`, which are secrets, and a network only if `network` says so.
    """

    name: str
    run: tuple[str, ...]
    timeout: timedelta = timedelta(minutes=20)
    network: bool = False
    environment: tuple[str, ...] = ()
