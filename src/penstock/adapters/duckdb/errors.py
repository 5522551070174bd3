"""DuckDB's errors in our words: which may pass, which will not, and what the user typed wrong."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb

from penstock.model.errors import InputError, TaskError, TransientError
from penstock.model.findings import Finding, Place

if TYPE_CHECKING:
    from collections.abc import Iterator

_TRANSIENT = ("Conflict", "conflict", "Failed to commit", "write-write")


@contextmanager
def translated(dataset: str | None, *, as_input: bool = False) -> Iterator[None]:
    """Raise ours in place of DuckDB's, once, keeping the cause.

    Raises:
        TransientError: a conflict with another transaction.
        InputError: with `as_input`, whatever else DuckDB refuses.
        TaskError: otherwise, whatever else.
    """
    try:
        yield
    except duckdb.TransactionException as error:
        raise TransientError(_finding("engine.conflict", dataset, error, "it is tried again")) from error
    except duckdb.InterruptException as error:
        remedy = "raise `timeout` in the dataset's header, or make the query cheaper"
        raise TaskError(_finding("engine.timeout", dataset, error, remedy)) from error
    except duckdb.Error as error:
        if any(word in str(error) for word in _TRANSIENT):
            raise TransientError(_finding("engine.conflict", dataset, error, "it is tried again")) from error
        kind = InputError if as_input else TaskError
        remedy = "correct the query" if as_input else "correct the task; nothing of it was published"
        raise kind(_finding("warehouse.refused", dataset, error, remedy)) from error


def _finding(code: str, dataset: str | None, error: duckdb.Error, remedy: str) -> Finding:
    lines = [line for line in str(error).splitlines() if line.strip()]
    message = lines[0] if lines else type(error).__name__
    return Finding(
        code=code,
        message=message,
        place=Place(dataset=dataset),
        found="\n".join(lines[1:6]) or None,
        remedy=remedy,
    )
