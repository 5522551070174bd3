from __future__ import annotations

import duckdb
import pytest

from penstock.model.errors import InputError
from penstock.sql.rewriting import rewrite, rewrite_adhoc

TABLES = {
    "sales.orders": '"_v"."sales__orders__1"',
    "web.orders": '"_v"."web__orders__1"',
    "sales.customers": '"_v"."sales__customers__1"',
}

QUERIES = [
    "SELECT id FROM sales.orders",
    "SELECT orders.id, sales.orders.quantity * 2 AS q FROM sales.orders ORDER BY sales.orders.id",
    "SELECT o.id FROM sales.orders o",
    "SELECT o.id FROM sales.orders AS o (id, c)",
    "FROM o: sales.orders SELECT o.id",
    "SELECT * FROM sales.orders JOIN sales.customers USING (customer) WHERE sales.customers.country = 'UK'",
    "SELECT sales.orders.id, web.orders.clicks FROM sales.orders, web.orders",
    "SELECT sales.orders.id, web.orders.clicks FROM sales.orders JOIN web.orders ON sales.orders.id = web.orders.id",
    "SELECT id FROM sales.orders WHERE EXISTS (FROM web.orders WHERE web.orders.id = sales.orders.id)",
    "SELECT id FROM sales.orders WHERE EXISTS (FROM web.orders WHERE id = sales.orders.id AND orders.clicks > 1)",
    "SELECT orders FROM sales.orders",
    "SELECT sales.orders FROM sales.orders",
    "SELECT count(sales.orders) AS n FROM sales.orders",
    "SELECT orders.* EXCLUDE (id), orders.meta.tag AS t, sales.orders.meta.tag AS u FROM sales.orders",
    "SELECT (SELECT max(c.country) FROM sales.customers c WHERE c.customer = orders.customer) AS m FROM sales.orders",
    "WITH orders AS (SELECT 99 AS id) SELECT id FROM orders",
    "WITH orders AS (SELECT * FROM sales.orders) SELECT orders.id FROM orders",
    "WITH orders AS (SELECT 5 AS id) SELECT o.id, orders.id AS other FROM sales.orders o, orders",
    "WITH RECURSIVE r AS (SELECT min(id) AS n FROM sales.orders UNION ALL SELECT n + 1 FROM r WHERE n < 4) FROM r",
    'SELECT \'sales.orders\' AS t, "id" FROM "sales"."orders" /* sales.orders */ -- sales.orders',
    "SELECT id FROM SALES.Orders WHERE Sales.ORDERS.id > 1",
    "SELECT * FROM sales.orders PIVOT (sum(quantity) FOR customer IN ('a', 'b'))",
    "SELECT id FROM sales.orders TABLESAMPLE 100%",
    "SELECT * FROM (sales.orders JOIN web.orders USING (id)) WHERE clicks > 0",
    "WITH p AS (PIVOT sales.orders ON customer USING sum(quantity) GROUP BY id) SELECT * FROM p",
    "SELECT id FROM sales.orders UNION ALL SELECT id FROM web.orders ORDER BY id",
    "SELECT list_transform([1], lambda x: x + orders.id) AS l FROM sales.orders",
    "SELECT l.k FROM sales.orders, LATERAL (SELECT sales.orders.quantity + 1 AS k) l",
    "SELECT o.id FROM sales.orders o SEMI JOIN web.orders ON web.orders.id = o.id",
    "SELECT sum(quantity) OVER w AS s FROM sales.orders WINDOW w AS (PARTITION BY sales.orders.customer ORDER BY id)",
    "SELECT orders.customer, count(*) AS n FROM sales.orders GROUP BY orders.customer HAVING max(sales.orders.id) > 0",
]


def physical() -> duckdb.DuckDBPyConnection:
    made = duckdb.connect()
    made.execute("CREATE SCHEMA _v")
    made.execute(
        f"CREATE TABLE {TABLES['sales.orders']} AS SELECT * FROM (VALUES (1, 'a', 3, {{'tag': 'x'}}),"
        " (2, 'b', 5, {'tag': 'y'}), (3, 'a', 7, NULL)) t(id, customer, quantity, meta)"
    )
    made.execute(f"CREATE TABLE {TABLES['web.orders']} AS SELECT * FROM (VALUES (1, 10), (3, 1)) t(id, clicks)")
    made.execute(
        f"CREATE TABLE {TABLES['sales.customers']} AS FROM (VALUES ('a', 'UK'), ('b', 'FR')) t(customer, country)"
    )
    return made


