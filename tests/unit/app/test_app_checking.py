"""`penstock test` runs what it is asked for, and says so when there is no such thing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from penstock.app import checking
from penstock.app.starting import start
from penstock.app.wiring import workplace
from penstock.model.errors import InputError
from penstock.model.findings import Severity

if TYPE_CHECKING:
    from pathlib import Path

    from penstock.model.findings import Finding


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


def _errors(folder: Path, old: str, new: str) -> list[Finding]:
    """What `check` says of the starter's query after an edit."""
    start(folder)
    path = folder / "pipelines/shop/daily_revenue.sql"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    with workplace(folder) as place:
        checked = checking.check(place)
    assert checked.ok == (not checked.findings)
    return list(checked.findings)


@pytest.mark.parametrize(
    ("old", "new", "code", "said"),
    [
        ("GROUP BY day", "GROUP BY ALL,", "sql.syntax", "syntax error"),
        ("AS revenue", "end", "sql.syntax", 'syntax error at or near "end"'),
        ("GROUP BY day", "", "sql.refused", "must appear in the GROUP BY clause"),
        ("quantity * price", "ordered_at", "sql.refused", "No function matches"),
        ("sum(quantity", "sum_of(quantity", "sql.refused", "sum_of does not exist"),
        ("* price", "* prize", "sql.unknown_column", "prize"),
    ],
)
def test_check_says_of_a_query_what_the_run_would(tmp_path: Path, old: str, new: str, code: str, said: str) -> None:
    (finding,) = [one for one in _errors(tmp_path, old, new) if one.severity is Severity.ERROR]
    assert (finding.code, finding.place.file) == (code, "pipelines/shop/daily_revenue.sql")
    assert said in finding.message
