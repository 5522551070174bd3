"""Public keys of people and runners, as values and as the files a project keeps in `keys/`.

Invariants: a key's id is the SHA-256 of its raw public bytes and is never taken on trust; a key has one name and role.
Files must be read from the base revision of a change: a change that could edit its own keys could approve itself.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from penstock.documents import Fields, read_yaml, to_yaml
from penstock.evidence.canonical import digest
from penstock.model.errors import InputError
from penstock.model.findings import Finding, Place
from penstock.model.intervals import parse_moment, stamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

KEYS = "keys"
"""The project's folder of public keys."""
KEY_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
KEY_NAME_WORDS = (
    "lower-case letters, digits, dots, dashes and underscores, beginning with a letter or digit, at most 63"
)
PUBLIC_LENGTH = 32


class Role(StrEnum):
    """What a key may sign: authors, agents and runners sign stages, approvers sign approvals and waivers alone."""

    AUTHOR = "author"
    APPROVER = "approver"
    RUNNER = "runner"
    AGENT = "agent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """From which moment on a key counts for nothing, and why."""

    at: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """An Ed25519 public key (`public`, 32 raw bytes), whose it is, and what it may sign.

    `groups` are those in whose name its owner may approve. From the moment `expires` on, or since it was `revoked`,
    what it signs counts for nothing; what it signed before stands.
    """

    name: str
    role: Role
    public: bytes
    groups: tuple[str, ...] = ()
    expires: str | None = None
    revoked: Revocation | None = None

    @property
    def key_id(self) -> str:
        """The SHA-256 of the raw public bytes, in hex."""
        return digest(self.public)

    def fault_at(self, moment: str) -> str | None:
        """Why what this key signed at an ISO 8601 moment counts for nothing, or None."""
        at = parse_moment(moment)
        if self.revoked is not None and at >= parse_moment(self.revoked.at):
            return f"its key was revoked on {self.revoked.at}: {self.revoked.reason}"
        if self.expires is not None and at >= parse_moment(self.expires):
            return f"its key expired on {self.expires}"
        return None

    def verifies(self, message: bytes, signature: bytes) -> bool:
        """Whether `signature` over `message` was made with this key's private half."""
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - heavy; only verification needs it
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415 - as above

        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


def to_text(key: PublicKey) -> str:
    """The YAML text of a project's `keys/NAME.yaml`."""
    values: dict[str, object] = {
        "name": key.name,
        "role": str(key.role),
        "key_id": key.key_id,
        "public_key": b64encode(key.public).decode(),
    }
    if key.groups:
        values["groups"] = list(key.groups)
    if key.expires is not None:
        values["expires"] = key.expires
    if key.revoked is not None:
        values["revoked"] = {"at": key.revoked.at, "reason": key.revoked.reason}
    return to_yaml(values)


def from_text(text: str, file: str) -> PublicKey:
    """The key that a `keys/NAME.yaml` file holds.

    Raises:
        InputError: it is not YAML, a key is missing, unknown or wrong, `key_id` is not that of `public_key`, or the
            file is not named after the key.
    """
    fields = Fields(read_yaml(text, file))
    name = fields.text("name", required=True)
    role = fields.choice("role", tuple(Role), required=True)
    key_id = fields.text("key_id", required=True)
    written = fields.text("public_key", required=True)
    public = _decode(written or "")
    if name is not None and not (KEY_NAME.fullmatch(name) and file.rpartition("/")[2] == f"{name}.yaml"):
        fields.note(
            "evidence.key_name",
            f"{name!r} cannot name the key in {file}",
            at="name",
            found=name,
            expected=f"the file's own name: {KEY_NAME_WORDS}",
            remedy="name the file NAME.yaml",
        )
    if written is not None and len(public) != PUBLIC_LENGTH:
        fields.note(
            "evidence.key_bytes",
            "public_key is not an Ed25519 key",
            at="public_key",
            expected=f"{PUBLIC_LENGTH} bytes in base64",
            remedy="copy the file again from the key's owner",
        )
    elif written is not None and key_id is not None and key_id != digest(public):
        fields.note(
            "evidence.key_id",
            "key_id is not that of public_key",
            at="key_id",
            found=key_id,
            expected=digest(public),
            remedy="copy the file again from the key's owner",
        )
    groups, expires, revoked = fields.texts("groups"), _moment(fields, "expires"), _revocation(fields)
    fields.unknown()
    if fields.findings or name is None or role is None:
        raise InputError(tuple(fields.findings))
    return PublicKey(name=name, role=Role(role), public=public, groups=groups, expires=expires, revoked=revoked)


def _revocation(fields: Fields) -> Revocation | None:
    revoked = fields.child("revoked")
    if revoked is None:
        return None
    at, reason = _moment(revoked, "at", required=True), revoked.text("reason", required=True)
    revoked.unknown()
    return Revocation(at=at, reason=reason) if at is not None and reason is not None else None


def _moment(fields: Fields, key: str, *, required: bool = False) -> str | None:
    text = fields.text(key, required=required)
    try:
        return text if text is None else stamp(parse_moment(text))
    except (ValueError, OverflowError):
        expected = "a date or an ISO 8601 moment"
        fields.note("evidence.moment", f"{key} is {text!r}", at=key, found=text, expected=expected)
        return None


def with_revocations(keys: Iterable[PublicKey], newer: Iterable[PublicKey]) -> tuple[PublicKey, ...]:
    """Keys with what newer files take from them: a revocation, or an earlier end. Nothing is given back."""
    later = {key.key_id: key for key in newer}
    return tuple(_narrowed(key, later.get(key.key_id, key)) for key in keys)


def _narrowed(key: PublicKey, later: PublicKey) -> PublicKey:
    ends = [end for end in (key.expires, later.expires) if end is not None]
    revoked = [each for each in (key.revoked, later.revoked) if each is not None]
    return replace(
        key,
        expires=min(ends, key=parse_moment, default=None),
        revoked=min(revoked, key=lambda each: parse_moment(each.at), default=None),
    )


def key_ring(keys: Iterable[PublicKey]) -> Mapping[str, PublicKey]:
    """Keys by their id, for verification.

    Raises:
        InputError: one key stands under two names or roles, or one name holds two keys.
    """
    ring: dict[str, PublicKey] = {}
    names: dict[str, PublicKey] = {}
    findings: list[Finding] = []
    for key in keys:
        twin = ring.setdefault(key.key_id, key)
        namesake = names.setdefault(key.name, key)
        if twin is not key:
            findings.append(_clash("evidence.key_shared", f"{twin.name} and {key.name} have the same key", key))
        elif namesake is not key:
            findings.append(_clash("evidence.key_name_shared", f"two keys are named {key.name}", key))
    if findings:
        raise InputError(tuple(findings))
    return MappingProxyType(ring)


def _decode(text: str) -> bytes:
    """The bytes of canonical base64; none if it is not that."""
    try:
        data = b64decode(text, validate=True)
    except ValueError:
        return b""
    return data if b64encode(data).decode() == text else b""


def _clash(code: str, message: str, key: PublicKey) -> Finding:
    return Finding(
        code=code,
        message=message,
        place=Place(file=f"keys/{key.name}.yaml"),
        found=key.key_id,
        expected="one person or runner, one key, one role",
        remedy="remove all but one of the files",
    )
