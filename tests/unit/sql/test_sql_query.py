from __future__ import annotations

import duckdb
import pytest

from penstock.model.errors import InputError
from penstock.model.findings import Finding, Severity
from penstock.sql import functions
from penstock.sql.query import TableUse, output_names, parse_query

HEADER = "/* penstock\nmaterialize: table\n*/\n"


def mistakes(text: str) -> tuple[Finding, ...]:
    with pytest.raises(InputError) as caught:
        parse_query(text, "pipelines/sales/x.sql", dataset="sales.x")
    return caught.value.findings


def codes(text: str) -> list[str]:
    return [finding.code for finding in mistakes(text)]


def test_reads_are_placed_in_the_whole_text_header_included() -> None:
    query = parse_query(HEADER + "SELECT a.id\nFROM sales.orders a, Web.Visits", "x.sql")
    assert query.reads == (
        TableUse(name="sales.orders", line=5, column=6),
        TableUse(name="web.visits", line=5, column=22),
    )
    assert query.datasets == ("sales.orders", "web.visits")


def test_ctes_are_not_reads_but_only_where_they_are_visible() -> None:
    query = parse_query("WITH a AS (SELECT 1 AS x), b AS (SELECT x FROM a) SELECT a.x FROM a JOIN b USING (x)", "x.sql")
    assert query.reads == ()
    assert codes("SELECT 1 FROM (WITH a AS (SELECT 1) SELECT * FROM a) t, a") == ["sql.not_a_dataset"]
    assert codes("WITH b AS (SELECT * FROM a), a AS (SELECT 1) SELECT * FROM b") == ["sql.not_a_dataset"]


def test_a_recursive_cte_sees_itself() -> None:
    text = "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT n FROM r"
    assert parse_query(text, "x.sql").reads == ()
    assert codes("WITH r AS (SELECT n FROM r) SELECT n FROM r") == ["sql.not_a_dataset"]


def test_parameters_are_the_two_of_the_interval() -> None:
    query = parse_query("SELECT 1 AS x WHERE d >= $interval_start AND d < $interval_end -- $other", "x.sql")
    assert query.params == {"interval_start", "interval_end"}
    found = mistakes("SELECT $region, $1, ?")
    assert [(item.code, item.found, item.place.column) for item in found] == [
        ("sql.unknown_parameter", "$region", 8),
        ("sql.unknown_parameter", "$1", 17),
        ("sql.unknown_parameter", "?", 21),
    ]


def test_a_dollar_in_a_string_is_no_parameter() -> None:
    assert parse_query("SELECT '$a' AS x, $$ $b $$ AS y, $t$ $c $t$ AS z", "x.sql").params == frozenset()


def test_all_mistakes_are_reported_at_once_in_the_order_of_the_text() -> None:
    found = mistakes("SELECT getenv('HOME'), $who\nFROM orders, read_csv('a.csv')")
    assert [(item.code, item.place.line) for item in found] == [
        ("sql.environment_read", 1),
        ("sql.unknown_parameter", 1),
        ("sql.not_a_dataset", 2),
        ("sql.file_read", 2),
    ]
    assert all(item.place.file == "pipelines/sales/x.sql" and item.place.dataset == "sales.x" for item in found)
    assert all(item.expected and item.remedy and item.place.excerpt for item in found)


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("SELECT a b c FROM x.y", 1, 12),
        ("/* h */\nSELECT é,\n  a b c FROM x.y", 3, 7),
        ("SELECT (1", 1, 9),
        ("SELECT 'a', 'b", 1, 13),
        ("SELECT 'it''s' -- '\n, \"b", 2, 3),
        ("SELECT 1 /* x", 1, 10),
        ("SELECT a,, b FROM x.y", 1, 10),
        ("SELECT FROM x.y", 1, 1),
        ("", 1, 1),
        ("-- nothing", 1, 1),
    ],
)
def test_syntax_errors_point_at_their_place(text: str, line: int, column: int) -> None:
    (finding,) = mistakes(text)
    assert (finding.code, finding.place.line, finding.place.column) == ("sql.syntax", line, column)


@pytest.mark.parametrize(
    "text",
    [
        "DROP TABLE a.b",
        "INSERT INTO a.b SELECT 1",
        "ATTACH 'x'",
        "COPY a.b TO 'x'",
        "PRAGMA version",
        "SET threads = 1",
        "INSTALL httpfs",
        "LOAD httpfs",
        "CALL f()",
        "EXPLAIN SELECT 1",
        "DESCRIBE a.b",
        "SUMMARIZE a.b",
        "SHOW TABLES",
        "VALUES (1)",
        "TABLE a.b",
        "PIVOT a.b ON c",
        "SELECT * INTO a.c FROM a.b",
        "SELECT * FROM (DESCRIBE a.b)",
        "SELECT * FROM (SUMMARIZE a.b)",
        "SELECT 1 WHERE 1 IN (TABLE a.b)",
        "WITH c AS (INSERT INTO a.b SELECT 1 RETURNING *) SELECT * FROM c",
        "WITH c AS (DELETE FROM a.b RETURNING *) SELECT * FROM c",
    ],
)
def test_only_a_select_is_a_query(text: str) -> None:
    assert "sql.not_a_query" in codes(text)


