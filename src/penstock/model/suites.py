"""Suites of another tool that a dataset's rows are held to before they are published."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

MOST_ROWS = 1_000_000
"""How many rows are handed to the other tool at most, where nothing else is said: it holds them all in memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectations:
    """A suite of Great Expectations, or the suites of a checkpoint, by the path of its file beneath the project."""

    dataset: str
    file: str
    is_checkpoint: bool = False
    most_rows: int = MOST_ROWS

    @property
    def places(self) -> tuple[str, ...]:
        """The files and folders that say what is expected; a checkpoint names others that lie beside its folder."""
        path = PurePosixPath(self.file)
        folder = path.parent.parent
        beside = [str(folder / name) for name in ("validation_definitions", "expectations")]
        return (str(path), *(beside if self.is_checkpoint else ()))
