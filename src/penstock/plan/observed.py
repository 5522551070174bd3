"""Of which columns values may be kept that another tool observed: those known to be nobody's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.plan.personal import personal_data
from penstock.quality.expectations.outcomes import NOTHING, Kept

if TYPE_CHECKING:
    from penstock.model.pipelines import Project


def kept_of(project: Project, name: str) -> Kept:
    """The columns of a dataset's contract that are personal neither by it nor by lineage.

    Without a contract, or with a query that cannot be followed over personal data, there are none.
    """
    contract, data = project.datasets[name].contract, personal_data(project)
    if contract is None or name in data.unfollowed:
        return NOTHING
    personal = {one.column.casefold() for one in data.columns if one.dataset == name}
    known = frozenset(column.name.casefold() for column in contract.columns)
    return Kept(columns=known - personal, is_whole=not personal)
