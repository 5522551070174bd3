"""Commits go in if delivered changes answer for them, byte by byte; from a clone, by evidence alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from orders_shop import NEW_DAY, QUERY
from penstock_places import AUTHOR, REVIEWER, Place

from penstock.adapters.keystore import KeyStore
from penstock.evidence.canonical import digest
from penstock.evidence.envelope import read_envelope, read_statement, seal
from penstock.evidence.statements import RESTORED, Subject

if TYPE_CHECKING:
    from pathlib import Path

pytest_plugins = ("acceptance_fixtures",)


@pytest.fixture
def clone(approved: Place, tmp_path: Path) -> Place:
    """What a stranger has: the repository, at the change's branch. No ledger, no warehouse, no data, no private key."""
    (tmp_path / "keys").mkdir()
    approved.git("clone", "--quiet", "--branch", "change/SHOP-9", str(approved.root), str(tmp_path / "clone"))
    place = Place(tmp_path / "clone", tmp_path / "keys")
    assert not (place.root / ".penstock").exists()
    return place


def codes(place: Place, base: str = "origin/main", exits: int = 1) -> set[tuple[str, str]]:
    said = place.penstock("admit", "--base", base, "--json", exits=exits)
    return {(finding["code"], str(finding.get("place", {}).get("file"))) for finding in said.findings}


def test_an_approved_change_goes_in_with_its_dossier(clone: Place, tmp_path: Path) -> None:
    page = tmp_path / "summary.md"
    said = clone.penstock("admit", "--base", "origin/main", "--summary", str(page))
    assert f"SHOP-9: approval, approved by {REVIEWER}" in said.out
    assert "may go in" in said.out
    assert page.read_text().startswith("# These commits may go in\n")
    assert "# Dossier of SHOP-9" in page.read_text()
    assert clone.penstock("admit", "--base", "origin/main", "--ids").out == "SHOP-9\n"


def test_one_more_byte_in_a_query_keeps_them_out(clone: Place) -> None:
    (clone.root / QUERY).write_text((clone.root / QUERY).read_text() + "\n")
    clone.commit("A detail")
    assert ("admit.unreviewed_file", QUERY) in codes(clone)


def test_a_branch_that_nobody_delivered_stays_out(clone: Place) -> None:
    clone.git("switch", "--quiet", "--detach", "origin/feature/fee")
    assert codes(clone) == {("admit.unreviewed_file", QUERY)}


def test_a_change_without_its_approval_stays_out(clone: Place) -> None:
    clone.git("reset", "--quiet", "--hard", "HEAD~1")
    assert codes(clone) == {("admit.not_approved", "changes/SHOP-9"), ("admit.unreviewed_file", QUERY)}


def test_evidence_that_was_touched_answers_for_nothing(clone: Place) -> None:
    review = next((clone.root / "changes" / "SHOP-9" / "evidence").glob("*-review.dsse.json"))
    review.write_bytes(review.read_bytes().replace(b'"sig"', b'"gis"'))
    clone.commit("Tidy")
    found = codes(clone)
    assert ("admit.unreviewed_file", QUERY) in found
    assert any(code.startswith("evidence.") for code, _ in found)


@pytest.mark.parametrize(
    ("approvals", "lacking"),
    [
        ("{from: [demo-reviewer]}", None),
        ("{from: [board]}", None),
        ("{from: [finance]}", "SHOP-9 has 0 of 1 approvals from finance"),
        ("{count: 2, from: [board]}", "SHOP-9 has 1 of 2 approvals from board"),
        ("{irreversible: 2, personal_data: {from: [privacy]}}", None),
    ],
)
def test_the_people_that_the_base_asks_for_must_have_approved(clone: Place, approvals: str, lacking: str) -> None:
    clone.git("switch", "--quiet", "--detach", "origin/main")
    settings, key = clone.root / "penstock.yaml", clone.root / "keys" / f"{REVIEWER}.yaml"
    settings.write_text(f"{settings.read_text().partition('policy:')[0]}policy: {{approvals: {approvals}}}\n")
    key.write_text(f"{key.read_text()}groups: [board]\n")
    clone.commit("Other people approve")
    base = clone.git("rev-parse", "HEAD").strip()
    clone.git("switch", "--quiet", "change/SHOP-9")
    clone.git("merge", "--quiet", "--no-edit", base)
    said = clone.penstock("admit", "--base", base, "--json", exits=1 if lacking else 0)
    found = [each["message"] for each in said.findings if each["code"] == "admit.too_few_approvals"]
    assert found == ([lacking] if lacking else [])


def test_a_policy_that_cannot_be_read_is_not_taken_for_the_usual_one(clone: Place) -> None:
    clone.git("switch", "--quiet", "--detach", "origin/main")
    settings = clone.root / "penstock.yaml"
    settings.write_text(settings.read_text().replace("approvals: 1", "approvals: 2\n  quality_scor: 95"))
    clone.commit("Two approve, and a slip")
    base = clone.git("rev-parse", "HEAD").strip()
    clone.git("switch", "--quiet", "change/SHOP-9")
    clone.git("merge", "--quiet", "--no-edit", base)
    assert codes(clone, base, exits=2) == {("document.unknown_key", "penstock.yaml")}


def test_what_people_change_themselves_is_told_and_what_is_no_model_is_let_through(clone: Place) -> None:
    settings = clone.root / "penstock.yaml"
    settings.write_text(settings.read_text().replace("approvals: 1", "approvals: 0"))
    (clone.root / "NOTES.md").write_text("# Notes\n")
    clone.commit("Less policy")
    assert codes(clone, exits=0) == {("admit.peoples_own", "penstock.yaml")}


