"""What must hold between statements and the commits they name: one base, its policy, and files that the commit holds.

Rules of a chain, beside those of `links`. Where there is no history of commits, only what statements say is compared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.evidence.canonical import digest
from penstock.evidence.git_objects import GitObject, object_id
from penstock.evidence.links import standing
from penstock.evidence.statements import POLICY_SUBJECT, REMOVED, Link
from penstock.model.errors import InputError
from penstock.model.findings import Finding, Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.evidence.links import Chain, Signed
    from penstock.evidence.statements import Statement

SETTINGS = "penstock.yaml"
"""Where a project's policy stands."""


def one_base(chain: Chain) -> Iterator[Finding]:
    """What stands rests on one base revision, and the review was judged by that revision's policy."""
    held = standing(chain)
    for each in held:
        expected = held[-1].statement.base_commit
        if each.stage is not Link.DISCOVERY and each.statement.base_commit != expected:
            yield _finding(
                "other_base",
                f"{each.file} rests on another base revision than the statements after it",
                each.file,
                (each.statement.base_commit or "no base revision", expected or "no base revision"),
                "go through the stages again, on one base",
            )
    review = _review(held)
    if chain.history is None or review is None or review.statement.base_commit is None:
        return
    try:
        settings = chain.history.file(review.statement.base_commit, SETTINGS)
    except InputError as error:
        yield from error.findings
        return
    found = [each.sha256 for each in review.statement.subjects if each.name == POLICY_SUBJECT]
    if found != [digest(settings or b"")]:
        yield _finding(
            "other_policy",
            f"{review.file} was not judged by the policy of its base revision",
            review.file,
            (", ".join(found) or f"no subject {POLICY_SUBJECT}", digest(settings or b"")),
            "go through the review again",
        )


def reviewed_tree(chain: Chain) -> Iterator[Finding]:
    """The reviewed commit differs from its base in the files that the review names, with those bytes, and in no other.

    The change's own folder apart: what is in there is written by the stages, some of it after the commit.
    """
    review = _review(standing(chain))
    if chain.history is None or review is None:
        return
    statement = review.statement
    if statement.base_commit is None or statement.commit is None:
        yield _finding(
            "no_commit",
            f"{review.file} names no base revision or no commit",
            review.file,
            (statement.commit or "no commit", "a commit and its base"),
            "go through the review again",
        )
        return
    own = f"changes/{chain.rules.change}"
    try:
        changed = chain.history.changed(statement.base_commit, statement.commit, own)
    except InputError as error:
        yield from error.findings
        return
    named = _named(statement, f"{own}/")
    for path in sorted({*changed, *named}):
        found, expected = _held(changed, path), _claimed(chain, named, path, statement.commit)
        if found != expected:
            yield _finding(
                "other_tree",
                f"{path} in the reviewed commit is not what {review.file} says of it",
                path,
                (found, expected),
                "review the commit that is to be deployed",
            )


def _held(changed: dict[str, str | None], path: str) -> str:
    return (changed[path] or "removed") if path in changed else "as in the base revision"


def _claimed(chain: Chain, named: dict[str, bool], path: str, commit: str) -> str:
    """What the review says of a path, as the git id of the bytes that it vouches for."""
    if path not in named:
        return "as in the base revision: the review does not name it"
    if not named[path]:
        return "removed"
    data = chain.read_subject(path)
    return "no such file" if data is None else object_id(GitObject(kind="blob", data=data), len(commit))


def _named(statement: Statement, own: str) -> dict[str, bool]:
    """The project files that a review names, and whether each is still there."""
    files = {each.file: True for each in statement.subjects if each.file is not None and not each.file.startswith(own)}
    gone = {each.name.removeprefix(REMOVED): False for each in statement.subjects if each.name.startswith(REMOVED)}
    return {**files, **gone}


def _review(held: tuple[Signed, ...]) -> Signed | None:
    return next((each for each in reversed(held) if each.stage is Link.REVIEW), None)


def _finding(code: str, message: str, file: str, values: tuple[str, str], remedy: str) -> Finding:
    return Finding(
        code=f"evidence.{code}",
        message=message,
        place=Place(file=file),
        found=values[0],
        expected=values[1],
        remedy=remedy,
    )
