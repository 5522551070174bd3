"""A project in which every kind of secret is really used, and the search for them in all that it leaves behind.

Each secret is looked for as it is, as Base64 however it was cut, as in URLs, and with all white space taken out.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

import psycopg
from click.testing import CliRunner
from small_shop import git

from penstock.cli.answers import BUG
from penstock.cli.main import penstock

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

AUTHOR, APPROVER = "ana", "rosa"
READER, WRITER = "canary_reader", "canary_writer"
SECRETS = {
    "reader": "canary-4711/ü reads",
    "writer": "canary-0815+ä writes",
    "token": "canary-token-first-line-9f2e\ncanary-token-second-line-77ab",
    "masking": "canary-masking-key-3f9a1c77de52b8406e1d",
    "passphrase": "canary-passphrase-58c1e0",
    "wrong": "canary-wrong-password-61d4",
}
SETTINGS = "name: vault\nmasking: {key: VAULT_MASKING}\npolicy: {approvals: 1, documentation: 0}\n"
PIPELINE = """\
owner: us
description: Orders and who made them.
schedule: "@daily"
start: 2024-01-01
end: 2024-01-04
sla: {ready_by: "07:00"}
retries: {attempts: 2}
"""
ORDERS = """\
description: Orders as the shop keeps them.
format: database
engine: postgres
connection: VAULT_DATABASE
table: public.orders
columns: {id: BIGINT, email: VARCHAR}
"""
PEOPLE = "/* penstock\nmaterialize: table\n*/\nSELECT id, mask_hash(email) AS person FROM shop.orders\n"
SAYING = '''\
import base64
import os
import sys
from urllib.parse import quote

import duckdb
from penstock import task


@task(reads={{"people": "shop.people"}}, materialize="table", secrets=("VAULT_TOKEN",))
def {name}(people: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Says its secret in every way there is."""
    token = os.environ["VAULT_TOKEN"]
    encoded = base64.b64encode(token.encode()).decode()
    ways = (token, encoded, quote(token), f"shop://u:{{quote(token, safe='')}}@host/db")
    for way in ways:
        print("said", way)
        print("said", way, file=sys.stderr)
    for letter in token:
        sys.stdout.write(letter)
        sys.stdout.flush()
    {ending}
