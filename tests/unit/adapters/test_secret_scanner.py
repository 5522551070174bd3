"""detect-secrets knows shapes of tokens that our own patterns do not, and is not asked about entropy."""

from __future__ import annotations

import hashlib
import uuid

import pytest

from penstock.adapters.secret_scanner import DetectSecrets, open_scanner
from penstock.policy.secret_forms import all_secrets_in

SCANNER = DetectSecrets()
# Written in two parts, so that no scanner takes this file for a leak.
TOKENS = {
    "Discord": "MTk4NjIyNDgzNDcxOTI1MjQ4." + "Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs",
    "Telegram": "110201543:AAHdqTcvCH1vGWJx" + "fSeofSAs0K5PALDsaw0",
    "Twilio": "SK" + "0123456789abcdef" * 2,
    "Square": "sq0csp-" + "ABCDEFGHIJK_LMNOPQRSTUVWXYZ-0123456789abcdef"[:43],
}


@pytest.mark.parametrize("vendor", TOKENS)
def test_a_token_that_only_the_scanner_knows_is_found(vendor: str) -> None:
    line = f"value: {TOKENS[vendor]}"
    assert all_secrets_in(line) == ()
    assert TOKENS[vendor] in [one.text for one in SCANNER.secrets(line)]


@pytest.mark.parametrize(
    "line",
    [
        f"sha256:{hashlib.sha256(b'1').hexdigest()}",
        f"id: {uuid.UUID(int=2**127 + 12345)}",
        "password: ${DB_PASSWORD}",
        "SELECT customer_id, sum(amount) FROM sales.stg_invoices GROUP BY ALL",
    ],
)
def test_digests_ids_and_queries_are_not(line: str) -> None:
    assert SCANNER.secrets(line) == ()


def test_where_the_extra_is_installed_it_looks_too() -> None:
    scanner = open_scanner()
    assert scanner is not None
    assert scanner.name == "detect-secrets"
