"""Places that several acceptance tests start from; each test that changes something works on a copy."""

from __future__ import annotations

import fcntl
from typing import TYPE_CHECKING

import pytest
from orders_shop import approved_fee, shop
from penstock_places import ANSWERS, AUTHOR, REVIEWER, Place, copy_retail, retail

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], object]], Path]:
    """Make a folder once, however many processes share this test run."""
    top = tmp_path_factory.getbasetemp()
    shared = top.parent if top.name.startswith("popen-") else top

    def made(name: str, make: Callable[[Path], object]) -> Path:
        folder, done = shared / name, shared / f"{name}.made"
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                folder.mkdir()
                make(folder)
                done.touch()
        return folder

    return made


@pytest.fixture(scope="session")
def delivered(once: Callable[[str, Callable[[Path], object]], Path]) -> Place:
    """The retail example with RETAIL-1 and RETAIL-2 delivered over all 305 days. Do not change it."""
    folder = once("delivered", _deliver_both)
    return Place(folder / "project", folder / "keys")


def _deliver_both(folder: Path) -> None:
    place = retail(folder)
    place.spawn("deliver", "stories/RETAIL-1.md", "--as", AUTHOR, "--until", "2011-11-26", exits=4)
    place.spawn("change", "approve", "RETAIL-1", "--as", REVIEWER)
    place.spawn("change", "resume", "RETAIL-1", "--until", "2011-12-03")
    place.spawn("deliver", "stories/RETAIL-2.md", "--as", AUTHOR, "--until", "2011-12-03", exits=4)
    place.spawn("change", "approve", "RETAIL-2", "--as", REVIEWER)
    place.spawn("change", "resume", "RETAIL-2")


@pytest.fixture(scope="session")
def reviewed(once: Callable[[str, Callable[[Path], object]], Path]) -> Place:
    """The retail example with RETAIL-3 answered, built and reviewed; it waits for an approval. Do not change it."""
    folder = once("reviewed", _review_signups)
    return Place(folder / "project", folder / "keys")


def _review_signups(folder: Path) -> None:
    place = retail(folder)
    place.penstock("deliver", "stories/RETAIL-3.md", "--as", AUTHOR, exits=4)
    for question, answer in ANSWERS.items():
        place.penstock("change", "answer", "RETAIL-3", question, answer)
    place.penstock("change", "resume", "RETAIL-3", exits=4)


@pytest.fixture(scope="session")
def nested(once: Callable[[str, Callable[[Path], object]], Path]) -> Place:
    """RETAIL-1 delivered over ten days, in the folder `shops/retail` of a larger repository. Do not change it."""
    folder = once("nested", _deliver_nested)
    return Place(folder / "larger" / "shops" / "retail", folder / "keys")


def _deliver_nested(folder: Path) -> None:
    place = Place(folder / "larger" / "shops" / "retail", folder / "keys")
    copy_retail(place.root)
    larger = Place(folder / "larger", place.keys)
    (larger.root / "README.md").write_text("# Everything we have\n")
    place.repository(top=larger.root)
    place.penstock("deliver", "stories/RETAIL-1.md", "--as", AUTHOR, "--until", "2010-12-11", exits=4)
    place.penstock("change", "approve", "RETAIL-1", "--as", REVIEWER)
    place.penstock("change", "resume", "RETAIL-1", "--until", "2010-12-18")


@pytest.fixture(scope="session")
def running_shop(once: Callable[[str, Callable[[Path], object]], Path]) -> Place:
    """The small shop with SHOP-1 in production. Do not change it."""
    folder = once("running_shop", shop)
    return Place(folder / "project", folder / "keys")


@pytest.fixture(scope="session")
def approved(running_shop: Place, once: Callable[[str, Callable[[Path], object]], Path]) -> Place:
    """The small shop with a change that was reviewed and approved, not deployed. Do not change it."""
    folder = once("approved", lambda folder: approved_fee(running_shop.copied(folder)))
    return Place(folder / "project", folder / "keys")
