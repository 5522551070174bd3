"""Git, through its own command: branches, worktrees, commits and merges of a change."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from penstock.model.errors import InputError
from penstock.model.findings import Finding, Place

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class GitRepository:
    """The repository around a project; `project` may lie in a folder of it."""

    def __init__(self, project: Path) -> None:
        self.project = project
        try:
            self.top = project.__class__(_git(project, "rev-parse", "--show-toplevel").strip())
        except InputError as error:
            raise InputError(_not_a_repository(project)) from error
        self.prefix = project.resolve().relative_to(self.top.resolve())

    def head(self, folder: Path | None = None) -> str:
        """The commit that is checked out.

        Raises:
            InputError: the repository has no commit yet.
        """
        try:
            return _git(folder or self.project, "rev-parse", "--verify", "HEAD").strip()
        except InputError as error:
            raise InputError(_no_commit(self.project)) from error

    def branch(self) -> str:
        """The branch that is checked out; `HEAD` when none is."""
        return _git(self.project, "rev-parse", "--abbrev-ref", "HEAD").strip()

    def author(self) -> str:
        """The configured user's name, or an empty text."""
        return _git(self.project, "config", "--default", "", "user.name").strip()

    def open_worktree(self, folder: Path, branch: str, base: str) -> Path:
        """Check `branch` out in `folder`, made from `base` if it is new; returns the project within it."""
        if not (folder / ".git").exists():
            _git(self.project, "worktree", "prune")
            known = self._succeeds("rev-parse", "--verify", "--quiet", f"refs/heads/{branch}")
            arguments = [str(folder), branch] if known else ["-b", branch, str(folder), base]
            _git(self.project, "worktree", "add", "--force", "--quiet", *arguments)
        return folder / self.prefix

    def close_worktree(self, folder: Path) -> None:
        """Remove a worktree; its branch stays."""
        if folder.exists():
            _git(self.project, "worktree", "remove", "--force", str(folder))

    def reset(self, folder: Path, commit: str) -> None:
        """Bring a worktree back to a commit, dropping everything after it and everything not committed."""
        _git(folder, "reset", "--hard", "--quiet", commit)
        _git(folder, "clean", "-fdq", ".")

    def commit(self, folder: Path, message: str, paths: Sequence[str], author: str, *, at: str) -> str:
        """Commit these paths (relative to `folder`) if they differ; returns the commit checked out afterwards."""
        _git(folder, "add", "--force", "--", *paths)
        if self._succeeds("diff", "--cached", "--quiet", folder=folder):
            return self.head(folder)
        identity = {
            "GIT_AUTHOR_NAME": author,
            "GIT_AUTHOR_EMAIL": f"{author}@penstock.invalid",
            "GIT_COMMITTER_NAME": "penstock",
            "GIT_COMMITTER_EMAIL": "penstock@penstock.invalid",
            "GIT_AUTHOR_DATE": at,
            "GIT_COMMITTER_DATE": at,
        }
        _git(folder, "commit", "--quiet", "--no-verify", "--message", message, env=identity)
        return self.head(folder)

    def is_merged(self, branch: str) -> bool:
        """Whether the checked-out branch already holds `branch`."""
        return self._succeeds("merge-base", "--is-ancestor", branch, "HEAD")

    def merge(self, branch: str, message: str, author: str) -> str:
        """Merge a branch into the one checked out, keeping it visible as a merge; returns the merge commit.

        Raises:
            InputError: it conflicts, or uncommitted work stands in the way; nothing was changed.
        """
        identity = {
            "GIT_AUTHOR_NAME": author,
            "GIT_AUTHOR_EMAIL": f"{author}@penstock.invalid",
            "GIT_COMMITTER_NAME": "penstock",
            "GIT_COMMITTER_EMAIL": "penstock@penstock.invalid",
        }
        try:
            _git(self.top, "merge", "--no-ff", "--no-verify", "--quiet", "--message", message, branch, env=identity)
        except InputError:
            if self._succeeds("rev-parse", "--verify", "--quiet", "MERGE_HEAD"):
                _git(self.top, "merge", "--abort")
            raise
        return self.head()

    def show(self, commit: str, path: str) -> bytes | None:
        """A project file's bytes at a commit, or None if it was not there."""
        name = (self.prefix / path).as_posix()
        done = _run(self.project, ["show", f"{commit}:{name}"])
        return done.stdout if done.returncode == 0 else None

    def contents(self, commit: str, paths: Sequence[str]) -> dict[str, bytes]:
        """Several project files at a commit, in one go; those that were not there are left out."""
        names = [f"{commit}:{(self.prefix / path).as_posix()}" for path in paths]
        data = "".join(f"{name}\n" for name in names).encode()
        done = _run(self.project, ["cat-file", "--batch"], given=data)
        found: dict[str, bytes] = {}
        rest = done.stdout
        for path in paths:
            head, _, rest = rest.partition(b"\n")
            if head.endswith(b" missing"):
                continue
            size = int(head.rsplit(b" ", 1)[1])
            found[path], rest = rest[:size], rest[size + 1 :]
        return found

    def files(self, commit: str) -> tuple[str, ...]:
        """The project's files at a commit, relative to the project."""
        listed = _git(self.project, "ls-tree", "-r", "--name-only", "-z", commit, "--", ".")
        return tuple(name for name in listed.split("\0") if name)

    def changed(self, base: str, folder: Path) -> tuple[str, ...]:
        """Project files that differ between `base` and the worktree's commit."""
        listed = _git(folder, "diff", "--name-only", "--relative", "-z", base, "HEAD", "--", ".")
        return tuple(name for name in listed.split("\0") if name)

    def added_text(self, base: str, folder: Path) -> str:
        """The diff of a worktree's commits against `base`, without context."""
        return _git(folder, "diff", "--unified=0", "--relative", base, "HEAD", "--", ".")

    def changed_between(self, older: str, newer: str) -> tuple[str, ...]:
        """Project files that differ between two commits."""
        listed = _git(self.project, "diff", "--name-only", "--relative", "-z", older, newer, "--", ".")
        return tuple(name for name in listed.split("\0") if name)

    def story_order(self, commit: str) -> tuple[str, ...]:
        """The `changes/*/story.md` of a commit, in the order in which they came to its branch."""
        there = {name for name in self.files(commit) if name.startswith("changes/") and name.endswith("/story.md")}
        if not there:
            return ()
        arguments = ("--first-parent", "--diff-merges=first-parent", "--diff-filter=A", "--reverse", "--relative")
        log = _git(self.project, "log", "--format=", "--name-only", *arguments, commit, "--", "changes/*/story.md")
        order = list(dict.fromkeys(line for line in log.splitlines() if line in there))
        return (*order, *sorted(there - set(order)))

    def retire(self, branch: str, folder: Path) -> None:
        """Set a branch aside under another name and close its worktree, so that its name is free again."""
        self.close_worktree(folder)
        if not self._succeeds("rev-parse", "--verify", "--quiet", f"refs/heads/{branch}"):
            return
        number = 1
        while self._succeeds("rev-parse", "--verify", "--quiet", f"refs/heads/retired/{branch}-{number}"):
            number += 1
        _git(self.project, "branch", "--move", branch, f"retired/{branch}-{number}")

    def dirty(self) -> tuple[str, ...]:
        """Tracked project files with uncommitted changes."""
        listed = _git(self.project, "status", "--porcelain", "--untracked-files=no", "-z", "--", ".")
        return tuple(entry[3:] for entry in listed.split("\0") if len(entry) > 3)

    def _succeeds(self, *arguments: str, folder: Path | None = None) -> bool:
        return _run(folder or self.project, list(arguments)).returncode == 0


def _run(
    folder: Path, arguments: list[str], env: dict[str, str] | None = None, given: bytes | None = None
) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C", **(env or {})}
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        environment.pop(name, None)
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, input=given, capture_output=True, check=False, env=environment)


def _git(folder: Path, *arguments: str, env: dict[str, str] | None = None) -> str:
    done = _run(folder, list(arguments), env)
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


def _not_a_repository(project: Path) -> Finding:
    return Finding(
        code="git.no_repository",
        message="the project is not in a git repository",
        place=Place(file=str(project)),
        expected="a git repository with at least one commit: a change is a branch of it",
        remedy="git init && git add . && git commit -m 'Start'",
    )


def _no_commit(project: Path) -> Finding:
    return Finding(
        code="git.no_commit",
        message="the repository has no commit yet",
        place=Place(file=str(project)),
        expected="at least one commit to branch from",
        remedy="git add . && git commit -m 'Start'",
    )
