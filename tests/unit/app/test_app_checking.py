"""`penstock test` runs what it is asked for, and says so when there is no such thing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from penstock.app import checking
from penstock.app.starting import start
from penstock.app.wiring import workplace
from penstock.model.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path


def test_the_tests_of_one_dataset_are_run_alone(tmp_path: Path) -> None:
    start(tmp_path)
    with workplace(tmp_path) as place:
        tested = checking.run_tests(place, "shop.daily_revenue")
    assert tested.ok
    assert {outcome.dataset for outcome in tested.outcomes} == {"shop.daily_revenue"}


def test_of_several_datasets_none_may_be_unknown(tmp_path: Path) -> None:
    start(tmp_path)
    with workplace(tmp_path) as place:
        assert checking.run_tests(place, "shop.daily_revenue", "shop.best_day").ok
        with pytest.raises(InputError, match=r"shop\.best_days"):
            checking.run_tests(place, "shop.daily_revenue", "shop.best_days")


def test_testing_a_dataset_that_is_not_there_is_wrong_input_and_not_a_pass_without_cases(tmp_path: Path) -> None:
    start(tmp_path)
    with workplace(tmp_path) as place, pytest.raises(InputError) as refused:
        checking.run_tests(place, "shop.daily_revenu")
    (finding,) = refused.value.findings
    assert finding.code == "project.unknown_dataset"
    assert "shop.daily_revenue" in (finding.expected or "")


def test_a_query_that_duckdb_alone_cannot_parse_is_a_mistake_on_its_line(tmp_path: Path) -> None:
    start(tmp_path)
    path = tmp_path / "pipelines/shop/daily_revenue.sql"
    text = path.read_text()
    assert "GROUP BY day" in text
    path.write_text(text.replace("GROUP BY day", "GROUP BY ALL,"))
    with workplace(tmp_path) as place:
        found = checking.run_tests(place)
    assert not found.ok
    (finding,) = [one for one in found.findings if one.code == "sql.syntax"]
    assert finding.place.file == "pipelines/shop/daily_revenue.sql"
    assert finding.place.excerpt == "GROUP BY ALL,"
