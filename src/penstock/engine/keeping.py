"""Takes rows out of the staging that lie before their dataset's horizon: what was deleted does not come back.

Invariant: where nothing tells how old rows are, of a dataset whose rows were deleted by their age, none are published.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.errors import TaskError
from penstock.model.findings import Finding, Place
from penstock.model.pipelines import Materialization
from penstock.plan.horizons import columns_of_age

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.engine.attempt import Job
    from penstock.engine.ports.publishing import Staged
    from penstock.engine.ports.warehouse import Session
    from penstock.model.pipelines import Dataset
    from penstock.plan.build import Work


def kept(session: Session, staged: Staged, work: Work, job: Job) -> Staged:
    """What is staged, without rows from before the dataset's horizon.

    Raises:
        TaskError: the rows lack every column that would tell how old they are.
    """
    dataset, interval = job.project.datasets[work.slice.dataset], work.slice.interval
    horizon, columns = job.horizons.get(dataset.name), columns_of_age(dataset, job.counted_by.get(dataset.name, ""))
    if horizon is None or not columns or dataset.materialization is Materialization.VIEW:
        return staged
    there = {name.casefold() for name, _ in staged.columns}
    column = next((name for name in columns if name.casefold() in there), None)
    is_cut = dataset.interval is not None and dataset.interval.column in {column, columns[0]}
    if is_cut and interval is not None and interval.start >= horizon:
        return staged
    if column is None:
        raise TaskError(_ageless(dataset, columns))
    return session.leave_out(column, horizon)


def _ageless(dataset: Dataset, columns: Sequence[str]) -> Finding:
    return Finding(
        code="retention.no_column",
        message=f"rows of {dataset.name} were deleted by their age, and nothing tells how old its new rows are",
        place=Place(file=dataset.file, dataset=dataset.name),
        expected=f"a column of time named {' or '.join(columns)}",
        remedy="keep that column, or name another one as the element of the contract's retention",
    )
