"""`emit`: a project's schedules in the words of another orchestrator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.orchestrators.crontab.writing import crontab

if TYPE_CHECKING:
    from collections.abc import Callable

    from penstock.app.wiring import Workplace
    from penstock.model.findings import Finding
    from penstock.model.pipelines import Project

WRITERS: dict[str, Callable[[Project, str], tuple[str, tuple[Finding, ...]]]] = {"crontab": crontab}


def emit(place: Workplace, target: str) -> tuple[str, tuple[Finding, ...]]:
    """The file's text, and what the target cannot carry."""
    return WRITERS[target](place.project, str(place.root))
