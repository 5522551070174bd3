"""What a merge that stopped says: the files that both sides edited, and the lines at which they disagree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.findings import Finding, Place

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

OURS = b"<<<<<<< "


def conflict_findings(top: Path, names: Sequence[str], branch: str) -> Iterator[Finding]:
    """One finding for each place of each file, or for the file where one side removed it or it is no text."""
    for name in names:
        path = top / name
        lines = path.read_bytes().splitlines() if path.is_file() else []
        numbers: list[int | None] = [number for number, line in enumerate(lines, 1) if line.startswith(OURS)]
        for number in numbers or [None]:
            yield Finding(
                code="git.conflict",
                message=f"{name} was edited on the base and on {branch}, and git cannot tell what is meant",
                place=Place(file=name, line=number),
                found="edits of the same lines" if number else "one side removed it, or it is no text",
                expected="a branch that merges",
                remedy=f"penstock change rebase {branch.removeprefix('change/')}",
            )
