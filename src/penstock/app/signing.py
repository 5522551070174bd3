"""The operator's keys: who signs stages, and how a first key comes to be."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from penstock.adapters.passphrases import known_passphrase, passphrase_of
from penstock.evidence.keys import Role

if TYPE_CHECKING:
    from penstock.app.wiring import Workplace
    from penstock.delivery.ports import Repository
    from penstock.evidence.envelope import Signer
    from penstock.evidence.keys import PublicKey


class OwnKeys:
    """The `Keys` of delivery over the operator's key store."""

    def __init__(self, place: Workplace) -> None:
        self._store = place.keys()

    def signer(self, name: str) -> Signer:
        """A name's signer; the passphrase of a key that has one comes from the environment, a file, or a person."""
        return self._store.signer(name, passphrase_of(name) if self._store.encrypted(name) else None)

    def public(self, name: str) -> PublicKey:
        """A name's public key."""
        return self._store.public(name)

    def names(self) -> tuple[str, ...]:
        """The names there is a key for."""
        return self._store.names()

    def create(self, name: str, role: Role) -> PublicKey:
        """Make a key."""
        return self._store.create(name, role, known_passphrase())


def author_name(repository: Repository, keys: OwnKeys) -> str:
    """Who writes when nobody is named: the one author key there is, or git's user, with a key made on first use."""
    authors = [name for name in keys.names() if keys.public(name).role is Role.AUTHOR]
    name = _word(repository.author()) or "author"
    if name in authors:
        return name
    if len(authors) == 1:
        return authors[0]
    if name not in keys.names():
        keys.create(name, Role.AUTHOR)
    return name


def _word(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40]
