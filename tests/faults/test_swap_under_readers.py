"""Promotions and rollbacks while others read: within one statement a reader sees one or the other, never both."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from swapping import swap_under_readers, two_versions

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.fault, pytest.mark.slow]


def test_no_statement_sees_a_mixture_while_versions_are_swapped(tmp_path: Path) -> None:
    with two_versions(tmp_path) as warehouse:
        seen = swap_under_readers(warehouse, swaps=50, readers=2)

    print(seen)
    assert seen.errors == []
    assert seen.mixed == []
    assert seen.both
