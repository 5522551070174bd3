"""A source's query is one SELECT of its own dialect that changes nothing and reaches nothing but tables."""

from __future__ import annotations

import pytest

from penstock.sql.foreign import read_foreign


@pytest.mark.parametrize(
    ("engine", "text"),
    [
        (
            "postgres",
            "SELECT DISTINCT ON (id) id, doc -> 'a' AS a, tags @> ARRAY['x'] AS t FROM orders ORDER BY id, at DESC",
        ),
        ("postgres", "WITH n AS (SELECT * FROM o WHERE doc ? 'k') SELECT * FROM n UNION ALL SELECT * FROM m;"),
        ("postgres", "SELECT at AT TIME ZONE 'Europe/Berlin' AS local, unnest(items) AS item FROM o"),
        ("postgres", "SELECT pg_typeof(a), pg_size_pretty(pg_column_size(a)::bigint), pg_get_expr(b, c) FROM t"),
        ("sqlite", "SELECT date(at, 'unixepoch') AS day, \"Value\" FROM t WHERE a GLOB 'x*'"),
        ("mysql", "SELECT `order`.`id`, IFNULL(a, '') AS a, JSON_EXTRACT(doc, '$.a') AS j FROM `order` LIMIT 5"),
    ],
)
def test_what_only_reads_is_sent_without_comments(engine: str, text: str) -> None:
    read = read_foreign(text + " -- all of it", engine)
    assert read.wrong == ()
    assert "all of it" not in read.text
    assert ";" not in read.text
    assert read_foreign(read.text, engine) == read


@pytest.mark.parametrize(
    ("engine", "text", "code"),
    [
        ("postgres", "WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x", "source.query_changes"),
        ("postgres", "SELECT * FROM t FOR UPDATE", "source.query_changes"),
        ("postgres", "SELECT dblink('x', 'y')", "source.query_reaches"),
        ("postgres", "SELECT lo_import('/etc/passwd')", "source.query_reaches"),
        ("postgres", "SELECT pg_catalog.pg_read_binary_file('x')", "source.query_reaches"),
        ("postgres", "SELECT pg_create_restore_point('x')", "source.query_reaches"),
        ("postgres", "SELECT ts_stat('SELECT 1')", "source.query_reaches"),
        ("postgres", "SELECT * FROM t WHERE id = $1", "source.query_parameter"),
        ("postgres", "COPY t TO '/tmp/x'", "source.not_a_select"),
        ("postgres", "SET ROLE admin", "source.not_a_select"),
        ("sqlite", "SELECT load_extension('x')", "source.query_reaches"),
        ("sqlite", "PRAGMA journal_mode = delete", "source.not_a_select"),
        ("mysql", "SELECT load_file('/etc/passwd')", "source.query_reaches"),
        ("mysql", "SELECT sleep(1000)", "source.query_reaches"),
        ("mysql", "SELECT * INTO OUTFILE '/tmp/x' FROM t", "source.query_syntax"),
        ("mysql", "UPDATE t SET a = 1", "source.not_a_select"),
    ],
)
def test_what_changes_or_reaches_is_named(engine: str, text: str, code: str) -> None:
    assert code in [found for found, _ in read_foreign(text, engine).wrong]


def test_a_comment_that_mysql_would_carry_out_is_not_sent() -> None:
    read = read_foreign("SELECT a /*! , load_file('/etc/passwd') */ FROM t", "mysql")
    assert "load_file" not in read.text.lower()
