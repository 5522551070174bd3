"""`query`: what an environment shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from penstock.engine.promotion import mapping_of
from penstock.model.errors import InputError
from penstock.model.findings import Finding
from penstock.plan.versions import relation_of
from penstock.sql.rewriting import rewrite_adhoc

if TYPE_CHECKING:
    from collections.abc import Callable

    from penstock.app.wiring import Workplace


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """A query's answer."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    def objects(self) -> list[dict[str, Any]]:
        """Each row as an object."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def query(place: Workplace, sql: str, environment: str, say: Callable[[str], None]) -> Rows:
    """The answer of a read-only query over an environment's datasets; `say` is told if it has to wait.

    Raises:
        InputError: the environment shows nothing, or the query is refused.
    """
    mapping = mapping_of(place.ledger, environment)
    if not mapping:
        raise InputError(nothing_shown(place, environment))
    relations = {name: relation_of(name, version) for name, version in mapping.items()}
    rewritten = rewrite_adhoc(sql.strip().rstrip(";"), relations)
    names, rows = place.reading(say).query(rewritten)
    return Rows(columns=names, rows=tuple(rows))


def nothing_shown(place: Workplace, environment: str) -> Finding:
    """That an environment is empty, and which ones are not."""
    others = sorted({str(row["environment"]) for row in place.ledger.rows("environments")})
    return Finding(
        code="environment.empty",
        message=f"the environment {environment} shows no dataset",
        found=environment,
        expected=" | ".join(others) or "an environment that something was built into",
        remedy=f"name one that does: {others[0]}"
        if others
        else "`penstock run` builds into dev; `penstock deliver` ships to prod",
    )
