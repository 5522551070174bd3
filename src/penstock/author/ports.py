"""What the author needs from the outside: someone who can evaluate SQL over a few made-up rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

Cell = "str | None"


class RowEvaluator(Protocol):
    """Evaluates DuckDB SQL over rows in memory, away from any real data."""

    def __call__(
        self, select: str, columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[str | None]]
    ) -> tuple[tuple[str | None, ...], ...]:
        """The answer of `select`, each value cast to text, in the order the query gives.

        The query reads one relation, `given`, with `columns` (name, DuckDB type) and `rows` (each value as text, cast
        to its column's type; None is NULL).

        Raises:
            penstock.model.errors.InputError: the query cannot be evaluated.
        """
        ...
