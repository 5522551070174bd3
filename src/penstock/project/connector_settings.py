"""What must not stand in a connector's settings: secrets, of which only their names may."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from penstock.model.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from penstock.documents import Fields

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")
_PLACE = re.compile(r"[^.\s]+(\.[^.\s]+)*")
_SECRET_NAME = re.compile(
    r"(?i)(.*[_-])?(api[_-]?key|access[_-]?key|private[_-]?key|token|secret|password|passwd|passphrase|authorization)"
)
_ADDRESS = re.compile(r"(?i)[a-z][a-z0-9+.-]*://[^/\s:@]*:[^/\s@]+@")


def read_secrets(fields: Fields) -> tuple[dict[str, str], dict[str, str]]:
    """`secrets`: places in the settings, and the environment variable or the file that holds what belongs there.

    What is no name is not repeated: it may be the value.
    """
    child = fields.child("secrets")
    variables: dict[str, str] = {}
    files: dict[str, str] = {}
    for place, named in (child.values if child else {}).items():
        path = named.get("file") if isinstance(named, dict) and set(named) == {"file"} else None
        if not _PLACE.fullmatch(str(place)):
            expected = "keys with dots between them, such as client.auth.token"
            fields.note("project.bad_secret", f"{place!r} is no place in the settings", at="secrets", expected=expected)
        elif isinstance(named, str) and _VARIABLE.fullmatch(named):
            variables[str(place)] = named
        elif isinstance(path, str) and _is_beneath(path):
            files[str(place)] = path
        else:
            _note(fields, ("secrets", place), f"the secret {place} is not named")
    return variables, files


def _is_beneath(path: str) -> bool:
    pure = PurePosixPath(path)
    return bool(path) and "\0" not in path and not pure.is_absolute() and ".." not in pure.parts


def refuse_values(fields: Fields, key: str, settings: Mapping[str, Any]) -> None:
    """Note every setting that looks like the value of a secret, without repeating it."""
    for steps in _looking_secret(settings, (key,)):
        _note(fields, steps, f"`{'.'.join(map(str, steps))}` holds what looks like the value of a secret")


def _looking_secret(value: Any, steps: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    if isinstance(value, dict):
        for name, below in value.items():
            named = isinstance(below, str | int) and not isinstance(below, bool) and str(below) != ""
            if named and _SECRET_NAME.fullmatch(str(name)):
                yield (*steps, name)
            else:
                yield from _looking_secret(below, (*steps, name))
    elif isinstance(value, list):
        for number, below in enumerate(value):
            yield from _looking_secret(below, (*steps, number))
    elif isinstance(value, str) and _ADDRESS.search(value):
        yield steps


def _note(fields: Fields, steps: tuple[str | int, ...], message: str) -> None:
    place = fields.document.place(*fields.path, *steps)
    fields.findings.append(
        Finding(
            code="source.secret_in_project",
            message=message,
            place=replace(place, excerpt=None),
            expected="under `secrets`: the name of an environment variable, or {file: a path beneath the project}",
            remedy="write where the secret is; if its value stood here, change it: it is known",
        )
    )
