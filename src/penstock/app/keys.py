"""`key new`, `key list` and `key revoke`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from penstock.adapters.folder import ProjectFolder
from penstock.adapters.passphrases import new_passphrase
from penstock.app.wiring import key_folder
from penstock.evidence.keys import KEYS, PublicKey, Revocation, Role, from_text, to_text
from penstock.model.errors import InputError
from penstock.model.findings import Finding, Place
from penstock.model.intervals import stamp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from penstock.app.wiring import Workplace


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyWish:
    """A key to make. A `bare` one is kept without a passphrase, for machines."""

    name: str
    role: Role
    groups: tuple[str, ...] = ()
    expires: datetime | None = None
    bare: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeKey:
    """A key that was made: where both halves are."""

    key_id: str
    public: str
    private: str
    encrypted: bool


def new_key(place: Workplace, wish: KeyWish) -> MadeKey:
    """Make a key and register its public half with the project."""
    passphrase = None if wish.bare else new_passphrase(wish.name)
    expires = stamp(wish.expires) if wish.expires is not None else None
    key = place.keys().create(wish.name, wish.role, passphrase, groups=wish.groups, expires=expires)
    path = f"{KEYS}/{wish.name}.yaml"
    ProjectFolder().write(place.root, path, to_text(key).encode())
    return MadeKey(
        key_id=key.key_id,
        public=path,
        private=str(key_folder() / f"{wish.name}.pem"),
        encrypted=passphrase is not None,
    )


def list_keys(place: Workplace) -> list[dict[str, Any]]:
    """The project's public keys, which of them the operator holds, and how those are kept."""
    store = place.keys()
    held = set(store.names())
    return [
        {
            "name": key.name,
            "role": str(key.role),
            "key_id": key.key_id,
            "private": key.name in held,
            "encrypted": store.encrypted(key.name) if key.name in held else None,
            "groups": list(key.groups),
            "expires": key.expires,
            "revoked": key.revoked.at if key.revoked else None,
            "reason": key.revoked.reason if key.revoked else None,
        }
        for key in _registered(place)
    ]


def revoke_key(place: Workplace, name: str, reason: str) -> tuple[str, PublicKey]:
    """Write into a public key's file that it counts for nothing from now on; returns the file and the key.

    Raises:
        InputError: the project has no such key, it is revoked already, or no reason is given.
    """
    key = next((key for key in _registered(place) if key.name == name), None)
    path = f"{KEYS}/{name}.yaml"
    if key is None:
        raise InputError(_unknown(name, [key.name for key in _registered(place)]))
    if key.revoked is not None or not reason.strip():
        raise InputError(_not_revoked(key, path))
    moment = place.clock.now().replace(microsecond=0) + timedelta(seconds=1)  # statements carry whole seconds
    revoked = replace(key, revoked=Revocation(at=stamp(moment), reason=reason.strip()))
    ProjectFolder().write(place.root, path, to_text(revoked).encode())
    return path, revoked


def _registered(place: Workplace) -> Iterator[PublicKey]:
    folder = ProjectFolder()
    for path in folder.list(place.root, KEYS):
        if path.endswith(".yaml"):
            yield from_text((folder.read(place.root, path) or b"").decode(), path)


def _unknown(name: str, known: list[str]) -> Finding:
    return Finding(
        code="key.unknown",
        message=f"the project has no key {name}",
        found=name,
        expected=", ".join(known) or "a key in keys/",
        remedy="`penstock key list` shows them",
    )


def _not_revoked(key: PublicKey, path: str) -> Finding:
    return Finding(
        code="key.not_revoked",
        message=f"{key.name} is revoked already" if key.revoked else "no reason is given",
        place=Place(file=path),
        found=key.revoked.reason if key.revoked else "an empty text",
        expected="a key that is in force, and a reason",
        remedy="nothing more to do: commit the file" if key.revoked else "say why with --reason",
    )
