"""A secret is found in Base64, in URL encoding and in pieces; what only looks encoded is none."""

from __future__ import annotations

import base64
import hashlib
import uuid
from urllib.parse import quote

import pytest

from penstock.policy.secret_forms import all_secrets_in
from penstock.policy.secret_patterns import masked

RANDOM = "x7Qp2Lm9" + "Vt4Rk8Zs1Wd6Yb3N"
KEY = "AKIA" + "IOSFODNN7EXAMPLE"
HALF = len(KEY) // 2
CANARIES = (KEY, f"password={RANDOM}", f"postgres://eve:{RANDOM}@db/x")


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize("canary", CANARIES)
@pytest.mark.parametrize(
    "form",
    [
        encoded,
        lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
        lambda text: encoded(f"user: eve\n{text}\nport: 5432\n"),
        lambda text: quote(text, safe="").replace("-", "%2D"),
        lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    ],
)
def test_a_secret_in_another_form_is_found_and_masked_whole(canary: str, form: object) -> None:
    assert callable(form)
    text = form(canary)
    line = f"value: {text} # ours"
    found = all_secrets_in(line)
    if text == canary:
        pytest.skip("nothing of it needs encoding")
    assert [one.text for one in found] == [text]
    assert masked(line, found) == "value: ••• # ours"


@pytest.mark.parametrize(
    "pieces",
    [
        f"'{KEY[:HALF]}' || '{KEY[HALF:]}'",
        f'"{KEY[:HALF]}" + "{KEY[HALF:]}"',
        f"'{KEY[:HALF]}' '{KEY[HALF:]}'",
        f"'{KEY[:4]}'\n    '{KEY[4:9]}'\n    '{KEY[9:]}'",
        f"'{KEY[:4]}' ||\n    '{KEY[4:]}'",
        f"'{KEY[:4]}' \\\n    '{KEY[4:]}'",
    ],
)
def test_a_secret_in_pieces_is_found_and_masked_whole(pieces: str) -> None:
    text = f"key = {pieces}\n"
    found = all_secrets_in(text)
    assert [one.kind for one in found] == ["an AWS access key in pieces"]
    assert masked(text, found) == "key = •••\n"


def test_the_pieces_of_a_password_are_read_under_its_name() -> None:
    assert [one.kind for one in all_secrets_in(f"password = '{RANDOM[:6]}' + '{RANDOM[6:]}'")]
    assert all_secrets_in(f"colour = '{RANDOM[:6]}' + '{RANDOM[6:]}'") == ()


@pytest.mark.parametrize(
    "line",
    [
        f"    --hash=sha256:{hashlib.sha256(b'1').hexdigest()} \\",
        f"commit {hashlib.sha1(b'1', usedforsecurity=False).hexdigest()}",
        f"id: {uuid.UUID(int=2**127 + 12345)}",
        f"integrity: sha512-{base64.b64encode(hashlib.sha512(b'1').digest()).decode()}",
        f"digest: {base64.b64encode(hashlib.sha256(b'1').digest()).decode()}",
        f"given: {encoded('id,name,amount' + chr(10) + '1,tea,3.50' + chr(10))}",
        "path = 'https://example.org/a%20b?token=' + name",
        "SELECT 'AKIA' || country AS code",
        "expect: {day: '2024-03-04', 'revenue': '3.50'}",
        "regexp_matches(stock_code, '^[0-9]{5}') AND 'a' <> 'b'",
    ],
)
def test_digests_ids_and_encoded_tables_are_no_secrets(line: str) -> None:
    assert all_secrets_in(line) == ()
