"""Changes what an environment shows, in one swap, recorded before and after; rollback is the same swap backwards."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from penstock.engine.ports.relations import Swap
from penstock.ledger.facts import Promoted, PromotionIntended
from penstock.ledger.removals import refuse_removed
from penstock.plan.versions import relation_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.engine.ports.warehouse import Warehouse
    from penstock.ledger.journal import Journal


def mapping_of(journal: Journal, environment: str) -> dict[str, str]:
    """What an environment shows: dataset to version."""
    return {str(row["dataset"]): str(row["version"]) for row in journal.rows("environments", environment=environment)}


def promote(
    journal: Journal, warehouse: Warehouse, *, environment: str, mapping: Mapping[str, str], reason: str, token: int
) -> str:
    """Make `environment` show exactly `mapping`; returns the promotion's id.

    The id follows from what is asked and from what was promoted before, so a repetition after a crash is the same
    promotion, and a later return to an old mapping is a new one.

    Raises:
        InputError: versions of the mapping were removed; nothing was recorded.
    """
    previous = mapping_of(journal, environment)
    made = journal.rows("promotions", environment=environment)
    same = [row for row in made if json.loads(str(row["mapping"])) == dict(mapping) and row["reason"] == reason]
    shown_by = {row["promotion"] for row in journal.rows("environments", environment=environment)}
    shown = [row for row in same if row["state"] == "promoted" and (row["promotion"] in shown_by or not mapping)]
    if shown and previous == dict(mapping):
        return str(max(shown, key=lambda row: str(row["at"]))["promotion"])
    refuse_removed(journal, mapping)
    begun = [row for row in same if row["state"] == "intended" and json.loads(str(row["previous"])) == previous]
    if begun:
        promotion = str(begun[-1]["promotion"])
    else:
        promotion = _promotion_id(environment, mapping, reason, len(made))
        intent = PromotionIntended(
            promotion=promotion, environment=environment, mapping=dict(mapping), previous=previous, reason=reason
        )
        journal.append(intent, token=token)
    relations = {name: (version, relation_of(name, version)) for name, version in sorted(mapping.items())}
    warehouse.swap(Swap(promotion=promotion, environment=environment, mapping=relations, token=token))
    done = Promoted(promotion=promotion, environment=environment, mapping=dict(mapping), reason=reason)
    journal.append(done, token=token)
    return promotion


def _promotion_id(environment: str, mapping: Mapping[str, str], reason: str, count: int) -> str:
    parts = json.dumps([environment, dict(mapping), reason, count], sort_keys=True)
    return "p" + hashlib.sha256(parts.encode()).hexdigest()[:15]
