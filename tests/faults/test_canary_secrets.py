"""Secrets that pipelines really use are found in nothing they leave: ledger, logs, evidence, output, emitted code."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING
from urllib.parse import quote

import psycopg
import pytest
from canaries import APPROVER, AUTHOR, BROKEN, READER, SECRETS, WRITER, Vault, hits, make_vault, remains
from small_shop import git

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytest_plugins = ("postgres_server",)
pytestmark = [pytest.mark.fault, pytest.mark.slow, pytest.mark.xdist_group("postgres")]


@pytest.fixture
def vault(postgres: str, tmp_path: Path) -> Iterator[Vault]:
    yield make_vault(tmp_path, postgres)
    with psycopg.connect(postgres, autocommit=True) as owner:
        owner.execute("DROP DATABASE vault WITH (FORCE)")


def test_no_secret_is_left_anywhere(vault: Vault, postgres: str) -> None:
    work(vault)
    fail(vault)
    deliver(vault)
    look(vault)
    assert_used(vault, postgres)
    assert hits(remains(vault)) == []


@pytest.mark.parametrize("role", ["ledger", "warehouse"])
def test_a_server_that_refuses_us_has_its_address_repeated_nowhere(role: str, postgres: str, tmp_path: Path) -> None:
    where = postgres.partition("@")[2].partition("/")[0]
    secret = quote(SECRETS["wrong"], safe="")
    addresses = {
        "wrong password": f"postgresql://{READER}:{secret}@{where}/vault",
        "no such server": f"postgresql://{READER}:{secret}@127.0.0.1:1/vault?sslpassword={secret}",
        "no address": f"host=127.0.0.1 port=x password={SECRETS['wrong']}",
        "an @ that nobody escaped": f"postgresql://{READER}:x@{SECRETS['wrong']}@{where}/vault",
        "a / that nobody escaped": f"postgresql://{READER}:x/{SECRETS['wrong']}@{where}/vault",
        "an odd address": f"postgresql://{READER}:{secret}@[{SECRETS['wrong']}]:99999999/{secret}",
    }
    for number, (what, address) in enumerate(addresses.items()):
        place = Vault(tmp_path / str(number), {"HOME": str(tmp_path)})
        place.write({"penstock.yaml": f"name: vault\n{role}: postgres\n"})
        place.write({"pipelines/p/pipeline.yaml": "owner: us\nschedule: manual\nstart: 2024-01-01\n"})
        place.write({"pipelines/p/one.sql": "/* penstock\nmaterialize: table\n*/\nSELECT 1 AS one\n"})
        place.environment[f"PENSTOCK_{role.upper()}"] = address
        assert "error" in place.penstock("run", exits=None), what
        assert '"ok": false' in place.penstock("run", "--json", exits=None), what
        place.penstock("doctor", exits=None)
        git(place.root, "init", "--quiet", ".")
        assert hits(remains(place)) == []


def work(vault: Vault) -> None:
    """Everything goes well: a database is read, values are hashed, a task says its secret, a table is exported."""
    vault.penstock("check")
    vault.penstock("run", "--until", "2024-01-03")
    vault.penstock("export")


def fail(vault: Vault) -> None:
    """Drivers and tasks repeat what they were given in their errors."""
    address = vault.environment["VAULT_DATABASE"]
    for odd in (f"shop at {SECRETS['wrong']}", f"mysql://u:{SECRETS['wrong']}@host/db"):
        vault.penstock("run", "shop.orders", "--env", "odd", exits=None, VAULT_DATABASE=odd)
    user, _, rest = address.partition("@")
    wrong = f"{user.rpartition(':')[0]}:{SECRETS['wrong']}@{rest}"
    vault.penstock("run", "shop.orders", "--until", "2024-01-04", "--env", "other", exits=3, VAULT_DATABASE=wrong)
    nowhere = address.rpartition("/")[0] + f"/{SECRETS['reader'][:6]}"
    vault.penstock("run", "--until", "2024-01-04", "--env", "another", "--json", exits=3, VAULT_DATABASE=nowhere)
    vault.penstock("export", "--json", exits=3, VAULT_REPORTS=wrong.replace(READER, WRITER))
    vault.write(BROKEN)
    vault.penstock("run", "shop.breaks", "--until", "2024-01-03", exits=3)
    vault.penstock("run", "shop.breaks", "--until", "2024-01-03", "--json", exits=3)
    for path in BROKEN:
        (vault.root / path).unlink()


def deliver(vault: Vault) -> None:
    """A change goes all the way to production and its evidence out of the house."""
    vault.penstock("deliver", "stories/VAULT-1.md", "--as", AUTHOR, "--until", "2024-01-03", exits=4)
    vault.penstock("change", "approve", "VAULT-1", "--as", APPROVER)
    vault.penstock("change", "resume", "VAULT-1", "--until", "2024-01-04")
    vault.penstock("change", "export", "VAULT-1", "--to", "vault-1.jsonl")


def look(vault: Vault) -> None:
    """Every door that tells of what was done."""
    runs = json.loads(vault.penstock("runs", "--json"))["result"]["runs"]
    assert len(runs) > 5
    for run in runs:
        vault.penstock("logs", str(run["run"]))
        vault.penstock("runs", str(run["run"]), "--json")
    for words in ("runs", "doctor", "change show VAULT-1", "change list", "plan --env dev"):
        vault.penstock(*words.split())
        vault.penstock(*words.split(), "--json")
    vault.penstock("emit", "crontab")
    vault.penstock("explain", "shop.people")


def assert_used(vault: Vault, postgres: str) -> None:
    """A search for what was never used finds nothing, and proves nothing."""
    with psycopg.connect(postgres.rpartition("/")[0] + "/vault") as owner:
        rows = owner.execute("SELECT person, tableowner FROM shared.people, pg_tables WHERE tablename = 'people'")
        assert {(len(person), who) for person, who in rows.fetchall()} == {(64, "canary_writer")}
    logs = b"".join(path.read_bytes() for path in (vault.root / ".penstock" / "logs").rglob("*") if path.is_file())
    assert logs.count(b"***") >= 8
    assert b"said" in logs
    keys = (vault.root.parent / "keys" / f"{AUTHOR}.pem").read_text()
    assert "ENCRYPTED" in keys
    said = "\n".join(vault.printed)
    assert "password authentication failed" in said
    assert "no way to" in said
    assert git(vault.root, "log", "--oneline").count("VAULT-1") >= 5


@pytest.mark.parametrize("name", SECRETS)
def test_the_search_finds_a_secret_however_it_is_written(name: str) -> None:
    secret = SECRETS[name]
    encoded = base64.b64encode(f"x{secret}".encode()).decode()
    ways = (
        secret,
        encoded,
        encoded[:9] + "\n" + encoded[9:],
        "\n ".join(secret[at : at + 5] for at in range(0, 60, 5)),
    )
    for way in ways:
        assert any(hit.startswith(name) for hit in hits({"somewhere": f"before {way} after".encode()})), way
    assert hits({"somewhere": b"nothing of that kind"}) == []
