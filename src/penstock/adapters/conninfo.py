"""What a Postgres address may be told of: never its passwords, however a driver's message writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.adapters.processes.masking import Mask

if TYPE_CHECKING:
    from collections.abc import Mapping

_SECRET = ("password", "sslpassword", "oauth_client_secret")


def mask_of(parts: Mapping[str, object]) -> Mask:
    """What takes the secrets of an address's parts out of text."""
    return Mask(str(parts[name]) for name in _SECRET if parts.get(name))


def is_split_wrongly(parts: Mapping[str, object]) -> bool:
    """Whether a piece of a password, with an `@` that nobody escaped, stands where the host or the database should."""
    return any("@" in str(parts.get(name) or "") for name in ("host", "dbname", "port"))