def test_files_that_are_not_committed_are_not_judged(clone: Place) -> None:
    (clone.root / QUERY).write_text("SELECT 1 AS a\n")
    assert codes(clone, exits=2) == {("admit.not_committed", QUERY)}


def test_commits_cannot_bring_the_keys_that_their_changes_are_judged_by(clone: Place) -> None:
    found = codes(clone, base="origin/main~1")
    assert found == {
        ("admit.foreign_base", "changes/SHOP-9"),
        ("admit.unreviewed_file", QUERY),
        ("admit.peoples_own", "keys/other.yaml"),
    }


def test_a_base_that_is_not_there_says_so(clone: Place) -> None:
    assert codes(clone, base="origin/nowhere", exits=2) == {("git.no_revision", "None")}


# -- what was in before -----------------------------------------------------------------------------------------------


@pytest.fixture
def live(approved: Place, tmp_path: Path) -> Place:
    """The project with the change in production: what is in now is the base of the commits to come."""
    place = approved.copied(tmp_path)
    place.penstock("change", "resume", "SHOP-9", "--until", NEW_DAY)
    place.git("branch", "base")
    return place


def test_an_older_change_does_not_answer_again_for_what_a_later_one_replaced(live: Place) -> None:
    older = live.git("show", "main~4:" + QUERY)
    assert older != (live.root / QUERY).read_text()
    (live.root / QUERY).write_text(older)
    (live.root / "changes" / "SHOP-1" / "evidence" / "note.txt").write_text("a word\n")
    live.commit("As it was")
    assert codes(live, "base") == {("admit.unreviewed_file", QUERY)}


def test_a_rollback_goes_in_and_is_not_undone_by_taking_its_record_away(live: Place) -> None:
    deployed = (live.root / QUERY).read_text()
    live.penstock("change", "rollback", "SHOP-9", "--reason", "no fee")
    live.penstock("admit", "--base", "base")
    live.git("branch", "--force", "base")
    (live.root / QUERY).write_text(deployed)
    (record,) = (live.root / "changes" / "SHOP-9" / "evidence").glob("*-rollback.dsse.json")
    record.unlink()
    live.commit("The fee again")
    assert codes(live, "base") == {
        ("admit.unreviewed_file", QUERY),
        ("admit.rewritten_record", f"changes/SHOP-9/evidence/{record.name}"),
    }


def test_a_rollback_brings_back_what_was_there_and_nothing_else(live: Place) -> None:
    live.penstock("change", "rollback", "SHOP-9", "--reason", "no fee")
    (record,) = (live.root / "changes" / "SHOP-9" / "evidence").glob("*-rollback.dsse.json")
    query = (live.root / QUERY).read_text().replace("sum(amount)", "sum(amount) * 2")
    (live.root / QUERY).write_text(query)
    statement = read_statement(read_envelope(record.read_bytes(), record.name), record.name)
    restored = Subject(name=f"{RESTORED}{QUERY}", sha256=digest(query.encode()))
    others = tuple(each for each in statement.subjects if each.name != restored.name)
    record.write_bytes(seal(replace(statement, subjects=(*others, restored)), KeyStore(live.keys).signer(AUTHOR)))
    live.commit("Twice as much")
    live.penstock("change", "verify", "SHOP-9")
    assert codes(live, "base") == {("admit.unreviewed_file", QUERY)}


def test_the_page_of_a_change_that_is_in_stays_as_it_was_reviewed(live: Place) -> None:
    (live.root / "changes" / "SHOP-9" / "dossier.md").write_text("All is well.\n")
    live.commit("A shorter page")
    assert codes(live, "base") == {("evidence.subject_changed", "changes/SHOP-9/dossier.md")}


def test_people_who_were_not_asked_when_it_came_in_are_not_asked_for_its_later_records(live: Place) -> None:
    live.git("switch", "--quiet", "--detach", "main~1")  # promoted, and still watched
    settings = live.root / "penstock.yaml"
    settings.write_text(settings.read_text().replace("approvals: 1", "approvals: 2"))
    (live.root / "keys" / f"{REVIEWER}.yaml").unlink()
    live.commit("Two others approve from now on")
    live.git("branch", "--force", "base")
    live.git("merge", "--quiet", "--no-edit", "main")
    assert "SHOP-9: observation" in live.penstock("admit", "--base", "base").out


@pytest.mark.parametrize("how", ["revoked", "taken out"])
def test_commits_cannot_give_a_key_back_that_ended_before_them(clone: Place, how: str) -> None:
    clone.git("switch", "--quiet", "--detach", "origin/main")
    key = clone.root / "keys" / f"{REVIEWER}.yaml"
    text = key.read_text()
    if how == "revoked":
        key.write_text(text + "revoked: {at: 2999-01-01, reason: lost}\n")
    else:
        key.unlink()
    clone.commit("That key has ended")
    base = clone.git("rev-parse", "HEAD").strip()
    clone.git("switch", "--quiet", "change/SHOP-9")
    clone.git("merge", "--quiet", "--no-edit", base)
    expected = {("admit.too_few_approvals", "changes/SHOP-9"), ("admit.unreviewed_file", QUERY)}
    assert codes(clone, base) == expected
    key.write_text(text)
    clone.commit("There it is again")
    assert codes(clone, base) == {*expected, ("admit.peoples_own", f"keys/{REVIEWER}.yaml")}
