"""Who writes the files of a change."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class AuthorKind(StrEnum):
    """Where a change's files come from."""

    DETERMINISTIC = "deterministic"
    FILES = "files"
    PATCH = "patch"
    BRANCH = "branch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Who writes: Penstock from the story alone, or somebody else, whose files are taken as they are.

    `place` is the folder of files or the patch beside the story, or the branch. `writes` are the files and folders
    (with a slash at their end) that may be written; where it is empty, the files there are count as planned.
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
        }[self.kind]
