"""`rollback`: an environment shows what it showed before its newest promotion, in one swap that copies nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.engine.promotion import mapping_of
from penstock.model.environments import PRODUCTION
from penstock.model.errors import InputError, RefusedError
from penstock.model.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.app.wiring import Workplace
    from penstock.ledger.journal import Journal


@dataclass(frozen=True, slots=True, kw_only=True)
class RolledBack:
    """What an environment showed before, and what it shows now, by which promotion."""

    environment: str
    promotion: str
    before: Mapping[str, str]
    after: Mapping[str, str]


def roll_back(place: Workplace, environment: str) -> RolledBack:
    """Put an environment back to its previous promotion; a second time, to the one that was left.

    Raises:
        RefusedError: it is production, which only deliveries and their rollbacks move.
        InputError: it shows nothing, showed nothing before, or versions of then were removed; nothing was changed.
        WaitingError: another command works on this project.
    """
    if environment == PRODUCTION:
        raise RefusedError(_delivered(place.ledger))
    place.hold()
    begun = _begun(place.ledger, environment)
    before = mapping_of(place.ledger, environment)
    mapping = _previous(place.ledger, environment)
    place.token()  # settles what a dead executor left open: a rollback that had happened is not to be undone
    finished = begun & _promoted(place.ledger, environment)
    if finished:
        after = mapping_of(place.ledger, environment)
        return RolledBack(environment=environment, promotion=min(finished), before=before, after=after)
    from penstock.app.machinery import promote  # noqa: PLC0415 - loads DuckDB

    promotion = promote(place, mapping, _reason(environment), environment)
    return RolledBack(environment=environment, promotion=promotion, before=before, after=mapping)


def _previous(journal: Journal, environment: str) -> dict[str, str]:
    """What the environment showed before its newest promotion."""
    shown_by = {str(row["promotion"]) for row in journal.rows("environments", environment=environment)}
    if not shown_by:
        raise InputError(_shows_nothing(environment))
    previous: dict[str, str] = json.loads(str(journal.rows("promotions", promotion=min(shown_by))[0]["previous"]))
    if not previous:
        raise InputError(_first(environment))
    return previous


def _begun(journal: Journal, environment: str) -> set[str]:
    """Rollbacks of this environment that were recorded as intended and not as done."""
    rows = journal.rows("promotions", environment=environment, state="intended", reason=_reason(environment))
    return {str(row["promotion"]) for row in rows}


def _promoted(journal: Journal, environment: str) -> set[str]:
    return {str(row["promotion"]) for row in journal.rows("promotions", environment=environment, state="promoted")}


def _reason(environment: str) -> str:
    return f"rollback of {environment}"


def _delivered(journal: Journal) -> Finding:
    shown_by = {row["promotion"] for row in journal.rows("environments", environment=PRODUCTION)}
    newest = [str(row["change"]) for row in journal.rows("changes") if row["promotion"] in shown_by]
    return Finding(
        code="rollback.delivered",
        message="production is moved by deliveries alone: going back there is signed, and takes the files back too",
        expected="an environment other than prod",
        remedy=f"penstock change rollback {newest[0] if newest else 'ID'} --reason …",
    )


def _shows_nothing(environment: str) -> Finding:
    return Finding(
        code="rollback.nothing_shown",
        message=f"{environment} shows nothing",
        found=environment,
        expected="an environment that runs have filled",
        remedy=f"penstock run --env {environment}",
    )


def _first(environment: str) -> Finding:
    return Finding(
        code="rollback.first_promotion",
        message=f"{environment} showed nothing before what it shows now",
        found=environment,
        expected="an environment that was promoted more than once",
        remedy="nothing: there is nothing to go back to",
    )
