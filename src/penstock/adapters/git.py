"""Git, through its own command: branches, worktrees, commits and merges of a change.

Invariant: whatever changes the repository runs under the executor's lock and under a note of its own, so that what a
git left behind that died with its caller (locks, half a worktree) is known as ours and is taken away.
"""

from __future__ import annotations

import os
import shutil
import time
from contextlib import contextmanager, suppress
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from penstock.adapters.git_conflicts import conflict_findings
from penstock.adapters.git_objects import raw_objects
from penstock.adapters.git_process import blob as _blob
from penstock.adapters.git_process import git as _git
from penstock.adapters.git_process import run as _run
from penstock.adapters.patches import applied, difference, fork
from penstock.evidence.git_objects import History
from penstock.model.errors import InputError
from penstock.model.findings import Finding, Place

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ORPHAN_SECONDS = 60.0
"""How long a git whose caller was killed may take to end."""


class GitRepository:
    """The repository around a project; `project` may lie in a folder of it."""

    def __init__(self, project: Path) -> None:
        self.project = project
        try:
            self.top = project.__class__(_git(project, "rev-parse", "--show-toplevel").strip())
        except InputError as error:
            raise InputError(_not_a_repository(project)) from error
        self.prefix = project.resolve().relative_to(self.top.resolve())
        self._note = project / ".penstock" / "git-at-work"
        self._settled = False

    def head(self, folder: Path | None = None) -> str:
        """The commit that is checked out.

        Raises:
            InputError: the repository has no commit yet.
        """
        try:
            return _git(folder or self.project, "rev-parse", "--verify", "HEAD").strip()
        except InputError as error:
            raise InputError(_no_commit(self.project)) from error

    def commit_of(self, revision: str) -> str:
        """The commit that a branch, a tag or another revision means.

        Raises:
            InputError: there is no such revision.
        """
        done = _run(self.project, ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"])
        if done.returncode != 0:
            raise InputError(_no_revision(revision))
        return done.stdout.decode().strip()

    def branch(self) -> str:
        """The branch that is checked out; `HEAD` when none is."""
        return _git(self.project, "rev-parse", "--abbrev-ref", "HEAD").strip()

    def author(self) -> str:
        """The configured user's name, or an empty text."""
        return _git(self.project, "config", "--default", "", "user.name").strip()

    def open_worktree(self, folder: Path, branch: str, base: str) -> Path:
        """Check `branch` out in `folder`, made from `base` if it is new; returns the project within it."""
        self._settle()
        if not _is_whole(folder):
            self._discard(folder)
            known = self._succeeds("rev-parse", "--verify", "--quiet", f"refs/heads/{branch}")
            arguments = [str(folder), branch] if known else ["-b", branch, str(folder), base]
            self._change(self.project, "worktree", "add", "--force", "--quiet", *arguments)
        return folder / self.prefix

    def open_detached(self, folder: Path, commit: str) -> Path:
        """Check a commit out in `folder` without a branch; returns the project within it."""
        self._settle()
        if not _is_whole(folder):
            self._discard(folder)
            self._change(self.project, "worktree", "add", "--force", "--quiet", "--detach", str(folder), commit)
        return folder / self.prefix

    def close_worktree(self, folder: Path) -> None:
        """Remove a worktree; its branch stays."""
        self._settle()
        if _is_whole(folder):
            self._change(self.project, "worktree", "remove", "--force", str(folder))
        elif folder.exists():
            self._discard(folder)

    def reset(self, folder: Path, commit: str) -> None:
        """Bring a worktree back to a commit, dropping everything after it and everything not committed."""
        self._change(folder, "reset", "--hard", "--quiet", commit)
        self._change(folder, "clean", "-fdq", ".")

    def commit(self, folder: Path, message: str, paths: Sequence[str], author: str, *, at: str) -> str:
        """Commit these paths (relative to `folder`) if they differ; returns the commit checked out afterwards."""
        self._change(folder, "add", "--force", "--", *paths)
        if self._succeeds("diff", "--cached", "--quiet", "--", *paths, folder=folder):
            return self.head(folder)
        identity = {
            "GIT_AUTHOR_NAME": author,
            "GIT_AUTHOR_EMAIL": f"{author}@penstock.invalid",
            "GIT_COMMITTER_NAME": "penstock",
            "GIT_COMMITTER_EMAIL": "penstock@penstock.invalid",
            "GIT_AUTHOR_DATE": at,
            "GIT_COMMITTER_DATE": at,
        }
        # these paths alone: what a person has staged beside them stays staged and uncommitted
        only = ("--only", "--", *paths)
        self._change(folder, "commit", "--quiet", "--no-verify", "--message", message, *only, env=identity)
        return self.head(folder)

    def holds(self, branch: str, commit: str) -> bool:
        """Whether a branch holds a commit; one that is gone holds nothing."""
        return self._succeeds("merge-base", "--is-ancestor", commit, f"refs/heads/{branch}")

    def is_merged(self, branch: str) -> bool:
        """Whether the checked-out branch already holds `branch`."""
        return self._succeeds("merge-base", "--is-ancestor", branch, "HEAD")

    def arrival(self, branch: str) -> str:
        """The commit by which the checked-out branch came to hold `branch`: the merge, or its head if there is none."""
        head = _git(self.project, "rev-parse", "--verify", f"refs/heads/{branch}").strip()
        after = set(_git(self.project, "rev-list", "--ancestry-path", f"{head}..HEAD").split())
        line = _git(self.project, "rev-list", "--first-parent", "--parents", "HEAD", f"^{head}").splitlines()
        commits = [words.split() for words in line]
        first = next((each for each in reversed(commits) if each[0] in after), [])
        return first[0] if len(first) > 1 and first[1] != head else head

    def is_merge(self, commit: str) -> bool:
        """Whether a commit has several parents."""
        return self._succeeds("rev-parse", "--verify", "--quiet", f"{commit}^2")

    def branch_head(self, branch: str) -> str | None:
        """The commit at which a branch stands, or None if there is no such branch."""
        done = _run(self.project, ["rev-parse", "--verify", "--quiet", f"refs/heads/{branch}"])
        return done.stdout.decode().strip() if done.returncode == 0 else None

    def is_ancestor(self, older: str, newer: str) -> bool:
        """Whether a commit is, or lies before, another one."""
        return self._succeeds("merge-base", "--is-ancestor", older, newer)

    def merge(self, branch: str, message: str, author: str, drawn: Sequence[str] = ()) -> str:
        """Merge a branch into the one checked out, keeping it visible as a merge; returns the merge commit.

        Where both sides edited one of `drawn`, the checked-out side's stays: whoever draws these draws them anew.

        Raises:
            InputError: it conflicts (files and lines are named), or uncommitted work stands in the way; nothing was
                changed.
        """
        identity = {
            "GIT_AUTHOR_NAME": author,
            "GIT_AUTHOR_EMAIL": f"{author}@penstock.invalid",
            "GIT_COMMITTER_NAME": "penstock",
            "GIT_COMMITTER_EMAIL": "penstock@penstock.invalid",
        }
        try:
            arguments = ("--no-ff", "--no-verify", "--quiet", "--message", message, branch)
            self._change(self.top, "merge", *arguments, env={**identity, **self._keeping(drawn)}, merging=branch)
        except InputError as error:
            if self._succeeds("rev-parse", "--verify", "--quiet", "MERGE_HEAD"):
                listed = _git(self.top, "diff", "--name-only", "--diff-filter=U", "-z").split("\0")
                findings = tuple(conflict_findings(self.top, [name for name in listed if name], branch))
                self._change(self.top, "merge", "--abort")
                raise InputError(findings or error.findings) from error
            raise
        return self.head()

    def _keeping(self, drawn: Sequence[str]) -> dict[str, str]:
        """Settings under which a merge leaves these files as they are where both sides edited them."""
        attributes = self._note.with_name("git-attributes")
        attributes.parent.mkdir(parents=True, exist_ok=True)
        lines = [f"/{(self.prefix / path).as_posix()} merge=penstock-drawn\n" for path in drawn]
        attributes.write_text("".join(lines), encoding="utf-8")
        given = (("core.attributesFile", str(attributes)), ("merge.penstock-drawn.driver", "true"))
        settings = {f"GIT_CONFIG_KEY_{number}": key for number, (key, _) in enumerate(given)}
        values = {f"GIT_CONFIG_VALUE_{number}": value for number, (_, value) in enumerate(given)}
        return {"GIT_CONFIG_COUNT": str(len(given)), **settings, **values}

    def show(self, commit: str, path: str) -> bytes | None:
        """A project file's bytes at a commit, or None if it was not there."""
        name = (self.prefix / path).as_posix()
        return _blob(self.project, f"{commit}:{name}")

    def contents(self, commit: str, paths: Sequence[str]) -> dict[str, bytes]:
        """Several project files at a commit, in one go; those that were not there are left out."""
        odd = [path for path in paths if "\n" in path]
        if odd:
            raise InputError(_odd_name(odd[0]))
        names = [f"{commit}:{os.path.normpath(self.prefix / path)}" for path in paths]
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

    def files_above(self, commit: str) -> tuple[str, ...]:
        """The files of a commit in the folders above the project, by the way there: `../requirements.txt`."""
        found: list[str] = []
        for up, folder in enumerate(self.prefix.parents, start=1):
            # paths that end in a slash list what a folder holds itself; the repository's own top needs none
            inside = [] if folder == folder.parent else ["--", f"{folder.as_posix()}/"]
            listed = _git(self.top, "ls-tree", "--name-only", "-z", commit, *inside)
            found += [f"{'../' * up}{name.rpartition('/')[2]}" for name in listed.split("\0") if name]
        return tuple(found)

    def changed(self, base: str, folder: Path) -> tuple[str, ...]:
        """Project files that differ between `base` and the worktree's commit."""
        listed = _git(folder, "diff", "--name-only", "--no-renames", "--relative", "-z", base, "HEAD", "--", ".")
        return tuple(name for name in listed.split("\0") if name)

    def added_text(self, base: str, folder: Path) -> str:
        """The diffs of a worktree's commits since `base`, one by one and without context, each after its commit's id
        and its message (indented). A merge is shown by what it brings to its branch.

        As text whatever attributes say, and through nobody's filters: what is searched is what was committed.
        """
        plain = ("--text", "--no-ext-diff", "--no-textconv", "--no-color", "--unified=0", "--relative")
        shown = ("--patch", "--format=commit %H%n%w(0,4,4)%B%w()", "--diff-merges=first-parent", "--reverse")
        # --full-history: of a branch that was merged and undone nothing is left out either
        return _git(folder, "log", *shown, "--full-history", *plain, f"{base}..HEAD", "--", ".")

    def changed_between(self, older: str, newer: str) -> tuple[str, ...]:
        """Project files that differ between two commits."""
        listed = _git(self.project, "diff", "--name-only", "--no-renames", "--relative", "-z", older, newer, "--", ".")
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
        self._change(self.project, "branch", "--move", branch, f"retired/{branch}-{number}")

    def applied(self, commit: str, patch: bytes, name: str) -> dict[str, bytes | None]:
        """The project files that a patch makes of a commit's, None for those it takes away; nothing is checked out.

        Raises:
            InputError: it does not apply, or makes what is no plain file of the project.
        """
        return applied(self.top, self.prefix, commit, patch, name)

    def difference(self, base: str, branch: str) -> bytes:
        """What a branch changed in the project since it left `base`, as a patch.

        Raises:
            InputError: there is no such branch, or it has nothing in common with `base`.
        """
        return difference(self.project, base, self.commit_of(branch))

    def fork(self, base: str) -> str:
        """The commit at which the one checked out left another revision.

        Raises:
            InputError: there is no such revision, or the two have no commit in common.
        """
        return fork(self.project, self.commit_of(base), self.head())

    @contextmanager
    def history(self) -> Iterator[History]:
        """Commits and their files as raw objects, for as long as it is open; one git answers for all of them."""
        prefix = "" if self.prefix == PurePath() else self.prefix.as_posix()
        with raw_objects(self.project) as read:
            yield History(read, prefix)

    def dirty(self) -> tuple[str, ...]:
        """Tracked project files with uncommitted changes."""
        listed = _git(self.project, "status", "--porcelain", "--untracked-files=no", "-z", "--", ".")
        return tuple(entry[3:] for entry in listed.split("\0") if len(entry) > 3)

    def _change(
        self, folder: Path, *arguments: str, env: dict[str, str] | None = None, merging: str | None = None
    ) -> None:
        """Run a git that changes something, under a note that says where, and which branch it merges."""
        self._settle()
        self._note.parent.mkdir(parents=True, exist_ok=True)
        self._note.write_text(f"{folder}\n{merging or ''}", encoding="utf-8")
        try:
            _git(folder, *arguments, env=env)
        except InputError:  # it said no and ended; any other ending leaves the note to whoever comes next
            self._note.unlink()
            raise
        self._note.unlink()

    def _settle(self) -> None:
        """If an earlier command died while its git was at work: let that git end, then tidy up after it."""
        if self._settled:
            return
        self._settled = True
        with suppress(FileNotFoundError):
            name, _, merging = self._note.read_text(encoding="utf-8").partition("\n")
            folder, began = Path(name), self._note.stat().st_mtime
            _wait_for_git(folder)
            for lock in self._locks(folder):
                if lock.stat().st_mtime >= began:
                    lock.unlink()
            if merging and not self.is_merged(merging):
                self._undo_merge(merging)
            self._note.unlink()

    def _undo_merge(self, branch: str) -> None:
        """Take back what a merge that died had written already: whole or half files of the branch, and nothing else.

        It had begun, so index and files were those of `HEAD`: git refuses to merge otherwise.
        """
        _run(self.top, ["merge", "--quit"])
        listed = _git(self.top, "diff", "--name-only", "--no-renames", "-z", f"HEAD...{branch}")
        paths = [name for name in listed.split("\0") if name]
        if paths:
            _git(self.top, "reset", "--quiet", "--", *paths)
        for path in paths:
            before, merged = (_blob(self.top, f"{commit}:{path}") for commit in ("HEAD", branch))
            target = self.top / path
            here = target.read_bytes() if target.is_file() else None
            if here == before or not (here is None or (merged is not None and merged.startswith(here))):
                continue
            if before is not None:
                _git(self.top, "checkout", "--quiet", "HEAD", "--", path)
                continue
            target.unlink()
            with suppress(OSError):  # folders that hold something else stay
                os.removedirs(target.parent)

    def _locks(self, folder: Path) -> Iterator[Path]:
        """Lock files of the repository and of the checkout in which a git was at work."""
        common = self._common_folder()
        yield from common.glob("*.lock")
        yield from (common / "refs").rglob("*.lock")
        admin = _admin_folder(folder)
        if admin is not None:
            yield from admin.glob("*.lock")

    def _common_folder(self) -> Path:
        """Where branches and the list of worktrees are kept."""
        return (self.top / _git(self.top, "rev-parse", "--git-common-dir").strip()).resolve()

    def _discard(self, folder: Path) -> None:
        """Take away what is left of a worktree that was only half made or half removed."""
        if folder.exists():
            shutil.rmtree(folder)
        for pointer in (self._common_folder() / "worktrees").glob("*/gitdir"):
            if pointer.read_text(encoding="utf-8").strip() == str(folder / ".git"):
                shutil.rmtree(pointer.parent)

    def _succeeds(self, *arguments: str, folder: Path | None = None) -> bool:
        return _run(folder or self.project, list(arguments)).returncode == 0


def _admin_folder(folder: Path) -> Path | None:
    """Where git keeps a worktree's head and index."""
    pointer = folder / ".git"
    return Path(pointer.read_text(encoding="utf-8").removeprefix("gitdir:").strip()) if pointer.is_file() else None


def _is_whole(folder: Path) -> bool:
    """Whether a worktree was made to its end: git writes `locked` first and takes it away last."""
    admin = _admin_folder(folder)
    if admin is None or not (admin / "HEAD").is_file():
        return False
    locked = admin / "locked"
    return not (locked.is_file() and locked.read_text(encoding="utf-8").strip() == "initializing")


def _wait_for_git(folder: Path) -> None:
    """Wait until no git of ours is at work in a folder; a system that does not list its processes is not waited for."""
    ours = b"\0".join((b"git", b"-C", os.fsencode(folder), b""))
    deadline = time.monotonic() + ORPHAN_SECONDS
    while time.monotonic() < deadline and any(line.startswith(ours) for line in _command_lines()):
        time.sleep(0.02)


def _command_lines() -> Iterator[bytes]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            yield path.read_bytes()


def _not_a_repository(project: Path) -> Finding:
    return Finding(
        code="git.no_repository",
        message="the project is not in a git repository",
        place=Place(file=str(project)),
        expected="a git repository with at least one commit: a change is a branch of it",
        remedy="git init && git add . && git commit -m 'Start'",
    )


def _odd_name(path: str) -> Finding:
    return Finding(
        code="git.odd_name",
        message=f"the repository holds a file whose name has a line break: {path!r}",
        expected="file names in one line",
        remedy="rename the file",
    )


def _no_commit(project: Path) -> Finding:
    return Finding(
        code="git.no_commit",
        message="the repository has no commit yet",
        place=Place(file=str(project)),
        expected="at least one commit to branch from",
        remedy="git add . && git commit -m 'Start'",
    )


def _no_revision(revision: str) -> Finding:
    return Finding(
        code="git.no_revision",
        message=f"there is no revision {revision!r} in this repository",
        found=revision,
        expected="a branch, a tag or a commit",
        remedy="see `git log --oneline --all`",
    )
