"""After a crash: what the ledger left open is decided by what the target says, and by nothing else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from penstock.engine.expiring import finish_expiries
from penstock.engine.removal import finish_removals
from penstock.engine.run import ABANDONED
from penstock.engine.states import RunState
from penstock.ledger.facts import AttemptFailed, AttemptPublished, Promoted, RunFinished

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.engine.ports.warehouse import Warehouse
    from penstock.ledger.facts import Fact
    from penstock.ledger.journal import Journal, Value

OPEN_STATES = ("running", "audited")


def recover(journal: Journal, warehouse: Warehouse, token: int) -> tuple[str, ...]:
    """Settle every attempt, promotion, removal and expiry that a dead executor left between intent and record.

    An attempt whose publish id the target holds is recorded as published; any other is recorded as abandoned, and
    its work will be planned again. Returns one sentence for each thing settled.
    """
    facts: list[Fact] = []
    notes: list[str] = []
    for state in OPEN_STATES:
        for row in journal.rows("attempts", state=state):
            fact = _settle_attempt(row, warehouse.published(str(row["publish_id"])))
            facts.append(fact)
            word = "was published" if isinstance(fact, AttemptPublished) else "was not published; it is planned again"
            notes.append(f"{row['publish_id']} (attempt {row['attempt']}) {word}")
    for row in journal.rows("promotions", state="intended"):
        if warehouse.swapped(str(row["promotion"])):
            facts.append(_settle_promotion(row))
            notes.append(f"promotion {row['promotion']} had happened")
    for row in journal.rows("runs", state="running"):
        state = RunState.CANCELLED if row["cancel"] else RunState.INTERRUPTED
        facts.append(RunFinished(run=str(row["run"]), state=str(state), reason="its executor stopped"))
        notes.append(f"run {row['run']} was {state}")
    if facts:
        journal.append(*facts, token=token)
    return (*notes, *finish_removals(journal, warehouse, token), *finish_expiries(journal, warehouse, token))


def _settle_attempt(row: Mapping[str, Value], rows: int | None) -> AttemptPublished | AttemptFailed:
    publish_id, attempt = str(row["publish_id"]), int(row["attempt"] or 0)
    known = bool(row["dataset"] and row["version"])  # without its start nobody can say what the target holds by this id
    if rows is None or not known:
        stopped = "the executor stopped before the target had published"
        return AttemptFailed(
            publish_id=publish_id,
            attempt=attempt,
            code=ABANDONED,
            message=stopped if known else "the ledger holds no start of this attempt",
            transient=True,
        )
    start, _, end = str(row["interval"] or "").partition("/")
    return AttemptPublished(
        publish_id=publish_id,
        attempt=attempt,
        dataset=str(row["dataset"]),
        version=str(row["version"]),
        start=start,
        end=end,
        rows=rows,
        inputs=str(row["inputs"] or ""),
        since=int(row["since"] or 0),
        files=str(row["files"] or ""),
        profile=str(row["profile"] or ""),
    )


def _settle_promotion(row: Mapping[str, Value]) -> Promoted:
    return Promoted(
        promotion=str(row["promotion"]),
        environment=str(row["environment"]),
        mapping=json.loads(str(row["mapping"])),
        reason=str(row["reason"]),
    )
