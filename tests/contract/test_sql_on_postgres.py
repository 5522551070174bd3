"""Queries written for DuckDB, run there and, transpiled, in Postgres over the same rows: equal columns and rows."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import psycopg
import pytest

from penstock.model.errors import InputError
from penstock.sql.carrying import SUPPORT
from penstock.sql.identifiers import table
from penstock.sql.postgres_types import to_postgres_type
from penstock.sql.transpiling import physical, refuse_foreign, relations_of, to_postgres

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

pytest_plugins = ["postgres_server"]
pytestmark = pytest.mark.xdist_group("postgres")

_at = datetime.fromisoformat
ORDERS = (
    ("OrderId", "INTEGER"),
    ("customer", "VARCHAR"),
    ("amount", "DECIMAL(9,2)"),
    ("weight", "DOUBLE"),
    ("made_at", "TIMESTAMP"),
    ("paid", "BOOLEAN"),
    ("raw", "VARCHAR"),
    ("big", "BIGINT"),
)
PEOPLE = (("customer", "VARCHAR"), ("Since", "DATE"), ("level", "SMALLINT"))
RELATIONS = {("_versions", "shop__orders"): ORDERS, ("_versions", "shop__people"): PEOPLE}
ORDER_ROWS: list[tuple[Any, ...]] = [
    (1, "ada", Decimal("10.50"), 0.5, _at("2024-03-01 09:30:00"), True, "12", 4),
    (2, "Bob", Decimal("-3.25"), 1.25, _at("2024-03-01 23:59:59.500000"), False, " 7.5 ", 5_000_000_000),
    (3, "ada", None, None, _at("2024-03-31"), None, "", None),
    (4, "Äsop", Decimal("0.00"), -2.0, _at("2024-04-01"), True, "2024-03-05", 0),
    (5, None, Decimal("99.99"), 3.75, None, False, "2024-02-30", -7),
    (6, "zoë", Decimal("2.50"), 0.0, _at("2023-12-31 12:00:00"), True, "x_%", 7),
    (7, "bob", Decimal("3.50"), 2.5, _at("2024-02-29 01:00:00"), False, "20240305", 7),
    (8, "straße", Decimal("1234567.89"), 1e20, _at("2024-02-29 01:00:00"), True, "nan", 9_223_372_036_854_775_807),
    (9, "ada", Decimal("10.50"), 0.25, _at("2024-03-02"), True, "1e3", 1),
    (10, "a.b\nc", Decimal("0.01"), 4.0, _at("2024-03-02 01:02:03"), None, "99999999999", 2),
]
PEOPLE_ROWS: list[tuple[Any, ...]] = [
    ("ada", date(2020, 1, 31), 1),
    ("bob", date(2021, 12, 1), 2),
    ("Äsop", None, None),
    ("nobody", date(1999, 2, 28), 3),
]
A, B = '"_versions"."shop__orders"', '"_versions"."shop__people"'

QUERIES = {
    "everything": f"SELECT * FROM {A}",
    "names in any case": f"SELECT ORDERID, o.Customer, orderid + 1 AS Next FROM {A} AS o",
    "all but one": f"SELECT * EXCLUDE (raw, big) FROM {A}",
    "from first": f"FROM {B}",
    "where": f"SELECT OrderId FROM {A} WHERE amount > 2 AND NOT paid OR customer IS NULL",
    "an alias in where": f"SELECT OrderId, amount * 2 AS doubled FROM {A} WHERE doubled > 5",
    "an alias in another item": f"SELECT OrderId AS n, n + 1 AS m FROM {A}",
    "a column rather than its alias": f"SELECT OrderId, CAST(amount AS INTEGER) AS amount FROM {A} WHERE amount > 2.4",
    "float division": f"SELECT OrderId, OrderId / 4 AS q, amount / 3 AS a FROM {A}",
    "division by nothing": f"SELECT OrderId, OrderId / 0 AS i, weight / 0 AS w, 0 / 0 AS n FROM {A}",
    "division of what is added": f"SELECT OrderId, (OrderId + 1) / (OrderId * 2) AS q FROM {A}",
    "whole division": f"SELECT OrderId, -OrderId // 2 AS q, OrderId // 3 AS r FROM {A}",
    "remainder": f"SELECT OrderId, -OrderId % 3 AS r, big % 5 AS s, amount % 1.5 AS t FROM {A}",
    "decimals": f"SELECT OrderId, amount * 1.175 AS a, amount + 1 AS b, amount - 0.005 AS c FROM {A}",
    "rounding of decimals": f"SELECT OrderId, round(amount) AS r, round(amount, 1) AS s FROM {A}",
    "decimals to integers": f"SELECT OrderId, CAST(amount AS INTEGER) AS i, CAST(amount AS DECIMAL(9, 1)) AS d"
    f" FROM {A}",
    "exponents": f"SELECT OrderId, 1e3 AS a, OrderId * 2.5e-1 AS b FROM {A}",
    "ceiling and floor": f"SELECT OrderId, ceil(amount) AS c, floor(amount) AS f FROM {A}",
    "absolute": f"SELECT OrderId, abs(amount) AS a, abs(weight) AS w, abs(-OrderId) AS i FROM {A}",
    "group by": f"SELECT customer, count(*) AS n, sum(amount) AS s, min(made_at) AS first FROM {A} GROUP BY customer",
    "group by all": f"SELECT customer, paid, count(*) AS n, sum(amount) AS s, 1 AS one FROM {A} GROUP BY ALL",
    "group by position": f"SELECT lower(customer) AS who, count(amount) AS n FROM {A} GROUP BY 1",
    "group by alias": f"SELECT date_trunc('month', made_at) AS month, sum(OrderId) AS n FROM {A} GROUP BY month",
    "having an alias": f"SELECT customer, count(*) AS n FROM {A} GROUP BY customer HAVING n > 1",
    "folds without rows": f"SELECT count(*) AS n, sum(amount) AS s, avg(OrderId) AS a, max(customer) AS m FROM {A}"
    " WHERE OrderId > 100",
    "average": f"SELECT paid, avg(OrderId) AS a, avg(big) AS b, avg(amount) AS c FROM {A} GROUP BY paid",
    "average of distinct": f"SELECT avg(DISTINCT OrderId) AS a FROM {A}",
    "sums and their types": f"SELECT sum(OrderId) AS i, sum(big) AS b, sum(amount) AS d, sum(weight) AS f FROM {A}"
    " WHERE OrderId <> 8",
    "a sum of whole numbers halved": f"SELECT sum(OrderId) / 2 AS h, sum(OrderId) // 2 AS w FROM {A}",
    "count distinct": f"SELECT count(DISTINCT customer) AS n, count(DISTINCT amount) AS m FROM {A}",
    "count of some": f"SELECT count(*) FILTER (WHERE paid) AS n, sum(amount) FILTER (WHERE NOT paid) AS s FROM {A}",
    "largest text": f"SELECT min(customer) AS a, max(customer) AS b FROM {A}",
    "true for all": f"SELECT customer, bool_and(paid) AS a, bool_or(paid) AS o FROM {A} GROUP BY customer",
    "texts together": f"SELECT string_agg(customer, ', ' ORDER BY OrderId) AS t FROM {A}",
    "order and limit": f"SELECT OrderId, amount FROM {A} ORDER BY amount DESC, OrderId LIMIT 4",
    "order by text": f"SELECT customer FROM {A} ORDER BY customer LIMIT 7",
    "nothing comes last": f"SELECT OrderId, customer FROM {A} ORDER BY customer DESC, OrderId DESC LIMIT 3",
    "order by all": f"SELECT customer, OrderId FROM {A} ORDER BY ALL LIMIT 5",
    "offset": f"SELECT OrderId FROM {A} ORDER BY 1 LIMIT 3 OFFSET 2",
    "distinct": f"SELECT DISTINCT customer, paid FROM {A}",
    "inner join": f"SELECT o.OrderId, p.Since FROM {A} AS o JOIN {B} AS p ON o.customer = p.customer",
    "left join using": f"SELECT * FROM {A} LEFT JOIN {B} USING (customer)",
    "full join using": f"SELECT customer, level, OrderId FROM {A} FULL JOIN {B} USING (customer)",
    "cross join": f"SELECT o.OrderId, p.level FROM {A} AS o CROSS JOIN {B} AS p WHERE p.level = o.OrderId",
    "with": f"WITH paid AS (SELECT * FROM {A} WHERE paid), n AS (SELECT count(*) AS c FROM paid) SELECT * FROM n",
    "a query in from": f"SELECT who, n FROM (SELECT lower(customer) AS who, count(*) AS n FROM {A} GROUP BY 1) AS g"
    " WHERE n > 1",
    "exists": f"SELECT OrderId FROM {A} AS o WHERE EXISTS (SELECT 1 FROM {B} AS p WHERE p.customer = o.customer)",
    "not in": f"SELECT OrderId FROM {A} WHERE customer NOT IN (SELECT customer FROM {B} WHERE customer <> 'ada')",
    "one value": f"SELECT OrderId, (SELECT max(level) FROM {B} AS p WHERE p.customer = o.customer) AS l FROM {A} AS o",
    "union": f"SELECT customer FROM {A} UNION SELECT customer FROM {B}",
    "union all": f"SELECT customer, OrderId AS n FROM {A} UNION ALL SELECT customer, level FROM {B}",
    "except": f"SELECT customer FROM {A} EXCEPT SELECT customer FROM {B}",
    "intersect": f"SELECT customer FROM {A} INTERSECT SELECT customer FROM {B}",
    "row number": f"SELECT OrderId, row_number() OVER (PARTITION BY customer ORDER BY OrderId) AS r FROM {A}",
    "rank": f"SELECT OrderId, rank() OVER (ORDER BY amount DESC) AS r, dense_rank() OVER (ORDER BY paid) AS d FROM {A}",
    "lag and lead": f"SELECT OrderId, lag(amount) OVER (ORDER BY OrderId) AS a, lead(OrderId, 2, 0) OVER (ORDER BY"
    f" OrderId) AS b FROM {A}",
    "running sum": f"SELECT OrderId, sum(amount) OVER (ORDER BY OrderId ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS s"
    f" FROM {A}",
    "average over all": f"SELECT OrderId, avg(OrderId) OVER (PARTITION BY paid) AS a FROM {A}",
    "first and last": f"SELECT OrderId, first_value(amount) OVER (ORDER BY OrderId) AS f FROM {A}",
    "qualify": f"SELECT OrderId"
    f", customer FROM {A} QUALIFY row_number() OVER (PARTITION BY customer ORDER BY made_at) = 1",
    "case": f"SELECT OrderId, CASE WHEN amount > 5 THEN 'much' WHEN amount IS NULL THEN '?' ELSE 'little' END AS k"
    f" FROM {A}",
    "case of a value": f"SELECT OrderId, CASE paid WHEN true THEN 1 WHEN false THEN 0 END AS k FROM {A}",
    "if": f"SELECT OrderId, if(paid, 1, 0) AS k FROM {A}",
    "coalesce": f"SELECT OrderId, coalesce(customer, 'nobody') AS c, ifnull(amount, 0) AS a, nullif(OrderId, 3) AS n"
    f" FROM {A}",
    "greatest": f"SELECT OrderId, greatest(amount, 3, NULL) AS g, least(OrderId, 4) AS l FROM {A}",
    "is": f"SELECT OrderId, paid IS NOT TRUE AS a, (amount > 3) IS NULL AS b, customer IS NOT DISTINCT FROM NULL AS c"
    f" FROM {A}",
    "between and in": f"SELECT OrderId FROM {A} WHERE OrderId BETWEEN 2 AND 9 AND customer IN ('ada', 'Bob')",
    "comparing text": f"SELECT OrderId FROM {A} WHERE customer > 'b'",
    "upper and lower": f"SELECT OrderId, upper(customer) AS u, lower(customer) AS l FROM {A}",
    "length and pieces": f"SELECT OrderId, length(customer) AS n, substring(customer, 2, 3) AS s, substr(customer"
    f", 2) AS t,"
    f" left(customer, 2) AS l, right(customer, 2) AS r, left(customer, -1) AS m FROM {A}",
    "trim and replace": f"SELECT OrderId, trim(raw) AS t, replace(customer, 'a', '_') AS r FROM {A}",
    "concatenated": f"SELECT OrderId, customer || '-' || raw AS a, concat(customer, '-', OrderId) AS b FROM {A}",
    "like": f"SELECT OrderId, raw LIKE 'x_%' AS a FROM {A}",
    "ilike": f"SELECT OrderId FROM {A} WHERE customer ILIKE 'B%' OR customer NOT LIKE '%a%'",
    "starts with": f"SELECT OrderId FROM {A} WHERE starts_with(customer, 'a')",
    "patterns": f"SELECT OrderId, regexp_matches(customer, '^[a-z]+$') AS a, regexp_matches(raw"
    f", '^\\d+\\.?\\d*$') AS b,"
    f" regexp_matches(customer, 'a.b.c') AS c, regexp_matches(customer, '\\w{{4}}|^[^\\d]$') AS d FROM {A}",
    "text to numbers": f"SELECT OrderId, CAST(trim(raw) AS INTEGER) AS i, CAST(raw AS DECIMAL(9, 1)) AS d FROM {A}"
    " WHERE OrderId IN (1, 2)",
    "tried numbers": f"SELECT OrderId, try_cast(raw AS INTEGER) AS i, try_cast(raw AS DECIMAL(5, 1)) AS d,"
    f" try_cast(raw AS BIGINT) AS b FROM {A}",
    "tried dates": f"SELECT OrderId, try_cast(raw AS DATE) AS d, try_cast(raw AS TIMESTAMP) AS t FROM {A}",
    "numbers to text": f"SELECT OrderId, CAST(OrderId AS VARCHAR) AS i, CAST(amount AS VARCHAR) AS d"
    f", CAST(paid AS VARCHAR)"
    f" AS b, CAST(made_at AS VARCHAR) AS t, CAST(CAST(made_at AS DATE) AS VARCHAR) AS e FROM {A}",
    "sorted as text": f"SELECT OrderId FROM {A} ORDER BY CAST(OrderId AS VARCHAR) LIMIT 4",
    "a VARCHAR with a length": f"SELECT OrderId, CAST(customer AS VARCHAR(2)) AS c FROM {A}",
    "dates": f"SELECT OrderId, CAST(made_at AS DATE) AS d, made_at + INTERVAL 1 DAY AS n"
    f", made_at - INTERVAL 2 MONTH AS m FROM {A}",
    "date arithmetic": f"SELECT customer, Since + 1 AS a, Since - DATE '2020-01-01' AS b, Since + INTERVAL 1 MONTH AS c"
    f" FROM {B}",
    "days between as text": f"SELECT customer, CAST(Since - DATE '2020-01-01' AS VARCHAR) AS b FROM {B}",
    "time between": f"SELECT OrderId, made_at - TIMESTAMP '2024-03-01 00:00:00' AS d FROM {A}",
    "parts of dates": f"SELECT OrderId, year(made_at) AS y, month(made_at) AS m, extract(quarter FROM made_at) AS q,"
    f" extract(week FROM made_at) AS w, extract(hour FROM made_at) AS h, extract(doy FROM made_at) AS n FROM {A}",
    "truncated dates": f"SELECT OrderId, date_trunc('week', made_at) AS w, date_trunc('hour', made_at) AS h FROM {A}",
    "truncated days": f"SELECT customer, date_trunc('month', CAST(Since AS TIMESTAMP)) AS m FROM {B}",
    "literals of dates": f"SELECT OrderId FROM {A} WHERE made_at >= DATE '2024-03-01'"
    f" AND made_at < TIMESTAMP '2024-04-01 00:00:00'",
    "quotes and percents": f"SELECT OrderId, 'it''s 100%' AS a, '%s $1 \\n' AS b FROM {A}",
    "a name in quotes": f'SELECT OrderId AS "The Order", customer AS "select" FROM {A}',
    "a name DuckDB makes": f"SELECT sum(OrderId), count(*) FROM {A}",
}


@pytest.fixture(scope="module")
def server(postgres: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection to a database with the rows."""
    with psycopg.connect(postgres, autocommit=True) as admin:
        admin.execute("DROP DATABASE IF EXISTS asked WITH (FORCE)")
        admin.execute("CREATE DATABASE asked")
    address = postgres.removesuffix("/postgres") + "/asked"
    with psycopg.connect(address, autocommit=True, cursor_factory=psycopg.RawCursor) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute('CREATE SCHEMA _penstock; CREATE SCHEMA "_versions"')
        connection.execute(SUPPORT)
        for (schema, name), columns in RELATIONS.items():
            written = ", ".join(
                f'"{column}" {to_postgres_type(type_)}{" COLLATE pg_c_utf8" if type_ == "VARCHAR" else ""}'
                for column, type_ in columns
            )
            connection.execute(f"CREATE TABLE {table(schema, name)} ({written})")
            places = ", ".join(f"${number}" for number in range(1, len(columns) + 1))
            with connection.cursor() as cursor:
                cursor.executemany(f"INSERT INTO {table(schema, name)} VALUES ({places})", _rows(name))
        yield connection


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    """DuckDB with the same rows."""
    with duckdb.connect() as connection:
        connection.execute('CREATE SCHEMA "_versions"')
        for (schema, name), columns in RELATIONS.items():
            written = ", ".join(f'"{column}" {type_}' for column, type_ in columns)
            connection.execute(f"CREATE TABLE {table(schema, name)} ({written})")
            places = ", ".join("?" for _ in columns)
            connection.executemany(f"INSERT INTO {table(schema, name)} VALUES ({places})", _rows(name))
        yield connection


