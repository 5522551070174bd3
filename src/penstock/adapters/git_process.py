"""Runs git in a process of its own, away from what the environment says about other repositories."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from penstock.model.errors import InputError
from penstock.model.findings import Finding, Place

if TYPE_CHECKING:
    from pathlib import Path

_ELSEWHERE = frozenset({"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"})


def blob(folder: Path, name: str) -> bytes | None:
    """The bytes of `COMMIT:PATH`, or None if it was not there."""
    done = run(folder, ["show", name])
    return done.stdout if done.returncode == 0 else None


def run(
    folder: Path, arguments: list[str], env: dict[str, str] | None = None, given: bytes | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run `git ARGUMENTS` in a folder to its end, whatever that is; `given` is its standard input."""
    own = {name: value for name, value in os.environ.items() if name not in _ELSEWHERE}
    environment = {**own, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C", **(env or {})}
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, input=given, capture_output=True, check=False, env=environment)


def git(folder: Path, *arguments: str, env: dict[str, str] | None = None) -> str:
    """What `git ARGUMENTS` prints.

    Raises:
        InputError: git said no; the finding has its words.
    """
    done = run(folder, list(arguments), env)
    if done.returncode != 0:
        words = done.stderr.decode(errors="replace").strip() or done.stdout.decode(errors="replace").strip()
        raise InputError(
            Finding(
                code="git.refused",
                message=f"git {arguments[0]} failed: {words.splitlines()[0] if words else 'without a word'}",
                place=Place(file=str(folder)),
                found=words[:600] or None,
                remedy="bring the repository into order (git status), then run this again",
            )
        )
    return done.stdout.decode(errors="replace")
