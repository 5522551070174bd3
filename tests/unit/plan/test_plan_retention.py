"""Which versions may go: none that anything names, by random ledgers; and every reason to stay, one by one."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.plan.retention import Named, Need, judge
from penstock.plan.versions import relation_of

DATASETS, FINGERPRINTS = ("s.a", "s.b", "s.c"), ("1", "2", "3")
KEYS = [(dataset, version) for dataset in DATASETS for version in FINGERPRINTS]
OLD, BEFORE, NEW = "2024-01-01", "2024-01-05", "2024-01-09"
A1, A2, B1 = ("s.a", "1"), ("s.a", "2"), ("s.b", "1")
FREE_STATES = ("done", "rejected", "rolled_back", "abandoned")
STATES = ("working", "waiting", "refused", "rolling_back", *FREE_STATES)

_keys = st.sampled_from(KEYS)
_mappings = st.dictionaries(st.sampled_from(DATASETS), st.sampled_from(FINGERPRINTS))
_moments = st.sampled_from([OLD, OLD, OLD, NEW])
_relations = st.sampled_from([relation_of(*key) for key in KEYS])


def _version(key: tuple[str, str], at: str = OLD) -> dict[str, Any]:
    return {"dataset": key[0], "version": key[1], "relation": relation_of(*key), "defined_at": at}


def _row(key: tuple[str, str], **more: Any) -> dict[str, Any]:
    return {"dataset": key[0], "version": key[1], **more}


def _promotion(name: str, mapping: dict[str, str], previous: dict[str, str], **more: Any) -> dict[str, Any]:
    row = {"promotion": name, "environment": "dev", "state": "promoted", "at": OLD, **more}
    return {**row, "mapping": json.dumps(mapping), "previous": json.dumps(previous)}


def _change(state: str, promotion: str | None, previous: dict[str, str] | None) -> dict[str, Any]:
    told = None if previous is None else json.dumps(previous)
    return {"change": "C", "state": state, "promotion": promotion, "previous": told}


@st.composite
def _ledgers(draw: st.DrawFn) -> Named:
    """Any ledger: also one that contradicts itself."""
    promotions = [
        _promotion(
            f"p{number}", draw(_mappings), draw(_mappings), state=draw(st.sampled_from(["promoted", "intended"]))
        )
        for number in range(draw(st.integers(0, 4)))
    ]
    names = st.sampled_from([row["promotion"] for row in promotions] or ["p"])
    changes = [
        _change(draw(st.sampled_from(STATES)), draw(st.none() | names), draw(st.none() | _mappings))
        for _ in range(draw(st.integers(0, 2)))
    ]
    few = st.lists(_keys, max_size=2)
    return Named(
        versions=[_version(key, draw(_moments)) for key in KEYS],
        environments=[_row(key, environment="dev", promotion=draw(names)) for key in draw(few)],
        promotions=promotions,
        changes=changes,
        unfinished=[_row(key) for key in draw(few)],
        unknown=[_row(key) for key in draw(few)],
        files=frozenset(draw(few)),
        branches=frozenset(draw(few)),
        reads=draw(st.dictionaries(_relations, st.lists(_relations, max_size=2).map(tuple), max_size=3)),
    )


@given(_ledgers(), st.dictionaries(_keys, _moments))
def test_nothing_goes_that_anything_names(named: Named, worked_on: dict[tuple[str, str], str]) -> None:
    judged = judge(named, lambda key: [worked_on[key]] if key in worked_on else [], BEFORE)
    assert [(each.version.dataset, each.version.fingerprint) for each in judged] == KEYS
    going = {(each.version.dataset, each.version.fingerprint) for each in judged if not each.needs}

    named_by = {
        "environment": [(row["dataset"], row["version"]) for row in named.environments],
        "open run": [(row["dataset"], row["version"]) for row in (*named.unfinished, *named.unknown)],
        "files": [*named.files, *named.branches],
        "recent": [key for key, at in worked_on.items() if at == NEW],
    }
    for what, keys in named_by.items():
        assert not going & set(keys), what
    by_name = {row["promotion"]: row for row in named.promotions}
    for row in named.promotions:
        if row["state"] == "intended":
            assert not going & {*json.loads(row["mapping"]).items(), *json.loads(row["previous"]).items()}
    for row in named.environments:
        if row["promotion"] in by_name:
            assert not going & set(json.loads(by_name[row["promotion"]]["previous"]).items())
    for row in named.changes:
        if row["state"] not in FREE_STATES:
            promoted = by_name.get(row["promotion"], {}).get("mapping", "{}")
            assert not going & {*json.loads(promoted).items(), *json.loads(row["previous"] or "{}").items()}
    gone = {relation_of(*key) for key in going}
    for view, read in named.reads.items():
        assert view in gone or not gone & set(read)


def _needs(named: Named, *moments: str) -> dict[tuple[str, str], tuple[Need, ...]]:
    judged = judge(named, lambda _key: moments, BEFORE)
    return {(each.version.dataset, each.version.fingerprint): each.needs for each in judged}


PLAIN = Named(versions=[_version(A1), _version(A2), _version(B1)])


def test_what_nothing_names_goes() -> None:
    assert _needs(PLAIN) == {A1: (), A2: (), B1: ()}


@pytest.mark.parametrize(
    ("named", "need"),
    [
        (replace(PLAIN, environments=[_row(A1, environment="dev", promotion="p")]), Need.SHOWN),
        (replace(PLAIN, files=frozenset({A1})), Need.PROJECT),
        (replace(PLAIN, branches=frozenset({A1})), Need.CHANGE),
        (replace(PLAIN, changes=[_change("waiting", None, {"s.a": "1"})]), Need.CHANGE),
        (replace(PLAIN, unfinished=[_row(A1)]), Need.UNFINISHED),
        (replace(PLAIN, unknown=[_row(A1)]), Need.UNKNOWN),
        (replace(PLAIN, promotions=[_promotion("p", {"s.a": "1"}, {}, state="intended")]), Need.UNKNOWN),
        (replace(PLAIN, versions=[_version(A1, NEW), _version(A2), _version(B1)]), Need.RECENT),
        (replace(PLAIN, promotions=[_promotion("p", {"s.z": "1"}, {"s.a": "1"}, at=NEW)]), Need.RECENT),
        (replace(PLAIN, reads={"own.view": (relation_of(*A1),)}), Need.READ),
    ],
)
def test_a_reason_keeps_what_it_names_and_no_more(named: Named, need: Need) -> None:
    assert _needs(named) == {A1: (need,), A2: (), B1: ()}


def test_what_was_shown_before_the_newest_promotion_stays_and_what_was_before_that_goes() -> None:
    promotions = [_promotion("p1", {"s.a": "1"}, {}), _promotion("p2", {"s.a": "2"}, {"s.a": "1"})]
    shown = [_row(("s.a", "3"), environment="dev", promotion="p3")]
    named = replace(PLAIN, environments=shown, promotions=[*promotions, _promotion("p3", {"s.a": "3"}, {"s.a": "2"})])
    assert _needs(named) == {A1: (), A2: (Need.ROLLBACK,), B1: ()}


def test_a_change_that_is_done_keeps_its_way_back_until_a_later_one_moves_what_it_moved() -> None:
    done = replace(
        PLAIN,
        promotions=[_promotion("p1", {"s.a": "2", "s.b": "1"}, {"s.a": "1", "s.b": "1"}, environment="prod")],
        changes=[_change("done", "p1", {"s.a": "1", "s.b": "1"})],
        environments=[_row(A2, environment="prod", promotion="other"), _row(B1, environment="prod", promotion="other")],
    )
    assert _needs(done)[A1] == (Need.ROLLBACK,)
    moved = replace(done, environments=[_row(("s.a", "3"), environment="prod", promotion="other")])
    assert _needs(moved)[A1] == ()


def test_views_over_views_keep_what_is_at_their_bottom() -> None:
    over = ("s.c", "1")
    named = replace(
        PLAIN,
        versions=[*PLAIN.versions, _version(over)],
        environments=[_row(over, environment="dev", promotion="p")],
        reads={relation_of(*over): (relation_of(*B1),), relation_of(*B1): (relation_of(*A1),)},
    )
    assert _needs(named) == {A1: (Need.READ,), A2: (), B1: (Need.READ,), over: (Need.SHOWN,)}


def test_a_view_that_goes_keeps_nothing() -> None:
    assert _needs(replace(PLAIN, reads={relation_of(*B1): (relation_of(*A1),)})) == {A1: (), A2: (), B1: ()}


def test_work_on_a_version_is_use_of_it() -> None:
    assert set(_needs(PLAIN, OLD, NEW).values()) == {(Need.RECENT,)}


def test_what_only_a_change_that_came_to_nothing_has_built_goes_without_waiting() -> None:
    named = Named(versions=[_version(A1, NEW), _version(A2, NEW)], discarded=frozenset({A1}))
    first, second = judge(named, lambda _key: (), BEFORE)
    assert (first.version.fingerprint, first.needs) == (A1[1], ())
    assert (second.version.fingerprint, second.needs) == (A2[1], (Need.RECENT,))


def test_what_something_else_needs_stays_though_its_change_came_to_nothing() -> None:
    named = Named(versions=[_version(A1, NEW)], branches=frozenset({A1}), discarded=frozenset({A1}))
    assert judge(named, lambda _key: (), BEFORE)[0].needs == (Need.CHANGE,)
