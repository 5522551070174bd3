"""Tests that share what is costly to make are run by one process."""

from __future__ import annotations

import pytest


@pytest.mark.xdist_group("told")
def test_a_group_is_told_to_xdist_by_the_name_of_its_tests(request: pytest.FixtureRequest) -> None:
    shared = request.config.getoption("loadgroup", default=False)
    assert request.node.nodeid.endswith("@told") is bool(shared)


def test_a_test_without_a_group_keeps_its_name(request: pytest.FixtureRequest) -> None:
    assert "@" not in request.node.nodeid
