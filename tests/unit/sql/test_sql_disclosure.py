"""Whose values a column shows, and how far masked: copies by every way, and nothing of what only decides or counts."""

from __future__ import annotations

import pytest

from penstock.model.errors import InputError
from penstock.model.masking import Degree
from penstock.sql.disclosure import shown_values

SCHEMA = {"a.p": ("id", "email", "phone", "age", "born"), "a.q": ("id", "email", "note")}
CLEAR = {
    "a column": "SELECT email AS x FROM a.p",
    "in other letters": "SELECT Email AS X FROM a.p",
    "a CTE": "WITH c AS (SELECT email AS e FROM a.p), d AS (SELECT e AS f FROM c) SELECT f AS x FROM d",
    "a recursive CTE": "WITH RECURSIVE r AS (SELECT id, email AS x FROM a.p UNION ALL SELECT id + 1, x FROM r "
    "WHERE id < 3) SELECT x FROM r",
    "a join": "SELECT p.email AS x FROM a.q AS q LEFT JOIN a.p AS p USING (id)",
    "a union": "SELECT note AS x FROM a.q UNION ALL SELECT email FROM a.p",
    "an exception": "SELECT email AS x FROM a.p EXCEPT SELECT 'none'",
    "a star": "SELECT * RENAME (email AS x) FROM a.p",
    "a subquery": "SELECT (SELECT max(p.email) FROM a.p AS p WHERE p.id = q.id) AS x FROM a.q AS q",
    "a lateral": "SELECT l.x FROM a.q AS q, LATERAL (SELECT p.email AS x FROM a.p AS p WHERE p.id = q.id) AS l",
    "a window": "SELECT lag(email) OVER (ORDER BY id) AS x FROM a.p",
    "a named window": "SELECT first_value(email) OVER w AS x FROM a.p WINDOW w AS (PARTITION BY id)",
    "CASE": "SELECT CASE WHEN age > 3 THEN email ELSE 'child' END AS x FROM a.p",
    "the other way of CASE": "SELECT CASE WHEN age > 3 THEN 'adult' ELSE email END AS x FROM a.p",
    "if": "SELECT if(age > 3, email, NULL) AS x FROM a.p",
    "coalesce": "SELECT coalesce(email, 'none') AS x FROM a.p",
    "concat": "SELECT concat('<', email, '>') AS x FROM a.p",
    "the sign for it": "SELECT 'mailto:' || email AS x FROM a.p",
    "letters": "SELECT upper(trim(email)) AS x FROM a.p",
    "a part": "SELECT split_part(email, '@', 1) AS x FROM a.p",
    "a hash without a key": "SELECT md5(email) AS x FROM a.p",
    "a cast": "SELECT CAST(email AS BLOB) AS x FROM a.p",
    "the smallest": "SELECT min(email) AS x FROM a.p",
    "any": "SELECT any_value(email) FILTER (WHERE age > 3) AS x FROM a.p GROUP BY age",
    "all of them": "SELECT string_agg(email, ',' ORDER BY id) AS x FROM a.p",
    "a list": "SELECT list(email) AS x FROM a.p",
    "the most frequent": "SELECT mode() WITHIN GROUP (ORDER BY email) AS x FROM a.p",
    "the one of the largest": "SELECT arg_max(email, age) AS x FROM a.p",
    "a struct": "SELECT {'e': email} AS x FROM a.p",
    "unnested": "SELECT u.x FROM a.p, unnest([email]) AS u (x)",
    "distinct": "SELECT DISTINCT email AS x FROM a.p",
    "a name used again": "SELECT email AS e, e || '!' AS x FROM a.p",
}
SILENT = {
    "a number of them": "SELECT count(email) AS x FROM a.p",
    "of different ones": "SELECT count(DISTINCT email) AS x FROM a.p",
    "a condition": "SELECT id AS x FROM a.p WHERE email LIKE '%x'",
    "a join's condition": "SELECT q.note AS x FROM a.q AS q JOIN a.p AS p ON p.email = q.note",
    "an order": "SELECT id AS x FROM a.p ORDER BY email LIMIT 3",
    "a group": "SELECT count(*) AS x FROM a.p GROUP BY email",
    "a rank": "SELECT row_number() OVER (PARTITION BY email ORDER BY email) AS x FROM a.p",
    "QUALIFY": "SELECT id AS x FROM a.p QUALIFY row_number() OVER (PARTITION BY email ORDER BY id) = 1",
    "a comparison": "SELECT email = 'ann@example.com' AS x FROM a.p",
    "whether there is one": "SELECT email IS NOT NULL AS x FROM a.p",
    "one of some": "SELECT email IN ('a', 'b') AS x FROM a.p",
    "what CASE asks": "SELECT CASE WHEN email LIKE '%.de' THEN 'de' ELSE 'other' END AS x FROM a.p",
    "what CASE compares": "SELECT CASE email WHEN 'ann@example.com' THEN 1 ELSE 0 END AS x FROM a.p",
    "a length": "SELECT length(email) AS x FROM a.p",
    "what sorts a list": "SELECT string_agg(note, ',' ORDER BY email) AS x FROM a.q",
    "what picks": "SELECT arg_max(id, email) AS x FROM a.p",
    "what filters": "SELECT max(id) FILTER (WHERE email > 'm') AS x FROM a.p",
    "existence": "SELECT EXISTS (SELECT 1 FROM a.p AS p WHERE p.email = q.email) AS x FROM a.q AS q",
    "a subquery's condition": "SELECT (SELECT max(p.id) FROM a.p AS p WHERE p.email = q.note) AS x FROM a.q AS q",
    "nothing left": "SELECT mask_null(email) AS x FROM a.p",
    "nothing left, on the way": "WITH c AS (SELECT mask_null(email) AS e FROM a.p) SELECT e || '!' AS x FROM c",
}
MASKED = {
    "mask_hash(email)": Degree.PSEUDONYM,
    "lower(mask_hash(trim(email)))": Degree.PSEUDONYM,
    "mask_truncate(email, 2)": Degree.GENERALISED,
    "mask_truncate(mask_hash(email), 8)": Degree.GENERALISED,
    "mask_hash(mask_domain(email))": Degree.GENERALISED,
    "mask_hash(email) || email": Degree.CLEAR,
    "coalesce(mask_hash(email), email)": Degree.CLEAR,
    "max(mask_domain(email)) OVER (PARTITION BY email)": Degree.GENERALISED,
    "CASE WHEN email > 'm' THEN mask_hash(email) END": Degree.PSEUDONYM,
}


