"""Envelopes: DSSE v1 as others read and write it, and nothing that is merely like it."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import Any

import pytest
from evidence_cases import APPROVER, AUTHOR, FILES, KEYS, RUNNER, STRANGER, SeedSigner, statement
from securesystemslib.dsse import Envelope as ForeignEnvelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer._key import SSlibKey

from penstock.evidence.canonical import canonical_bytes, digest
from penstock.evidence.envelope import open_envelope, pae, read_envelope, seal
from penstock.evidence.statements import Subject, to_json
from penstock.model.errors import InputError

PLAIN = statement(subjects=(Subject(name="story.md", sha256=digest(FILES["story.md"])),))
SEALED = seal(PLAIN, AUTHOR)


def foreign_key(signer: SeedSigner) -> SSlibKey:
    return SSlibKey(signer.key_id, "ed25519", "ed25519", {"public": signer.public.public.hex()})


def resealed(payload: bytes, signer: SeedSigner = AUTHOR) -> bytes:
    """A canonical envelope around any payload, truly signed."""
    value = json.loads(SEALED)
    value["payload"] = b64encode(payload).decode()
    value["signatures"] = [{"keyid": signer.key_id, "sig": b64encode(signer.sign(pae(payload))).decode()}]
    return canonical_bytes(value)


def edited(**changes: Any) -> bytes:
    return canonical_bytes(json.loads(SEALED) | changes)


def codes(data: bytes) -> set[str]:
    with pytest.raises(InputError) as caught:
        open_envelope(data, KEYS, "evidence/01.json")
    return {finding.code for finding in caught.value.findings}


def test_a_sealed_statement_opens_to_itself_and_names_its_signer() -> None:
    opened = open_envelope(SEALED, KEYS)

    assert opened.statement == PLAIN
    assert (opened.signer, opened.key_id, opened.sha256) == ("ana", AUTHOR.key_id, digest(SEALED))


def test_securesystemslib_verifies_what_we_seal() -> None:
    foreign = ForeignEnvelope.from_dict(json.loads(SEALED))

    assert list(foreign.verify([foreign_key(AUTHOR)], 1)) == [AUTHOR.key_id]
    assert foreign.payload == canonical_bytes(to_json(PLAIN))
    assert foreign.pae() == pae(foreign.payload)
    with pytest.raises(VerificationError):
        foreign.verify([foreign_key(RUNNER)], 1)


def test_we_open_what_securesystemslib_builds() -> None:
    payload = canonical_bytes(to_json(PLAIN))
    foreign = ForeignEnvelope.from_dict(
        {
            "payload": b64encode(payload).decode(),
            "payloadType": "application/vnd.in-toto+json",
            "signatures": [],
        }
    )
    signature = {"keyid": RUNNER.key_id, "sig": b64encode(RUNNER.sign(foreign.pae())).decode()}

    assert open_envelope(canonical_bytes(foreign.to_dict() | {"signatures": [signature]}), KEYS).signer == "ci"


def test_nothing_is_sealed_that_would_not_open() -> None:
    for wrong in (statement(commit=None), statement(change="", subjects=PLAIN.subjects)):
        with pytest.raises(InputError):
            seal(wrong, AUTHOR)
    with pytest.raises(InputError, match="float"):
        seal(statement(facts={"share": 0.95}), AUTHOR)


def test_no_flipped_byte_is_accepted() -> None:
    accepted = []
    for spot, byte in enumerate(SEALED):
        for mask in (0x01, 0x20, 0xFF) if spot % 7 == 0 else (0x01,):
            data = SEALED[:spot] + bytes([byte ^ mask]) + SEALED[spot + 1 :]
            try:
                open_envelope(data, KEYS)
            except InputError:
                continue
            accepted.append((spot, mask))

    assert accepted == []


def test_no_cut_or_grown_envelope_is_accepted() -> None:
    for spot in range(0, len(SEALED), 11):
        assert codes(SEALED[:spot])
        assert codes(SEALED[:spot] + b" " + SEALED[spot:])
    assert codes(SEALED + b"\n") == {"evidence.not_canonical"}


def test_another_spelling_of_the_same_envelope_is_refused() -> None:
    value = json.loads(SEALED)

    assert codes(json.dumps(value).encode()) == {"evidence.not_canonical"}
    assert codes(json.dumps(value, indent=1).encode()) == {"evidence.not_canonical"}


def test_another_base64_spelling_of_the_same_bytes_is_refused() -> None:
    signature = json.loads(SEALED)["signatures"][0]
    text = signature["sig"]
    assert text.endswith("==")
    twin = text[:-3] + chr(ord(text[-3]) + 1) + "=="
    assert b64decode(twin) == b64decode(text)

    assert codes(edited(signatures=[signature | {"sig": twin}])) == {"evidence.shape"}
    assert codes(edited(signatures=[signature | {"sig": text + "\n"}])) == {"evidence.shape"}


def test_a_truly_signed_payload_that_is_not_canonical_is_refused() -> None:
    payload = json.dumps(to_json(PLAIN), sort_keys=True).encode()

    assert codes(resealed(payload)) == {"evidence.not_canonical"}


def test_a_truly_signed_payload_that_is_no_statement_is_refused() -> None:
    assert codes(resealed(b"{}")) == {"evidence.shape"}


@pytest.mark.parametrize("count", [0, 2])
def test_an_envelope_has_exactly_one_signature(count: int) -> None:
    signatures = json.loads(SEALED)["signatures"] * count

    assert codes(edited(signatures=signatures)) == {"evidence.shape"}


@pytest.mark.parametrize(
    "changes", [{"payloadType": "text/plain"}, {"extra": 1}, {"payload": 1}, {"signatures": [1]}, {"signatures": 1}]
)
def test_an_envelope_of_another_shape_is_refused(changes: dict[str, Any]) -> None:
    assert codes(edited(**changes)) == {"evidence.shape"}


def test_a_key_that_nobody_registered_is_refused() -> None:
    assert codes(seal(PLAIN, STRANGER)) == {"evidence.unknown_key"}


def test_a_key_filed_under_another_keys_id_is_refused() -> None:
    with pytest.raises(InputError, match="nobody registered"):
        open_envelope(seal(PLAIN, STRANGER), {STRANGER.key_id: APPROVER.public})


def test_a_signature_claimed_for_another_key_is_refused() -> None:
    signature = json.loads(SEALED)["signatures"][0]

    assert codes(edited(signatures=[signature | {"keyid": APPROVER.key_id}])) == {"evidence.bad_signature"}


def test_a_signature_over_the_bare_payload_is_refused() -> None:
    payload = read_envelope(SEALED, "f").payload
    signature = {"keyid": AUTHOR.key_id, "sig": b64encode(AUTHOR.sign(payload)).decode()}

    assert codes(edited(signatures=[signature])) == {"evidence.bad_signature"}


def test_a_signature_of_the_wrong_length_is_refused() -> None:
    signature = {"keyid": AUTHOR.key_id, "sig": ""}

    assert codes(edited(signatures=[signature])) == {"evidence.bad_signature"}
