"""A small project in which e-mail addresses, phone numbers, births and pay go every way a query can send them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock_places import Place

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

KEY = "9f2c4e1b7a6d5038c4b1e0f9a8d7c6b5"
VARIABLE = "PEOPLE_MASKING_KEY"
UNTIL = "2024-03-02"
PEOPLE = (
    "id,email,phone,born,pay\n"
    "1,ann@example.com,+44 7700 900123,1980-02-03,1234\n"
    "2,Zoë@example.org,+44 7700 900124,1991-12-31,2999\n"
    "3,,,,\n"
)
_SETTINGS = f"""\
name: people
warehouse: {{warehouse}}
policy:
  documentation: 0
masking:
  key: {VARIABLE}
"""
_PIPELINE = """\
owner: crm-team
description: Who our customers are.
schedule: manual
start: 2024-03-01
sla: {ready_by: "07:00"}
retries: {attempts: 2}
"""
_SOURCE = """\
format: csv
path: data/people.csv
columns: [id, email, phone, born, pay]
"""
_STAGED = """\
WITH typed AS (
  SELECT CAST(id AS INTEGER) AS id, nullif(email, '') AS email, nullif(phone, '') AS phone,
         CAST(nullif(born, '') AS DATE) AS born, CAST(nullif(pay, '') AS INTEGER) AS pay
  FROM crm.people
)
SELECT id, email, phone, born, pay FROM typed
"""
_MASKED = """\
SELECT id, mask_hash(email) AS person, mask_domain(email) AS host, mask_truncate(phone, 3) AS land,
       mask_date(born, 'year') AS born, mask_bucket(pay, 1000) AS pay, mask_null(email) AS email
FROM crm.staged
"""
_JOINED = """\
SELECT m.id, m.person, mask_hash(s.email) = m.person AS is_same
FROM crm.masked AS m JOIN crm.staged AS s ON mask_hash(s.email) = m.person
"""
_OPEN = """\
WITH ranked AS (
  SELECT s.id, s.email, row_number() OVER (PARTITION BY s.email ORDER BY s.born) AS rank,
         lag(s.phone) OVER (ORDER BY s.id) AS before
  FROM crm.staged AS s JOIN crm.masked AS m ON m.id = s.id
)
SELECT id, rank, before, CASE WHEN id > 1 THEN email ELSE 'nobody' END AS contact, concat('<', email, '>') AS line
FROM ranked
UNION ALL
SELECT id, 0, phone, 'none', 'none' FROM crm.staged WHERE email IS NULL
"""
_COUNTED = "SELECT count(email) AS people, count(DISTINCT phone) AS phones, max(born) AS youngest FROM crm.staged\n"
QUERIES: Mapping[str, str] = {
    "staged": _STAGED,
    "masked": _MASKED,
    "joined": _JOINED,
    "open": _OPEN,
    "counted": _COUNTED,
}
CONTRACTS: Mapping[str, Mapping[str, str]] = {
    "people": {"id": "VARCHAR", "email": "VARCHAR email", "phone": "VARCHAR phone", "born": "VARCHAR birth_date",
               "pay": "VARCHAR personal", "_file": "VARCHAR"},
    "staged": {"id": "INTEGER", "email": "VARCHAR email", "phone": "VARCHAR phone", "born": "DATE birth_date",
               "pay": "INTEGER personal"},
    "masked": {"id": "INTEGER", "person": "VARCHAR pseudonym", "host": "VARCHAR generalised",
               "land": "VARCHAR generalised", "born": "DATE generalised", "pay": "INTEGER generalised",
               "email": "VARCHAR"},
    "joined": {"id": "INTEGER", "person": "VARCHAR pseudonym", "is_same": "BOOLEAN"},
    "open": {"id": "INTEGER", "rank": "BIGINT", "before": "VARCHAR", "contact": "VARCHAR", "line": "VARCHAR"},
    "counted": {"people": "BIGINT", "phones": "BIGINT", "youngest": "DATE"},
}  # fmt: skip


KEPT = "slaProperties:\n  - {property: retention, value: 90, unit: d}\n"


def contract(name: str, columns: Mapping[str, str]) -> str:
    """An ODCS contract; each column's type, with the kind of personal data after it if it is any."""
    lines = [
        "apiVersion: v3.1.0", "kind: DataContract", f"id: crm.{name}", "version: 1.0.0", "status: active",
        "description: {purpose: Who they are.}", "team: {name: me}", "schema:",
        f"  - name: {name}", f"    physicalName: crm.{name}", "    properties:",
    ]  # fmt: skip
    for column, said in columns.items():
        type_, _, kind = said.partition(" ")
        lines += [f"      - name: {column}", f"        physicalType: {type_}"]
        if kind:
            lines += ["        customProperties:", f"          - {{property: personalData, value: {kind}}}"]
    return "\n".join(lines) + "\n"


def people(folder: Path, *, warehouse: str = ".penstock/warehouse.duckdb") -> Place:
    """The project in a folder of its own."""
    place = Place(folder / "people", folder / "keys")
    place.keys.mkdir(parents=True, mode=0o700)
    files = {
        "penstock.yaml": _SETTINGS.format(warehouse=warehouse),
        "data/people.csv": PEOPLE,
        "pipelines/crm/pipeline.yaml": _PIPELINE,
        "pipelines/crm/people.source.yaml": _SOURCE,
    }
    files |= {
        f"pipelines/crm/{name}.sql": f"/* penstock\nmaterialize: table\n*/\n{sql}" for name, sql in QUERIES.items()
    }
    files |= {f"contracts/crm.{name}.odcs.yaml": contract(name, columns) for name, columns in CONTRACTS.items()}
    for path, text in files.items():
        (place.root / path).parent.mkdir(parents=True, exist_ok=True)
        (place.root / path).write_text(text, encoding="utf-8")
    return place


STORY = """\
---
id: CRM-1
title: Whom to write to
kind: change
pipeline: crm
author: {kind: files, directory: CRM-1}
impact:
  crm.mailing: new
acceptance:
  A1: {text: Nobody is there without a number., sql: SELECT id FROM crm.mailing WHERE id IS NULL}
---

# Whom to write to

The people of the newsletter want to know who their readers are.
"""


def story(place: Place, value: str, kind: str, email: str = "made.up@example.com") -> None:
    """A story whose files make `crm.mailing` with a column `reader`, tagged as `kind`, and a data test about it."""
    query = f"SELECT id, {value} AS reader FROM crm.staged"
    test = f"""\
dataset: crm.mailing
cases:
  - name: one reader
    given:
      crm.staged:
        - {{id: 1, email: {email}}}
    expect:
      - {{id: 1}}
"""
    files = {
        "CRM-1.md": STORY,
        "CRM-1/pipelines/crm/mailing.sql": f"/* penstock\nmaterialize: table\n*/\n{query}\n",
        "CRM-1/contracts/crm.mailing.odcs.yaml": contract("mailing", {"id": "INTEGER", "reader": f"VARCHAR {kind}"})
        + KEPT,
        "CRM-1/tests/crm.mailing.test.yaml": test,
    }
    for path, text in files.items():
        (place.root / "stories" / path).parent.mkdir(parents=True, exist_ok=True)
        (place.root / "stories" / path).write_text(text, encoding="utf-8")
