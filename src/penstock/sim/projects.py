"""Small projects made of a line each, in the shape that the simulated warehouse understands.

Everything lives in the pipeline `sim`, is cut by day of the column `moment`, and begins at the clock's epoch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.model.connectors import Connector, ConnectorSource
from penstock.model.intervals import Grain
from penstock.model.pipelines import (
    Dataset,
    IntervalBy,
    Materialization,
    Pipeline,
    Project,
    PythonTask,
    Retry,
    Settings,
    SqlTask,
)
from penstock.model.schedule import parse_schedule
from penstock.model.sources import FileSource
from penstock.sim.clock import EPOCH
from penstock.sql.fingerprint import digest
from penstock.sql.rewriting import edits_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

RETRY = Retry(attempts=3, delay=1.0, factor=2.0, cap=5.0)
_BOUNDS = frozenset({"interval_start", "interval_end"})


def project_of(
    datasets: Iterable[Dataset], *, parallel: int = 1, pools: Mapping[str, int] | None = None, **pipeline: Any
) -> Project:
    """The project of these datasets; other arguments are the pipeline's."""
    values: dict[str, Any] = {
        "name": "sim",
        "file": "pipelines/sim/pipeline.yaml",
        "owner": "sim",
        "schedule": parse_schedule("@daily", "UTC"),
        "start": EPOCH,
        "retry": RETRY,
        **pipeline,
    }
    return Project(
        settings=Settings(name="simulated", parallel=parallel, pools=pools or {}),
        pipelines={"sim": Pipeline(**values)},
        datasets={dataset.name: dataset for dataset in datasets},
    )


def by_day(batch: int) -> IntervalBy:
    """Days of `moment`, up to `batch` of them in one task."""
    return IntervalBy(grain=Grain.DAY, column="moment", batch=batch)


def landed(name: str, *, batch: int = 1, **changes: Any) -> Dataset:
    """A source with a file a day."""
    task = FileSource(path="raw/{interval_start:%Y-%m-%d}.csv", columns=("moment", "value"))
    return _dataset(name, task=task, materialization=Materialization.INCREMENTAL, interval=by_day(batch), **changes)


def brought(name: str, **changes: Any) -> Dataset:
    """A source that a connector brings, which adds what came since the last time."""
    task = ConnectorSource(
        connector=Connector.PYTHON,
        types={"moment": "TIMESTAMP", "value": "VARCHAR"},
        function="pipelines/sim/api.py:rows",
        keeps_state=True,
    )
    return _dataset(name, **{"task": task, "materialization": Materialization.APPEND, **changes})


def sliced(name: str, *reads: str, batch: int = 1, **changes: Any) -> Dataset:
    """An incremental query over datasets that have a moment."""
    column = f"{reads[0]}.moment"
    text = (
        f"SELECT {column} AS moment FROM {' CROSS JOIN '.join(reads)}"
        f" WHERE {column} >= $interval_start AND {column} < $interval_end"
    )
    task = _query(text, reads, params=_BOUNDS)
    return _dataset(name, task=task, materialization=Materialization.INCREMENTAL, interval=by_day(batch), **changes)


def merged(name: str, *reads: str, batch: int = 1, **changes: Any) -> Dataset:
    """A query whose rows replace those of the same seat: there are few, and later days take those of earlier ones."""
    column = f"{reads[0]}.moment"
    text = (
        f"SELECT seat({column}) AS moment FROM {' CROSS JOIN '.join(reads)}"
        f" WHERE {column} >= $interval_start AND {column} < $interval_end"
    )
    task = _query(text, reads, params=_BOUNDS)
    kept = {"materialization": Materialization.MERGE, "interval": by_day(batch), "key": ("moment",)}
    return _dataset(name, task=task, **{**kept, **changes})


def appended(name: str, *reads: str, **changes: Any) -> Dataset:
    """A query over the moments after those that it has already."""
    column = f"{reads[0]}.moment"
    text = f"SELECT {column} AS moment FROM {' CROSS JOIN '.join(reads)} WHERE $offset IS NULL OR {column} > $offset"
    task = _query(text, reads, params=frozenset({"offset"}))
    return _dataset(name, task=task, materialization=Materialization.APPEND, offset="moment", **changes)


def whole(name: str, *reads: str, **changes: Any) -> Dataset:
    """A table over all rows of what it reads."""
    task = _query(f"SELECT count(*) AS value FROM {' CROSS JOIN '.join(reads)}", reads)
    return _dataset(name, task=task, materialization=Materialization.TABLE, **changes)


def view(name: str, reads: str, **changes: Any) -> Dataset:
    """A view that hands on another dataset's rows."""
    task = _query(f"SELECT * FROM {reads}", (reads,))
    return _dataset(name, task=task, materialization=Materialization.VIEW, **changes)


def coded(name: str, *reads: str, batch: int | None = None, **changes: Any) -> Dataset:
    """A Python task; incremental if it has a batch, else a table."""
    task = PythonTask(
        function="make", reads_by_parameter={f"p{n}": read for n, read in enumerate(reads)}, code_digest=name
    )
    kept = Materialization.TABLE if batch is None else Materialization.INCREMENTAL
    interval = None if batch is None else by_day(batch)
    return _dataset(name, task=task, materialization=kept, interval=interval, **changes)


def _query(text: str, reads: tuple[str, ...], params: frozenset[str] = frozenset()) -> SqlTask:
    return SqlTask(text=text, reads=reads, query_digest=digest(text), edits=edits_of(text), params=params)


def _dataset(name: str, **values: Any) -> Dataset:
    file = f"pipelines/{name.replace('.', '/')}"
    return Dataset(**{"name": name, "file": file, **values})
