"""Each gate over what an author writes refuses a real change in a real repository, and its remedy clears it."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest
from gate_bench import CLEAN, COLUMNS, PIPELINE, Shop, contract, shop

from penstock.delivery.stages import Stage
from penstock.model.findings import Outcome
from penstock.policy.added_lines import added_lines

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@pytest.fixture
def place(tmp_path: Path) -> Shop:
    return shop(tmp_path / "shop")


def refused(place: Shop, gate: str, code: str, files: Mapping[str, str], front: str = "") -> None:
    """The change is refused by this gate alone, with this finding."""
    report = place.deliver(files, front)
    held = [verdict.gate for verdict in report.verdicts if verdict.outcome is Outcome.FAIL]
    assert held == [gate], report.verdicts
    assert f"gate.{gate}{code and '.'}{code}" in {finding.code for finding in report.findings}


def cleared(place: Shop, gate: str, files: Mapping[str, str], front: str = "") -> None:
    """The same change with the remedy goes on, and the gate had something to look at."""
    report = place.deliver(files, front)
    assert report.outcome is Outcome.PASS, report.findings
    assert place.verdict(report, gate).outcome is Outcome.PASS


def test_missing_retries(place: Shop) -> None:
    once = {"pipelines/shop/pipeline.yaml": PIPELINE + "retries: {attempts: 2}\n"}
    refused(place, "missing_retries", "lowered", once)
    cleared(place, "missing_retries", once, "retries: {attempts: 2}\n")


def test_unpinned_dependency(place: Shop) -> None:
    refused(place, "unpinned_dependency", "unpinned", {"requirements.txt": "pandas>=2\n"})
    cleared(place, "unpinned_dependency", {"requirements.txt": "pandas==2.2.3\n"})


def test_unpinned_dependency_above_the_project(tmp_path: Path) -> None:
    """A lock of the repository's top belongs to a project in a folder of it."""
    place = shop(tmp_path / "shops" / "shop", top=tmp_path)
    (tmp_path / "requirements.in").write_text("pandas>=2\n")
    (tmp_path / "requirements.txt").write_text("pandas\n")
    (tmp_path / "shops" / "constraints.txt").write_text("rich<16\n")
    place.git("add", "--all", cwd=tmp_path)
    place.git("commit", "--quiet", "--message", "Ours")
    report = place.deliver({"docs/shop.md": "# The shop\n"})
    verdict = place.verdict(report, "unpinned_dependency")
    assert [finding.place.file for finding in verdict.findings] == ["../../requirements.txt", "../../requirements.txt"]
    assert "3 files" in verdict.summary
    assert report.outcome is Outcome.PASS


def test_destructive_operation(place: Shop) -> None:
    drops = {"commands/hand_over.py": "import till\n\ntill.execute('TRUNCATE TABLE till.lines')\n"}
    refused(place, "destructive_operation", "program", drops)
    cleared(place, "destructive_operation", drops, "destructive: {commands/hand_over.py: The till asked for it.}\n")
    sealed = next((place.root / ".penstock/worktrees/SHOP-1/changes/SHOP-1/evidence").glob("*implementation*"))
    statement = json.loads(base64.b64decode(json.loads(sealed.read_text())["payload"]))
    assert statement["predicate"]["facts"] == {"irreversible": ["commands/hand_over.py does TRUNCATE till.lines"]}


def test_destructive_operation_names_the_intervals_that_would_expire(place: Shop) -> None:
    kept = "slaProperties:\n  - {property: retention, value: 90, unit: d, element: clean.day}\n"
    shorter = {CLEAN: contract("shop.clean", COLUMNS, kept)}
    # it is the first of June, and the pipeline began on the fourth of March: ninety days are all there is
    cleared(place, "destructive_operation", shorter, "impact: {shop.clean: {rows: any}}\n")
    shorter = {CLEAN: contract("shop.clean", COLUMNS, kept.replace("90", "30"))}
    refused(place, "destructive_operation", "retention", shorter, "impact: {shop.clean: {rows: any}}\n")
    report = place.deliver(shorter, "impact: {shop.clean: {rows: any}}\nretention: 30 days\n")
    found = place.verdict(report, "destructive_operation").findings
    assert [one.found for one in found] == [
        "59 days from 2024-03-04 up to 2024-05-02 of shop.clean, kept today, are past it"
    ]
    assert report.outcome is Outcome.PASS, report.findings


def test_destructive_operation_sees_that_the_base_was_rewritten(place: Shop) -> None:
    place.commit({"docs/a.md": "# A\n"})
    report = place.deliver({"docs/shop.md": "# The shop\n"}, until=Stage.DESIGN)
    place.git("reset", "--quiet", "--hard", "HEAD~1")
    report = place.go_on(Stage.IMPLEMENTATION)
    assert "gate.destructive_operation.rewritten_branch" in {one.code for one in report.findings}
    place.git("reset", "--quiet", "--hard", "ORIG_HEAD")
    assert place.go_on(Stage.IMPLEMENTATION).outcome is Outcome.PASS


