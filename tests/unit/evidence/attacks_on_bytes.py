"""Bundles whose bytes, keys, envelopes or statements are not what they have to be: each breaks one rule."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from dataclasses import replace
from typing import Any

from bundle_cases import (
    AFTER,
    BEFORE,
    DEPLOYED,
    REVIEWED,
    Told,
    payload,
    resigned,
)
from bundle_verdicts import Attacks
from evidence_cases import RUNNER, STRANGER, TO_APPROVAL, WHOLE, SeedSigner

from penstock.evidence import Link, Role, canonical_bytes
from penstock.evidence.bundle import bundle_bytes
from penstock.evidence.git_objects import GitObject, object_id
from penstock.evidence.keys import to_text

attack = Attacks()


@attack
def white_space_between_lines() -> dict[str, Any]:
    data = Told().through(*WHOLE).data()
    return {"rule": "form", "data": data.replace(b'{"change"', b'{ "change"', 1)}


@attack
def lines_in_another_order() -> dict[str, Any]:
    lines = Told().through(*WHOLE).data().splitlines(keepends=True)
    return {"rule": "form", "data": b"".join([*lines[:-2], lines[-1], lines[-2]])}


@attack
def the_same_file_twice() -> dict[str, Any]:
    lines = Told().through(*WHOLE).data().splitlines(keepends=True)
    spot = next(number for number, line in enumerate(lines) if b'"file"' in line)
    return {"rule": "form", "data": b"".join([*lines[:spot], lines[spot], *lines[spot:]])}


@attack
def a_line_of_a_kind_that_nobody_knows() -> dict[str, Any]:
    return {"rule": "form", "data": Told().through(*WHOLE).data() + b'{"note":"trust me"}\n'}


@attack
def a_key_file_of_another_name() -> dict[str, Any]:
    key = {"keys/trudy.yaml": to_text(STRANGER.public).encode()}
    return {"rule": "keys", "data": bundle_bytes(Told(BEFORE | key, AFTER | key).through(*REVIEWED).everything())}


@attack
def a_second_key_for_the_same_name() -> dict[str, Any]:
    shared = {**BEFORE, "keys/old/bo.yaml": to_text(SeedSigner("bo", Role.APPROVER, 9).public).encode()}
    after = {**AFTER, "keys/old/bo.yaml": shared["keys/old/bo.yaml"]}
    return {"rule": "keys", "data": bundle_bytes(Told(shared, after).through(*REVIEWED).everything())}


@attack
def a_key_in_the_place_of_another() -> dict[str, Any]:
    impostor = SeedSigner("bo", Role.APPROVER, 9)
    honest = Told().through(*TO_APPROVAL).bundle()
    forged = Told().through(*REVIEWED).add(Link.APPROVAL, impostor)
    name = object_id(GitObject(kind="blob", data=BEFORE["keys/bo.yaml"]))
    objects = {**honest.objects, name: GitObject(kind="blob", data=to_text(impostor.public).encode())}
    return {"rule": "keys", "data": bundle_bytes(replace(honest, envelopes=tuple(forged.envelopes), objects=objects))}


@attack
def a_reformatted_envelope() -> dict[str, Any]:
    told = Told().through(*DEPLOYED)
    told.envelopes[-1] = json.dumps(json.loads(told.envelopes[-1])).encode()
    return {"rule": "canonical", "data": told.data()}


@attack
def base64_with_other_last_bits() -> dict[str, Any]:
    told = Told().through(*DEPLOYED)
    value = json.loads(told.envelopes[-1])
    sig = value["signatures"][0]["sig"]
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    value["signatures"][0]["sig"] = f"{sig[:-3]}{letters[letters.index(sig[-3]) + 1]}=="
    assert b64decode(value["signatures"][0]["sig"]) == b64decode(sig)
    told.envelopes[-1] = canonical_bytes(value)
    return {"rule": "canonical", "data": told.data()}


@attack
def a_second_signature_beside_the_first() -> dict[str, Any]:
    told = Told().through(*DEPLOYED)
    value = json.loads(told.envelopes[-1])
    value["signatures"] *= 2
    told.envelopes[-1] = canonical_bytes(value)
    return {"rule": "canonical", "data": told.data()}


@attack
def what_the_key_never_signed() -> dict[str, Any]:
    told = Told().through(*DEPLOYED)
    value = json.loads(told.envelopes[-1])
    said = payload(told.envelopes[-1])
    said["predicate"]["at"] = "2020-01-01T00:00:00Z"
    value["payload"] = b64encode(canonical_bytes(said)).decode()
    told.envelopes[-1] = canonical_bytes(value)
    return {"rule": "signature", "data": told.data()}


@attack
def a_signature_with_a_multiple_of_the_order_added() -> dict[str, Any]:
    order = 2**252 + 27742317777372353535851937790883648493
    told = Told().through(*DEPLOYED)
    value = json.loads(told.envelopes[-1])
    sig = b64decode(value["signatures"][0]["sig"])
    other = int.from_bytes(sig[32:], "little") + order
    value["signatures"][0]["sig"] = b64encode(sig[:32] + other.to_bytes(32, "little")).decode()
    told.envelopes[-1] = canonical_bytes(value)
    return {"rule": "signature", "data": told.data()}


@attack
def a_part_that_no_statement_has() -> dict[str, Any]:
    told = Told().through(*DEPLOYED)
    said = payload(told.envelopes[-1])
    said["predicate"]["waived"] = True
    told.envelopes[-1] = resigned(told.envelopes[-1], RUNNER, canonical_bytes(said))
    return {"rule": "statement", "data": told.data()}


@attack
def an_environment_that_is_no_digest() -> dict[str, Any]:
    told = Told().through(*DEPLOYED)
    said = payload(told.envelopes[-1])
    said["predicate"]["commands"][0]["environment"] = "mine"
    told.envelopes[-1] = resigned(told.envelopes[-1], RUNNER, canonical_bytes(said))
    return {"rule": "statement", "data": told.data()}
