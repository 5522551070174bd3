"""The tables made of `ledger/facts/versions.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.ledger.facts.versions import VersionDefined, VersionDescribed, VersionHeld
from penstock.ledger.operations import Drop, as_json, put

if TYPE_CHECKING:
    from penstock.ledger.journal import Entry
    from penstock.ledger.operations import Folds, Operation, Tables

TABLES: Tables = {
    "versions": (
        ("dataset", "version"),
        ("relation", "materialization", "meanings", "own", "query", "described", "reads", "grain", "held",
         "cut_by", "defined_at"),
    ),
}  # fmt: skip


def _version_defined(fact: VersionDefined, entry: Entry) -> tuple[Operation, ...]:
    return (
        Drop(table="removals", equal={"dataset": fact.dataset, "version": fact.version}),
        put(
            "versions",
            dataset=fact.dataset,
            version=fact.version,
            relation=fact.relation,
            materialization=fact.materialization,
            meanings=as_json(fact.meanings),
            own=fact.own,
            query=fact.query,
            described=fact.described,
            reads=as_json(fact.reads),
            grain=fact.grain,
            held=fact.held,
            cut_by=fact.cut_by,
            defined_at=entry.at,
        ),
    )


def _version_described(fact: VersionDescribed, _entry: Entry) -> tuple[Operation, ...]:
    return (put("versions", dataset=fact.dataset, version=fact.version, described=fact.described),)


def _version_held(fact: VersionHeld, _entry: Entry) -> tuple[Operation, ...]:
    return (put("versions", dataset=fact.dataset, version=fact.version, held=fact.held),)


FOLDS: Folds = {
    VersionDefined: _version_defined,
    VersionDescribed: _version_described,
    VersionHeld: _version_held,
}
