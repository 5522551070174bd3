"""The files that name packages, before and after a branch: in the project and in the folders above it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.policy.dependencies.names import DependencyFile, form_of

if TYPE_CHECKING:
    from pathlib import Path

    from penstock.delivery.changes import Change
    from penstock.delivery.tools import Tools


def dependency_files(change: Change, root: Path, tools: Tools) -> tuple[DependencyFile, ...]:
    """Each file at the base revision and on the branch; what is no text counts as empty text."""
    before = _at(change.base_commit, tools)
    after = _at(tools.repository.head(root), tools)
    return tuple(
        DependencyFile(path=path, before=_text(before.get(path)), after=_text(after.get(path)))
        for path in sorted({*before, *after})
    )


def _at(commit: str, tools: Tools) -> dict[str, bytes]:
    within = [path for path in tools.repository.files(commit) if form_of(path)]
    above = [path for path in tools.repository.files_above(commit) if form_of(path)]
    return tools.repository.contents(commit, [*within, *above])


def _text(data: bytes | None) -> str | None:
    return None if data is None else data.decode(errors="replace")
