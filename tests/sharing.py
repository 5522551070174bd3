"""What holds for all tests: which of them share a process, and what the collector of garbage need not look at."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: Sequence[pytest.Item]) -> None:
    """Tests of one xdist group go to one process: xdist 3.8 tells groups by a name that pytest 9.2 no longer looks at.

    See pytest-dev/pytest-xdist#1386; once that is mended the names end with their groups, and nothing is done here.
    """
    if not config.getoption("loadgroup", default=False):
        return
    for item in items:
        groups = {str(mark.args[0]) for mark in item.iter_markers("xdist_group")}
        ending = f"@{'_'.join(sorted(groups))}"
        if groups and not item.nodeid.endswith(ending):
            setattr(item, "_id", type(item.id).parse(f"{item.nodeid}{ending}"))  # noqa: B010 - pytest's own


def pytest_collection_finish() -> None:
    """All that was collected lives to the end: up to a twentieth of the time went into looking at it again."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure() -> None:
    """What is still there at the end is let go as ever."""
    gc.unfreeze()
