"""Patches against commits, in an index of their own: what they would make of the project, without a checkout.

Invariants: only plain files beneath the project come out; the repository's own index and worktrees are not looked at.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.adapters.git_process import blob, git, run
from penstock.model.errors import InputError
from penstock.model.findings import Finding, Place

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import PurePath

_PLAIN = frozenset({"000000", "100644", "100755"})
_PLACE = re.compile(r"error: (?:patch failed: )?(?P<file>[^\n]+?):(?P<line>\d+)?")
_PLAIN_DIFF = ("--binary", "--no-renames", "--no-ext-diff", "--no-textconv", "--no-color", "--full-index")


def applied(top: Path, prefix: PurePath, commit: str, patch: bytes, name: str) -> dict[str, bytes | None]:
    """The project files (relative to it) that a patch makes of a commit's, None for those that it takes away.

    Its paths are the project's, or the repository's if all of them lie beneath the project. `name` says in findings
    which patch it is.

    Raises:
        InputError: it is no patch, does not apply, or makes what is no plain file beneath the project.
    """
    with tempfile.TemporaryDirectory(prefix="penstock-patch-") as folder:
        env = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        git(top, "read-tree", commit, env=env)
        beneath = ["--directory", prefix.as_posix()] if _is_relative(top, prefix, patch, name) else []
        done = run(top, ["apply", "--cached", "--whitespace=nowarn", *beneath, "-"], env=env, given=patch)
        if done.returncode != 0:
            raise InputError(_does_not_apply(name, commit, done.stderr.decode(errors="replace")))
        tree = git(top, "write-tree", env=env).strip()
        return dict(_files(top, prefix, commit, tree, name))


def difference(project: Path, base: str, head: str) -> bytes:
    """What the commits of `head` changed in the project since they left `base`, as a patch relative to the project.

    Raises:
        InputError: the two have no commit in common.
    """
    done = run(project, ["merge-base", base, head])
    if done.returncode != 0:
        raise InputError(_unrelated(base, head))
    fork = done.stdout.decode().strip()
    return run(project, ["diff", *_PLAIN_DIFF, "--relative", fork, head, "--", "."]).stdout


def _is_relative(top: Path, prefix: PurePath, patch: bytes, name: str) -> bool:
    """Whether a patch's paths begin at the project, where that is not the top of the repository."""
    done = run(top, ["apply", "--numstat", "-z", "-"], given=patch)
    if done.returncode != 0:
        raise InputError(_no_patch(name, done.stderr.decode(errors="replace")))
    paths = [entry.split("\t", 2)[2] for entry in done.stdout.decode(errors="replace").split("\0") if entry]
    return prefix.parts != () and not all(Path(path).is_relative_to(prefix) for path in paths)


def _files(top: Path, prefix: PurePath, commit: str, tree: str, name: str) -> Iterator[tuple[str, bytes | None]]:
    listed = git(top, "diff-tree", "-r", "-z", "--no-renames", commit, tree).split("\0")
    odd: list[str] = []
    for head, path in zip(listed[::2], listed[1::2], strict=False):
        mode = head.split(" ")[1]
        if mode not in _PLAIN or not Path(path).is_relative_to(prefix):
            odd.append(path)
        elif mode == "000000":
            yield Path(path).relative_to(prefix).as_posix(), None
        else:
            yield Path(path).relative_to(prefix).as_posix(), blob(top, f"{tree}:{path}")
    if odd:
        raise InputError(tuple(_odd(name, path) for path in odd))


def _no_patch(name: str, words: str) -> Finding:
    return Finding(
        code="change.no_patch",
        message=f"{name} is not a patch that git reads",
        place=Place(file=name),
        found=words.strip()[:600] or "an empty file",
        expected="a unified diff, as `git diff` or `git format-patch --stdout` writes it",
        remedy="make it anew: git diff --binary BASE > FILE",
    )


def _does_not_apply(name: str, commit: str, words: str) -> Finding:
    where = _PLACE.search(words)
    file, line = (where["file"], where["line"]) if where else (name, None)
    return Finding(
        code="change.patch_does_not_apply",
        message=f"{name} does not apply to the base revision {commit[:12]}",
        place=Place(file=file, line=int(line) if line else None),
        found=words.strip()[:600],
        expected="a change of the files as the base revision has them",
        remedy="bring it up to date with the base (git rebase, or git diff anew), then deliver the story again",
    )


def _odd(name: str, path: str) -> Finding:
    return Finding(
        code="change.odd_file",
        message=f"{name} makes of {path} something that is no plain file of the project",
        place=Place(file=path),
        expected="plain files beneath the project's folder: no symbolic links, no submodules",
        remedy="take it out of the patch",
    )


def _unrelated(base: str, head: str) -> Finding:
    return Finding(
        code="change.unrelated_branch",
        message="the branch has no commit in common with the base revision",
        found=head[:12],
        expected=f"a branch that began from the history of {base[:12]}",
        remedy="begin the branch from the base branch",
    )
