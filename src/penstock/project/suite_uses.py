"""`great_expectations` of `penstock.yaml`: which suites of that tool which datasets are held to."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from penstock.model.suites import MOST_ROWS, Expectations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.documents import Fields


def suite_uses(fields: Fields) -> Iterator[Expectations]:
    """The entries; what is wrong with one is noted, and it makes none."""
    for entry in fields.items("great_expectations"):
        dataset = entry.text("dataset", required=True)
        suite, checkpoint = entry.text("suite"), entry.text("checkpoint")
        rows = entry.integer("rows", low=1)
        entry.unknown()
        if (suite is None) == (checkpoint is None):
            entry.note(
                "project.suite",
                "an entry names one file, of a suite or of a checkpoint",
                found="both" if suite else "neither",
                expected="suite: gx/expectations/NAME.json, or checkpoint: gx/checkpoints/NAME.json",
            )
            continue
        file = suite or checkpoint or ""
        if not _is_beneath(file):
            entry.note(
                "project.outside",
                f"{file!r} is no file beneath the project",
                at="suite" if suite else "checkpoint",
                found=file,
                expected="a path beneath the project's folder",
            )
        elif dataset is not None:
            yield Expectations(
                dataset=dataset, file=file, is_checkpoint=checkpoint is not None, most_rows=rows or MOST_ROWS
            )


def _is_beneath(text: str) -> bool:
    path = PurePosixPath(text)
    return not path.is_absolute() and ".." not in path.parts and bool(path.name) and "\0" not in text
