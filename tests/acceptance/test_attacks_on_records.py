"""Attacks on what was approved (T17): other bytes than those approved never reach production, and it is told."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from typing import TYPE_CHECKING

import pytest
from orders_shop import NEW_DAY
from penstock_places import AUTHOR, REVIEWER, Place

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytest_plugins = ("acceptance_fixtures",)
pytestmark = [pytest.mark.fault, pytest.mark.slow]

UNTIL = ("--until", NEW_DAY)
QUERY = "pipelines/shop/daily_orders.sql"
STORY = """\
---
id: SHOP-9
title: A fee on small orders
kind: change
pipeline: shop
author: {kind: files, directory: SHOP-9}
impact:
  shop.daily_orders: {columns: {revenue: "0%..5%"}}
observe_intervals: 0
---

# A fee on small orders

Whoever pays one pound fifty pays ten pence more.
"""


@pytest.fixture(scope="session")
def reviewed_fee(running_shop: Place, once: Callable[[str, Callable[[Path], object]], Path]) -> Place:
    """The small shop with a change that was reviewed, and not approved. Do not change it."""

    def make(folder: Path) -> None:
        place = running_shop.copied(folder)
        text = (place.root / QUERY).read_text().replace("sum(amount)", "sum(amount + if(amount = 1.50, 0.10, 0))")
        (place.root / "stories" / "SHOP-9" / QUERY).parent.mkdir(parents=True)
        (place.root / "stories" / "SHOP-9" / QUERY).write_text(text)
        (place.root / "stories" / "SHOP-9.md").write_text(STORY)
        place.commit("A story")
        place.penstock("deliver", "stories/SHOP-9.md", "--as", AUTHOR, *UNTIL, exits=4)

    folder = once("reviewed_fee", make)
    return Place(folder / "project", folder / "keys")


@pytest.fixture
def place(reviewed_fee: Place, tmp_path: Path) -> Place:
    return reviewed_fee.copied(tmp_path)


def worktree(place: Place) -> Path:
    return place.root / ".penstock" / "worktrees" / "SHOP-9"


def evidence(place: Place) -> list[Path]:
    return sorted((worktree(place) / "changes" / "SHOP-9" / "evidence").glob("*.dsse.json"))


def commit(place: Place, message: str = "A detail") -> None:
    place.git("add", "--all", ".", cwd=worktree(place))
    place.git("commit", "--quiet", "--message", message, cwd=worktree(place))


def approve(place: Place) -> None:
    place.penstock("change", "approve", "SHOP-9", "--as", REVIEWER)


def edit(place: Place) -> None:
    path = worktree(place) / QUERY
    path.write_text(path.read_text().replace("0.10", "9.90"))


def one_more_commit(place: Place) -> None:
    approve(place)
    edit(place)
    commit(place)


def commit_amended(place: Place) -> None:
    approve(place)
    edit(place)
    place.git("add", "--all", ".", cwd=worktree(place))
    place.git("commit", "--quiet", "--amend", "--no-edit", cwd=worktree(place))


def history_rewritten(place: Place) -> None:
    approve(place)
    edit(place)
    place.git("reset", "--quiet", "--soft", "main", cwd=worktree(place))
    commit(place, "All in one")


def one_more_file(place: Place) -> None:
    approve(place)
    (worktree(place) / "docs" / "more.md").write_text("# More\n")
    commit(place)


def review_page_rewritten(place: Place) -> None:
    approve(place)
    page = worktree(place) / "changes" / "SHOP-9" / "dossier.md"
    page.write_text(page.read_text() + "\nAll is well.\n")
    commit(place)


def approval_removed(place: Place) -> None:
    approve(place)
    evidence(place)[-1].unlink()
    commit(place)


def approval_of_another_change(place: Place) -> None:
    approve(place)
    other = next((place.root / "changes" / "SHOP-1" / "evidence").glob("*-approval-*.dsse.json"))
    shutil.copy(other, evidence(place)[-1])
    commit(place)


def approval_by_nobody(place: Place) -> None:
    approve(place)
    path = evidence(place)[-1]
    envelope = json.loads(path.read_text())
    signature = envelope["signatures"][0]["sig"]
    envelope["signatures"][0]["sig"] = signature[::-1].lstrip("=") + "=" * signature.count("=")
    path.write_text(json.dumps(envelope))
    commit(place)


def policy_loosened_on_the_branch(place: Place) -> None:
    settings = worktree(place) / "penstock.yaml"
    settings.write_text(settings.read_text().replace("approvals: 1", "approvals: 0"))
    commit(place)
    approve(place)


def base_moved_beneath(place: Place) -> None:
    approve(place)
    path = place.root / "pipelines" / "shop" / "stg_orders.sql"
    path.write_text(path.read_text().replace("WHERE ", "WHERE amount > 1 AND ", 1))
    place.commit("Moved")


WAITS = "waits"
"""No finding: the change waits for an approval that counts, as if there were none."""
STALE = {
    one_more_commit: "gate.stale_approval",
    commit_amended: "gate.stale_approval",
    history_rewritten: "gate.stale_approval",
    one_more_file: "gate.stale_approval",
    review_page_rewritten: "gate.stale_approval",
    approval_removed: WAITS,
    approval_of_another_change: WAITS,
    approval_by_nobody: WAITS,
    policy_loosened_on_the_branch: "gate.stale_approval",
    base_moved_beneath: "gate.moved_base",
}
"""What somebody does to a change that was approved, or before; the finding that stops it."""


@pytest.mark.parametrize(("attack", "code"), STALE.items(), ids=[attack.__name__ for attack in STALE])
def test_only_what_was_approved_is_promoted(place: Place, attack: Callable[[Place], None], code: str) -> None:
    before = place.production()
    attack(place)
    said = place.penstock("change", "resume", "SHOP-9", *UNTIL, "--json", exits=None)
    if code == WAITS:
        assert (said.code, said.result["next"].startswith("1 approval")) == (4, True)
    else:
        assert any(finding["code"].startswith(code) for finding in said.findings), said.findings
    assert said.code != 0
    assert place.production() == before


def test_without_an_approval_it_waits(place: Place) -> None:
    before = place.production()
    place.penstock("change", "resume", "SHOP-9", *UNTIL, exits=4)
    assert place.production() == before


def test_an_author_approves_nothing(place: Place) -> None:
    for name, code, exits in ((AUTHOR, "change.no_approver", 2), ("mallory", "change.no_approver", 2)):
        if name != AUTHOR:
            place.penstock("key", "new", name, "--role", "approver")
        said = place.penstock("change", "approve", "SHOP-9", "--as", name, "--json", exits=exits)
        assert [finding["code"] for finding in said.findings] == [code]


def test_a_row_of_the_ledger_edited_by_hand_is_found(place: Place) -> None:
    with contextlib.closing(sqlite3.connect(place.root / ".penstock" / "ledger.db")) as connection:
        names = [row[1] for row in connection.execute("PRAGMA table_info(approvals)")]
        row = {"change": "SHOP-9", "by": REVIEWER, "key_id": "0" * 64}
        passed = "SELECT envelope_sha256 FROM stages WHERE change = 'SHOP-9' AND stage = 'review'"
        with contextlib.suppress(sqlite3.OperationalError):
            row["envelope_sha256"] = connection.execute(passed).fetchone()[0]
        values = [row.get(name, 0 if name == "seq" else "0" * 64) for name in names]
        places = ", ".join("?" * len(names))
        connection.execute(f"INSERT INTO approvals VALUES ({places})", values)
        connection.commit()
    before = place.production()
    said = place.penstock("change", "resume", "SHOP-9", *UNTIL, "--json", exits=None)
    assert (said.code, said.result["next"].startswith("1 approval")) == (4, True), "signatures count, not rows"
    assert place.production() == before
    found = place.penstock("doctor", "--json", exits=None)
    assert found.code != 0
    assert "ledger" in found.out


@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_evidence_that_was_swapped_does_not_verify(place: Place, number: int) -> None:
    approve(place)
    place.penstock("change", "resume", "SHOP-9", *UNTIL)
    files = sorted((place.root / "changes" / "SHOP-9" / "evidence").glob("*.dsse.json"))
    other = sorted((place.root / "changes" / "SHOP-1" / "evidence").glob("*.dsse.json"))
    shutil.copy(other[number], files[number])
    place.penstock("change", "verify", "SHOP-9", "--json", exits=1)
