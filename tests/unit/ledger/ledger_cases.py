"""Facts for the ledger's tests: one of every kind, and a Hypothesis strategy for any fact."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any, get_args

from hypothesis import strategies as st

from penstock.ledger.facts import (
    BackfillRequested,
    ExpiryIntended,
    Fact,
    FilesRestated,
    LeaseTaken,
    QuestionsAsked,
    RemovalIntended,
    RunStarted,
    VersionsRemoved,
)
from penstock.ledger.landed import write_landed
from penstock.model.sources import LandedFile

KINDS: tuple[type[Any], ...] = get_args(Fact)
AT = "2011-01-04T06:30:00+00:00"

_words = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(["", "prod", "sales.daily", 'it\'s "so"'])
_names = st.sampled_from(["a", "b", "c"])
_by_type: dict[str, st.SearchStrategy[Any]] = {
    "str": _words,
    "int": st.integers(-(2**53), 2**53),
    "bool": st.booleans(),
    "Mapping[str, str]": st.dictionaries(_names, _words, max_size=3),
    "Mapping[str, int]": st.dictionaries(_words, st.integers(0, 2**31), max_size=3),
}
_KEYS = {
    "backfill",
    "pipeline",
    "trigger",
    "run",
    "publish_id",
    "dataset",
    "version",
    "environment",
    "promotion",
    "change",
    "stage",
    "question",
    "key_id",
}


LANDED = LandedFile(
    name="data/größer.csv",
    start="2011-01-01",
    size=12,
    modified=1_700_000_000_000_000_000,
    digest="d",
    rows=1,
    header=("a", "b"),
    dialect={"lines": "LF"},
    forms={"a": "whole number"},
)


def example(kind: type[Any]) -> Fact:
    """A fact of a kind, with a telling value in every field."""
    plain: dict[str, Any] = {"str": "größer 'x'", "int": 7, "bool": True}
    maps: dict[str, Any] = {"Mapping[str, str]": {"b": "2", "a": "1"}, "Mapping[str, int]": {"b": 2, "a": 1}}
    values = {field.name: {**plain, **maps}[str(field.type)] for field in fields(kind)}
    if isinstance(values.get("files"), str):
        values["files"] = write_landed(["2011-01-01"], [LANDED])
    if kind in {BackfillRequested, FilesRestated}:
        values["stale"] = json.dumps([["shop.orders", "v", "2011-01-01", "2011-01-02", "late rows"]])
    if kind is RemovalIntended:
        values["versions"] = json.dumps([["shop.orders", "v", '"_versions"."shop__orders__v"']])
    if kind is VersionsRemoved:
        values |= {"versions": json.dumps([["shop.orders", "v"]]), "left": json.dumps([["shop.orders", "w"]])}
    if kind is ExpiryIntended:
        values["versions"] = json.dumps([["v", '"_versions"."shop__orders__v"', "day"]])
        values["profiles"] = json.dumps([["v", "2011-01-01"]])
    fact: Fact = kind(**values)
    return fact


@st.composite
def facts(draw: st.DrawFn) -> Fact:
    """Any fact; what names things is drawn from few names, so that facts meet."""
    kind = draw(st.sampled_from(KINDS))
    values = {field.name: draw(_names if field.name in _KEYS else _by_type[str(field.type)]) for field in fields(kind)}
    if kind is QuestionsAsked:
        values["paths"] = dict.fromkeys(values["questions"], "owner")
    if isinstance(values.get("files"), str):
        files = [
            replace(LANDED, name=name, start=start) for name, start in draw(st.dictionaries(_names, _names)).items()
        ]
        values["files"] = draw(st.just("") | st.just(write_landed(draw(st.lists(_names)), files)))
    if kind in {BackfillRequested, FilesRestated}:
        values["stale"] = json.dumps(draw(st.lists(st.tuples(_names, _names, _words, _words, _words), max_size=3)))
    if kind is RemovalIntended:
        values["versions"] = json.dumps(draw(st.lists(st.tuples(_names, _names, _words), max_size=3)))
    if kind is VersionsRemoved:
        pairs = st.lists(st.tuples(_names, _names), max_size=3)
        values |= {name: json.dumps(draw(pairs)) for name in ("versions", "left")}
    if kind is ExpiryIntended:
        values["versions"] = json.dumps(draw(st.lists(st.tuples(_names, _words, _words), max_size=3)))
        values["profiles"] = json.dumps(draw(st.lists(st.tuples(_names, _names), max_size=3)))
    fact: Fact = kind(**values)
    return fact


def run_started(name: str) -> RunStarted:
    """A small fact."""
    return RunStarted(run=name, purpose="test", plan="0" * 8, tasks=1)


def with_leases_in_turn(history: list[Fact]) -> list[Fact]:
    """The same facts; each lease is the next one, since no other can be taken."""
    tokens = iter(range(1, len(history) + 1))
    return [
        LeaseTaken(name=fact.name, holder=fact.holder, token=next(tokens)) if isinstance(fact, LeaseTaken) else fact
        for fact in history
    ]