def test_exactly_one_statement() -> None:
    assert parse_query("SELECT 1 AS x; -- done\n;", "x.sql").reads == ()
    (finding,) = mistakes("SELECT ';' AS x;\nSELECT 2 AS y")
    assert (finding.code, finding.place.line) == ("sql.several_statements", 2)


@pytest.mark.parametrize(
    "source",
    [
        "read_csv('a.csv')",
        "READ_PARQUET('a')",
        "read_json('a')",
        "read_text('/etc/passwd')",
        "glob('*')",
        "parquet_scan('a')",
        "sqlite_scan('a', 'b')",
        "\"read_csv\"('a')",
        "main.read_csv('a')",
        "'a.csv'",
        "'https://example.com/a.parquet'",
        "'plain'",
        '"a.parquet"',
        "LATERAL read_text('a')",
    ],
)
def test_files_and_the_network_are_out_of_reach(source: str) -> None:
    assert "sql.file_read" in codes(f"SELECT * FROM {source}")


@pytest.mark.parametrize(
    "expression",
    ["getenv('HOME')", "'HOME'.getenv()", "GETENV('A')", "\"getenv\"('A')", "current_setting('x')", "getvariable('x')"],
)
def test_the_environment_is_out_of_reach(expression: str) -> None:
    assert "sql.environment_read" in codes(f"SELECT {expression} AS x")


@pytest.mark.parametrize("space", ["\u200b", "\ufeff", "\u2060", "\x0b", "\x0c", "\u00a0", "\u3000"])
def test_an_invisible_character_hides_no_call(space: str) -> None:
    assert mistakes(f"SELECT getenv{space}('HOME') AS x")
    assert parse_query(f"SELECT 'a{space}b' AS x", "x.sql").reads == ()


@pytest.mark.parametrize(
    "text",
    [
        "SELECT E'\\' /* ' , getenv('HOME') AS x /* */",
        "SELECT '\\', getenv('A') --'",
        "SELECT $a$ ' $a$, getenv('A') -- '",
        "SELECT 1 --\r, getenv('A')",
        "SELECT getenv/**/('A')",
        "SELECT getenv\n('A')",
        "SELECT system.main.getenv('A')",
    ],
)
def test_no_quoting_hides_a_call(text: str) -> None:
    assert "sql.environment_read" in codes(text)


def test_the_session_is_out_of_reach_without_brackets_too() -> None:
    assert codes("SELECT current_user AS x") == ["sql.environment_read"]
    assert parse_query("SELECT t.current_user AS x FROM a.b t", "x.sql").warnings == ()


@pytest.mark.parametrize(
    "source",
    [
        "duckdb_tables()",
        "duckdb_settings",
        "pragma_table_info('x')",
        "information_schema.tables",
        "memory.information_schema.tables",
        "pg_catalog.pg_class",
        "pg_class",
        "sqlite_master",
    ],
)
def test_the_catalog_is_out_of_reach(source: str) -> None:
    assert "sql.catalog_read" in codes(f"SELECT * FROM {source}")


@pytest.mark.parametrize("source", ["query('SELECT 1')", "query_table('a.b')", "json_execute_serialized_sql('x')"])
def test_sql_inside_strings_is_refused(source: str) -> None:
    assert "sql.hidden_sql" in codes(f"SELECT * FROM {source}")


def test_every_table_function_of_the_engine_is_refused_unless_it_only_makes_rows() -> None:
    rows = duckdb.execute(
        "SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type IN ('table', 'table_macro')"
    ).fetchall()
    names = {str(name) for (name,) in rows} - functions.ROW_MAKERS
    assert "read_csv" in names
    for name in names:
        assert codes(f"SELECT * FROM {name}(x)"), name


def test_every_volatile_function_of_the_engine_is_refused_or_warned_of() -> None:
    rows = duckdb.execute(
        "SELECT DISTINCT function_name FROM duckdb_functions() "
        "WHERE stability <> 'CONSISTENT' AND function_type = 'scalar'"
    ).fetchall()
    names = {str(name) for (name,) in rows} - {"error", "vector_type"}
    assert "random" in names
    assert [name for name in names if not functions.reach(name) and name not in functions.NONDETERMINISTIC] == []


