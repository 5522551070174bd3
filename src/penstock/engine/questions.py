"""Asks a trigger's query of the datasets that an environment shows."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from penstock.engine.promotion import mapping_of
from penstock.model.errors import RunError
from penstock.model.findings import Finding
from penstock.plan.versions import relation_of
from penstock.sql.rewriting import rewrite_adhoc

if TYPE_CHECKING:
    from penstock.engine.ports.warehouse import Warehouse
    from penstock.ledger.journal import Journal

LONGEST = timedelta(minutes=1)
"""How long a trigger's query may take."""


class ShownDatasets:
    """The `Questions` of triggers over a warehouse."""

    def __init__(self, journal: Journal, warehouse: Warehouse, environment: str) -> None:
        self._journal, self._warehouse, self._environment = journal, warehouse, environment

    def ask(self, sql: str) -> object:
        """The one value of a query; see `Questions.ask`."""
        mapping = mapping_of(self._journal, self._environment)
        rewritten = rewrite_adhoc(
            sql.strip().rstrip(";"), {name: relation_of(name, version) for name, version in mapping.items()}
        )
        with self._warehouse.session(LONGEST) as session:
            rows = session.fetch(f"SELECT * FROM (\n{rewritten}\n) AS asked LIMIT 2")
        if len(rows) != 1 or len(rows[0]) != 1:
            raise RunError(_not_one(sql, rows))
        value: object = rows[0][0]
        return value


def _not_one(sql: str, rows: list[tuple[Any, ...]]) -> Finding:
    gave = "no row" if not rows else "several rows" if len(rows) > 1 else f"{len(rows[0])} columns"
    return Finding(
        code="trigger.not_one_value",
        message=f"a trigger's query gave {gave}",
        found=" ".join(sql.split())[:160],
        expected="one row of one column",
        remedy="aggregate the rows, for example with max(…), count(*) or bool_or(…)",
    )
