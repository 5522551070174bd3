"""`key new` and `key list`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from penstock.adapters.folder import ProjectFolder
from penstock.app.signing import OwnKeys
from penstock.app.wiring import key_folder, passphrase
from penstock.evidence.keys import KEYS, Role, from_text, to_text

if TYPE_CHECKING:
    from penstock.app.wiring import Workplace


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeKey:
    """A key that was made: where both halves are."""

    key_id: str
    public: str
    private: str
    encrypted: bool


def new_key(place: Workplace, name: str, role: str) -> MadeKey:
    """Make a key and register its public half with the project."""
    key = OwnKeys(place).create(name, Role(role))
    path = f"{KEYS}/{name}.yaml"
    ProjectFolder().write(place.root, path, to_text(key).encode())
    return MadeKey(
        key_id=key.key_id, public=path, private=str(key_folder() / f"{name}.pem"), encrypted=passphrase() is not None
    )


def list_keys(place: Workplace) -> list[dict[str, Any]]:
    """The project's public keys, and which of them the operator holds."""
    folder = ProjectFolder()
    held = set(OwnKeys(place).names())
    found = []
    for path in folder.list(place.root, KEYS):
        if path.endswith(".yaml"):
            key = from_text((folder.read(place.root, path) or b"").decode(), path)
            row = {"name": key.name, "role": str(key.role), "key_id": key.key_id, "private": key.name in held}
            found.append(row)
    return found
