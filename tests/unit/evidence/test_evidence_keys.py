"""Public keys as the files of a project's `keys/` folder."""

from __future__ import annotations

from base64 import b64decode

import pytest
from evidence_cases import APPROVER, AUTHOR, RUNNER, SeedSigner
from hypothesis import given
from hypothesis import strategies as st

from penstock.evidence.keys import KEY_NAME, PublicKey, Role, from_text, key_ring, to_text
from penstock.model.errors import InputError

TEXT = to_text(APPROVER.public)


def codes(text: str, file: str = "keys/bo.yaml") -> set[str]:
    with pytest.raises(InputError) as caught:
        from_text(text, file)
    return {finding.code for finding in caught.value.findings}


@given(st.from_regex(KEY_NAME, fullmatch=True), st.sampled_from(Role), st.binary(min_size=32, max_size=32))
def test_a_key_comes_back_from_its_file(name: str, role: Role, public: bytes) -> None:
    key = PublicKey(name=name, role=role, public=public)

    assert from_text(to_text(key), f"keys/{name}.yaml") == key


def test_a_key_file_is_four_lines_of_yaml() -> None:
    assert TEXT.splitlines()[:3] == ["name: bo", "role: approver", f"key_id: {APPROVER.key_id}"]
    assert TEXT.splitlines()[3].startswith("public_key: ")


@pytest.mark.parametrize(
    ("line", "instead", "code"),
    [
        ("role: approver", "role: admin", "document.choice"),
        ("role: approver", "", "document.missing_key"),
        ("role: approver", "role: approver\nalso: author", "document.unknown_key"),
        ("name: bo", "name: ana", "evidence.key_name"),
        ("name: bo", "name: ../bo", "evidence.key_name"),
        ("name: bo", "name: ''", "document.empty"),
        (f"key_id: {APPROVER.key_id}", f"key_id: {AUTHOR.key_id}", "evidence.key_id"),
        (f"key_id: {APPROVER.key_id}", "", "document.missing_key"),
        ("public_key: ", "public_key: A", "evidence.key_bytes"),
        ("public_key: ", "public: ", "document.missing_key"),
    ],
)
def test_a_wrong_key_file_is_refused(line: str, instead: str, code: str) -> None:
    assert line in TEXT
    assert code in codes(TEXT.replace(line, instead))


def test_a_key_file_must_be_named_after_the_key() -> None:
    assert codes(TEXT, "keys/ana.yaml") == {"evidence.key_name"}
    assert codes(TEXT, "keys/bo.yaml.txt") == {"evidence.key_name"}
    assert codes(TEXT.replace("name: bo", "name: Bo"), "keys/Bo.yaml") == {"evidence.key_name"}


def test_a_public_key_has_one_spelling() -> None:
    assert TEXT.endswith("N9E=\n")
    twin = TEXT.replace("N9E=", "N9F=")
    assert b64decode("N9F=") == b64decode("N9E=")

    assert codes(twin) == {"evidence.key_bytes"}


def test_an_empty_public_key_is_said_to_be_empty() -> None:
    assert codes("\n".join([*TEXT.splitlines()[:3], "public_key: ''"])) == {"document.empty"}


@pytest.mark.parametrize("public_key", ["AAAA", "not base64!", "é"])
def test_a_public_key_must_be_32_bytes_of_base64(public_key: str) -> None:
    lines = [*TEXT.splitlines()[:3], f"public_key: '{public_key}'"]

    assert codes("\n".join(lines)) == {"evidence.key_bytes"}


@given(st.text(max_size=80))
def test_text_of_any_kind_raises_nothing_but_input_errors(text: str) -> None:
    assert codes(text)


def test_only_the_holder_of_the_private_half_can_sign() -> None:
    signature = AUTHOR.sign(b"message")

    assert AUTHOR.public.verifies(b"message", signature)
    assert not AUTHOR.public.verifies(b"massage", signature)
    assert not RUNNER.public.verifies(b"message", signature)
    assert not AUTHOR.public.verifies(b"message", signature[:-1])
    assert not PublicKey(name="x", role=Role.AUTHOR, public=b"short").verifies(b"message", signature)


def test_a_ring_holds_each_key_under_its_id() -> None:
    assert key_ring([AUTHOR.public, RUNNER.public]) == {AUTHOR.key_id: AUTHOR.public, RUNNER.key_id: RUNNER.public}


@pytest.mark.parametrize(
    ("twin", "code"),
    [
        (SeedSigner("ana2", Role.APPROVER, AUTHOR.seed), "evidence.key_shared"),
        (SeedSigner("ana", Role.APPROVER, AUTHOR.seed), "evidence.key_shared"),
        (SeedSigner("ana", Role.APPROVER, 77), "evidence.key_name_shared"),
    ],
)
def test_nobody_gets_a_second_role_by_a_second_file(twin: SeedSigner, code: str) -> None:
    with pytest.raises(InputError) as caught:
        key_ring([AUTHOR.public, twin.public])

    assert [finding.code for finding in caught.value.findings] == [code]
