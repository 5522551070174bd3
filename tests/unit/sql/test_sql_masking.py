"""Masking functions in a query: found, held to how they are called, and written in words that databases share."""

from __future__ import annotations

import pytest

from penstock.sql.fingerprint import digest
from penstock.sql.masking import in_plain_words, masking_findings, masks_in
from penstock.sql.masking_functions import FUNCTIONS
from penstock.sql.plain import is_plain
from penstock.sql.syntax import read, tree_of
from penstock.sql.transpiling import to_postgres

WELL_CALLED = (
    "mask_hash(email)", "MASK_HASH(lower(email))", "mask_truncate(phone, 3)", "mask_bucket(pay, 1000)",
    "mask_bucket(share, 0.05)", "mask_date(born, 'year')", "mask_domain(email)", "mask_null(email)",
)  # fmt: skip
BADLY_CALLED = (
    "mask_hash()", "mask_hash(email, 'key')", "mask_hsh(email)", "mask_truncate(phone)", "mask_truncate(phone, n)",
    "mask_truncate(phone, 0)", "mask_truncate(phone, 1.5)", "mask_truncate(phone, '3')", "mask_bucket(pay, 0)",
    "mask_bucket(pay, width)", "mask_date(born, 'day')", "mask_date(born, 1)", "mask_date(born, unit)",
)  # fmt: skip


@pytest.mark.parametrize("call", WELL_CALLED)
def test_a_good_call_is_found_and_nothing_is_said(call: str) -> None:
    text = f"SELECT {call} AS x FROM crm.people"
    assert masking_findings(text) == ()
    assert masks_in(text) == (call.partition("(")[0].lower(),)


@pytest.mark.parametrize("call", BADLY_CALLED)
def test_a_call_that_does_not_say_what_is_left_is_refused_where_it_stands(call: str) -> None:
    (finding,) = masking_findings(f"SELECT id,\n  {call} AS x FROM crm.people")
    assert (finding.code, finding.place.line) == ("sql.masking", 2)


def test_every_mistake_is_said_at_once() -> None:
    findings = masking_findings("SELECT mask_hash(a, b) AS x, mask_nul(c) AS y FROM crm.people")
    assert [finding.found for finding in findings] == ["mask_hash with 2 argument(s)", "mask_nul with 1 argument(s)"]
    assert all(masking.call in str(findings[1].expected) for masking in FUNCTIONS.values())


def test_text_that_only_speaks_of_masking_masks_nothing() -> None:
    text = "SELECT 'mask_hash(x)' AS mask_hash, mask_truncate FROM crm.people -- mask_null(x)"
    assert (masks_in(text), masking_findings(text)) == ((), ())


def test_in_plain_words_arguments_keep_together() -> None:
    tree = in_plain_words(tree_of("SELECT mask_bucket(a - b, 10) * 2 AS x FROM crm.people").copy())
    assert tree.sql(dialect="duckdb") == "SELECT ((a - b) - (((a - b) % 10) + 10) % 10) * 2 AS x FROM crm.people"


def test_postgres_is_asked_for_a_hash_by_the_function_that_it_has() -> None:
    relations = {("_versions", "people"): (("email", "VARCHAR"),)}
    query = to_postgres('SELECT mask_hash(email) AS h FROM "_versions"."people"', relations, (("h", "VARCHAR"),))
    assert "_penstock.mask_hash(" in query.text.lower()
    assert query.params == ()


def test_queries_that_mask_are_still_told_apart_by_column() -> None:
    assert is_plain(read("SELECT id, mask_hash(email) AS h, mask_date(born, 'year') AS y FROM crm.people"))
    assert not is_plain(read("SELECT id, other_hash(email) AS h FROM crm.people"))


def test_how_much_is_left_is_part_of_what_a_query_means() -> None:
    texts = [f"SELECT {call} AS x FROM crm.people" for call in ("mask_bucket(a, 10)", "mask_bucket(a, 100)", "a")]
    assert len({digest(text) for text in texts}) == 3
