"""What is taken for a secret and what is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.policy.secret_patterns import MASK, masked, secrets_in

# Written in two parts, so that no scanner takes this file for a leak.
RANDOM = "x7Qp2Lm9" + "Vt4Rk8Zs1Wd6Yb3N"
SHAPED = {
    "a private key": "-----BEGIN RSA " + "PRIVATE KEY-----",
    "an AWS access key": "AKIA" + "IOSFODNN7EXAMPLE",
    "a GitHub token": "ghp_" + "a1B2c3D4e5F6a1B2c3D4e5F6a1B2c3D4e5F6",
    "a GitLab token": "glpat-" + "a1B2c3D4e5F6a1B2c3D4",
    "a Slack token": "xoxb-" + "1234567890-abcdefghij",
    "a Slack webhook": "hooks.slack.com/services/" + "T00000000/B00000000/XXXXXXXXXXXX",
    "a Google API key": "AIza" + "SyA1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q",
    "a Stripe key": "sk_live_" + "a1B2c3D4e5F6a1B2c3D4",
    "a SendGrid key": "SG." + "a1B2c3D4e5F6a1B2c3D4.a1B2c3D4e5F6a1B2c3D4",
    "an API key": "sk-" + "proj-a1B2c3D4e5F6a1B2c3D4",
    "a PyPI token": "pypi-" + "AgEIcHlwaS5vcmcC" * 4,
    "an npm token": "npm_" + "a1B2c3D4e5F6a1B2c3D4e5F6a1B2c3D4e5F6",
    "a Databricks token": "dapi" + "0123456789abcdef" * 2,
    "a Vault token": "hvs." + "CAESIJa1B2c3D4e5F6a1B2c3D4",
    "an Azure storage key": "AccountKey=" + "a1B2c3D4e5F6+/" * 5 + "==",
    "a JSON web token": "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmN",
}


@pytest.mark.parametrize("kind", SHAPED)
def test_each_known_shape_is_found_and_masked(kind: str) -> None:
    text = SHAPED[kind]
    line = f"value: {text}"
    found = secrets_in(line)
    assert [(one.kind, one.text) for one in found] == [(kind, text)]
    assert masked(line, found) == f"value: {MASK}"


@pytest.mark.parametrize(
    "line",
    [
        f"password: {RANDOM}",
        f"DB_PASSWORD={RANDOM}",
        f'"api_key": "{RANDOM}",',
        f"apiKey = '{RANDOM}'",
        f"client-secret := {RANDOM}",
        f'accessKeyProd => "{RANDOM}"',
        f"CREATE USER eve PASSWORD '{RANDOM}'",
        f"CREATE USER eve IDENTIFIED BY '{RANDOM}'",
        f"tokens: {RANDOM}]",
        f"postgres://eve:{RANDOM}@db:5432/x",
        f"export PGPASSWORD={RANDOM} # for now",
    ],
)
def test_a_random_value_under_a_secret_s_name_is_found(line: str) -> None:
    assert [one.text for one in secrets_in(line)] == [RANDOM]
    assert RANDOM not in masked(line, secrets_in(line))


@pytest.mark.parametrize("value", ["hunter2!", "P@$$w0rd!23", "Passw0rd", "abc(1)DEF{9}", "correct-Horse-9"])
def test_a_quoted_password_that_people_think_up_is_found(value: str) -> None:
    assert [one.text for one in secrets_in(f"password = '{value}'")] == [value]


@pytest.mark.parametrize(
    "line",
    [
        "password: ${DB_PASSWORD_1}",
        "password: $DB_PASSWORD1",
        "password: <your Password1>",
        "password: {{ vault.Password1 }}",
        "password: '{{vault.Password1}}'",
        "password = os.environ['DB_PASSWORD1']",
        "token = fetch_token1(request)",
        "token = settings.token1",
        "token = authToken",
        "secret: env:DB_PASSWORD1",
        "password: '********'",
        "password: XXXXXXXXXX",
        "password: changeme",
        "password: 'correcthorsebattery'",
        "CREATE USER eve IDENTIFIED BY 'changeme'",
        "password: 'Must be changed every 30 days'",
        "password_file: /run/secrets/Db1-password",
        "token_url: https://auth.example.org/oauth2/token",
        "secretName: Prod-db-credentials-1",
        "token_count: 12345678901",
        "tokenizer: Wordpiece-v2-Large",
        "token_expires: 2026-01-01T00:00:00",
        "api_key: short1A",
        "password: aaaaaaaa1A",
        "postgres://eve:${PASSWORD}@db/x",
        "postgres://eve:<password>@db/x",
        "postgres://eve@db:5432/x",
        "https://example.org:443/a@b",
        "-----BEGIN PUBLIC KEY-----",
        "sha256: 5f2b0e8c1d4a4f5e9b7c6d3a2e1f0b9c8d7e6f5a4b3c2d1e0f9a8b7c6d5e4f3a",
        "the risk-weighted-average-of-2010-and-2011",
        "SELECT invoice_no, stock_code FROM sales.stg_invoices WHERE token IS NOT NULL",
    ],
)
def test_placeholders_references_and_plain_words_are_no_secrets(line: str) -> None:
    assert secrets_in(line) == ()


def test_every_place_of_a_secret_in_a_line_is_masked() -> None:
    line = f"password: {RANDOM} # {RANDOM}"
    assert masked(line, secrets_in(line)) == f"password: {MASK} # {MASK}"


def test_a_secret_of_a_known_shape_under_a_telling_name_is_one() -> None:
    token = SHAPED["a GitHub token"]
    assert [(one.kind, one.text) for one in secrets_in(f"token = '{token}'")] == [("a GitHub token", token)]


def test_two_secrets_of_a_line_are_two() -> None:
    line = f"token: {RANDOM}, password: '{RANDOM[::-1]}'"
    assert [one.text for one in secrets_in(line)] == [RANDOM, RANDOM[::-1]]


def test_a_key_that_is_written_on_one_line_is_masked_to_the_end() -> None:
    line = '"key": "-----BEGIN ' + f'PRIVATE KEY-----\\nMII{RANDOM}\\n-----END PRIVATE KEY-----"'
    assert masked(line, secrets_in(line)) == f'"key": "{MASK}'


def test_a_password_with_an_at_sign_is_masked_whole() -> None:
    line = f"postgres://eve:{RANDOM}@{RANDOM[::-1]}@db/x"
    assert masked(line, secrets_in(line)) == f"postgres://eve:{MASK}@db/x"


def test_a_secret_within_a_longer_one_leaves_nothing_of_either() -> None:
    line = f"password: {SHAPED['an AWS access key']}-{RANDOM}"
    assert masked(line, secrets_in(line)) == f"password: {MASK}"


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=200))
def test_no_secret_survives_masking(text: str) -> None:
    line = f"{text} password = '{RANDOM}' {text}"
    assert RANDOM not in masked(line, secrets_in(line))


@pytest.mark.parametrize("piece", ["a", "a.", "sk-", "password", "://a:", "eyJ", "eyJaaaaaaaa.", "x=", "token_"])
def test_a_secret_behind_a_million_characters_is_found(piece: str) -> None:
    line = piece * (1_000_000 // len(piece)) + f" PASSWORD '{RANDOM}'"
    assert RANDOM not in masked(line, secrets_in(line))