@pytest.fixture(scope="module")
def connection() -> duckdb.DuckDBPyConnection:
    made = physical()
    made.execute("CREATE SCHEMA sales; CREATE SCHEMA web")
    for dataset, relation in TABLES.items():
        made.execute(f"CREATE TABLE {dataset} AS SELECT * FROM {relation}")
    return made


@pytest.fixture(scope="module")
def relations_alone() -> duckdb.DuckDBPyConnection:
    return physical()


def answer(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[list[str], list[tuple[object, ...]]]:
    result = connection.execute(sql)
    return [column[0] for column in result.description], sorted(result.fetchall(), key=repr)


@pytest.mark.parametrize("text", QUERIES)
def test_the_rewritten_query_answers_the_same(connection: duckdb.DuckDBPyConnection, text: str) -> None:
    assert answer(connection, rewrite(text, TABLES)) == answer(connection, text)


@pytest.mark.parametrize("text", QUERIES)
def test_the_rewritten_query_reads_only_the_relations_given(
    connection: duckdb.DuckDBPyConnection, relations_alone: duckdb.DuckDBPyConnection, text: str
) -> None:
    assert answer(relations_alone, rewrite(text, TABLES)) == answer(connection, text)


def test_comments_strings_and_lines_stay_as_they_are() -> None:
    text = "/* penstock\nfrom sales.orders */\nSELECT 'sales.orders' AS t -- sales.orders\nFROM sales.orders\n"
    assert rewrite(text, {"sales.orders": "p"}) == text.replace("\nFROM sales.orders\n", '\nFROM p AS "orders"\n')


def test_only_sources_that_a_column_could_confuse_get_the_long_alias() -> None:
    apart = "WITH c AS (SELECT orders.id FROM sales.orders) SELECT clicks FROM web.orders, c"
    together = "SELECT clicks FROM web.orders, sales.orders"
    tables = {"sales.orders": "p", "web.orders": "q"}
    assert rewrite(apart, tables) == (
        'WITH c AS (SELECT orders.id FROM p AS "orders") SELECT clicks FROM q AS "orders", c'
    )
    assert rewrite(together, tables) == 'SELECT clicks FROM q AS "web.orders", p AS "sales.orders"'


def test_a_dataset_without_a_relation_is_a_mistake() -> None:
    with pytest.raises(InputError) as caught:
        rewrite("SELECT 1\nFROM sales.orders, web.order", {"web.orders": "p"})
    assert [(item.found, item.place.line) for item in caught.value.findings] == [("sales.orders", 2), ("web.order", 2)]


def test_a_relation_may_be_a_query() -> None:
    assert duckdb.execute(rewrite("SELECT o.x FROM a.o", {"a.o": "(SELECT 4 AS x)"})).fetchall() == [(4,)]


def test_an_adhoc_query_answers_over_the_known_datasets(connection: duckdb.DuckDBPyConnection) -> None:
    sql = rewrite_adhoc("SELECT count(*) FROM sales.orders JOIN web.orders USING (id)", TABLES)
    assert connection.execute(sql).fetchall() == [(2,)]


@pytest.mark.parametrize(
    ("text", "code", "remedy"),
    [
        ("SELECT 1 FROM sales.order", "sql.unknown_dataset", "write sales.orders"),
        ("SELECT 1 FROM customers", "sql.not_a_dataset", "write sales.customers"),
        ("SELECT 1 FROM 'x.csv'", "sql.file_read", None),
        ("DESCRIBE sales.orders", "sql.not_a_query", None),
        ("SHOW TABLES", "sql.not_a_query", None),
        ("UPDATE sales.orders SET id = 1", "sql.not_a_query", None),
        ("SELECT 1; DROP TABLE x", "sql.several_statements", None),
    ],
)
def test_an_adhoc_query_reads_known_datasets_and_does_nothing_else(text: str, code: str, remedy: str | None) -> None:
    with pytest.raises(InputError) as caught:
        rewrite_adhoc(text, TABLES)
    (finding,) = caught.value.findings
    assert finding.code == code
    assert remedy is None or finding.remedy == remedy
