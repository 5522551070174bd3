"""Which paths an author may hand in: those that are on every machine, and for every eye, the file that they seem to be.

What Penstock itself writes of a change is no author's to write, and neither is what git and Penstock keep beside it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from penstock.model.findings import Finding, Place

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

_KEPT_BESIDE = frozenset({".git", ".penstock"})
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_FORBIDDEN = frozenset('<>:"|?*\\')
MOST_BYTES = 200
"""The longest name of one file or folder, in bytes of UTF-8: with `.NAME.new` beside it, file systems take it."""


def odd_paths(paths: Iterable[str], standing: Collection[str], own: str) -> tuple[Finding, ...]:
    """What is wrong with handed-in paths; `standing` are the base revision's, `own` the change's folder."""
    there: dict[str, str] = {}
    for name in standing:
        there.update({folded.casefold(): folded for folded in _and_above(name)})
    return tuple(_finding(path, why, own) for path in sorted(paths) if (why := _odd(path, there, own)))


def _odd(path: str, standing: dict[str, str], own: str) -> str:
    parts = path.split("/")
    if f"{path}/".casefold().startswith(f"{own}/".casefold()):
        return "is a record of the change itself"
    if parts[0].casefold() in _KEPT_BESIDE:
        return "lies among what git or Penstock keeps"
    if any(_odd_name(part) for part in parts):
        return "has a name that is not the same, or cannot be, everywhere"
    for name in _and_above(path):
        if (twin := standing.get(name.casefold(), name)) != name:
            return f"differs from {twin} by the case of letters alone"
        standing[name.casefold()] = name
    return ""


def _odd_name(part: str) -> bool:
    return (
        part in {"", ".", ".."}
        or not part.isprintable()
        or part[0] in "- "
        or part[-1] in ". "
        or not _FORBIDDEN.isdisjoint(part)
        or _RESERVED.fullmatch(part) is not None
        or len(part.encode(errors="surrogatepass")) > MOST_BYTES
    )


def _and_above(path: str) -> Iterator[str]:
    """A path and the folders above it."""
    parts = path.split("/")
    return ("/".join(parts[:count]) for count in range(1, len(parts) + 1))


def _finding(path: str, why: str, own: str) -> Finding:
    shown = "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape", "backslashreplace").decode() for sign in path
    )
    return Finding(
        code="change.odd_path",
        message=f"{shown[:300]} {why}",
        place=Place(file=shown[:300]),
        found=shown[:300],
        expected=f"plain names of files, none beneath {own}/, .git or .penstock, no two that differ by case alone",
        remedy="hand the file in under another name, or not at all",
    )
