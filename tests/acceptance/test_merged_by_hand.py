"""A change's branch that somebody else has merged: what goes live is still what was reviewed, and can be taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from orders_shop import NEW_DAY, QUERY
from penstock_places import REVIEWER, Place

if TYPE_CHECKING:
    from pathlib import Path

pytest_plugins = ("acceptance_fixtures",)


@pytest.fixture
def place(approved: Place, tmp_path: Path) -> Place:
    return approved.copied(tmp_path)


def resume(place: Place, exits: int = 0) -> str:
    said = place.penstock("change", "resume", "SHOP-9", "--until", NEW_DAY, exits=exits)
    return said.out + said.err


def merge(place: Place, *how: str) -> None:
    place.git("merge", "--quiet", "--no-edit", *how, "change/SHOP-9")


@pytest.mark.parametrize("how", ["--no-ff", "--ff-only"])
def test_rolling_back_restores_its_files_and_leaves_what_others_committed_since(place: Place, how: str) -> None:
    before = (place.root / QUERY).read_text()
    merge(place, how)
    (place.root / "NOTES.md").write_text("# Notes\n")
    place.commit("Notes")
    resume(place)
    place.penstock("change", "verify", "SHOP-9")
    assert (place.root / QUERY).read_text() != before

    place.penstock("change", "rollback", "SHOP-9", "--reason", "no fee")

    assert (place.root / QUERY).read_text() == before
    assert (place.root / "NOTES.md").exists()
    place.penstock("change", "verify", "SHOP-9")


def test_a_base_that_moved_beneath_the_merge_is_seen(place: Place) -> None:
    settings = place.root / "penstock.yaml"
    settings.write_text(settings.read_text().replace("approvals: 1", "approvals: 2"))
    place.commit("Two must approve")
    merge(place, "--no-ff")
    shown = place.production()

    said = resume(place, exits=1)

    assert "gate.moved_base" in said
    assert "penstock.yaml" in said
    assert place.production() == shown


def test_a_merge_that_brings_other_bytes_than_were_reviewed_is_undone_and_begun_again(place: Place) -> None:
    merge(place, "--no-ff")
    path = place.root / QUERY
    path.write_text(path.read_text().replace("0.10", "0.99"))
    place.git("commit", "--quiet", "--all", "--amend", "--no-edit")
    shown = place.production()

    said = resume(place, exits=1)

    assert f"{QUERY} on the base is not what was reviewed" in said
    assert "git revert -m 1 COMMIT" in said
    assert place.production() == shown
    place.git("revert", "--no-edit", "-m", "1", "HEAD")
    place.penstock("change", "rebase", "SHOP-9", "--until", NEW_DAY, exits=4)
    place.penstock("change", "approve", "SHOP-9", "--as", REVIEWER)
    resume(place)
    assert "0.10" in path.read_text()
    place.penstock("change", "verify", "SHOP-9")
