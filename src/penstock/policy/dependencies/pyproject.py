"""`pyproject.toml`, `uv.lock` and `poetry.lock`, as plain values of TOML and what they ask for or lock."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from penstock.policy.dependencies.packages import Asked, Locked, Origin, Unreadable
from penstock.policy.dependencies.requirements import asked_of

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_CHARACTERS = 20_000_000
_COMMIT = re.compile(r"#[0-9a-f]{40}(?:[0-9a-f]{24})?$")
_MADE_BY = re.compile(r"Poetry (\d+)\.(\d+)")
_GROUPS_COUNT_SINCE = (2, 3)
_LEGACY = ("dependencies", "source", "extras", "dev-dependencies")
_PROJECT = ("requires-python", "dependencies", "optional-dependencies")


def read_toml(text: str) -> dict[str, Any] | Unreadable:
    """The document, or why it cannot be read."""
    if len(text) > MOST_CHARACTERS:
        return Unreadable(line=None, why="too long to be read")
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        line = re.search(r"line (\d+)", str(error))
        return Unreadable(line=int(line[1]) if line else None, why="no TOML")


def asked_by(document: dict[str, Any], text: str) -> tuple[Asked | Unreadable, ...]:
    """Everything that a project asks for: its dependencies, and as conditional ones its extras and groups."""
    project = _table(document, "project")
    always = _list(project.get("dependencies"))
    groups = [*_table(project, "optional-dependencies").values(), *_table(document, "dependency-groups").values()]
    groups.append(_table(document, "tool", "uv").get("dev-dependencies"))
    sometimes = [item for group in groups for item in _list(group)]
    return (
        *(asked_of(item, line_of(text, item)) for item in always if isinstance(item, str)),
        *(_conditional(asked_of(item, line_of(text, item))) for item in sometimes if isinstance(item, str)),
    )


def _conditional(asked: Asked | Unreadable) -> Asked | Unreadable:
    return replace(asked, conditional=True) if isinstance(asked, Asked) else asked


def project_name(document: dict[str, Any]) -> str:
    """What the project calls itself; empty if it does not."""
    name = _table(document, "project").get("name") or _table(document, "tool", "poetry").get("name")
    return canonicalize_name(str(name)) if name else ""


def poetry_names(document: dict[str, Any]) -> tuple[str, ...]:
    """The packages that Poetry's own tables ask for; what they say of versions is its own language."""
    poetry = _table(document, "tool", "poetry")
    tables = [_table(poetry, "dependencies"), _table(poetry, "dev-dependencies")]
    tables += [_table(group, "dependencies") for group in _table(poetry, "group").values()]
    names = {canonicalize_name(name) for table in tables for name, said in table.items() if not _is_optional(said)}
    return tuple(sorted(names - {"python"}))


def poetry_hashes(document: dict[str, Any], lock: str) -> tuple[str, ...]:
    """The content hashes that a `poetry.lock` of this text may hold for a project.

    Before Poetry 2.3 groups outside of its own table did not count.
    """
    made_by = _MADE_BY.search(lock.partition("\n")[0])
    old = made_by is not None and (int(made_by[1]), int(made_by[2])) < _GROUPS_COUNT_SINCE
    groups = _table(document, "dependency-groups")
    return tuple(_poetry_hash(document, each) for each in ((groups, {}) if old else (groups,)))


def _poetry_hash(document: dict[str, Any], groups: dict[str, Any]) -> str:
    project, poetry = _table(document, "project"), _table(document, "tool", "poetry")
    said = {key: project[key] for key in _PROJECT if project.get(key) is not None}
    kept = {
        key: poetry.get(key)
        for key in (*_LEGACY, "group")
        if poetry.get(key) is not None or (key in _LEGACY and not said and not groups)
    }
    content: dict[str, Any] = {
        **({"project": said} if said else {}),
        **({"dependency-groups": groups} if groups else {}),
    }
    content = {**content, "tool": {"poetry": kept}} if content else kept
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


