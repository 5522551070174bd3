"""The values of dependency files: what is asked for, what is locked, and what cannot be read. No text of an address is
kept: it may hold a password.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet


class Origin(StrEnum):
    """Where a package comes from: an index, a repository, an address, or the project itself."""

    INDEX = "index"
    REPOSITORY = "repository"
    ADDRESS = "address"
    HERE = "here"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A package that a file asks for. `fixed` says whether its bytes, commit or version are given with it.

    `conditional` ones are needed only where a marker or an extra says so.
    """

    name: str
    specifier: SpecifierSet
    line: int | None
    origin: Origin = Origin.INDEX
    fixed: bool = False
    conditional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """A package that a lock names, with the packages it needs (or, where a lock says that, those that need it)."""

    name: str
    version: str
    line: int | None
    origin: Origin = Origin.INDEX
    fixed: bool = True
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A line or a file that cannot be read: why not, without its text."""

    line: int | None
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirements:
    """A requirements file: `includes` and `constraints` are paths as written, `via` maps each name to who asks for it.

    `sources` are the files that it says it was compiled from.
    """

    asked: tuple[Asked, ...]
    includes: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    via: dict[str, tuple[str, ...]]
    sources: tuple[str, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
