"""`doctor`: the ledger against itself, and against what the warehouse says it shows and holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.engine.promotion import mapping_of
from penstock.model.findings import Finding, Place

if TYPE_CHECKING:
    from penstock.app.wiring import Workplace


def examine(place: Workplace) -> tuple[dict[str, int], tuple[Finding, ...]]:
    """Counts of what was looked at, and what is wrong.

    The journal is folded again and compared with the state tables; each environment and each published slice is
    looked up at the target.
    """
    findings = list(place.ledger.check())
    counts = {"entries": sum(1 for _ in place.ledger.entries()), "environments": 0, "slices": 0}
    environments = sorted({str(row["environment"]) for row in place.ledger.rows("environments")})
    covered = place.ledger.rows("coverage")
    if environments or covered:
        warehouse = place.reading()
        for environment in environments:
            counts["environments"] += 1
            shown, said = warehouse.environment(environment), mapping_of(place.ledger, environment)
            if shown != said:
                findings.append(_environment_differs(environment, shown, said))
        for row in covered:
            counts["slices"] += 1
            if warehouse.published(str(row["publish_id"])) != row["rows"]:
                findings.append(_slice_differs(str(row["publish_id"]), str(row["dataset"])))
    return counts, tuple(findings)


def _environment_differs(environment: str, shown: dict[str, str], said: dict[str, str]) -> Finding:
    different = sorted(name for name in {*shown, *said} if shown.get(name) != said.get(name))
    return Finding(
        code="doctor.environment_differs",
        message=f"the warehouse shows other versions in {environment} than the ledger says: {', '.join(different)}",
        place=Place(dataset=different[0]),
        expected="the same mapping in both",
        remedy="run any command that builds (it settles what a crash left open), then look again",
    )


def _slice_differs(publish_id: str, dataset: str) -> Finding:
    return Finding(
        code="doctor.slice_differs",
        message=f"the warehouse does not hold what the ledger says was published as {publish_id}",
        place=Place(dataset=dataset),
        expected="the publish id in the target's own ledger, with as many rows",
        remedy="restore the warehouse file that belongs to this ledger",
    )
