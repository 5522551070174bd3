"""Which packages a change brings in: those it asks for, and what each of them brings along."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.policy.dependencies.names import Form, form_of
from penstock.policy.dependencies.packages import Origin
from penstock.policy.dependencies.pyproject import poetry_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from penstock.policy.dependencies.packages import Locked
    from penstock.policy.dependencies.sheaf import Sheaf


@dataclass(frozen=True, slots=True, kw_only=True)
class Newcomer:
    """A package that a lock names and did not name before; `brings` are new with it, `asked` says that a file asks."""

    path: str
    name: str
    version: str
    line: int | None
    asked: bool
    brings: tuple[str, ...]


def newcomers(before: Sheaf, after: Sheaf) -> tuple[Newcomer, ...]:
    """The new packages of every lock: those asked for, with what they bring, then others that nothing new brings."""
    found: list[Newcomer] = []
    for path in after.paths(Form.REQUIREMENTS, Form.UV_LOCK, Form.POETRY_LOCK):
        known = (
            {one.name for one in before.locked(path)} if path in {*before.requirements, *before.documents} else set()
        )
        new = {one.name: one for one in after.locked(path) if one.name not in known and one.origin is not Origin.HERE}
        found += _of_lock(path, new, _needed(after, path), _directly(after, path))
    return tuple(found)


def _of_lock(
    path: str, new: Mapping[str, Locked], needs: Mapping[str, set[str]], direct: set[str]
) -> Iterator[Newcomer]:
    carried: set[str] = set()
    for name in sorted(set(new) & direct):
        brings = _reached(name, needs) & set(new) - direct
        carried |= brings
        yield _newcomer(path, new[name], new, brings, asked=True)
    for name in sorted(set(new) - direct - carried):
        yield _newcomer(path, new[name], new, set(), asked=False)


def _newcomer(path: str, one: Locked, new: Mapping[str, Locked], brings: set[str], *, asked: bool) -> Newcomer:
    along = tuple(f"{name} {new[name].version}".strip() for name in sorted(brings))
    return Newcomer(path=path, name=one.name, version=one.version, line=one.line, asked=asked, brings=along)


def _needed(sheaf: Sheaf, path: str) -> dict[str, set[str]]:
    """Each package's needs. Requirements files say it the other way round: who wants a package."""
    needs: dict[str, set[str]] = {}
    for one in sheaf.locked(path):
        for other in one.needs:
            who, what = (other, one.name) if form_of(path) is Form.REQUIREMENTS else (one.name, other)
            needs.setdefault(who, set()).add(what)
    return needs


def _directly(sheaf: Sheaf, path: str) -> set[str]:
    """The packages that a source of the lock asks for by name, or where there is none the file itself."""
    sources = [name for name in sheaf.texts if name in {*sheaf.requirements, *sheaf.documents}]
    sources = [name for name in sources if form_of(name) in {Form.PYPROJECT, Form.COMPILED_FROM}]
    named = {one.name for name in sources if path in sheaf.locks_of(name) for one in sheaf.asked(name)}
    if form_of(path) is Form.REQUIREMENTS and not named:
        return {one.name for one in sheaf.locked(path) if not one.needs}
    if form_of(path) is Form.POETRY_LOCK:
        from_tables = (name for name in sources if path in sheaf.locks_of(name) and name in sheaf.documents)
        named |= {one for name in from_tables for one in poetry_names(sheaf.documents[name])}
    return named


def _reached(name: str, needs: Mapping[str, set[str]]) -> set[str]:
    seen, todo = set[str](), [name]
    while todo:
        for other in needs.get(todo.pop(), ()):
            if other not in seen:
                seen.add(other)
                todo.append(other)
    return seen