def locked_by_poetry(document: dict[str, Any], text: str) -> tuple[Locked, ...]:
    """The packages of `poetry.lock`."""
    return tuple(
        Locked(
            name=canonicalize_name(str(package.get("name"))),
            version=str(package.get("version")),
            line=line_of(text, f'name = "{package.get("name")}"'),
            needs=tuple(sorted(canonicalize_name(name) for name in _table(package, "dependencies"))),
            **_poetry_origin(package),
        )
        for package in _tables(document, "package")
    )


def _poetry_origin(package: dict[str, Any]) -> dict[str, Any]:
    source = _table(package, "source")
    kind = source.get("type")
    if kind == "git":
        return {
            "origin": Origin.REPOSITORY,
            "fixed": bool(re.fullmatch(r"[0-9a-f]{40}", str(source.get("resolved_reference")))),
        }
    if kind in {"directory", "file"}:
        return {"origin": Origin.HERE}
    if kind == "url":
        return {"origin": Origin.ADDRESS, "fixed": bool(_list(package.get("files")))}
    return {}


def locked_by_uv(document: dict[str, Any], text: str) -> tuple[Locked, ...]:
    """The packages of `uv.lock`, the project's own among them (from `here`)."""
    return tuple(
        Locked(
            name=canonicalize_name(str(package.get("name"))),
            version=str(package.get("version", "")),
            line=line_of(text, f'name = "{package.get("name")}"'),
            needs=tuple(sorted({canonicalize_name(name) for name in _uv_needs(package)})),
            **_uv_origin(_table(package, "source"), package),
        )
        for package in _tables(document, "package")
    )


def uv_metadata(document: dict[str, Any], project: str) -> tuple[Asked | Unreadable, ...] | None:
    """What the project of that name asked for when `uv.lock` was made; None if the lock does not know it."""
    for package in _tables(document, "package"):
        if canonicalize_name(str(package.get("name"))) == project and _is_here(_table(package, "source")):
            metadata = _table(package, "metadata")
            rows: list[Any] = [*_tables(metadata, "requires-dist")]
            rows += [row for group in _table(metadata, "requires-dev").values() for row in _list(group)]
            return tuple(_uv_asked(row) for row in rows if isinstance(row, dict))
    return None


def _uv_asked(row: dict[str, Any]) -> Asked | Unreadable:
    name = canonicalize_name(str(row.get("name")))
    origins = {"git": Origin.REPOSITORY, "url": Origin.ADDRESS, "path": Origin.HERE, "editable": Origin.HERE}
    origin = next((origins[key] for key in origins if key in row), Origin.INDEX)
    try:
        specifier = SpecifierSet(str(row.get("specifier", "")))
    except InvalidSpecifier:
        return Unreadable(line=None, why=f"the specifier of {name}")
    return Asked(name=name, specifier=specifier, line=None, origin=origin, conditional="marker" in row)


def _uv_needs(package: dict[str, Any]) -> Iterator[str]:
    groups = [_list(package.get("dependencies"))]
    for kind in ("optional-dependencies", "dev-dependencies"):
        groups += [_list(group) for group in _table(package, kind).values()]
    yield from (str(row.get("name")) for group in groups for row in group if isinstance(row, dict))


def _uv_origin(source: dict[str, Any], package: dict[str, Any]) -> dict[str, Any]:
    if _is_here(source):
        return {"origin": Origin.HERE}
    if "git" in source:
        return {"origin": Origin.REPOSITORY, "fixed": _COMMIT.search(str(source["git"])) is not None}
    if "url" in source:
        files = [_table(package, "sdist"), *_tables(package, "wheels")]
        return {"origin": Origin.ADDRESS, "fixed": any("hash" in file for file in files)}
    return {}


def _is_here(source: dict[str, Any]) -> bool:
    return bool({"virtual", "editable", "directory", "path"} & set(source))


def _is_optional(said: object) -> bool:
    return isinstance(said, dict) and said.get("optional") is True


def _table(document: dict[str, Any], *path: str) -> dict[str, Any]:
    value: Any = document
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def _tables(document: dict[str, Any], key: str) -> list[dict[str, Any]]:
    return [item for item in _list(document.get(key)) if isinstance(item, dict)]


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def line_of(text: str, words: str) -> int | None:
    """The first line of a text that holds these words."""
    at = text.find(words)
    return text.count("\n", 0, at) + 1 if at >= 0 else None
