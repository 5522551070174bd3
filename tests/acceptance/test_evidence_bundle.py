"""A delivered change, verified where nothing of it is: no project, no git, no ledger, and no Penstock."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from orders_shop import NEW_DAY
from penstock_places import AUTHOR, Place, Said

if TYPE_CHECKING:
    from collections.abc import Sequence

pytest_plugins = ("acceptance_fixtures",)
pytestmark = pytest.mark.slow

STANDALONE = Path(__file__).parents[2] / "verify" / "penstock_verify.py"


@pytest.fixture
def exported(running_shop: Place, tmp_path: Path) -> Path:
    """The bundle of SHOP-1, in a folder with nothing else."""
    bundle = tmp_path / "shop-1.jsonl"
    running_shop.penstock("change", "export", "SHOP-1", "--to", str(bundle))
    return bundle


def alone(module: Sequence[str], *arguments: str, cwd: Path) -> Said:
    """A verifier as a process that finds no git and no configuration."""
    environment = {"PATH": "", "HOME": str(cwd), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, *module, *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    return Said(code=done.returncode, out=done.stdout, err=done.stderr)


def both(*arguments: str, cwd: Path) -> tuple[Said, Said]:
    """What Penstock and the standalone verifier say of a bundle."""
    ours = alone(["-m", "penstock.cli.main", "change", "verify", "--bundle"], *arguments, cwd=cwd)
    return ours, alone([str(STANDALONE)], *arguments, cwd=cwd)


def test_a_bundle_verifies_without_project_and_git(exported: Path, running_shop: Place) -> None:
    for said in both(exported.name, "--keys", str(running_shop.root / "keys"), cwd=exported.parent):
        assert said.code == 0, said.out + said.err
        assert "SHOP-1: verified, the chain reaches observation" in said.out
        assert "NOT ANCHORED" not in said.out
    assert list(exported.parent.iterdir()) == [exported]


def test_a_bundle_that_vouches_for_its_own_keys_is_said_to(exported: Path) -> None:
    ours, theirs = both(exported.name, cwd=exported.parent)
    assert "NOT ANCHORED" in ours.out
    assert "NOT ANCHORED" in theirs.out
    said = alone(
        ["-m", "penstock.cli.main", "change", "verify", "--bundle", exported.name, "--json"], cwd=exported.parent
    )
    assert said.result["anchored"] is False
    assert {each["name"] for each in said.result["signers"]} == {"demo-author", "demo-reviewer"}


def test_keys_of_somebody_else_do_not_anchor_it(exported: Path, tmp_path: Path) -> None:
    strange = Place(tmp_path / "strange", tmp_path / "strange-keys")
    strange.root.mkdir()
    (strange.root / "penstock.yaml").write_text("name: strange\n")
    strange.penstock("key", "new", AUTHOR, "--role", "author")
    for said in both(exported.name, "--keys", str(strange.root / "keys"), cwd=exported.parent):
        assert said.code == 1
        assert "BROKEN  anchor" in said.out


def test_an_edited_page_is_named(exported: Path) -> None:
    lines = exported.read_text().splitlines()
    spot = next(number for number, line in enumerate(lines) if "dossier.md" in line)
    lines[spot] = json.dumps(
        {"data": "QWxsIGlzIHdlbGwuCg==", "file": "changes/SHOP-1/dossier.md"}, separators=(",", ":")
    )
    exported.write_text("\n".join([*lines, ""]))
    for said in both(exported.name, cwd=exported.parent):
        assert said.code == 1
        assert "BROKEN  subjects" in said.out
        assert "changes/SHOP-1/dossier.md" in said.out


def test_the_same_change_makes_the_same_bundle(exported: Path, running_shop: Place) -> None:
    again = exported.with_name("again.jsonl")
    running_shop.penstock("change", "export", "SHOP-1", "--to", str(again))
    assert again.read_bytes() == exported.read_bytes()


def test_a_fresh_clone_verifies_and_exports_without_a_ledger(exported: Path, running_shop: Place) -> None:
    clone = Place(exported.parent / "clone", running_shop.keys)
    running_shop.git("clone", "--quiet", str(running_shop.root), str(clone.root))
    assert "SHOP-1: verified" in clone.penstock("change", "verify", "SHOP-1").out
    clone.penstock("change", "export", "SHOP-1", "--to", "../clone.jsonl")
    assert exported.with_name("clone.jsonl").read_bytes() == exported.read_bytes()
    assert not (clone.root / ".penstock").exists()


def test_a_shallow_clone_says_what_it_lacks(running_shop: Place, tmp_path: Path) -> None:
    clone = Place(tmp_path / "clone", running_shop.keys)
    running_shop.git("clone", "--quiet", "--depth", "1", f"file://{running_shop.root}", str(clone.root))
    said = clone.penstock("change", "verify", "SHOP-1", "--json", exits=1)
    assert {each["code"] for each in said.findings} >= {"evidence.object_missing"}
    assert "git fetch --unshallow" in said.out
    clone.git("fetch", "--quiet", "--unshallow")
    clone.penstock("change", "verify", "SHOP-1")


def test_what_does_not_verify_is_not_exported(running_shop: Place, tmp_path: Path) -> None:
    place = running_shop.copied(tmp_path)
    query = place.root / "pipelines" / "shop" / "daily_orders.sql"
    query.write_text(query.read_text() + "-- edited\n")
    said = place.penstock("change", "export", "SHOP-1", "--to", "../no.jsonl", exits=1)
    assert "daily_orders.sql" in said.err
    assert not (tmp_path / "no.jsonl").exists()


def test_a_commit_with_other_files_than_the_review_names_is_not_verified(running_shop: Place, tmp_path: Path) -> None:
    place = running_shop.copied(tmp_path)
    place.penstock("deliver", "stories/SHOP-2.md", "--as", AUTHOR, "--until", NEW_DAY, exits=4)
    worktree = place.root / ".penstock" / "worktrees" / "SHOP-2"
    bundle = tmp_path / "shop-2.jsonl"
    place.penstock("change", "export", "SHOP-2", "--to", str(bundle))
    assert "the chain reaches review" in place.penstock("change", "verify", "--bundle", str(bundle)).out
    query = worktree / "pipelines" / "shop" / "stg_orders.sql"
    query.write_text("SELECT 1 AS order_id\n")
    said = place.penstock("change", "verify", "SHOP-2", exits=1)
    assert "BROKEN  subjects" in said.out
    assert "BROKEN  tree" in said.out


def test_commands_name_the_environment_they_ran_in(running_shop: Place) -> None:
    outputs = running_shop.root / "changes" / "SHOP-1" / "evidence" / "outputs"
    (environment,) = [path.read_text() for path in outputs.iterdir() if path.read_text().startswith("system ")]
    assert f"python {sys.version_info.major}.{sys.version_info.minor}" in environment
    assert "\nduckdb " in environment
    assert "\nsqlglot 30.30.0" in environment


def test_options_of_a_bundle_need_one(running_shop: Place) -> None:
    said = running_shop.penstock("change", "verify", "SHOP-1", "--keys", "keys", exits=2)
    assert "--bundle" in said.err
    running_shop.penstock("change", "verify", exits=2)
    running_shop.penstock("change", "verify", "SHOP-2", "--bundle", "nowhere.jsonl", exits=2)
