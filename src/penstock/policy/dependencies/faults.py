"""What is wrong with a revision's dependency files: not pinned, locks that are not of their source, forbidden packages.

No advisory database is asked: what is known to be bad is what policy lists.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from penstock.policy.dependencies import pyproject
from penstock.policy.dependencies.names import Form, form_of
from penstock.policy.dependencies.packages import Asked, Origin

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from penstock.policy.dependencies.packages import Locked
    from penstock.policy.dependencies.sheaf import Sheaf

UNPINNED, OUT_OF_SYNC, FORBIDDEN, UNREADABLE = "unpinned", "out_of_sync", "forbidden", "unreadable"
_LOCK_AGAIN: dict[Form | None, str] = {
    Form.UV_LOCK: "uv lock",
    Form.POETRY_LOCK: "poetry lock",
    Form.REQUIREMENTS: "pip-compile or `uv pip compile`",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is wrong. The same fault of two revisions has the same `detail`, `path` and `subject`."""

    detail: str
    path: str
    subject: str
    line: int | None
    message: str
    found: str
    expected: str
    remedy: str

    @property
    def identity(self) -> tuple[str, str, str]:
        """What tells it from others, wherever in the file it stands."""
        return self.detail, self.path, self.subject


def faults_of(sheaf: Sheaf, forbidden: Sequence[str]) -> tuple[Fault, ...]:
    """Every fault of a revision's files, each once."""
    found = [*_unreadable(sheaf), *_unpinned(sheaf), *_out_of_sync(sheaf), *_forbidden(sheaf, forbidden)]
    return tuple({fault.identity: fault for fault in reversed(found)}.values())[::-1]


def _unreadable(sheaf: Sheaf) -> Iterator[Fault]:
    for path, one in sheaf.unreadable:
        yield Fault(
            detail=UNREADABLE,
            path=path,
            subject=one.why,
            line=one.line,
            message=f"{path} cannot be read: {one.why}",
            found=one.why,
            expected="requirements as PEP 508 writes them, and TOML",
            remedy="correct the line, or have the file made again",
        )


def _unpinned(sheaf: Sheaf) -> Iterator[Fault]:
    for path in sheaf.paths(Form.REQUIREMENTS):
        pinned = sheaf.pinned_for(path)
        for one in sheaf.requirements[path].asked if "constraints" not in path else ():
            if not one.fixed and one.name not in pinned:
                yield _not_pinned(path, one, "pin it with == and keep it so, best by compiling the file from a .in")
    for path in sheaf.paths(Form.COMPILED_FROM, Form.PYPROJECT):
        if sheaf.locks_of(path):
            continue
        for one in sheaf.asked(path):
            if not one.fixed:
                yield _not_pinned(path, one, f"lock {path}: uv lock, poetry lock or pip-compile")
        for name in pyproject.poetry_names(sheaf.documents[path]) if path in sheaf.documents else ():
            line = pyproject.line_of(sheaf.texts[path], name)
            yield _no_pin(path, name, line, "no lock beside it", f"lock {path}: poetry lock")
    for path in sheaf.paths(Form.UV_LOCK, Form.POETRY_LOCK):
        for locked in sheaf.locked(path):
            if not locked.fixed:
                yield _no_pin(
                    path, locked.name, locked.line, f"from a {locked.origin} without commit or digest", "lock again"
                )


def _not_pinned(path: str, one: Asked, remedy: str) -> Fault:
    if one.origin is Origin.REPOSITORY:
        return _no_pin(
            path, one.name, one.line, "a repository without a commit", "name the commit: @ and 40 hex digits"
        )
    if one.origin is Origin.ADDRESS:
        return _no_pin(path, one.name, one.line, "an address without a digest", "append #sha256=…, or use an index")
    return _no_pin(path, one.name, one.line, str(one.specifier) or "any version", remedy)


def _no_pin(path: str, name: str, line: int | None, found: str, remedy: str) -> Fault:
    return Fault(
        detail=UNPINNED,
        path=path,
        subject=name,
        line=line,
        message=f"{path} does not pin {name}",
        found=found,
        expected="one version, a hash, a commit, or an entry in a lock",
        remedy=remedy,
    )


def _out_of_sync(sheaf: Sheaf) -> Iterator[Fault]:
    for path in sheaf.paths(Form.COMPILED_FROM, Form.PYPROJECT):
        for lock in sheaf.locks_of(path):
            form = form_of(lock)
            if form is Form.UV_LOCK:
                yield from _uv(sheaf, path, lock)
            elif form is Form.POETRY_LOCK:
                yield from _poetry(sheaf, path, lock)
            else:
                yield from _compiled(sheaf, path, lock)


def _compiled(sheaf: Sheaf, path: str, lock: str) -> Iterator[Fault]:
    asked = sheaf.asked(path)
    yield from _missing(asked, sheaf.locked(lock), path, lock)
    names = {one.name for one in asked}
    for name, who in sheaf.requirements[lock].via.items():
        wanted_by_it = {f"-r {path}", f"-r {path.rpartition('/')[2]}"}
        if who and set(who) <= wanted_by_it and name not in names and len(sheaf.sources_of(lock)) == 1:
            yield _apart(lock, name, None, f"locked for {path}", f"{path} does not ask for it", lock)


