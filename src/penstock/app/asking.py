"""`query` and `diff`: what environments show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from penstock.app.runtime import EngineRuntime
from penstock.app.warehouses import refuse_comparison
from penstock.engine.promotion import mapping_of
from penstock.model.environments import PRODUCTION
from penstock.model.errors import InputError
from penstock.model.findings import Finding
from penstock.plan.versions import relation_of
from penstock.sql.rewriting import rewrite_adhoc

if TYPE_CHECKING:
    from collections.abc import Callable

    from penstock.app.wiring import Workplace
    from penstock.quality.comparison import DatasetDiff


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
        raise InputError(_nothing_shown(place, environment))
    relations = {name: relation_of(name, version) for name, version in mapping.items()}
    rewritten = rewrite_adhoc(sql.strip().rstrip(";"), relations)
    names, rows = place.reading(say).query(rewritten)
    return Rows(columns=names, rows=tuple(rows))


def diff(
    place: Workplace, old: str, new: str, say: Callable[[str], None]
) -> tuple[tuple[DatasetDiff, ...], tuple[str, ...], tuple[str, ...]]:
    """What two environments show differently: differences, datasets only in `new`, datasets only in `old`.

    `say` is told if it has to wait for a process that writes.
    """
    before, after = mapping_of(place.ledger, old), mapping_of(place.ledger, new)
    for environment, mapping in ((old, before), (new, after)):
        if not mapping and environment != PRODUCTION:
            raise InputError(_nothing_shown(place, environment))
    project = place.project
    moved = sorted(name for name in set(before) & set(after) if before[name] != after[name])
    if moved:
        refuse_comparison(place.settings)
    runtime = EngineRuntime(place, reading=place.reading(say)) if moved else EngineRuntime(place)
    diffs = tuple(
        runtime.compare_relations(
            project.datasets[name], relation_of(name, before[name]), relation_of(name, after[name])
        )
        for name in moved
        if name in project.datasets
    )
    return diffs, tuple(sorted(set(after) - set(before))), tuple(sorted(set(before) - set(after)))


def _nothing_shown(place: Workplace, environment: str) -> Finding:
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
