"""Object stores: which ones are read, and how a source says where its store is and who may read it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Scheme(StrEnum):
    """What the paths of a kind of store begin with."""

    S3 = "s3"
    GCS = "gs"
    AZURE = "az"


STORES: Mapping[Scheme, str] = {
    Scheme.S3: "S3 and what speaks its protocol",
    Scheme.GCS: "Google Cloud Storage",
    Scheme.AZURE: "Azure Blob Storage",
}
"""What people call them."""


class Identity(StrEnum):
    """As whom a store is asked: as its own tools would, as nobody, or by what environment variables hold."""

    CHAIN = "chain"
    NONE = "none"
    NAMED = "named"


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """How the store of a source's objects is reached; no secret is part of it.

    `endpoint` is an address, `endpoint_variable` the environment variable that holds one: at most one of them is given.
    `account` is Azure's. `variables` maps what the store asks for (`key`, `secret`, `token`) to the environment
    variables that hold it, where the identity is named.
    """

    scheme: Scheme
    endpoint: str = ""
    endpoint_variable: str = ""
    region: str = ""
    account: str = ""
    identity: Identity = Identity.CHAIN
    variables: tuple[tuple[str, str], ...] = ()

    @property
    def parts(self) -> dict[str, str]:
        """What of it decides which objects there are; who reads them and from where does not."""
        named = {"endpoint": self.endpoint, "endpoint_variable": self.endpoint_variable, "account": self.account}
        return {name: value for name, value in named.items() if value}


def scheme_of(path: str) -> str | None:
    """What a path begins with if it is the address of an object rather than of a file.

    >>> [scheme_of(path) for path in ("s3://orders/a.csv", "data/a.csv", "HTTPS://x/a.csv")]
    ['s3', None, 'https']
    """
    scheme, mark, _ = path.partition("://")
    return scheme.strip().lower() if mark else None


def split_address(address: str) -> tuple[str, str]:
    """The bucket and the key of an object's address.

    >>> split_address("s3://orders/2024/a.csv")
    ('orders', '2024/a.csv')
    """
    bucket, _, key = address.partition("://")[2].partition("/")
    return bucket, key
