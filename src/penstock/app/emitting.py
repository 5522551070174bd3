"""`emit`: a project's schedules for another scheduler, and what keeps its repository on GitHub."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.hosts import github
from penstock.orchestrators.crontab.writing import crontab

if TYPE_CHECKING:
    from collections.abc import Callable

    from penstock.app.wiring import Workplace
    from penstock.model.findings import Finding
    from penstock.model.pipelines import Project

WRITERS: dict[str, Callable[[Project, str], tuple[str, tuple[Finding, ...]]]] = {
    "crontab": crontab,
    "github": github.workflow,
    "codeowners": github.codeowners,
}


def emit(place: Workplace, target: str) -> tuple[str, tuple[Finding, ...]]:
    """The file's text, and what the target cannot carry."""
    return WRITERS[target](place.project, str(place.root))
