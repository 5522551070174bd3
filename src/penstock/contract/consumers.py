"""Who reads a dataset, as its contract names them: `roles`, and the custom property `consumers`.

A role is somebody who is given access, so it reads every column unless its own custom property `columns` lists them.
The custom property `consumers` of the contract is a list of names, or of mappings with `name` and maybe `columns`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from penstock.documents import read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedConsumer:
    """Somebody outside the project who reads a dataset: which columns, or None for all of them."""

    name: str
    columns: tuple[str, ...] | None = None


def named_consumers(text: str, file: str) -> tuple[NamedConsumer, ...]:
    """Everybody whom a contract names, each once, in its order.

    Raises:
        InputError: the text is not YAML.
    """
    document = read_yaml(text, file).data
    found = {one.name: one for one in reversed(tuple(_named(document if isinstance(document, dict) else {})))}
    return tuple(reversed(found.values()))


def _named(document: dict[str, Any]) -> Iterator[NamedConsumer]:
    for role in _mappings(document.get("roles")):
        if role.get("role"):
            yield NamedConsumer(name=f"role {role['role']}", columns=_columns(_custom(role, "columns")))
    for entry in _list(_custom(document, "consumers")):
        if isinstance(entry, dict) and entry.get("name"):
            yield NamedConsumer(name=str(entry["name"]), columns=_columns(entry.get("columns")))
        elif isinstance(entry, str):
            yield NamedConsumer(name=entry)


def _custom(owner: dict[str, Any], word: str) -> object:
    entries = _mappings(owner.get("customProperties"))
    return next((entry.get("value") for entry in entries if entry.get("property") == word), None)


def _columns(value: object) -> tuple[str, ...] | None:
    return tuple(str(item) for item in _list(value)) if value is not None else None


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value] if value is not None else []


def _mappings(value: object) -> list[dict[str, Any]]:
    return [one for one in _list(value) if isinstance(one, dict)]
