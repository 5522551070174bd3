"""The `@task` decorator that a project's Python files use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Function = TypeVar("Function", bound="Callable[..., Any]")


def task(  # noqa: PLR0913 - one argument for each thing that a file can say
    *,
    reads: Mapping[str, str],
    materialize: str = "table",
    interval: str | None = None,
    batch: int = 31,
    key: Sequence[str] = (),
    timeout: str | None = None,
    memory: str | None = None,
    secrets: Sequence[str] = (),
    pool: str | None = None,
    concurrency: int | None = None,
    priority: int = 0,
    columns: Mapping[str, Sequence[str]] | None = None,
) -> Callable[[Function], Function]:
    """Mark the function that makes the dataset named by its file.

    The project reader takes the arguments from the source text, so they must be literals; calling the
    decorated function does exactly what the plain function does.

    Args:
        reads: parameter name to dataset, for example ``{"revenue": "sales.daily_revenue"}``. Each parameter
            receives the dataset's rows (for an incremental task: of the interval) in the form that its annotation
            names: ``duckdb.DuckDBPyRelation`` (if left out), ``pyarrow.Table``, ``pyarrow.RecordBatchReader``,
            ``polars.DataFrame``, ``polars.LazyFrame`` or ``pandas.DataFrame``. Any of them may be returned.
        materialize: ``table``, ``incremental`` or ``merge``.
        interval: ``day(column)`` or another grain with the time column; for an incremental task, and for a merge
            that takes its inputs in slices.
        batch: how many intervals one call takes at most.
        key: for a merge, the columns that tell rows apart.
        timeout: how long it may run: ``90s``, ``10m``, ``2h``.
        memory: how much it may take: ``512MB``, ``4GiB``.
        secrets: names of environment variables that it may see. It sees no others.
        pool: a pool of ``penstock.yaml``, which bounds how many of its tasks run at once.
        concurrency: how many of its own slices run at once.
        priority: who goes first when not all can, larger first.
        columns: for lineage, what each column is made of, for example ``{"net": ["revenue.gross"]}``: a parameter and
            one of its columns. Left out, every column may come from every one that is read. It changes no version.

    >>> @task(reads={"revenue": "sales.daily_revenue"})
    ... def best_day(revenue): return revenue.order("net desc").limit(1)
    >>> best_day.__name__
    'best_day'
    """
    del reads, materialize, interval, batch, key, timeout, memory, secrets, pool, concurrency, priority, columns

    def mark(function: Function) -> Function:
        return function

    return mark