'''
EXPORT = """\
dataset: shop.people
environment: dev
format: postgres
connection: VAULT_REPORTS
table: shared.people
key: [id]
"""
STORY = """\
---
id: VAULT-1
title: How many there are
kind: change
pipeline: shop
author: {kind: files, directory: VAULT-1}
impact:
  shop.many: new
observe_intervals: 1
---

# How many there are

We want to know it.
"""
MANY = """\
/* penstock
description: How many people there are, whoever they are.
materialize: table
*/
SELECT count(*) AS people, count(*) FILTER (t.said IS NOT NULL) AS said
FROM shop.people AS p LEFT JOIN shop.tells AS t ON p.id = t.id
"""
CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: shop.many
name: shop.many
version: 1.0.0
status: active
description: {purpose: How many people there are.}
team: {name: us}
schema:
  - name: many
    physicalName: shop.many
    logicalType: object
    properties:
      - {name: people, description: All., logicalType: integer, physicalType: BIGINT, required: true}
      - {name: said, description: Of whom it was said., logicalType: integer, physicalType: BIGINT, required: true}
"""
FILES = {
    "penstock.yaml": SETTINGS,
    "pipelines/shop/pipeline.yaml": PIPELINE,
    "pipelines/shop/orders.source.yaml": ORDERS,
    "pipelines/shop/people.sql": PEOPLE,
    "pipelines/shop/tells.py": SAYING.format(name="tells", ending="return people.project(\"id, 'yes' AS said\")"),
    "pipelines/shop/reports.export.yaml": EXPORT,
    "stories/VAULT-1.md": STORY,
    "stories/VAULT-1/pipelines/shop/many.sql": MANY,
    "stories/VAULT-1/contracts/shop.many.odcs.yaml": CONTRACT,
    ".gitignore": ".penstock/\n",
}
BROKEN = {"pipelines/shop/breaks.py": SAYING.format(name="breaks", ending='raise ConnectionError(f"no way to {ways}")')}


@dataclass(slots=True)
class Vault:
    """The project, its environment, and every text that its commands printed."""

    root: Path
    environment: dict[str, str]
    printed: list[str] = field(default_factory=list)

    def penstock(self, *arguments: str, exits: int | None = 0, **changed: str) -> str:
        """A command in this process; what it printed is kept for the search. `exits` None: any but a bug's."""
        environment = {**self.environment, **changed}
        with contextlib.chdir(self.root):
            done = CliRunner().invoke(penstock, list(arguments), env=environment, catch_exceptions=False)
        self.printed.append(f"$ {' '.join(arguments)}\n{done.stdout}{done.stderr}")
        assert done.exit_code == exits or (exits is None and done.exit_code != BUG), self.printed[-1]
        return done.stdout + done.stderr

    def write(self, files: Mapping[str, str]) -> None:
        for path, text in files.items():
            target = self.root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")


def make_vault(folder: Path, server: str) -> Vault:
    """The project before its first run; `server` is the address of a Postgres that its owner reaches."""
    where = server.partition("@")[2].partition("/")[0]
    _database(server)
    environment = {
        "VAULT_DATABASE": f"postgresql://{READER}:{quote(SECRETS['reader'], safe='')}@{where}/vault",
        "VAULT_REPORTS": f"postgresql://{WRITER}:{quote(SECRETS['writer'], safe='')}@{where}/vault",
        "VAULT_TOKEN": SECRETS["token"],
        "VAULT_MASKING": SECRETS["masking"],
        "PENSTOCK_PASSPHRASE": SECRETS["passphrase"],
        "PENSTOCK_KEYS": str(folder / "keys"),
        "HOME": str(folder),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
    }
    vault = Vault(folder / "vault", environment)
    vault.write(FILES)
    git(vault.root, "init", "--quiet", "--initial-branch", "main", ".")
    for name, value in (("user.name", "Vault"), ("user.email", "vault@example.org")):
        git(vault.root, "config", name, value)
    for name, role in ((AUTHOR, "author"), (APPROVER, "approver")):
        vault.penstock("key", "new", name, "--role", role)
    git(vault.root, "add", "--all")
    git(vault.root, "commit", "--quiet", "--message", "start")
    return vault


def _database(server: str) -> None:
    with psycopg.connect(server, autocommit=True) as owner:
        owner.execute("DROP DATABASE IF EXISTS vault WITH (FORCE)")
        owner.execute("CREATE DATABASE vault")
        for role, secret in ((READER, SECRETS["reader"]), (WRITER, SECRETS["writer"])):
            owner.execute(f"DROP ROLE IF EXISTS {role}".encode())
            owner.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{secret}'".encode())
    with psycopg.connect(server.rpartition("/")[0] + "/vault", autocommit=True) as owner:
        owner.execute("CREATE TABLE orders AS SELECT i::bigint AS id, i || '@example.org' AS email FROM range(9) AS i"
                      .replace("range(9)", "generate_series(1, 9)").encode())  # fmt: skip
        owner.execute(f"GRANT SELECT ON orders TO {READER}".encode())
        owner.execute(f"GRANT CREATE ON DATABASE vault TO {WRITER}".encode())


# --- the search


def forms(secret: str) -> dict[str, bytes]:
    """The ways in which a secret could stand somewhere, by name."""
    found = {}
    for number, part in enumerate({secret, *secret.splitlines()}):
        data = part.encode()
        found[f"plain {number}"] = data
        found[f"in JSON {number}"] = json.dumps(part)[1:-1].encode()
        for way, name in ((quote(part), "URL"), (quote(part, safe=""), "URL, all of it"), (quote_plus(part), "form")):
            found[f"{name} {number}"] = way.encode()
        for before in range(3):
            first, last = (before * 8 + 5) // 6, (before + len(data)) * 8 // 6
            encoded = base64.b64encode(b"\0" * before + data)[first:last]
            found[f"Base64 {number} from {before}"] = encoded
            found[f"URL-safe Base64 {number} from {before}"] = encoded.translate(bytes.maketrans(b"+/", b"-_"))
    return found


def hits(places: Mapping[str, bytes]) -> list[str]:
    """Where which secret was found, and how it was written."""
    found = []
    wanted = {(name, way): form for name, secret in SECRETS.items() for way, form in forms(secret).items()}
    for place, data in places.items():
        tight = re.sub(rb"\s", b"", data)
        for (name, way), form in wanted.items():
            if form in data or re.sub(rb"\s", b"", form) in tight:
                found.append(f"{name} ({way}) in {place}")
    return found


def remains(vault: Vault) -> dict[str, bytes]:
    """All that the project left: files of every kind, objects of git, and what was printed."""
    places = {str(path): path.read_bytes() for path in _files(vault.root)}
    places |= {f"printed by {text.partition(chr(10))[0]}": text.encode() for text in vault.printed}
    return places | dict(_objects(vault.root))


def _files(root: Path) -> Iterator[Path]:
    yield from (path for path in sorted(root.rglob("*")) if path.is_file() and not path.is_symlink())


def _objects(root: Path) -> Iterator[tuple[str, bytes]]:
    asked = ["git", "-C", str(root), "cat-file", "--batch-all-objects", "--batch"]
    yield "git's objects", subprocess.run(asked, capture_output=True, check=True).stdout