def _emails(text: str) -> dict[str, Degree]:
    """How far the addresses are masked in each column that shows them."""
    return {
        name: degree
        for name, shown in shown_values(text, SCHEMA).items()
        for ref, degree in shown.values
        if ref.column == "email"
    }


@pytest.mark.parametrize("text", CLEAR.values(), ids=CLEAR)
def test_a_value_is_shown_by_whatever_way_it_comes(text: str) -> None:
    assert _emails(text)["x"] is Degree.CLEAR


@pytest.mark.parametrize("text", SILENT.values(), ids=SILENT)
def test_what_decides_or_counts_shows_no_value(text: str) -> None:
    assert "x" in shown_values(text, SCHEMA)
    assert _emails(text) == {}


@pytest.mark.parametrize(("value", "degree"), MASKED.items())
def test_the_least_masked_way_counts(value: str, degree: Degree) -> None:
    assert _emails(f"SELECT id, {value} AS x FROM a.p") == {"x": degree}


def test_masking_holds_through_queries_within() -> None:
    text = "WITH c AS (SELECT id, mask_hash(email) AS k FROM a.p) SELECT k AS x FROM c UNION SELECT phone FROM a.p"
    assert _emails(text) == {"x": Degree.PSEUDONYM}
    shown = shown_values(text, SCHEMA)["x"]
    assert [(ref.column, degree) for ref, degree in shown.values] == [
        ("phone", Degree.CLEAR),
        ("email", Degree.PSEUDONYM),
    ]


def test_copies_are_told_from_what_is_made_of_values() -> None:
    text = "WITH c AS (SELECT CAST(phone AS BIGINT) AS n, born FROM a.p) SELECT n, datediff('day', born, n) AS d FROM c"
    shown = shown_values(text, SCHEMA)
    assert [ref.column for ref in shown["n"].copies] == ["phone"]
    assert not shown["d"].copies
    assert {ref.column for ref, _ in shown["d"].values} == {"phone", "born"}


def test_a_column_is_found_where_it_is_written() -> None:
    text = "SELECT\n  id,\n  email AS x\nFROM a.p"
    assert shown_values(text, SCHEMA)["x"].place.line == 3


def test_a_query_whose_columns_cannot_be_told_is_refused() -> None:
    with pytest.raises(InputError):
        shown_values("SELECT * FROM a.unknown", SCHEMA)
