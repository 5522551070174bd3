"""The dependency files of one revision, read together: what each asks for, what each locks, and which lock is whose."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from penstock.policy.dependencies import pyproject
from penstock.policy.dependencies.names import Form, form_of
from penstock.policy.dependencies.packages import Asked, Locked, Origin, Requirements, Unreadable
from penstock.policy.dependencies.requirements import read_requirements

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheaf:
    """`texts` by path; `requirements` and `documents` are what was read of them, `unreadable` what was not."""

    texts: Mapping[str, str]
    requirements: Mapping[str, Requirements]
    documents: Mapping[str, dict[str, Any]]
    unreadable: tuple[tuple[str, Unreadable], ...]

    @classmethod
    def of(cls, texts: Mapping[str, str]) -> Sheaf:
        """The files of these texts; what is none of dependencies is left out."""
        requirements: dict[str, Requirements] = {}
        documents: dict[str, dict[str, Any]] = {}
        unreadable: list[tuple[str, Unreadable]] = []
        for path, text in sorted(texts.items()):
            form = form_of(path)
            if form in {Form.REQUIREMENTS, Form.COMPILED_FROM}:
                requirements[path] = read_requirements(text)
                unreadable += [(path, one) for one in requirements[path].unreadable]
            elif form is not None:
                document = pyproject.read_toml(text)
                if isinstance(document, Unreadable):
                    unreadable.append((path, document))
                else:
                    documents[path] = document
        return cls(texts=texts, requirements=requirements, documents=documents, unreadable=tuple(unreadable))

    def paths(self, *forms: Form) -> tuple[str, ...]:
        """The files of these forms that could be read."""
        return tuple(path for path in (*self.requirements, *self.documents) if form_of(path) in forms)

    def asked(self, path: str) -> tuple[Asked, ...]:
        """What a file asks for, with what it includes."""
        if path in self.documents:
            found = pyproject.asked_by(self.documents[path], self.texts[path])
            return tuple(one for one in found if isinstance(one, Asked))
        return tuple(one for name in self._included(path) for one in self.requirements[name].asked)

    def pinned_for(self, path: str) -> frozenset[str]:
        """The packages that the constraints of a file fix."""
        names = (_beside(path, written) for written in self.requirements[path].constraints)
        return frozenset(
            one.name for name in names if name in self.requirements for one in self.asked(name) if one.fixed
        )

    def locked(self, path: str) -> tuple[Locked, ...]:
        """What a lock names; of a requirements file those that are fixed, with who asked for them as `needs`."""
        form = form_of(path)
        if form is Form.UV_LOCK:
            return pyproject.locked_by_uv(self.documents[path], self.texts[path])
        if form is Form.POETRY_LOCK:
            return pyproject.locked_by_poetry(self.documents[path], self.texts[path])
        read = self.requirements[path]
        return tuple(
            Locked(
                name=one.name, version=_version(one), line=one.line, origin=one.origin, needs=read.via.get(one.name, ())
            )
            for one in read.asked
            if one.fixed and one.origin is not Origin.HERE
        )

    def sources_of(self, path: str) -> tuple[str, ...]:
        """The files that a requirements file was compiled from: those it names, or the `.in` of its name."""
        named = [_beside(path, word) for word in self.requirements[path].sources]
        return tuple(name for name in named or [f"{path.removesuffix('.txt')}.in"] if name in self.texts)

    def locks_of(self, path: str) -> tuple[str, ...]:
        """The locks of what a `pyproject.toml` or a `.in` asks for."""
        compiled = [name for name in self.paths(Form.REQUIREMENTS) if path in self.sources_of(name)]
        if form_of(path) is not Form.PYPROJECT:
            return tuple(compiled)
        own = _beside(path, Form.POETRY_LOCK)
        above = [str(folder / Form.UV_LOCK) for folder in PurePosixPath(path).parents]
        uv = next((name for name in above if name in self.documents), None)
        return tuple(name for name in (uv, own if own in self.documents else None, *compiled) if name)

    def _included(self, path: str) -> Iterator[str]:
        seen, todo = set[str](), [path]
        while todo:
            name = todo.pop()
            if name in self.requirements and name not in seen:
                seen.add(name)
                yield name
                todo += [_beside(name, written) for written in self.requirements[name].includes]


def _beside(path: str, written: str) -> str:
    """The path that a file means by a relative one."""
    parts: list[str] = []
    for part in (*PurePosixPath(path).parent.parts, *PurePosixPath(written).parts):
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def _version(asked: Asked) -> str:
    exact = [one.version for one in asked.specifier if one.operator in {"==", "==="}]
    return exact[0] if exact else ""
