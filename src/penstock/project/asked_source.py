"""What sources share that are asked for rows, databases and connectors: how often, for how long, and their dataset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.model.databases import Refresh
from penstock.model.pipelines import Dataset
from penstock.project.task_options import read_limits, read_timeout

if TYPE_CHECKING:
    from datetime import timedelta

    from penstock.documents import Fields
    from penstock.model.connectors import ConnectorSource
    from penstock.model.databases import DatabaseSource
    from penstock.model.pipelines import Limits
    from penstock.project.task_options import Keeping


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """How a source is asked: once in each `refresh`, no longer than `timeout`, within `limits`."""

    refresh: Refresh
    timeout: timedelta | None
    limits: Limits


def read_asking(fields: Fields, refreshed: str) -> Asking:
    """The keys that say how a source is asked; `refreshed` says in words what `refresh` is for."""
    refresh = fields.choice("refresh", tuple(Refresh)) or Refresh.ALWAYS
    if "refresh" in fields and "interval" in fields:
        message, expected = "`interval` has no use for `refresh`", f"`refresh` for {refreshed}"
        fields.note("project.refresh", message, at="refresh", expected=expected, remedy="remove `refresh`")
    return Asking(refresh=Refresh(refresh), timeout=read_timeout(fields), limits=read_limits(fields, None))


def asked_dataset(
    name: str, file: str, task: DatabaseSource | ConnectorSource, keeping: Keeping, asking: Asking, description: str
) -> Dataset:
    """The dataset of such a source."""
    return Dataset(
        name=name,
        file=file,
        task=task,
        materialization=keeping.materialization,
        interval=keeping.interval,
        key=keeping.key,
        description=description,
        timeout=asking.timeout,
        limits=asking.limits,
    )
