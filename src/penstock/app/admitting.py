"""`admit`: whether commits may go in, by what git and the evidence in them say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.adapters.folder import ProjectFolder
from penstock.adapters.git import GitRepository
from penstock.delivery.admission import admission
from penstock.model.errors import InputError
from penstock.model.findings import Finding, Place

if TYPE_CHECKING:
    from penstock.app.wiring import Workplace
    from penstock.delivery.admission import Admission


def admit(place: Workplace, base: str) -> Admission:
    """Judge what the checked-out commit has beyond where it left `base` (a branch or another revision).

    Raises:
        InputError: there is no such revision, nothing in common with it, or tracked files are not committed.
    """
    repository = GitRepository(place.root)
    if dirty := repository.dirty():
        raise InputError(tuple(_not_committed(path) for path in dirty))
    return admission(repository.fork(base), place.root, ProjectFolder(), repository)


def _not_committed(path: str) -> Finding:
    return Finding(
        code="admit.not_committed",
        message=f"{path} is not as it was committed",
        place=Place(file=path),
        expected="the files of the commit that is judged",
        remedy="commit or stash it",
    )
