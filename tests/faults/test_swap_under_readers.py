"""Promotions and rollbacks while others read: one statement, or one transaction, sees one of them, never both."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from swapping import show, straddling, swap_under_readers, versions_of_all

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.fault, pytest.mark.slow]


def test_no_statement_and_no_transaction_sees_a_mixture_while_versions_are_swapped(tmp_path: Path) -> None:
    with versions_of_all(tmp_path) as warehouse:
        seen = swap_under_readers(warehouse, swaps=50, readers=4)

    print(seen)
    assert (seen.promotions, seen.rollbacks) == (42, 8)
    assert seen.errors == []
    assert seen.mixed == []
    assert seen.all_versions


def test_what_the_contract_does_not_promise_would_be_seen(tmp_path: Path) -> None:
    with versions_of_all(tmp_path) as warehouse, warehouse.session() as session:
        assert straddling(session, lambda: show(warehouse, 1, "next")) == (0, 1)
