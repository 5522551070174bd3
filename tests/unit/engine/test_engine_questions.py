"""A trigger's query sees what an environment shows, and gives one value."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from penstock.engine.questions import LONGEST, ShownDatasets
from penstock.ledger.facts import Promoted
from penstock.model.errors import InputError, RunError
from penstock.sim.clock import VirtualClock
from penstock.sim.journal import MemoryJournal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import timedelta


@dataclass
class Answering:
    """A warehouse that gives the same rows to every query, and remembers them."""

    rows: list[tuple[Any, ...]]
    asked: list[tuple[str, timedelta | None]] = field(default_factory=list)

    @contextmanager
    def session(self, timeout: timedelta | None = None) -> Iterator[Answering]:
        self.timeout = timeout
        yield self

    def fetch(self, sql: str) -> list[tuple[Any, ...]]:
        self.asked.append((sql, self.timeout))
        return self.rows


def questions(warehouse: Answering, environment: str = "prod") -> ShownDatasets:
    clock = VirtualClock()
    journal = MemoryJournal(lambda: clock.now().isoformat())
    journal.append(Promoted(promotion="p", environment="prod", mapping={"bank.rates": "v1"}, reason="test"))
    return ShownDatasets(journal, warehouse, environment)  # type: ignore[arg-type]


def test_a_query_is_asked_of_the_version_that_is_shown() -> None:
    warehouse = Answering([(7,)])
    assert questions(warehouse).ask("SELECT max(rate) FROM bank.rates;\n") == 7
    (asked,) = warehouse.asked
    query = 'SELECT max(rate) FROM "_versions"."bank__rates__v1" AS "rates"'
    assert asked == (f"SELECT * FROM (\n{query}\n) AS asked LIMIT 2", LONGEST)


@pytest.mark.parametrize(("rows", "gave"), [([], "no row"), ([(1,), (2,)], "several rows"), ([(1, 2)], "2 columns")])
def test_anything_but_one_value_is_refused(rows: list[tuple[Any, ...]], gave: str) -> None:
    with pytest.raises(RunError) as refused:
        questions(Answering(rows)).ask("SELECT rate\nFROM bank.rates")
    (finding,) = refused.value.findings
    assert finding.code == "trigger.not_one_value"
    assert finding.message.endswith(gave)
    assert finding.found == "SELECT rate FROM bank.rates"


def test_what_is_not_shown_cannot_be_asked() -> None:
    warehouse = Answering([(7,)])
    with pytest.raises(InputError):
        questions(warehouse, "dev").ask("SELECT max(rate) FROM bank.rates")
    with pytest.raises(InputError):
        questions(warehouse).ask("DROP TABLE bank.rates")
    assert warehouse.asked == []
