"""Reads a project's files into its model, or recalls what they came to before.

A large project is read in a process of its own: what reading leaves behind in memory goes with it, and what is recalled
shares its equal parts. `penstock serve` holds the model for months.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.adapters.folder import load_project
from penstock.adapters.remembered import RememberedProject

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.model.pipelines import Project

REMEMBERED = "project.json"
LARGE = 2_000
"""Files from which a project is read in a process of its own."""


def project_at(root: Path, state: Path) -> Project:
    """The model of the files below `root`; `state` is where it is remembered.

    Raises:
        InputError: with every mistake found.
    """
    files = load_project(root)
    remembered = RememberedProject(state / REMEMBERED)
    project = remembered.recall(files)
    if project is None and len(files) > LARGE:
        argv = [sys.executable, "-P", "-m", __name__, str(root), str(state)]
        subprocess.run(
            argv, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        project = remembered.recall(files)  # nothing, if there are mistakes: then they are to be told of here
    return project or _read(files, remembered)


def _read(files: Mapping[str, bytes], remembered: RememberedProject) -> Project:
    from penstock.project.reading import read_project  # noqa: PLC0415 - pulls in the SQL parser

    project = read_project(files, remembered.earlier())
    remembered.remember(files, project)
    return project


if __name__ == "__main__":
    _read(load_project(Path(sys.argv[1])), RememberedProject(Path(sys.argv[2]) / REMEMBERED))