KEY = "AKIA" + "IOSFODNN7EXAMPLE"
QUERY = "pipelines/shop/clean.sql"
ANY = "impact: {shop.clean: any}\n"


def test_the_history_holds_what_was_taken_out_again(place: Shop) -> None:
    place.deliver({"docs/shop.md": "# The shop\n"}, until=Stage.DESIGN)
    worktree = place.root / ".penstock" / "worktrees" / "SHOP-1"
    head = place.git("rev-parse", "HEAD", cwd=worktree).strip()
    for text in (f"key: {KEY}\n", "key: none\n"):
        (worktree / "notes.md").write_text(text)
        place.git("add", "notes.md", cwd=worktree)
        place.git("commit", "--quiet", "--message", "Notes", cwd=worktree)
    diff = place.tools.repository.added_text(head, worktree)
    assert "+key: none" in diff
    assert [(line.file, line.commit != "") for line in added_lines(diff) if KEY in line.text] == [("notes.md", True)]


def test_secret_in_diff(place: Shop) -> None:
    refused(place, "secret_in_diff", "", {"docs/shop.md": f"# The shop\n\n{KEY}\n"})
    cleared(place, "secret_in_diff", {"docs/shop.md": "# The shop\n\n${SHOP_KEY}\n"})


def test_secret_in_output_of_a_query_in_pieces(place: Shop) -> None:
    query = (place.root / QUERY).read_text()
    pieces = query.replace("SELECT ", f"SELECT '{KEY[:9]}' -- first\n  || '{KEY[9:]}' AS key, ")
    report = place.deliver({QUERY: pieces.replace(" -- first", "")}, ANY)
    assert {one.code for one in report.findings} >= {"gate.secret_in_output", "gate.secret_in_diff"}
    assert KEY not in repr(report)
    cleared(place, "secret_in_output", {QUERY: query.replace("SELECT ", "SELECT 'none' AS key, ")}, ANY)


def test_secret_in_output_is_not_kept(place: Shop) -> None:
    place.commands.output = f"cannot reach postgres://eve:{KEY}@db/shop\n"
    refused(place, "secret_in_output", "", {"docs/shop.md": "# The shop\n"})
    kept = (place.root / ".penstock/worktrees/SHOP-1/changes/SHOP-1/evidence/outputs").glob("*.txt")
    assert {path.read_text() for path in kept} == {"cannot reach postgres://eve:•••@db/shop\n", "the tests' own"}
    place.commands.output = "all is well\n"
    cleared(place, "secret_in_output", {"docs/shop.md": "# The shop\n"})


PERSONAL = {**COLUMNS, "email": "VARCHAR customProperties: [{property: personalData, value: email}]"}
KEPT = "slaProperties:\n  - {property: retention, value: 90, unit: d, element: clean.day}\n"
EXPORT = "pipelines/shop/partner.export.yaml"
PARTNER = "dataset: shop.clean\npath: exports/partner.csv\n"


def test_missing_retention(place: Shop) -> None:
    refused(place, "missing_retention", "absent", {CLEAN: contract("shop.clean", PERSONAL)}, ANY)
    cleared(place, "missing_retention", {CLEAN: contract("shop.clean", PERSONAL, KEPT)}, ANY)


def test_unmasked_export(place: Shop) -> None:
    place.commit({CLEAN: contract("shop.clean", PERSONAL, KEPT)})
    refused(place, "unmasked_export", "", {EXPORT: PARTNER + "personal: [email]\n"})
    cleared(place, "unmasked_export", {EXPORT: PARTNER + "columns: [order_id, amount]\n"})
    cleared(place, "unmasked_export", {EXPORT: PARTNER + "personal: [email]\n"}, "leaving: {shop.partner: [email]}\n")


def test_weakened_contract_says_for_whom(place: Shop) -> None:
    reader = "/* penstock\ndescription: Amounts.\nmaterialize: view\n*/\nSELECT amount FROM shop.clean\n"
    amounts = {"pipelines/shop/amounts.sql": reader}
    named = "customProperties:\n  - {property: consumers, value: [{name: finance, columns: [amount]}, till]}\n"
    before = {**COLUMNS, "amount": '"DECIMAL(9,2)" required: true', "email": "VARCHAR required: true"}
    place.commit({**amounts, CLEAN: contract("shop.clean", before, named)})
    weaker = {CLEAN: contract("shop.clean", {**before, "amount": COLUMNS["amount"]}, named)}
    refused(place, "weakened_contract", "", weaker)
    found = place.verdict(place.deliver(weaker), "weakened_contract").findings
    assert [one.found for one in found] == ["column optional; breaking for shop.amounts, finance, till"]
    cleared(place, "weakened_contract", weaker, "impact: {shop.clean: {columns: {amount: any}}}\n")
