"""Policy, approvals, keys and waivers over a real project: who must say yes, until when, and what voids it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import duckdb
import pytest
from orders_shop import NEW_DAY, shop
from penstock_places import AUTHOR, REVIEWER, Place

from penstock.adapters.clock import SystemClock
from penstock.policy.gates import IMPLEMENTATION

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytest_plugins = ("acceptance_fixtures",)
pytestmark = pytest.mark.slow

AFTER = "2024-03-10"
WORDS = "correct horse battery"
POLICY = """\
name: shop
policy:
  approvals: {count: 1, from: [finance]}
  approval_days: 10
  gates: {missing_contract: warn, thin_documentation: off, failed_observation: off}
"""
STORY = """\
---
id: SHOP-9
title: The best day
kind: change
pipeline: shop
author: {kind: files, directory: SHOP-9}
irreversible: [The owner is mailed once]
impact: {shop.best_day: new}
observe_intervals: 1
---

# The best day
"""
BEST_DAY = """\
/* penstock
description: The day with the highest revenue.
materialize: table
*/
SELECT day, revenue FROM shop.daily_orders ORDER BY revenue DESC, day LIMIT 1
"""


def story(place: Place, text: str = STORY) -> str:
    """The story and its one file, without the contract that it should have."""
    (place.root / "stories" / "SHOP-9.md").write_text(text)
    query = place.root / "stories" / "SHOP-9" / "pipelines" / "shop" / "best_day.sql"
    query.parent.mkdir(parents=True)
    query.write_text(BEST_DAY)
    return "stories/SHOP-9.md"


def review(place: Place) -> None:
    """The shop under a policy of its own, with a change by an agent that waits for approvals."""
    (place.root / "penstock.yaml").write_text(POLICY)
    place.penstock("key", "new", "fay", "--role", "approver", "--group", "finance")
    place.penstock("key", "new", "robot", "--role", "agent", "--no-passphrase")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PENSTOCK_PASSPHRASE", WORDS)
        place.penstock("key", "new", "cy", "--role", "approver", "--expires", "2999-01-01")
    path = story(place)
    place.commit("Finance approves")
    place.penstock("deliver", path, "--as", "robot", "--until", NEW_DAY, exits=4)


def once_more(once: Callable[[str, Callable[[Path], object]], Path], name: str, make: Callable[[Place], None]) -> Place:
    """What is made, once, of a copy of the shop that other tests start from too."""
    start = once("trusted_shop", shop)
    folder = once(name, lambda folder: make(Place(start / "project", start / "keys").copied(folder)))
    return Place(folder / "project", folder / "keys")


@pytest.fixture
def place(once: Callable[[str, Callable[[Path], object]], Path], tmp_path: Path) -> Place:
    return once_more(once, "policed_shop", review).copied(tmp_path)


def artefact(place: Place, name: str) -> str:
    return (place.root / ".penstock" / "worktrees" / "SHOP-9" / "changes" / "SHOP-9" / name).read_text()


def approve(place: Place, name: str, *more: str, exits: int = 0) -> str:
    said = place.penstock("change", "approve", "SHOP-9", "--as", name, *more, exits=exits)
    return said.out + said.err


def resume(place: Place, exits: int) -> str:
    said = place.penstock("change", "resume", "SHOP-9", "--until", AFTER, exits=exits)
    return said.out + said.err


def later(monkeypatch: pytest.MonkeyPatch, days: int) -> None:
    moment = datetime.now(UTC) + timedelta(days=days)
    monkeypatch.setattr(SystemClock, "now", lambda _self: moment)


def test_it_goes_live_with_the_people_that_policy_and_what_cannot_be_undone_ask_for(place: Place) -> None:
    waiting = place.penstock("change", "show", "SHOP-9").out
    assert "1 approval from finance; 2 approvals for what is irreversible" in waiting
    assert "irreversible: The owner is mailed once" in waiting
    assert "missing_contract said fail; policy has it warn, not block" in waiting
    assert "thin_documentation said not applicable; policy switches it off" in waiting
    assert "**Irreversible:** The owner is mailed once." in artefact(place, "deployment.md")
    dossier = artefact(place, "dossier.md")
    assert "This cannot be undone, and you accept it: The owner is mailed once." in dossier
    approve(place, REVIEWER)
    assert "1 approval from finance" in place.penstock("change", "show", "SHOP-9").out
    approve(place, "fay", "--reason", "wanted by the board")
    resume(place, 0)
    place.penstock("change", "verify", "SHOP-9")
    place.penstock("key", "revoke", "fay", "--reason", "left the company")
    place.penstock("change", "verify", "SHOP-9")  # what was finished before stays verifiable


def test_the_dossier_names_what_policy_does_not_ask(place: Place) -> None:
    dossier = artefact(place, "dossier.md")
    assert "`missing_contract` (implementation) said fail, and counts for pass: policy has it warn, not bloc" in dossier
    assert "`thin_documentation` (implementation): policy switches it off" in dossier
    assert "`failed_observation` (observation): policy switches it off" in dossier
    assert ", `missing_contract`, `thin_documentation`, `failed_observation` by policy or waiver alone" in dossier


def test_an_agent_s_key_approves_and_waives_nothing(place: Place) -> None:
    said = approve(place, "robot", exits=2)
    assert "robot has the role agent" in said


def test_an_approver_s_key_writes_no_change(place: Place) -> None:
    (place.root / "stories" / "SHOP-8.md").write_text(STORY.replace("SHOP-9", "SHOP-8"))
    said = place.penstock("deliver", "stories/SHOP-8.md", "--as", REVIEWER, "--until", NEW_DAY, exits=2)
    assert "change.approver_as_author" in said.err


def test_a_key_under_a_passphrase_signs_for_who_has_it(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = place.penstock("key", "list").out
    assert "yours  expires 2999-01-01" in listed
    assert "robot  agent" in listed
    assert listed.count("yours, without a passphrase") == 4
    assert "keystore.passphrase_missing" in approve(place, "cy", exits=2)
    file = tmp_path / "words"
    file.write_text(f"{WORDS}!\n")
    file.chmod(0o600)
    monkeypatch.setenv("PENSTOCK_PASSPHRASE_FILE", str(file))
    said = approve(place, "cy", exits=2)
    assert "keystore.passphrase_wrong" in said
    assert WORDS not in said
    file.write_text(f"{WORDS}\n")
    approve(place, "cy")
    approve(place, REVIEWER)  # a key without one needs none beside it


def test_a_revoked_key_s_approval_counts_no_longer(place: Place) -> None:
    approve(place, REVIEWER)
    approve(place, "fay")
    place.penstock("key", "revoke", "fay", "--reason", "laptop lost")
    assert "revoked" in place.penstock("key", "list").out
    place.commit("Revoke fay's key")
    assert "1 approval from finance" in resume(place, 4)
    assert "laptop lost" in approve(place, "fay", exits=2)


def test_a_key_that_is_taken_out_counts_no_longer(place: Place) -> None:
    approve(place, REVIEWER)
    approve(place, "fay")
    (place.root / "keys" / "fay.yaml").unlink()
    place.commit("fay has left")
    assert "1 approval from finance" in resume(place, 4)


def test_an_approval_ends_and_can_be_given_again(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    approve(place, REVIEWER)
    approve(place, "fay", "--until", f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%d}")
    assert "policy.approval_days" in approve(place, "fay", "--until", "2999-01-01", exits=2)
    later(monkeypatch, 3)
    assert "1 approval from finance" in resume(place, 4)
    approve(place, "fay")
    later(monkeypatch, 11)  # the reviewer's, given for policy's ten days, has ended too
    assert "1 approval for what is irreversible" in resume(place, 4)
    approve(place, REVIEWER)
    resume(place, 0)


def test_another_policy_on_the_base_voids_what_was_approved(place: Place) -> None:
    approve(place, REVIEWER)
    approve(place, "fay")
    (place.root / "penstock.yaml").write_text(POLICY.replace("approval_days: 10", "approval_days: 9"))
    place.commit("Shorter")
    said = resume(place, 1)
    assert "moved_base" in said
    assert "penstock.yaml" in said


def test_other_rows_than_those_reviewed_void_what_was_approved(place: Place) -> None:
    approve(place, REVIEWER)
    approve(place, "fay")
    review_json = json.loads(artefact(place, "review.json"))
    assert review_json["rows"]["shop.best_day"] == 1
    with duckdb.connect(str(place.root / ".penstock" / "warehouse.duckdb")) as connection:
        found = connection.execute(
            "SELECT table_schema, table_name FROM information_schema.tables"
            " WHERE table_name LIKE '%best_day%' AND table_type = 'BASE TABLE'"
        ).fetchall()
        assert len(found) == 1
        connection.execute(f'UPDATE "{found[0][0]}"."{found[0][1]}" SET revenue = revenue + 1')
    said = resume(place, 1)
    assert "stale_approval" in said
    assert "shop.best_day does not hold the rows that were reviewed" in said


def test_another_byte_on_the_branch_voids_what_was_approved(place: Place) -> None:
    approve(place, REVIEWER)
    approve(place, "fay")
    worktree = place.root / ".penstock" / "worktrees" / "SHOP-9"
    paths = ("changes/SHOP-9/plan.json", "pipelines/shop/best_day.sql")
    for path in paths:
        (worktree / path).write_text((worktree / path).read_text() + "\n")
    place.git("commit", "--quiet", "--all", "--message", "A byte", cwd=worktree)
    said = resume(place, 1)
    assert [path for path in paths if f"{path} is not what was reviewed" not in said] == []


# -- waivers ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def refused(once: Callable[[str, Callable[[Path], object]], Path], tmp_path: Path) -> Place:
    """A change that lacks a contract, refused by the gate that asks for one."""
    return once_more(once, "refused_shop", refuse).copied(tmp_path)


def refuse(place: Place) -> None:
    path = story(place, STORY.replace("irreversible: [The owner is mailed once]\n", ""))
    place.penstock("deliver", path, "--as", AUTHOR, "--until", NEW_DAY, exits=1)


def waive(place: Place, what: str = "missing_contract", *, by: str = REVIEWER, exits: int = 0) -> str:
    words = ("--reason", "the table is for one week", "--until", "2030-01-01")
    said = place.penstock("change", "waive", "SHOP-9", what, "--as", by, *words, exits=exits)
    return said.out + said.err


def test_what_is_waived_stands_is_named_and_ends(refused: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SystemClock, "now", lambda _self: datetime(2029, 12, 20, tzinfo=UTC))
    assert "shop.best_day has no contract" in waive(refused, "missing_contract:contract:shop.best_day")
    assert "stopped by missing_contract" in refused.penstock("change", "show", "SHOP-9").out
    resume(refused, 4)
    word = "1 finding waived by demo-reviewer until 2030-01-01: the table is for one week"
    dossier = artefact(refused, "dossier.md")
    assert f"`missing_contract` (implementation) said fail, and counts for pass: {word}" in dossier
    shown = refused.penstock("change", "show", "SHOP-9", "--sarif", "-").out
    suppressed = [row["suppressions"] for row in json.loads(shown)["runs"][0]["results"] if "suppressions" in row]
    assert [rows[0]["justification"] for rows in suppressed] == [word]
    approve(refused, REVIEWER)
    refused.penstock("change", "verify", "SHOP-9")
    monkeypatch.setattr(SystemClock, "now", lambda _self: datetime(2030, 1, 1, tzinfo=UTC))
    assert "it ended on 2030-01-01" in resume(refused, 1)
    monkeypatch.setattr(SystemClock, "now", lambda _self: datetime(2029, 12, 31, tzinfo=UTC))
    resume(refused, 0)
    refused.penstock("change", "verify", "SHOP-9")


def test_a_change_that_begins_again_is_waived_anew(refused: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    waive(refused)
    resume(refused, 4)
    settings = refused.root / "penstock.yaml"
    settings.write_text(settings.read_text() + "  approval_days: 9\n")
    refused.commit("Approvals end sooner")
    said = refused.penstock("change", "rebase", "SHOP-9", "--until", AFTER, exits=1)
    assert "gate.missing_contract" in said.out + said.err
    monkeypatch.setattr(SystemClock, "now", lambda _self: datetime(2030, 1, 2, tzinfo=UTC))
    words = ("--reason", "one week more", "--until", "2030-02-01")
    refused.penstock("change", "waive", "SHOP-9", "missing_contract", "--as", REVIEWER, *words)
    resume(refused, 4)
    dossier = artefact(refused, "dossier.md")
    assert "until 2030-02-01" in dossier
    assert "until 2030-01-01" not in dossier
    approve(refused, REVIEWER)
    resume(refused, 0)
    refused.penstock("change", "verify", "SHOP-9")


def test_nobody_waives_their_own_change_nor_what_cannot_be_waived(refused: Place) -> None:
    assert "demo-author" in waive(refused, by=AUTHOR, exits=2)
    assert "protected_file cannot be waived" in waive(refused, "protected_file", exits=2)
    assert "waiver.no_such_finding" in waive(refused, "missing_contract:owner", exits=2)
    assert "waiver.no_such_finding" in waive(refused, "weak_tests", exits=2)
    over = ("--reason", "late", "--until", "2020-01-01")
    said = refused.penstock("change", "waive", "SHOP-9", "missing_contract", "--as", REVIEWER, *over, exits=2)
    assert "waiver.no_term" in said.err


def test_a_forged_waiver_is_worth_nothing(refused: Place) -> None:
    waive(refused)
    evidence = refused.root / ".penstock" / "worktrees" / "SHOP-9" / "changes" / "SHOP-9" / "evidence"
    path = next(evidence.glob("*-waiver-*.dsse.json"))
    envelope = json.loads(path.read_bytes())
    envelope["signatures"][0]["sig"] = "A" * 86 + "=="
    path.write_text(json.dumps(envelope, separators=(",", ":"), sort_keys=True))
    worktree = refused.root / ".penstock" / "worktrees" / "SHOP-9"
    refused.git("commit", "--quiet", "--all", "--amend", "--message", "Forged", cwd=worktree)
    refused.penstock("change", "verify", "SHOP-9", exits=1)


# -- reports ----------------------------------------------------------------------------------------------------------


def test_reports_are_written_of_a_change_of_checks_and_of_tests(refused: Place, tmp_path: Path) -> None:
    sarif, junit = tmp_path / "found.sarif", tmp_path / "found.xml"
    refused.penstock("change", "show", "SHOP-9", "--sarif", str(sarif), "--junit", str(junit))
    rows = json.loads(sarif.read_text())["runs"][0]["results"]
    assert [row["ruleId"] for row in rows if row["level"] == "error"] == ["missing_contract"]
    assert rows[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "pipelines/shop/best_day.sql"
    suite = f'<testsuite name="SHOP-9.implementation" tests="{len(IMPLEMENTATION)}" failures="1"'
    assert suite in junit.read_text()
    assert "<testsuite" in refused.penstock("test", "shop.daily_orders", "--junit", "-").out
    (refused.root / "pipelines" / "shop" / "broken.sql").write_text("SELECT nope FROM shop.nowhere\n")
    broken = refused.penstock("check", "--sarif", "-", exits=2)
    assert json.loads(broken.out)["runs"][0]["results"]
    refused.penstock("check", "--sarif", "-", "--json", exits=2)
