"""A failed expectation says what was expected and what was found, and no value of a personal column."""

from __future__ import annotations

from typing import Any

from penstock.quality.expectations.outcomes import NOTHING, Kept, read_suite_results

KEPT = Kept(columns=frozenset({"product"}), is_whole=True)


def _message(kept: Kept = KEPT, *, success: bool = False, **kwargs: Any) -> str:
    """The message of one result about these arguments."""
    result = {
        "success": success,
        "expectation_config": {"type": "expect_column_values_to_be_in_set", "kwargs": kwargs},
        "result": {"element_count": 40, "unexpected_count": 0 if success else 3},
        "exception_info": {},
    }
    ((one,),) = [suite.results for suite in read_suite_results({"suite_name": "few", "results": [result]}, "r", kept)]
    return one.message


def test_a_failed_expectation_says_what_was_expected_and_what_was_found() -> None:
    said = _message(column="product", value_set=["tea", "cake"], mostly=0.9, batch_id="b-1")
    assert said == (
        'few: column values to be in set product: not so, expected value_set ["tea", "cake"], mostly 0.9, 3 of 40 rows'
    )


def test_one_that_holds_says_no_more_than_that() -> None:
    assert "expected" not in _message(column="product", value_set=["tea"], success=True)


def test_what_is_expected_of_a_personal_column_is_masked() -> None:
    said = _message(NOTHING, column="email", value_set=["ana@example.org"])
    assert "expected value_set ***, 3 of 40 rows" in said
    assert "ana" not in said


def test_a_long_list_is_cut() -> None:
    said = _message(column="product", value_set=[f"product {number}" for number in range(1000)])
    assert len(said) < 300
    assert "product 0" in said
    assert "…" in said