@pytest.mark.parametrize(
    "source",
    ["range(3) t(i)", "generate_series(1, 3) t(i)", "unnest([1, 2]) t(i)", "(VALUES (1)) t(i)", "repeat(1, 2) t(i)"],
)
def test_functions_that_make_rows_are_allowed(source: str) -> None:
    assert parse_query(f"SELECT i FROM {source}", "x.sql").reads == ()


@pytest.mark.parametrize("name", ["orders", "a.b.c", '"A b".c', "a._c", 'main."x y"'])
def test_tables_are_written_pipeline_dot_dataset(name: str) -> None:
    assert codes(f"SELECT 1 FROM {name}") == ["sql.not_a_dataset"]


@pytest.mark.parametrize(
    "expression",
    ["random()", "now()", "current_timestamp", "current_date", "today()", "uuid()", "NOW()", "gen_random_uuid()"],
)
def test_what_differs_each_time_is_warned_of(expression: str) -> None:
    (warning,) = parse_query(f"SELECT 1 AS a,\n  {expression} AS x", "f.sql", dataset="a.b").warnings
    assert (warning.code, warning.severity) == ("sql.nondeterministic", Severity.WARNING)
    assert (warning.place.file, warning.place.line, warning.place.column) == ("f.sql", 2, 3)


def test_a_sample_is_warned_of() -> None:
    assert [item.code for item in parse_query("SELECT 1 FROM a.b TABLESAMPLE 10%", "x.sql").warnings] == [
        "sql.nondeterministic"
    ]


def test_words_in_strings_comments_and_columns_are_not_calls() -> None:
    text = "SELECT 'getenv(1)' AS a, o.now, random /* read_csv('x') */ FROM a.b o"
    assert parse_query(text, "x.sql").warnings == ()


@pytest.mark.parametrize(
    "text",
    [
        "SELECT " + "(" * 201 + "1" + ")" * 201,
        "SELECT " + "NOT " * 5000 + "TRUE",
        "SELECT " + "CASE WHEN 1 THEN " * 3000,
        "SELECT a" + "[1]" * 60,
        "SELECT a" + "[1]" * 3000,
        "SELECT a" + "::INT" * 3000,
        "SELECT " + "- " * 9000 + "1",
        "SELECT " + " OR ".join(["a"] * 20_000),
        "SELECT '" + "x" * 200_000 + "'",
        "SELECT 1 FROM a.b " + "JOIN a.b " * 3000 + "ON 1" * 3000,
        "SELECT '\0'",
        "(" * 190 + "SELECT 1" + ")" * 189,
    ],
    ids=lambda text: f"{text[:24]}…{len(text)}",
)
def test_hostile_sizes_are_refused_without_a_crash(text: str) -> None:
    assert set(codes(text)) <= {"sql.too_large", "sql.syntax"}


def test_large_but_honest_queries_pass() -> None:
    wide = (
        "SELECT "
        + ", ".join(f"c{index}" for index in range(1500))
        + " FROM a.b WHERE "
        + " OR ".join(["c1 = 1"] * 2000)
    )
    assert parse_query(wide, "x.sql").datasets == ("a.b",)
    assert parse_query("SELECT " + "(" * 200 + "1" + ")" * 200 + " AS x", "x.sql").reads == ()


def test_known_datasets_make_others_a_mistake_with_the_nearest_name() -> None:
    with pytest.raises(InputError) as caught:
        parse_query("SELECT 1 FROM sales.ordrs, invoices", "x.sql", known={"sales.orders", "sales.invoices"})
    first, second = caught.value.findings
    assert (first.code, first.remedy) == ("sql.unknown_dataset", "write sales.orders")
    assert (second.code, second.remedy) == ("sql.not_a_dataset", "write sales.invoices")


def test_output_names_need_a_schema_only_for_stars() -> None:
    plain = parse_query("SELECT a, b + 1 AS c, t.d FROM x.y t", "f.sql")
    star = parse_query("SELECT * EXCLUDE (b), 1 AS z FROM x.y", "f.sql")
    assert output_names(plain) == ("a", "c", "d")
    assert output_names(star, {"x.y": ("a", "b")}) == ("a", "z")
    with pytest.raises(InputError) as caught:
        output_names(star)
    assert [item.code for item in caught.value.findings] == ["sql.columns_unknown"]


def test_output_columns_need_a_name_of_their_own() -> None:
    query = parse_query("SELECT sum(a),\n b, c AS B FROM x.y", "f.sql")
    with pytest.raises(InputError) as caught:
        output_names(query)
    assert [(item.code, item.place.line) for item in caught.value.findings] == [
        ("sql.unnamed_column", 1),
        ("sql.duplicate_column", 2),
    ]
