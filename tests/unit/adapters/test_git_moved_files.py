"""A file that a branch moves away counts as changed where it was, too: what is protected there is gone."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from penstock.adapters.git import GitRepository

if TYPE_CHECKING:
    from pathlib import Path


def _git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=ann", "-c", "user.email=ann@example.com", "-c", "diff.renames=true")
    done = subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_a_moved_file_is_changed_where_it_was_and_where_it_is(tmp_path: Path) -> None:
    _git(tmp_path, "init", "--quiet")
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "bob.yaml").write_text("name: bob\nkey: of some length\n")
    _git(tmp_path, "add", ".")
    _git(tmp_path, "commit", "--quiet", "-m", "one")
    before = _git(tmp_path, "rev-parse", "HEAD")
    _git(tmp_path, "mv", "keys/bob.yaml", "notes.yaml")
    _git(tmp_path, "commit", "--quiet", "-m", "two")
    repository = GitRepository(tmp_path)
    assert set(repository.changed(before, tmp_path)) == {"keys/bob.yaml", "notes.yaml"}
    assert set(repository.changed_between(before, "HEAD")) == {"keys/bob.yaml", "notes.yaml"}
