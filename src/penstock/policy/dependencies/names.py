"""Which files say what a project's programs need. By name alone; costs nothing to import."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath

_REQUIREMENTS = re.compile(
    r"(?:requirements|constraints)(?:[-_.][\w.-]*)?\.(?:txt|in)|[\w.-]*[-_.](?:requirements|constraints)\.(?:txt|in)"
)
_NOT_THE_PROJECTS = frozenset({"changes", "stories", "data", "build", "node_modules", ".venv", ".penstock"})


class Form(StrEnum):
    """What a file of dependencies is written as."""

    REQUIREMENTS = "requirements"
    COMPILED_FROM = "in"
    PYPROJECT = "pyproject.toml"
    UV_LOCK = "uv.lock"
    POETRY_LOCK = "poetry.lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class DependencyFile:
    """One such file: its path, and its text at the base revision and on the branch (None where it is not)."""

    path: str
    before: str | None
    after: str | None


def form_of(path: str) -> Form | None:
    """What a path's file is written as, if it is one that names packages; authors' own folders of files are not.

    >>> form_of("pipelines/sales/requirements-dev.txt"), form_of("stories/S-1/requirements.txt"), form_of("notes.txt")
    (<Form.REQUIREMENTS: 'requirements'>, None, None)
    """
    *folders, name = PurePosixPath(path).parts
    if _NOT_THE_PROJECTS & set(folders):
        return None
    if name in {Form.PYPROJECT, Form.UV_LOCK, Form.POETRY_LOCK}:
        return Form(name)
    if _REQUIREMENTS.fullmatch(name) or (folders and folders[-1] == "requirements" and name.endswith((".txt", ".in"))):
        return Form.COMPILED_FROM if name.endswith(".in") else Form.REQUIREMENTS
    return None
