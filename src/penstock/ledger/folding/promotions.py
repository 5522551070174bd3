"""The tables made of `ledger/facts/promotions.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.ledger.facts.promotions import Promoted, PromotionIntended
from penstock.ledger.operations import Drop, as_json, put

if TYPE_CHECKING:
    from penstock.ledger.journal import Entry
    from penstock.ledger.operations import Folds, Operation, Tables

TABLES: Tables = {
    "environments": (("environment", "dataset"), ("version", "promotion")),
    "promotions": (("promotion",), ("environment", "mapping", "previous", "state", "reason", "at")),
}  # fmt: skip


def _promotion_intended(fact: PromotionIntended, entry: Entry) -> tuple[Operation, ...]:
    row = put(
        "promotions", promotion=fact.promotion, environment=fact.environment, mapping=as_json(fact.mapping),
        previous=as_json(fact.previous), state="intended", reason=fact.reason, at=entry.at,
    )  # fmt: skip
    return (row,)


def _promoted(fact: Promoted, entry: Entry) -> tuple[Operation, ...]:
    cleared = Drop(table="environments", equal={"environment": fact.environment})
    rows = [
        put(
            "environments",
            environment=fact.environment,
            dataset=name,
            version=version,
            promotion=fact.promotion,
        )
        for name, version in sorted(fact.mapping.items())
    ]
    state = put("promotions", promotion=fact.promotion, state="promoted", at=entry.at)
    return (cleared, *rows, state)


FOLDS: Folds = {
    PromotionIntended: _promotion_intended,
    Promoted: _promoted,
}