def _uv(sheaf: Sheaf, path: str, lock: str) -> Iterator[Fault]:
    asked = sheaf.asked(path)
    name = pyproject.project_name(sheaf.documents[path])
    if not name or (not asked and "uv.lock" not in path and path.count("/") > lock.count("/")):
        return
    then = pyproject.uv_metadata(sheaf.documents[lock], name)
    if then is None:
        yield _apart(lock, name, None, "no entry of the project", f"the project of {path}", lock)
        return
    before = {(one.name, one.specifier) for one in then if isinstance(one, Asked)}
    now = {(one.name, one.specifier) for one in asked}
    for package, specifier in sorted(before - now, key=str):
        yield _apart(
            lock, package, None, f"locked when {path} asked for {package}{specifier}", "what it asks for now", lock
        )
    for package, specifier in sorted(now - before, key=str):
        yield _apart(lock, package, None, f"not locked for {package}{specifier}", f"what {path} asks for", lock)
    yield from _missing(asked, sheaf.locked(lock), path, lock)


def _poetry(sheaf: Sheaf, path: str, lock: str) -> Iterator[Fault]:
    document = sheaf.documents[path]
    metadata = sheaf.documents[lock].get("metadata")
    kept = metadata.get("content-hash") if isinstance(metadata, dict) else None
    if kept not in pyproject.poetry_hashes(document, sheaf.texts[lock]):
        yield _apart(lock, "content-hash", None, "the content hash of another pyproject.toml", f"that of {path}", lock)
    locked = sheaf.locked(lock)
    yield from _missing(sheaf.asked(path), locked, path, lock)
    for name in sorted(set(pyproject.poetry_names(document)) - {one.name for one in locked}):
        yield _apart(lock, name, None, "not locked", f"what {path} asks for", lock)


def _missing(asked: Sequence[Asked], locked: Sequence[Locked], path: str, lock: str) -> Iterator[Fault]:
    versions: dict[str, list[Locked]] = {}
    for one in locked:
        versions.setdefault(one.name, []).append(one)
    for wanted in asked:
        there = versions.get(wanted.name, [])
        expected = f"{wanted.name}{wanted.specifier}, as {path} asks"
        if not there and not wanted.conditional and wanted.origin is not Origin.HERE:
            yield _apart(lock, wanted.name, None, "not locked", expected, lock)
        elif there and not any(_fits(wanted, each) for each in there):
            found = ", ".join(each.version for each in there)
            yield _apart(lock, wanted.name, there[0].line, f"locked at {found}", expected, lock)


def _fits(asked: Asked, locked: Locked) -> bool:
    try:
        return not locked.version or asked.specifier.contains(Version(locked.version), prereleases=True)
    except InvalidVersion:
        return False


def _apart(path: str, name: str, line: int | None, found: str, expected: str, lock: str) -> Fault:
    return Fault(
        detail=OUT_OF_SYNC,
        path=path,
        subject=name,
        line=line,
        message=f"{path} is out of step with its source about {name}",
        found=found,
        expected=expected,
        remedy=f"make it again: {_LOCK_AGAIN[form_of(lock)]}",
    )


def _forbidden(sheaf: Sheaf, forbidden: Sequence[str]) -> Iterator[Fault]:
    rules = [rule for text in forbidden if (rule := forbidden_rule(text)) is not None]
    if not rules:
        return
    for path in (*sheaf.requirements, *sheaf.documents):
        form = form_of(path)
        known: list[tuple[str, str, int | None]] = []
        if form is not Form.PYPROJECT:
            known = [(one.name, one.version, one.line) for one in sheaf.locked(path)]
        known += [(one.name, "", one.line) for one in sheaf.asked(path) if form in _ASKING]
        for name, version, line in known:
            for rule in rules:
                if canonicalize_name(rule.name) == name and _is_meant(rule, version):
                    yield _known_bad(path, name, version, line, rule)


_ASKING = frozenset({Form.PYPROJECT, Form.COMPILED_FROM, Form.REQUIREMENTS})


def forbidden_rule(text: str) -> Requirement | None:
    """An entry of `policy.forbidden_packages`, `name` or `name<version`; None if it is written otherwise."""
    try:
        rule = Requirement(text)
    except InvalidRequirement:
        return None
    return rule if rule.url is None and rule.marker is None and not rule.extras else None


def _is_meant(rule: Requirement, version: str) -> bool:
    if not rule.specifier:
        return True
    try:
        return bool(version) and rule.specifier.contains(Version(version), prereleases=True)
    except InvalidVersion:
        return True


def _known_bad(path: str, name: str, version: str, line: int | None, rule: Requirement) -> Fault:
    return Fault(
        detail=FORBIDDEN,
        path=path,
        subject=name,
        line=line,
        message=f"{path} brings in {name}, which policy forbids",
        found=f"{name} {version}".strip(),
        expected=f"no {rule}",
        remedy="use another version or package; a person who knows better changes `policy.forbidden_packages`",
    )
