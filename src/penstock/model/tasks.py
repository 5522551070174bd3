"""What kinds of tasks make datasets."""

from __future__ import annotations

from enum import StrEnum


class TaskKind(StrEnum):
    """What makes a dataset."""

    SQL = "sql"
    PYTHON = "python"
    SOURCE = "source"
    COMMAND = "command"