def _rows(name: str) -> list[tuple[Any, ...]]:
    return ORDER_ROWS if name == "shop__orders" else PEOPLE_ROWS


def _asked(
    sql: str, engine: duckdb.DuckDBPyConnection, server: psycopg.Connection[Any], values: Mapping[str, object]
) -> tuple[tuple[list[str], list[Any]], tuple[list[str], list[Any]]]:
    """Names and rows of both."""
    described = engine.execute(f"DESCRIBE {sql}", dict(values) or None).fetchall()
    columns = tuple((str(row[0]), str(row[1])) for row in described)
    kinds = {name: "timestamp" for name, value in values.items() if isinstance(value, datetime)}
    kinds |= {name: "integer" for name, value in values.items() if isinstance(value, int)}
    query = to_postgres(sql, {found: RELATIONS[found] for found in relations_of(sql)}, columns, kinds)
    ours = engine.execute(sql, dict(values) or None).fetchall()
    cursor = server.execute(query.text, [values[name] for name in query.params])
    theirs = cursor.fetchall()
    names = [column.name for column in cursor.description or ()]
    ordered = "ORDER BY" in sql and "OVER" not in sql and "string_agg" not in sql
    sort = (lambda rows: rows) if ordered else (lambda rows: sorted(rows, key=repr))
    return ([name for name, _ in columns], sort([_plain(row) for row in ours])), (
        names,
        sort([_plain(row) for row in theirs]),
    )


