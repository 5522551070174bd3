"""How verdicts count and list."""

from __future__ import annotations

import doctest

from penstock.policy import movements, secret_patterns, verdicts
from penstock.policy.verdicts import listed


def test_a_list_of_names_is_cut_at_its_limit_and_says_how_many_more_there_are() -> None:
    assert listed("abcde") == "a, b, c, d, e"
    assert listed("abcdefg") == "a, b, c, d, e and 2 more"
    assert listed(()) == ""


def test_the_examples_in_the_docstrings_hold() -> None:
    results = [doctest.testmod(module) for module in (movements, secret_patterns, verdicts)]
    assert [result.failed for result in results] == [0, 0, 0]
    assert all(result.attempted for result in results)
