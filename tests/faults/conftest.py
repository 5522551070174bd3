"""One small shop, delivered once without a fault; every fault test begins from a copy of some moment of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from drill import driver, rehearse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drill import Driver, Rehearsed


@pytest.fixture(scope="session")
def drivers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Driver, Driver]]:
    """Two processes that run commands, so that two trials go on at once."""
    folder = tmp_path_factory.mktemp("drivers")
    with driver(folder / "one") as one, driver(folder / "two") as two:
        yield one, two


@pytest.fixture(scope="session")
def rehearsed(tmp_path_factory: pytest.TempPathFactory, drivers: tuple[Driver, Driver]) -> dict[str, Rehearsed]:
    """Every step of the story without a fault: the shop before it, the picture after it, its durable steps."""
    return rehearse(tmp_path_factory.mktemp("shop"), drivers[0])
