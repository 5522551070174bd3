"""The chain over facts: each entry holds the one before; every fact has a wire form, a way back and a fold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger_cases import AT, KINDS, example, facts, run_started

from penstock.ledger.facts import AttemptFailed, Fact, LeaseTaken
from penstock.ledger.journal import (
    GENESIS,
    Entry,
    LedgerDamagedError,
    chain_hash,
    decode,
    encode,
    link,
    refused,
    verify,
)
from penstock.ledger.operations import Put
from penstock.ledger.state import TABLES, fold


def _chain(*given_facts: Fact) -> list[Entry]:
    entries: list[Entry] = []
    for fact in given_facts:
        entries.append(link(len(entries) + 1, AT, fact, entries[-1].hash if entries else GENESIS))
    return entries


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_fact_reads_back_as_it_was_written(kind: type[Any]) -> None:
    fact = example(kind)
    assert decode(*encode(fact)) == fact


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_fact_changes_the_state(kind: type[Any]) -> None:
    operations = fold(link(1, AT, example(kind), GENESIS))
    assert operations
    for operation in operations:
        keys, others = TABLES[operation.table]
        named = operation.values if isinstance(operation, Put) else operation.equal
        assert set(named) <= {*keys, *others}
        if isinstance(operation, Put):
            assert set(keys) <= set(named)


@given(facts())
def test_folding_a_fact_just_made_is_folding_it_read_back(fact: Fact) -> None:
    entry = link(1, AT, fact, GENESIS)
    assert fold(entry, fact) == fold(entry)


def test_what_the_wire_altered_is_folded_as_it_reads_back() -> None:
    fact = AttemptFailed(publish_id="p", attempt=1, code="x", message="bad \udc80 byte", transient=False)
    entry = link(1, AT, fact, GENESIS)
    (put,) = fold(entry, fact)
    assert isinstance(put, Put)
    assert put.values["message"] == "bad ? byte"


@given(facts())
def test_any_fact_reads_back_as_it_was_written(fact: Fact) -> None:
    kind, body = encode(fact)
    assert decode(kind, body) == fact
    assert encode(decode(kind, body)) == (kind, body)


def test_the_wire_form_does_not_depend_on_the_order_of_a_map() -> None:
    kinds = [kind for kind in KINDS if kind.__name__ == "GatesJudged"]
    one, other = ({"a": "1", "b": "2"}, {"b": "2", "a": "1"})
    made = [kinds[0](change="C", stage="review", outcomes=outcomes) for outcomes in (one, other)]
    assert encode(made[0]) == encode(made[1])


def test_half_a_surrogate_pair_is_recorded_as_a_question_mark() -> None:
    """A task's error message may hold one; UTF-8, and so the chain and the store, cannot."""
    fact = AttemptFailed(publish_id="p", attempt=1, code="x", message="bad \udc80 byte", transient=False)
    entry = link(1, AT, fact, GENESIS)
    assert entry.fact == replace(fact, message="bad ? byte")


@pytest.mark.parametrize(
    ("kind", "body"),
    [("Teleported", "{}"), ("RunFinished", "{}"), ("RunFinished", "not json"), ("RunFinished", "[]")],
)
def test_a_fact_that_this_penstock_cannot_read_is_refused(kind: str, body: str) -> None:
    with pytest.raises(LedgerDamagedError) as caught:
        decode(kind, body)
    assert caught.value.findings[0].code == "ledger.unknown_fact"


def test_a_whole_chain_has_no_findings() -> None:
    assert verify(iter(_chain(*(run_started(name) for name in "abc")))) == ()
    assert verify(iter(())) == ()


@pytest.mark.parametrize("field", ["seq", "at", "kind", "body", "previous", "hash"])
@pytest.mark.parametrize("position", [0, 1, 2])
def test_any_field_altered_breaks_the_chain(field: str, position: int) -> None:
    entries = _chain(*(run_started(name) for name in "abc"))
    old = getattr(entries[position], field)
    altered = old + 1 if field == "seq" else old[:-1] + ("0" if old[-1] != "0" else "1")
    entries[position] = replace(entries[position], **{field: altered})
    (finding,) = verify(iter(entries))
    assert finding.code == "ledger.chain_broken"


@pytest.mark.parametrize("damage", ["removed", "first removed", "swapped", "repeated"])
def test_entries_removed_swapped_or_repeated_break_the_chain(damage: str) -> None:
    a, b, c = _chain(*(run_started(name) for name in "abc"))
    orders = {"removed": [a, c], "first removed": [b, c], "swapped": [b, a, c], "repeated": [a, b, b, c]}
    (finding,) = verify(iter(orders[damage]))
    assert finding.code == "ledger.chain_broken"


def test_a_chain_that_does_not_begin_with_one_is_broken() -> None:
    """As when the journal was cut at its beginning and what is left chained anew."""
    (finding,) = verify(iter([link(2, AT, run_started("a"), GENESIS)]))
    assert finding.code == "ledger.chain_broken"


def test_a_chain_may_be_verified_from_any_entry_that_is_known() -> None:
    a, b, c = _chain(*(run_started(name) for name in "abc"))
    assert verify([b, c], seq=a.seq, previous=a.hash) == ()
    (finding,) = verify([c], seq=a.seq, previous=a.hash)
    assert finding.code == "ledger.chain_broken"
    (finding,) = verify([b, c], seq=a.seq, previous=GENESIS)
    assert finding.code == "ledger.chain_broken"


def test_a_lease_is_taken_only_as_the_next_one() -> None:
    def lease(token: int) -> LeaseTaken:
        return LeaseTaken(name="executor", holder="one", token=token)

    assert refused([lease(1)], None, None) is None
    assert refused([lease(1), lease(2)], None, None) is None
    assert refused([run_started("a")], 2, 2) is None
    assert refused([lease(2)], None, None) is not None
    assert refused([lease(1)], None, 1) is not None
    assert refused([lease(3), lease(3)], None, 2) is not None
    assert refused([run_started("a")], 1, 2) is not None


def test_a_rewritten_entry_with_a_fresh_hash_breaks_the_next_link() -> None:
    a, b, c = _chain(*(run_started(name) for name in "abc"))
    body = b.body.replace('"b"', '"x"')
    forged = replace(b, body=body, hash=chain_hash(b.seq, b.at, b.kind, body, b.previous))
    (finding,) = verify(iter([a, forged, c]))
    assert "entry 3" in finding.message


@given(st.lists(st.text(max_size=5), min_size=5, max_size=5), st.lists(st.text(max_size=5), min_size=5, max_size=5))
def test_different_entries_have_different_hashes(one: list[str], other: list[str]) -> None:
    """Also where a field's end moves into the next: each is hashed with its length."""
    first, second = (chain_hash(1, *parts[:4]) for parts in (one, other))
    assert (first == second) == (one[:4] == other[:4])
    assert chain_hash(1, "ab", "c", "", "") != chain_hash(1, "a", "bc", "", "")
