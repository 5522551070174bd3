"""Postgres's errors in our words: which may pass, which will not, and what the user typed wrong."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
from psycopg import errors

from penstock.model.errors import InputError, TaskError, TransientError
from penstock.model.findings import Finding, Place

if TYPE_CHECKING:
    from collections.abc import Iterator

PASSING = (
    errors.TransactionRollback,
    errors.LockNotAvailable,
    errors.ObjectInUse,
    errors.InsufficientResources,
    errors.DuplicateTable,
    errors.InternalError_,  # "tuple concurrently updated": two made the same thing
)
"""What may be otherwise the next time."""


@contextmanager
def translated(dataset: str | None, *, as_input: bool = False) -> Iterator[None]:
    """Raise ours in place of psycopg's, once, keeping the cause.

    Raises:
        TransientError: a conflict with another transaction, or a connection that was lost between transactions.
        InputError: with `as_input`, whatever else Postgres refuses.
        TaskError: otherwise, whatever else.
    """
    try:
        yield
    except PASSING as error:
        raise TransientError(_finding("engine.conflict", dataset, error, "it is tried again")) from error
    except errors.QueryCanceled as error:
        remedy = "raise `timeout` in the dataset's header, or make the query cheaper"
        raise TaskError(_finding("engine.timeout", dataset, error, remedy)) from error
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        if is_lost(error):
            raise TransientError(_finding("engine.connection_lost", dataset, error, "it is tried again")) from error
        raise _refused(dataset, error, as_input=as_input) from error
    except psycopg.Error as error:
        if isinstance(error, errors.UniqueViolation) and error.diag.schema_name in {"pg_catalog", "_penstock"}:
            raise TransientError(_finding("engine.conflict", dataset, error, "it is tried again")) from error
        raise _refused(dataset, error, as_input=as_input) from error


def is_lost(error: psycopg.Error) -> bool:
    """Whether the server may have said more than was heard: no answer at all, or one that ends the connection."""
    return error.sqlstate is None or error.sqlstate[:2] in {"08", "57"}


def _refused(dataset: str | None, error: psycopg.Error, *, as_input: bool) -> InputError | TaskError:
    if as_input:
        return InputError(_finding("warehouse.refused", dataset, error, "correct the query"))
    return TaskError(_finding("warehouse.refused", dataset, error, "correct the task; nothing of it was published"))


def _finding(code: str, dataset: str | None, error: psycopg.Error, remedy: str) -> Finding:
    lines = [line for line in str(error.diag.message_primary or error).splitlines() if line.strip()]
    more = [part for part in (error.diag.message_detail, error.diag.message_hint) if part]
    return Finding(
        code=code,
        message=lines[0] if lines else type(error).__name__,
        place=Place(dataset=dataset),
        found="\n".join([*lines[1:4], *more]) or None,
        remedy=remedy,
    )
