"""Hostile names, values and ids: each comes back as it went in, or is refused clearly, and the canary lives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from identifier_trials import CANARY, DIALECTS, MAY_REFUSE, TRIALS
from run_identifiers import try_all

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.fault, pytest.mark.slow]


@pytest.mark.parametrize("dialect", list(DIALECTS))
def test_what_is_hostile_stays_a_name_or_a_value(dialect: str, tmp_path: Path) -> None:
    told = try_all(dialect, 200, tmp_path)
    print(told)
    assert told.wrong == []
    assert told.asked == told.used.total() + told.refused.total() == 200
    must = {trial.__name__ for trial in TRIALS} - MAY_REFUSE
    assert {name: told.used[name] for name in must} == dict.fromkeys(must, 200 // len(TRIALS))


def test_the_canary_shows_when_something_gets_out(tmp_path: Path) -> None:
    with DIALECTS["duckdb"](tmp_path) as target:
        assert target.canary() == CANARY
        target.rows("DELETE FROM canary WHERE number = 1")
        assert target.canary() == CANARY[1:]
        target.rows("DROP TABLE canary")
        assert target.canary() == ()
