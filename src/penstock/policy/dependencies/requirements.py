"""Requirements files: pip's own, and those that pip-compile or `uv pip compile` made of others."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from penstock.policy.dependencies.packages import Asked, Origin, Requirements, Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator

_COMMENT = re.compile(r"(?:^|\s)#.*$")
_OPTION = re.compile(r"^(?P<word>-r|-c|-e|--requirement|--constraint|--editable)[\s=]*(?P<value>\S.*)$")
_HASH = re.compile(r"\s--hash[=\s](?:sha256|sha384|sha512):[0-9a-f]{64,128}\b")
_COMMIT = re.compile(r"@[0-9a-f]{40}(?:[0-9a-f]{24})?(?:[#&]|$)")
_DIGEST = re.compile(r"#(?:.*&)?sha(?:256|384|512)=[0-9a-f]{64,128}\b")
_EGG = re.compile(r"[#&]egg=(?P<name>[A-Za-z0-9][\w.-]*)")
_REPOSITORY = re.compile(r"(?:git|hg|svn|bzr)\+")
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_COMPILED = re.compile(r"^#\s+(?:uv pip compile|pip-compile)\s(?P<words>.+)$", re.MULTILINE)
_VIA = re.compile(r"^\s*#\s+(?:via\s+)?(?P<who>-r\s+\S+|[A-Za-z0-9][\w.-]*(?:\s+\(.*\))?)\s*$")
_WHOLE = frozenset({"==", "==="})


def read_requirements(text: str) -> Requirements:
    """What a requirements file asks for, and what its comments say of who wanted it."""
    asked: list[Asked] = []
    unreadable: list[Unreadable] = []
    includes: list[str] = []
    constraints: list[str] = []
    for number, line in _logical_lines(text):
        option = _OPTION.match(line)
        if option and option["word"] in {"-r", "--requirement"}:
            includes.append(option["value"])
        elif option and option["word"] in {"-c", "--constraint"}:
            constraints.append(option["value"])
        elif option or not line.startswith("-"):
            found = _asked(option["value"] if option else line, number)
            if isinstance(found, Asked):
                asked.append(found)
            else:
                unreadable.append(found)
    return Requirements(
        asked=tuple(asked),
        includes=tuple(includes),
        constraints=tuple(constraints),
        via=_via(text),
        sources=_sources(text),
        unreadable=tuple(unreadable),
    )


def asked_of(requirement: str, line: int | None) -> Asked | Unreadable:
    """What one requirement of PEP 508 asks for."""
    try:
        read = Requirement(requirement)
    except InvalidRequirement:
        return Unreadable(line=line, why="a line that is no requirement")
    name = canonicalize_name(read.name)
    if read.url is not None:
        origin, fixed = _address(read.url)
    else:
        origin, fixed = Origin.INDEX, is_exact(read.specifier)
    conditional = read.marker is not None
    return Asked(name=name, specifier=read.specifier, line=line, origin=origin, fixed=fixed, conditional=conditional)


def is_exact(specifier: SpecifierSet) -> bool:
    """Whether one version alone fits: `==1.2` does that, `==1.*` does not."""
    return any(one.operator in _WHOLE and not one.version.endswith("*") for one in specifier)


def _asked(line: str, number: int) -> Asked | Unreadable:
    hashed = _HASH.search(f" {line}") is not None
    plain = re.split(r"\s+--(?:hash|config-settings?|global-option)\b", line, maxsplit=1)[0].strip()
    if _REPOSITORY.match(plain) or _ADDRESS.match(plain):
        origin, fixed = _address(plain)
        egg = _EGG.search(plain)
        name = canonicalize_name(egg["name"]) if egg else f"the package of line {number}"
        return Asked(name=name, specifier=SpecifierSet(), line=number, origin=origin, fixed=fixed or hashed)
    if plain.startswith((".", "/")) or ("@" not in plain and plain.endswith((".whl", ".tar.gz", ".zip"))):
        return Asked(name=plain, specifier=SpecifierSet(), line=number, origin=Origin.HERE, fixed=True)
    found = asked_of(plain, number)
    if isinstance(found, Asked) and hashed and not found.fixed:
        return replace(found, fixed=True)
    return found


def _address(url: str) -> tuple[Origin, bool]:
    if url.startswith("file:"):
        return Origin.HERE, True
    if _REPOSITORY.match(url):
        return Origin.REPOSITORY, _COMMIT.search(url) is not None
    return Origin.ADDRESS, _DIGEST.search(url) is not None


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines without comments, those that end in a backslash joined with the next, each with its first number."""
    first, parts = 0, list[str]()
    for number, line in enumerate([*text.splitlines(), ""], start=1):
        bare = _COMMENT.sub("", line).strip()
        first = first if parts else number
        parts.append(bare.removesuffix("\\").strip())
        if not bare.endswith("\\"):
            if joined := " ".join(part for part in parts if part):
                yield first, joined
            parts = []


def _via(text: str) -> dict[str, tuple[str, ...]]:
    """Who asks for each package, as the comments beneath it (or behind it) say."""
    found: dict[str, list[str]] = {}
    current: list[str] | None = None
    for line in text.splitlines():
        if match := re.match(r"([A-Za-z0-9][\w.-]*)(?:\[[^]]*\])?\s*(?:==|===|@)", line):
            current = found.setdefault(canonicalize_name(match[1]), [])
            _, _, behind = line.partition("# via ")
            current += [_who(part) for part in behind.split(",") if part.strip()]
        elif current is not None and (said := _VIA.match(line)) and said["who"] != "via":
            current.append(_who(said["who"]))
        elif line.strip() and not line.lstrip().startswith(("#", "--hash")):
            current = None
    return {name: tuple(who) for name, who in found.items()}


def _who(text: str) -> str:
    """`-r FILE` as it is, another package by its name."""
    text = text.strip()
    return text if text.startswith("-r ") else canonicalize_name(text.partition(" ")[0])


def _sources(text: str) -> tuple[str, ...]:
    match = _COMPILED.search(text)
    words = match["words"].split() if match else ()
    return tuple(word for word in words if word.endswith((".in", "pyproject.toml")) and not word.startswith("-"))
