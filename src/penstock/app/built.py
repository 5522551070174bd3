"""Where the rows of a dataset are that is built now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.app.warehouses import is_there
from penstock.engine.promotion import mapping_of
from penstock.model.environments import PRODUCTION
from penstock.model.errors import InputError
from penstock.model.findings import Finding
from penstock.plan.versions import relation_of, versions_of

if TYPE_CHECKING:
    from penstock.app.wiring import Workplace

WORKING = "dev"


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A dataset's rows in the warehouse: the quoted relation, and in words which version it is."""

    relation: str
    version: str
    said: str


def known_dataset(place: Workplace, name: str) -> None:
    """Refuse a name that no dataset has.

    Raises:
        InputError: there is no such dataset.
    """
    if name not in place.project.datasets:
        raise InputError(
            Finding(
                code="contract.unknown_dataset",
                message=f"there is no dataset {name}",
                found=name,
                expected=" | ".join(place.project.datasets) or "a dataset of this project",
                remedy="write pipeline.dataset",
            )
        )


def built_rows(place: Workplace, environment: str | None) -> dict[str, Built]:
    """For each dataset that is built: the version that `environment` shows.

    Without an environment: the version of the working tree, else what `dev`, else what `prod` shows.
    """
    if not is_there(place.root, place.settings):
        return {}
    if environment is not None:
        return _shown(place, environment)
    shown = {**_shown(place, PRODUCTION), **_shown(place, WORKING)}
    at_hand = {
        name: Built(
            relation=version.relation, version=version.fingerprint, said=f"the working tree's {version.fingerprint[:8]}"
        )
        for name, version in versions_of(place.project).items()
        if (name in shown and shown[name].version == version.fingerprint)
        or place.ledger.rows("coverage", dataset=name, version=version.fingerprint, limit=1)
    }
    return {**shown, **at_hand}


def _shown(place: Workplace, environment: str) -> dict[str, Built]:
    return {
        name: Built(
            relation=relation_of(name, version), version=version, said=f"{version[:8]} as {environment} shows it"
        )
        for name, version in mapping_of(place.ledger, environment).items()
    }
