"""Where the database of a source or an export is: its address comes from the environment or a file that git ignores.

It stays there.

Invariant: nothing raised here, or said through `Address.mask`, holds an address or a part of one that is secret.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

from penstock.adapters.ignored import is_ignored
from penstock.adapters.processes.masking import Mask, looks_secret
from penstock.model.databases import DatabaseEngine
from penstock.model.errors import InputError
from penstock.model.findings import Finding, Place

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


class Addressed(Protocol):
    """What says where an address is: in the environment variable `connection`, or in the file `connection_file`."""

    @property
    def engine(self) -> DatabaseEngine:
        """Which database it is of."""
        ...

    @property
    def connection(self) -> str:
        """A variable's name, or nothing."""
        ...

    @property
    def connection_file(self) -> str:
        """A path beneath the project, or nothing."""
        ...


SCHEMES: Mapping[DatabaseEngine, tuple[str, ...]] = {
    DatabaseEngine.POSTGRES: ("postgresql", "postgres"),
    DatabaseEngine.SQLITE: ("sqlite",),
    DatabaseEngine.MYSQL: ("mysql", "mariadb"),
}
FORMS: Mapping[DatabaseEngine, str] = {
    DatabaseEngine.POSTGRES: "postgresql://user:password@host:5432/database",
    DatabaseEngine.SQLITE: "sqlite:///folder/shop.db beneath the project, sqlite:////folder/shop.db, or a plain path",
    DatabaseEngine.MYSQL: "mysql://user:password@host:3306/database",
}
"""What an address looks like."""


@dataclass(frozen=True, slots=True)
class Address:
    """An address; `text` is never to be shown."""

    text: str = field(repr=False)
    _mask: Mask = field(repr=False)

    def mask(self, text: str) -> str:
        """A text of somebody else's, such as a driver's, without what is secret."""
        return self._mask.text(text)


def address_of(source: Addressed, root: Path, dataset: str) -> Address:
    """The address of the database of a source, or of an export; `dataset` is who is told of.

    Raises:
        InputError: it is not there, is none, or lies in a file that git does not ignore.
    """
    where = source.connection or source.connection_file
    text = os.environ.get(source.connection, "") if source.connection else _in_file(source, root, dataset)
    if not text.strip():
        kind = "environment variable" if source.connection else "file"
        raise InputError(
            Finding(
                code="source.no_address",
                message=f"the {kind} {where} does not hold the address of {dataset}'s database",
                place=Place(dataset=dataset, field="connection"),
                expected=FORMS[source.engine],
                remedy=f"set {where}" if source.connection else f"write the address into {where}",
            )
        )
    return parse_address(text.strip(), source.engine, where, dataset)


def address_findings(source: Addressed, root: Path, dataset: str) -> tuple[Finding, ...]:
    """What is wrong with where a source's address is; nobody is connected to."""
    try:
        address_of(source, root, dataset)
    except InputError as error:
        return error.findings
    return ()


def parse_address(text: str, engine: DatabaseEngine, where: str, dataset: str | None = None) -> Address:
    """An address as it stands at `where`.

    Raises:
        InputError: it is none of that engine's.
    """
    address = Address(text, Mask(_secrets(text)))
    if not _is_plausible(text, engine):
        raise InputError(
            Finding(
                code="source.bad_address",
                message=f"what {where} holds is no address of a {engine} database (it may be secret: not shown)",
                place=Place(dataset=dataset, field="connection"),
                expected=f"{FORMS[engine]}, with what is special in a password written as %40",
                remedy=f"correct {where}",
            )
        ) from None
    return address


def _is_plausible(text: str, engine: DatabaseEngine) -> bool:
    if engine is DatabaseEngine.SQLITE and "://" not in text:
        return "\0" not in text
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    named = parts.scheme in SCHEMES[engine] and (port is None or port > 0)
    return named and (engine is DatabaseEngine.SQLITE or bool(parts.hostname or parts.query))


def _secrets(text: str) -> Iterator[str]:
    """The whole address, its password, and parameters that look like secrets, as written and as meant."""
    yield text
    try:
        parts = urlsplit(text)
    except ValueError:
        return
    if parts.password:
        yield parts.password
        yield unquote(parts.password)
    for name, value in parse_qsl(parts.query):
        if looks_secret(name):
            yield value


def _in_file(source: Addressed, root: Path, dataset: str) -> str:
    path = (root / source.connection_file).resolve()
    if not path.is_relative_to(root.resolve()):
        raise InputError(_file_fault("source.outside", source, dataset, "leaves the project", "a file beneath it"))
    if not path.is_file():
        return ""
    if not is_ignored(path, root):
        expected, found = "a file that git ignores, such as one in .penstock/", "is not ignored by git"
        raise InputError(_file_fault("source.address_tracked", source, dataset, found, expected))
    return path.read_text(encoding="utf-8", errors="replace")


def _file_fault(code: str, source: Addressed, dataset: str, found: str, expected: str) -> Finding:
    return Finding(
        code=code,
        message=f"{source.connection_file}, which holds the address of {dataset}'s database, {found}",
        place=Place(file=source.connection_file, dataset=dataset),
        expected=expected,
        remedy="move it there, or add it to .gitignore; if it was committed, change the password",
    )
