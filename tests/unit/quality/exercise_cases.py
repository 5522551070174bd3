# ruff: noqa: E501 - one edit a line reads as a table
"""Edits of queries, each with SQL, written by hand, for the rows that take another side because of it.

`crossing` gives a row for everything in the data that the edit treats otherwise and that can still show in the answer;
None marks edits that mean the same whatever the data is.
"""

from __future__ import annotations

from dataclasses import dataclass

TABLES = {
    "s.o": (
        ("id", "BIGINT"), ("q", "INTEGER"), ("p", "DECIMAL(10,2)"), ("country", "VARCHAR"), ("k", "BIGINT"),
        ("d", "TIMESTAMP"), ("note", "VARCHAR"),
    ),
    "s.l": (("k", "BIGINT"), ("name", "VARCHAR"), ("rate", "DECIMAL(6,2)")),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One edit; `crossing` is over the same tables."""

    name: str
    old: str
    new: str
    crossing: str | None


def edit(name: str, old: str, was: str, now: str, crossing: str | None) -> Edit:
    """An edit that puts one text for another."""
    assert was in old, (name, was)
    return Edit(name=name, old=old, new=old.replace(was, now), crossing=crossing)


SUM = "SELECT country, sum(q * p) AS rev FROM s.o WHERE q > 2 AND country <> 'c9' GROUP BY country"
ROWS = "SELECT id, q, p, note FROM s.o WHERE q > 2"
JOIN = "SELECT o.id, o.q, l.name FROM s.o AS o JOIN s.l AS l ON o.k = l.k WHERE o.q > 0"
CTE = (
    "WITH a AS (SELECT o.id, o.q, o.p, o.country FROM s.o AS o WHERE o.q > 1), "
    "b AS (SELECT country, sum(q) AS n FROM a GROUP BY ALL) SELECT country, n FROM b WHERE n > 3 AND country = 'UK'"
)
CASE = "SELECT id, CASE WHEN q > 100 THEN 'big' WHEN q > 10 THEN 'mid' ELSE 'small' END AS size FROM s.o"
DAILY = "SELECT CAST(d AS DATE) AS day, count(*) AS n, sum(q) AS q FROM s.o GROUP BY 1"
WINDOW = "SELECT id, country, row_number() OVER (PARTITION BY country ORDER BY id) AS r FROM s.o"
UNION = "SELECT k FROM s.o WHERE k IS NOT NULL UNION ALL SELECT k FROM s.l"

EDITS = (
    # filters
    edit("open to closed bound", SUM, "q > 2", "q >= 2", "SELECT 1 FROM s.o WHERE q = 2 AND country <> 'c9'"),
    edit("another bound", SUM, "q > 2", "q > 5", "SELECT 1 FROM s.o WHERE q BETWEEN 3 AND 5 AND country <> 'c9'"),
    edit("bound of whole numbers, same", SUM, "q > 2", "q >= 3", None),
    edit("filter dropped", SUM, "q > 2 AND ", "", "SELECT 1 FROM s.o WHERE (q > 2) IS NOT TRUE AND country <> 'c9'"),
    edit("filter added", SUM, "q > 2", "q > 2 AND p > 1", "SELECT 1 FROM s.o WHERE q > 2 AND country <> 'c9' AND (p > 1) IS NOT TRUE"),
    edit("and to or", ROWS, "q > 2", "(q > 2 OR p > 50)", "SELECT 1 FROM s.o WHERE (q > 2) IS NOT TRUE AND p > 50"),
    edit("negation pushed in", ROWS, "q > 2", "NOT q <= 2", None),
    edit("null let in", ROWS, "q > 2", "(q > 2 OR q IS NULL)", "SELECT 1 FROM s.o WHERE q IS NULL"),
    edit("text other", SUM, "country <> 'c9'", "country <> 'DE'", "SELECT 1 FROM s.o WHERE q > 2 AND country IN ('c9', 'DE')"),
    edit("text case", SUM, "country <> 'c9'", "country <> 'C9'", "SELECT 1 FROM s.o WHERE q > 2 AND country IN ('c9', 'C9')"),
    edit("list grows", ROWS, "q > 2", "q IN (3, 4)", "SELECT 1 FROM s.o WHERE q > 4"),
    edit("list to or", ROWS.replace("q > 2", "q IN (3, 4)"), "q IN (3, 4)", "(q = 3 OR q = 4)", None),
    edit("between to half open", ROWS.replace("q > 2", "q BETWEEN 3 AND 9"), "q BETWEEN 3 AND 9", "q >= 3 AND q < 9", "SELECT 1 FROM s.o WHERE q = 9"),
    edit("like to ilike", ROWS.replace("q > 2", "note LIKE 'POST%'"), "LIKE", "ILIKE", "SELECT 1 FROM s.o WHERE note ILIKE 'POST%' AND note NOT LIKE 'POST%'"),
    edit("like narrower", ROWS.replace("q > 2", "note LIKE 'POST%'"), "'POST%'", "'POSTAGE%'", "SELECT 1 FROM s.o WHERE note LIKE 'POST%' AND note NOT LIKE 'POSTAGE%'"),
    edit("moment bound", ROWS.replace("q > 2", "d >= TIMESTAMP '2020-03-29 01:00:00'"), ">=", ">", "SELECT 1 FROM s.o WHERE d = TIMESTAMP '2020-03-29 01:00:00'"),
    edit("hour bound", ROWS.replace("q > 2", "extract(hour FROM d) >= 18"), ">=", ">", "SELECT 1 FROM s.o WHERE extract(hour FROM d) = 18"),
    edit("product bound", ROWS.replace("q > 2", "q * p > 500"), "q * p > 500", "q * p >= 500", "SELECT 1 FROM s.o WHERE q * p = 500"),
    edit("subquery filtered", ROWS.replace("q > 2", "k IN (SELECT k FROM s.l)"), "FROM s.l", "FROM s.l WHERE rate > 0", "SELECT 1 FROM s.o WHERE k IN (SELECT k FROM s.l) AND (k IN (SELECT k FROM s.l WHERE rate > 0)) IS NOT TRUE"),
    edit("not in to not exists", ROWS.replace("q > 2", "k NOT IN (SELECT k FROM s.l)"), "k NOT IN (SELECT k FROM s.l)", "NOT EXISTS (SELECT 1 FROM s.l AS x WHERE x.k = s.o.k)", "SELECT 1 FROM s.o WHERE (k NOT IN (SELECT k FROM s.l)) IS NOT TRUE AND NOT EXISTS (SELECT 1 FROM s.l AS x WHERE x.k = s.o.k)"),
    edit("having added", SUM, "GROUP BY country", "GROUP BY country HAVING count(*) > 1", "SELECT country FROM s.o WHERE q > 2 AND country <> 'c9' GROUP BY country HAVING count(*) = 1"),
    edit("having bound", SUM + " HAVING sum(q) > 10", "sum(q) > 10", "sum(q) >= 10", "SELECT country FROM s.o WHERE q > 2 AND country <> 'c9' GROUP BY country HAVING sum(q) = 10"),
    # expressions
    edit("null as zero in a sum", SUM, "sum(q * p)", "sum(q * coalesce(p, 0))", "SELECT country FROM s.o WHERE q > 2 AND country <> 'c9' GROUP BY country HAVING count(p) = 0"),
    edit("operands swapped", SUM, "q * p", "p * q", None),
    edit("sum to avg", SUM, "sum(q * p)", "avg(q * p)", "SELECT country FROM s.o WHERE q > 2 AND country <> 'c9' GROUP BY country HAVING count(q * p) > 1"),
    edit("sum to max", SUM, "sum(q * p)", "max(q * p)", "SELECT country FROM s.o WHERE q > 2 AND country <> 'c9' GROUP BY country HAVING sum(q * p) IS DISTINCT FROM max(q * p)"),
    edit("another column", SUM, "sum(q * p)", "sum(k * p)", "SELECT country FROM s.o WHERE q > 2 AND country <> 'c9' GROUP BY country HAVING sum(q * p) IS DISTINCT FROM sum(k * p)"),
    edit("filter in a sum", SUM, "sum(q * p)", "sum(q * p) FILTER (WHERE p > 0)", "SELECT country FROM s.o WHERE q > 2 AND country <> 'c9' GROUP BY country HAVING sum(q * p) IS DISTINCT FROM sum(q * p) FILTER (WHERE p > 0)"),
    edit("count of rows to values", DAILY, "count(*)", "count(q)", "SELECT 1 FROM s.o WHERE q IS NULL"),
    edit("count distinct", SUM, "sum(q * p)", "count(DISTINCT k)", "SELECT country FROM s.o WHERE q > 2 AND country <> 'c9' GROUP BY country HAVING sum(q * p) IS DISTINCT FROM count(DISTINCT k)"),
    edit("distinct dropped", "SELECT country, count(DISTINCT k) AS n FROM s.o GROUP BY ALL", "DISTINCT k", "k", "SELECT country FROM s.o GROUP BY ALL HAVING count(DISTINCT k) <> count(k)"),
    edit("default other", "SELECT id, coalesce(p, 0) AS p FROM s.o", "coalesce(p, 0)", "coalesce(p, 1)", "SELECT 1 FROM s.o WHERE p IS NULL"),
    edit("default dropped", "SELECT id, coalesce(p, 0) AS p FROM s.o", "coalesce(p, 0)", "p", "SELECT 1 FROM s.o WHERE p IS NULL"),
    edit("coalesce as case", "SELECT id, coalesce(p, 0) AS p FROM s.o", "coalesce(p, 0)", "CASE WHEN p IS NULL THEN 0 ELSE p END", None),
    edit("case bound", CASE, "q > 10 ", "q >= 10 ", "SELECT 1 FROM s.o WHERE q = 10"),
    edit("case arms swapped", CASE, "q > 100 THEN 'big' WHEN q > 10 THEN 'mid'", "q > 10 THEN 'mid' WHEN q > 100 THEN 'big'", "SELECT 1 FROM s.o WHERE q > 100"),
    edit("case word", CASE, "'mid'", "'middle'", "SELECT 1 FROM s.o WHERE q > 10 AND q <= 100"),
    edit("case else", CASE, "ELSE 'small'", "ELSE NULL", "SELECT 1 FROM s.o WHERE (q > 10) IS NOT TRUE"),
    edit("case as if", "SELECT id, CASE WHEN q > 10 THEN 1 ELSE 0 END AS big FROM s.o", "CASE WHEN q > 10 THEN 1 ELSE 0 END", "if(q > 10, 1, 0)", None),
    edit("rounding", "SELECT id, round(p, 1) AS p FROM s.o", "round(p, 1)", "round(p, 0)", "SELECT 1 FROM s.o WHERE round(p, 1) <> round(p, 0)"),
    edit("truncation", "SELECT id, round(p, 0) AS p FROM s.o", "round(p, 0)", "trunc(p)", "SELECT 1 FROM s.o WHERE round(p, 0) <> trunc(p)"),
    edit("integer division", "SELECT id, q / 2 AS half FROM s.o", "q / 2", "q // 2", "SELECT 1 FROM s.o WHERE q % 2 <> 0"),
    edit("trim", "SELECT id, note FROM s.o", "note", "trim(note) AS note", "SELECT 1 FROM s.o WHERE note <> trim(note)"),
    edit("upper", "SELECT id, note FROM s.o", "note", "upper(note) AS note", "SELECT 1 FROM s.o WHERE note <> upper(note)"),
    edit("prefix", "SELECT id, substr(note, 1, 3) AS n FROM s.o", "1, 3", "1, 4", "SELECT 1 FROM s.o WHERE length(note) > 3"),
    edit("nullif", "SELECT id, note FROM s.o", "note", "nullif(note, '') AS note", "SELECT 1 FROM s.o WHERE note = ''"),
    edit("safe division", "SELECT id, p / q AS per FROM s.o", "p / q", "p / nullif(q, 0)", "SELECT 1 FROM s.o WHERE q = 0 AND p IS NOT NULL AND (p / q) IS NOT NULL"),
    edit("sign", "SELECT id, q AS q FROM s.o", "q AS q", "abs(q) AS q", "SELECT 1 FROM s.o WHERE q < 0"),
    edit("week to month", DAILY, "CAST(d AS DATE)", "CAST(date_trunc('month', d) AS DATE)", "SELECT 1 FROM s.o WHERE CAST(d AS DATE) <> CAST(date_trunc('month', d) AS DATE)"),
    edit("hours shifted", DAILY, "CAST(d AS DATE)", "CAST(d + INTERVAL 1 HOUR AS DATE)", "SELECT 1 FROM s.o WHERE CAST(d AS DATE) <> CAST(d + INTERVAL 1 HOUR AS DATE)"),
    # joins and sources
    edit("inner to left", JOIN, "JOIN s.l", "LEFT JOIN s.l", "SELECT 1 FROM s.o AS o WHERE o.q > 0 AND NOT EXISTS (SELECT 1 FROM s.l AS l WHERE l.k = o.k)"),
    edit("left to inner", JOIN.replace("JOIN", "LEFT JOIN"), "LEFT JOIN", "JOIN", "SELECT 1 FROM s.o AS o WHERE o.q > 0 AND NOT EXISTS (SELECT 1 FROM s.l AS l WHERE l.k = o.k)"),
    edit("left join kept by a filter", JOIN.replace("JOIN", "LEFT JOIN") + " AND l.rate > 0", "LEFT JOIN", "JOIN", None),
    edit("join condition added", JOIN, "o.k = l.k", "o.k = l.k AND l.rate > 1", "SELECT 1 FROM s.o AS o JOIN s.l AS l ON o.k = l.k WHERE o.q > 0 AND (l.rate > 1) IS NOT TRUE"),
    edit("join key other", JOIN, "o.k = l.k", "o.id = l.k", "SELECT 1 FROM s.o AS o JOIN s.l AS l ON (o.k = l.k) IS DISTINCT FROM (o.id = l.k) WHERE o.q > 0"),
    edit("join null safe", JOIN, "o.k = l.k", "o.k IS NOT DISTINCT FROM l.k", "SELECT 1 FROM s.o AS o JOIN s.l AS l ON o.k IS NULL AND l.k IS NULL WHERE o.q > 0"),
    edit("join added", "SELECT o.id, o.q FROM s.o AS o", "FROM s.o AS o", "FROM s.o AS o JOIN s.l AS l ON o.k = l.k", "SELECT o.id FROM s.o AS o LEFT JOIN s.l AS l ON o.k = l.k GROUP BY o.rowid, o.id HAVING count(l.k) <> 1"),
    edit("left join added", "SELECT o.id, o.q FROM s.o AS o", "FROM s.o AS o", "FROM s.o AS o LEFT JOIN s.l AS l ON o.k = l.k", "SELECT o.id FROM s.o AS o JOIN s.l AS l ON o.k = l.k GROUP BY o.rowid, o.id HAVING count(*) > 1"),
    edit("aliases renamed", JOIN, "o.k = l.k", "l.k = o.k", None),
    edit("union to set", UNION, "UNION ALL", "UNION", f"SELECT k FROM ({UNION}) GROUP BY k HAVING count(*) > 1"),
    edit("branch filtered", UNION, "FROM s.l", "FROM s.l WHERE rate > 0", "SELECT 1 FROM s.l WHERE (rate > 0) IS NOT TRUE"),
    # rows put together
    edit("distinct added", "SELECT country, k FROM s.o", "SELECT", "SELECT DISTINCT", "SELECT 1 FROM s.o GROUP BY country, k HAVING count(*) > 1"),
    edit("group finer", "SELECT country, sum(q) AS q FROM s.o GROUP BY country", "GROUP BY country", "GROUP BY country, k", "SELECT 1 FROM s.o GROUP BY country HAVING count(DISTINCT coalesce(k, -99)) > 1"),
    edit("group case", "SELECT upper(country) AS c, sum(q) AS q FROM s.o GROUP BY 1", "upper(country)", "country", "SELECT 1 FROM s.o WHERE country <> upper(country)"),
    edit("window partition dropped", WINDOW, "PARTITION BY country ", "", "SELECT 1 FROM s.o HAVING count(DISTINCT coalesce(country, '-')) > 1"),
    edit("window order reversed", WINDOW, "ORDER BY id", "ORDER BY id DESC", "SELECT 1 FROM s.o GROUP BY country HAVING count(*) > 1"),
    edit("newest instead of first", WINDOW + " QUALIFY r = 1", "r = 1", "r <= 2", "SELECT 1 FROM s.o GROUP BY country HAVING count(*) > 1"),
    # through CTEs
    edit("cte bound", CTE, "o.q > 1", "o.q >= 1", "SELECT 1 FROM s.o WHERE q = 1 AND country = 'UK'"),
    edit("cte value", CTE, "sum(q) AS n", "sum(coalesce(q, 0)) AS n", None),
    edit("cte outer bound", CTE, "n > 3", "n >= 3", "SELECT 1 FROM s.o WHERE q > 1 AND country = 'UK' HAVING sum(q) = 3"),
    edit("cte reads another column", CTE, "o.q, o.p", "o.q + 0 AS q, o.p", None),
    edit("cte adds one", CTE, "sum(q) AS n", "sum(q + 1) AS n", "SELECT 1 FROM s.o WHERE q > 1 AND country = 'UK'"),
    edit("cte reads case folded", CTE, "country = 'UK'", "upper(country) = 'UK'", "SELECT country FROM s.o WHERE q > 1 AND country <> 'UK' AND upper(country) = 'UK' GROUP BY 1 HAVING sum(q) > 3"),
)  # fmt: skip