def _plain(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Equal numbers of different classes as one."""
    return tuple(_value(value) for value in row)


def _value(value: Any) -> Any:
    if isinstance(value, float):
        return f"{value:.17g}"
    if isinstance(value, Decimal) and value == value.to_integral_value():
        return int(value)
    return value


@pytest.mark.parametrize("sql", QUERIES.values(), ids=QUERIES.keys())
def test_both_databases_give_the_same_answer(
    sql: str, engine: duckdb.DuckDBPyConnection, server: psycopg.Connection[Any]
) -> None:
    ours, theirs = _asked(sql, engine, server, {})
    assert theirs == ours


def test_there_are_enough_of_them_and_no_two_ask_the_same() -> None:
    assert len(set(QUERIES.values())) == len(QUERIES) >= 40


BOUND = f"SELECT OrderId FROM {A} WHERE made_at >= $interval_start AND made_at < $interval_end AND OrderId % 2 = 1"
FURTHER = f"SELECT OrderId FROM {A} WHERE $offset IS NULL OR OrderId > $offset"


@pytest.mark.parametrize(
    ("sql", "values"),
    [
        (BOUND, {"interval_start": _at("2024-03-01"), "interval_end": _at("2024-04-01")}),
        (FURTHER, {"offset": 4}),
        (FURTHER, {"offset": None}),
    ],
)
def test_parameters_arrive_as_bound_values(
    sql: str, values: dict[str, object], engine: duckdb.DuckDBPyConnection, server: psycopg.Connection[Any]
) -> None:
    ours, theirs = _asked(sql, engine, server, values)
    assert theirs == ours
    assert len(ours[1]) > 0
    assert len(ours[1]) < len(ORDER_ROWS) or values.get("offset", 0) is None


def test_a_relation_whose_name_postgres_would_cut_off_is_kept_under_a_shorter_one() -> None:
    one, other = (f"{'shop__orders' * 6}__{end}" for end in ("1111", "2222"))
    for name in (one, other):
        text = to_postgres(
            f'SELECT n FROM "_versions"."{name}"', {("_versions", name): (("n", "BIGINT"),)}, (("n", "BIGINT"),)
        ).text
        kept = text.split('"_versions"."')[1].split('"')[0]
        assert len(kept) == 63
    assert physical(one) != physical(other)
    assert physical("short") == "short"


# -- what is refused ------------------------------------------------------------------------------------------------

REFUSED = {
    "qualify before a limit": f"SELECT OrderId FROM {A} QUALIFY row_number() OVER (ORDER BY OrderId) < 9 LIMIT 2",
    "lists": f"SELECT list(OrderId ORDER BY OrderId) AS l FROM {A}",
    "unnest": "SELECT unnest([1, 2]) AS n",
    "structs": "SELECT {'a': 1} AS s",
    "an asof join": f"SELECT o.OrderId FROM {A} AS o ASOF JOIN {B} AS p ON o.customer = p.customer "
    "AND o.made_at >= p.Since",
    "a semi join": f"SELECT o.OrderId FROM {A} AS o SEMI JOIN {B} AS p ON o.customer = p.customer",
    "a positional join": f"SELECT o.OrderId FROM {A} AS o POSITIONAL JOIN {B} AS p",
    "a double as text": f"SELECT CAST(weight AS VARCHAR) AS w FROM {A}",
    "a double rounded": f"SELECT round(weight, 1) AS w FROM {A}",
    "a double to integer": f"SELECT CAST(weight AS INTEGER) AS w FROM {A}",
    "a quotient to decimal": f"SELECT CAST(amount / 3 AS DECIMAL(9, 2)) AS w FROM {A}",
    "doubles in whole division": f"SELECT weight // 2 AS w FROM {A}",
    "a remainder of doubles": f"SELECT weight % 2 AS w FROM {A}",
    "texts without an order": f"SELECT string_agg(customer, ',') AS t FROM {A}",
    "medians": f"SELECT median(amount) AS m FROM {A}",
    "spreads": f"SELECT stddev(amount) AS m FROM {A}",
    "any value": f"SELECT any_value(customer) AS m FROM {A}",
    "largest by": f"SELECT arg_max(customer, amount) AS m FROM {A}",
    "distinct on": f"SELECT DISTINCT ON (customer) customer, OrderId FROM {A} ORDER BY OrderId",
    "union by name": f"SELECT customer FROM {A} UNION BY NAME SELECT customer FROM {B}",
    "rollup": f"SELECT customer, count(*) AS n FROM {A} GROUP BY ROLLUP (customer)",
    "recursion": "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT i FROM n",
    "a sample": f"SELECT OrderId FROM {A} USING SAMPLE 3",
    "pivots": f"PIVOT {A} ON paid USING sum(amount)".replace("PIVOT", "SELECT * FROM (PIVOT") + ")",
    "values": "SELECT n FROM (VALUES (1), (2)) AS v(n)",
    "date differences": f"SELECT date_diff('day', made_at, made_at) AS d FROM {A}",
    "formatted dates": f"SELECT strftime(made_at, '%Y') AS d FROM {A}",
    "seconds": f"SELECT extract(second FROM made_at) AS d FROM {A}",
    "a substring from behind": f"SELECT substring(customer, -2, 1) AS d FROM {A}",
    "a backslash in like": f"SELECT OrderId FROM {A} WHERE raw LIKE 'x\\_%'",
    "another pattern's letters": f"SELECT regexp_matches(raw, '\\b\\pL') AS d FROM {A}",
    "a computed pattern": f"SELECT regexp_matches(raw, customer) AS d FROM {A}",
    "replaced patterns": f"SELECT regexp_replace(raw, 'a', 'b') AS d FROM {A}",
    "a frame by values": f"SELECT sum(OrderId) OVER (ORDER BY OrderId RANGE BETWEEN 1 PRECEDING AND CURRENT ROW) AS s"
    f" FROM {A}",
    "two columns of one name": f"SELECT o.customer, p.customer FROM {A} AS o JOIN {B} AS p ON o.customer = p.customer",
    "a cast to an unsigned": f"SELECT CAST(OrderId AS UINTEGER) AS u FROM {A}",
    "seeded chance": f"SELECT random() AS r FROM {A}",
    "a lambda": f"SELECT list_transform([OrderId], lambda x: x + 1) AS r FROM {A}",
    "a double among decimals, rounded": f"SELECT CAST(amount + weight AS INTEGER) AS n FROM {A}",
    "a time between as text": f"SELECT CAST(made_at - TIMESTAMP '2024-03-01 00:00:00' AS VARCHAR) AS n FROM {A}",
    "one by another name": f"SELECT CAST(t AS VARCHAR) AS n FROM (SELECT made_at - made_at AS t FROM {A}) AS o",
    "a double by another name": f"SELECT CAST(w AS VARCHAR) AS t FROM (SELECT amount + weight AS w FROM {A}) AS o",
    "a double among decimals": f"SELECT CAST(w AS DECIMAL(9, 1)) AS t"
    f" FROM (SELECT coalesce(amount, weight) AS w FROM {A})",
    "decimals added as text": f"SELECT CAST(CASE WHEN paid THEN 1.5 ELSE amount END AS VARCHAR) AS r FROM {A}",
}  # fmt: skip


@pytest.mark.parametrize("sql", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_not_carried_is_refused_before_anything_runs(sql: str, engine: duckdb.DuckDBPyConnection) -> None:
    described = engine.execute(f"DESCRIBE {sql}").fetchall()
    columns = tuple((str(row[0]), str(row[1])) for row in described)
    with pytest.raises(InputError) as caught:
        to_postgres(sql, {found: RELATIONS[found] for found in relations_of(sql)}, columns)
    for finding in caught.value.findings:
        assert finding.code == "sql.not_portable"
        assert finding.place.line == 1
        assert finding.remedy


def test_a_refusal_names_the_line_and_everything_at_once() -> None:
    sql = f"SELECT\n  stddev(amount) AS a,\n  median(amount) AS m\nFROM {A}"
    with pytest.raises(InputError) as caught:
        refuse_foreign(sql)
    assert [(finding.place.line, finding.found) for finding in caught.value.findings] == [
        (2, "STDDEV"),
        (3, "MEDIAN"),
    ]
