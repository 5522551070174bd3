"""The `@task` decorator that a project's Python files use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Function = TypeVar("Function", bound="Callable[..., Any]")


def task(
    *,
    reads: Mapping[str, str],
    materialize: str = "table",
    interval: str | None = None,
) -> Callable[[Function], Function]:
    """Mark the function that makes the dataset named by its file.

    The project reader takes the arguments from the source text, so they must be literals; calling the
    decorated function does exactly what the plain function does.

    Args:
        reads: parameter name to dataset, for example ``{"revenue": "sales.daily_revenue"}``. Each parameter
            receives a DuckDB relation over the dataset's rows (for an incremental task: of the interval).
        materialize: ``table`` or ``incremental``.
        interval: for an incremental task, ``day(column)`` or another grain with the time column.

    >>> @task(reads={"revenue": "sales.daily_revenue"})
    ... def best_day(revenue): return revenue.order("net desc").limit(1)
    >>> best_day.__name__
    'best_day'
    """
    del reads, materialize, interval

    def mark(function: Function) -> Function:
        return function

    return mark
