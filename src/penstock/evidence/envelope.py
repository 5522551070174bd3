"""DSSE v1 envelopes: a statement's canonical bytes with one Ed25519 signature over their pre-authentication encoding.

Invariants: an envelope is canonical JSON, its base64 too, its payload too; it carries exactly one signature; nothing is
sealed that `open_envelope` would refuse. Source: protocol.md and envelope.md of https://github.com/secure-systems-lab/dsse.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from penstock.evidence.canonical import canonical_bytes, digest, parse_canonical
from penstock.evidence.shapes import ANY_TEXT, SHA256, Shape
from penstock.evidence.statements import from_json, to_json
from penstock.model.errors import InputError
from penstock.model.findings import Finding, Place

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.evidence.keys import PublicKey
    from penstock.evidence.statements import Statement

PAYLOAD_TYPE = "application/vnd.in-toto+json"


class Signer(Protocol):
    """Holds a private key and signs with it."""

    @property
    def name(self) -> str:
        """Whose key it is."""

    @property
    def key_id(self) -> str:
        """The SHA-256 of the raw public bytes, in hex."""

    def sign(self, data: bytes) -> bytes:
        """The Ed25519 signature over `data`, 64 bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """An envelope as read: nothing in it is verified yet."""

    payload: bytes
    key_id: str
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedEnvelope:
    """A statement whose signature was verified, who signed it, and the SHA-256 of the envelope's own bytes."""

    statement: Statement
    signer: str
    key_id: str
    sha256: str


def pae(payload: bytes) -> bytes:
    """The bytes that are signed: DSSE's pre-authentication encoding of type and payload."""
    kind = PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def seal(statement: Statement, signer: Signer) -> bytes:
    """The canonical bytes of the envelope that holds `statement`, signed.

    Raises:
        InputError: the statement is one that `open_envelope` would refuse.
    """
    payload = canonical_bytes(to_json(statement))
    signature = {"keyid": signer.key_id, "sig": b64encode(signer.sign(pae(payload))).decode()}
    envelope = {"payload": b64encode(payload).decode(), "payloadType": PAYLOAD_TYPE, "signatures": [signature]}
    data = canonical_bytes(envelope)
    read_statement(read_envelope(data, "the new envelope"), "the new statement")
    return data


def open_envelope(data: bytes, keys: Mapping[str, PublicKey], file: str = "envelope") -> OpenedEnvelope:
    """The verified statement in an envelope's bytes. `keys` maps key ids to the keys that are trusted.

    Raises:
        InputError: not canonical, not signed by one of `keys`, or not a statement of ours.
    """
    envelope = read_envelope(data, file)
    key = verified_signer(envelope, keys, file)
    return OpenedEnvelope(
        statement=read_statement(envelope, file), signer=key.name, key_id=key.key_id, sha256=digest(data)
    )


def read_envelope(data: bytes, file: str) -> Envelope:
    """The parts of an envelope, unverified.

    Raises:
        InputError: not canonical, or not an envelope with one signature.
    """
    findings: list[Finding] = []
    shape = Shape(parse_canonical(data, file), file, findings)
    payload = _bytes(shape, "payload")
    shape.constant("payloadType", PAYLOAD_TYPE)
    signatures = list(shape.children("signatures"))
    if len(signatures) != 1:
        shape.note(shape.at("signatures"), f"{len(signatures)} signatures", "exactly one signature")
    parts = [(each.text("keyid", SHA256), _bytes(each, "sig")) for each in signatures]
    for each in (*signatures, shape):
        each.close()
    if findings:
        raise InputError(tuple(findings))
    key_id, signature = parts[0]
    return Envelope(payload=payload, key_id=key_id, signature=signature)


def verified_signer(envelope: Envelope, keys: Mapping[str, PublicKey], file: str) -> PublicKey:
    """The key that signed `envelope`.

    Raises:
        InputError: the key is not one of `keys`, or the signature is not that key's over this payload.
    """
    key = keys.get(envelope.key_id)
    if key is None or key.key_id != envelope.key_id:
        raise InputError(
            Finding(
                code="evidence.unknown_key",
                message=f"{file} is signed by a key that nobody registered",
                place=Place(file=file),
                found=envelope.key_id,
                expected="a key of the project's keys/ folder at the base revision",
                remedy="have the signer's public key merged first, then sign again",
            )
        )
    if not key.verifies(pae(envelope.payload), envelope.signature):
        raise InputError(
            Finding(
                code="evidence.bad_signature",
                message=f"{file} was changed after {key.name} signed it, or {key.name} never did",
                place=Place(file=file),
                found="a signature that does not fit the payload",
                expected=f"the signature of {key.name} ({envelope.key_id[:12]}) over this payload",
                remedy="restore the file as it was written, or run the stage again",
            )
        )
    return key


def read_statement(envelope: Envelope, file: str) -> Statement:
    """The statement in an envelope's payload.

    Raises:
        InputError: the payload is not canonical or not a statement of ours.
    """
    return from_json(parse_canonical(envelope.payload, f"{file} (payload)"), file)


def _bytes(shape: Shape, key: str) -> bytes:
    """The bytes of a base64 text; only the one text that encodes them counts."""
    text = shape.text(key, ANY_TEXT)
    try:
        data = b64decode(text, validate=True)
    except ValueError:
        data = b""
    if b64encode(data).decode() != text:
        shape.note(shape.at(key), repr(text[:80]), "canonical base64")
    return data
