from __future__ import annotations

import pytest

from penstock.model.errors import InputError
from penstock.sql.lineage import column_lineage

SCHEMA = {
    "s.orders": ("id", "customer", "quantity", "price", "day"),
    "s.customers": ("customer", "name", "country"),
    "w.visits": ("id", "clicks"),
}

ORDERS, CUSTOMERS, VISITS = "s.orders.", "s.customers.", "w.visits."

CASES: list[tuple[str, dict[str, list[str]], list[str]]] = [
    (
        "SELECT id, quantity * price AS revenue FROM s.orders",
        {"id": [ORDERS + "id"], "revenue": [ORDERS + "price", ORDERS + "quantity"]},
        [],
    ),
    ("SELECT o.id FROM s.orders o WHERE o.day > $interval_start", {"id": [ORDERS + "id"]}, [ORDERS + "day"]),
    ("SELECT s.orders.id FROM s.orders", {"id": [ORDERS + "id"]}, []),
    (
        "SELECT customer, sum(quantity) AS q FROM s.orders GROUP BY customer HAVING max(price) > 1",
        {"customer": [ORDERS + "customer"], "q": [ORDERS + "quantity"]},
        [ORDERS + "customer", ORDERS + "price"],
    ),
    (
        "SELECT upper(customer) AS c, day AS d, count(*) AS n FROM s.orders GROUP BY ALL",
        {"c": [ORDERS + "customer"], "d": [ORDERS + "day"], "n": []},
        [ORDERS + "customer", ORDERS + "day"],
    ),
    (
        "SELECT day AS d, sum(price) AS p FROM s.orders GROUP BY 1",
        {"d": [ORDERS + "day"], "p": [ORDERS + "price"]},
        [ORDERS + "day"],
    ),
    ("SELECT upper(customer) AS u FROM s.orders GROUP BY u", {"u": [ORDERS + "customer"]}, [ORDERS + "customer"]),
    ("SELECT DISTINCT day FROM s.orders", {"day": [ORDERS + "day"]}, [ORDERS + "day"]),
    (
        "SELECT DISTINCT ON (customer) id FROM s.orders ORDER BY day",
        {"id": [ORDERS + "id"]},
        [ORDERS + "customer", ORDERS + "day"],
    ),
    ("SELECT id FROM s.orders ORDER BY price", {"id": [ORDERS + "id"]}, []),
    ("SELECT id FROM s.orders ORDER BY price LIMIT 3", {"id": [ORDERS + "id"]}, [ORDERS + "price"]),
    (
        "SELECT * FROM s.orders JOIN s.customers USING (customer)",
        {
            "id": [ORDERS + "id"],
            "customer": [CUSTOMERS + "customer", ORDERS + "customer"],
            "quantity": [ORDERS + "quantity"],
            "price": [ORDERS + "price"],
            "day": [ORDERS + "day"],
            "name": [CUSTOMERS + "name"],
            "country": [CUSTOMERS + "country"],
        },
        [CUSTOMERS + "customer", ORDERS + "customer"],
    ),
    (
        "SELECT * EXCLUDE (price, day, name) FROM s.customers JOIN (s.orders JOIN w.visits USING (id)) USING(customer)",
        {
            "customer": [CUSTOMERS + "customer", ORDERS + "customer"],
            "country": [CUSTOMERS + "country"],
            "id": [ORDERS + "id", VISITS + "id"],
            "quantity": [ORDERS + "quantity"],
            "clicks": [VISITS + "clicks"],
        },
        [CUSTOMERS + "customer", ORDERS + "customer", ORDERS + "id", VISITS + "id"],
    ),
    (
        "SELECT c.* EXCLUDE (name) REPLACE (upper(country) AS country) RENAME (customer AS who) FROM s.customers c",
        {"who": [CUSTOMERS + "customer"], "country": [CUSTOMERS + "country"]},
        [],
    ),
    (
        "SELECT COLUMNS('^c') FROM s.customers",
        {"customer": [CUSTOMERS + "customer"], "country": [CUSTOMERS + "country"]},
        [],
    ),
    (
        "SELECT v.clicks FROM s.orders o LEFT JOIN w.visits v ON v.id = o.id AND o.price > 0",
        {"clicks": [VISITS + "clicks"]},
        [ORDERS + "id", ORDERS + "price", VISITS + "id"],
    ),
    (
        "SELECT o.id FROM s.orders o SEMI JOIN w.visits v ON v.id = o.id",
        {"id": [ORDERS + "id"]},
        [ORDERS + "id", VISITS + "id"],
    ),
    (
        """WITH big AS (SELECT id, price AS p FROM s.orders WHERE quantity > 9), idle AS (SELECT name FROM s.customers)
        SELECT b.p FROM big b""",
        {"p": [ORDERS + "price"]},
        [ORDERS + "quantity"],
    ),
    ("WITH c(a, b) AS (SELECT id, price FROM s.orders) SELECT b FROM c", {"b": [ORDERS + "price"]}, []),
    (
        "SELECT id FROM s.orders UNION ALL SELECT clicks FROM w.visits",
        {"id": [ORDERS + "id", VISITS + "clicks"]},
        [],
    ),
    (
        "SELECT id AS k FROM s.orders UNION SELECT id FROM w.visits",
        {"k": [ORDERS + "id", VISITS + "id"]},
        [ORDERS + "id", VISITS + "id"],
    ),
    (
        "SELECT id FROM s.orders EXCEPT SELECT id FROM w.visits",
        {"id": [ORDERS + "id", VISITS + "id"]},
        [ORDERS + "id", VISITS + "id"],
    ),
    (
        "SELECT id, price AS p FROM s.orders UNION ALL BY NAME SELECT clicks AS c, id FROM w.visits",
        {"id": [ORDERS + "id", VISITS + "id"], "p": [ORDERS + "price"], "c": [VISITS + "clicks"]},
        [],
    ),
    (
        "SELECT id, row_number() OVER (PARTITION BY customer ORDER BY day) AS n FROM s.orders QUALIFY n = 1",
        {"id": [ORDERS + "id"], "n": [ORDERS + "customer", ORDERS + "day"]},
        [ORDERS + "customer", ORDERS + "day"],
    ),
    (
        "SELECT sum(price) OVER w AS t FROM s.orders WINDOW w AS (PARTITION BY day)",
        {"t": [ORDERS + "day", ORDERS + "price"]},
        [],
    ),
    (
        "SELECT (SELECT max(v.clicks) FROM w.visits v WHERE v.id = o.id) AS m FROM s.orders o",
        {"m": [ORDERS + "id", VISITS + "clicks", VISITS + "id"]},
        [],
    ),
    (
        "SELECT id FROM s.orders WHERE customer IN (SELECT customer FROM s.customers WHERE country = 'UK')",
        {"id": [ORDERS + "id"]},
        [CUSTOMERS + "country", CUSTOMERS + "customer", ORDERS + "customer"],
    ),
    ("SELECT price * 2 AS p2, p2 + 1 AS p3 FROM s.orders", {"p2": [ORDERS + "price"], "p3": [ORDERS + "price"]}, []),
    ("SELECT t.k FROM s.orders o, LATERAL (SELECT o.price + 1 AS k) t", {"k": [ORDERS + "price"]}, []),
    (
        "SELECT list_transform([price], lambda x: x + quantity) AS l FROM s.orders",
        {"l": [ORDERS + "price", ORDERS + "quantity"]},
        [],
    ),
    ("SELECT name.upper() AS u FROM s.customers", {"u": [CUSTOMERS + "name"]}, []),
    (
        "SELECT customers AS whole FROM s.customers",
        {"whole": [CUSTOMERS + "country", CUSTOMERS + "customer", CUSTOMERS + "name"]},
        [],
    ),
    ("SELECT r.inner.x AS y FROM (SELECT {'inner': {'x': price}} AS r FROM s.orders)", {"y": [ORDERS + "price"]}, []),
    (
        "SELECT unnest([price, id]) AS u FROM s.orders",
        {"u": [ORDERS + "id", ORDERS + "price"]},
        [ORDERS + "id", ORDERS + "price"],
    ),
    (
        """WITH RECURSIVE r AS (
            SELECT id, 0 AS n FROM s.orders UNION ALL SELECT r.id, v.clicks FROM r JOIN w.visits v ON v.id = n
        ) SELECT id, n FROM r""",
        {"id": [ORDERS + "id"], "n": [VISITS + "clicks"]},
        [VISITS + "clicks", VISITS + "id"],
    ),
    ("SELECT t.i, o.id FROM range(3) t(i), s.orders o", {"i": [], "id": [ORDERS + "id"]}, []),
    ("SELECT v.a FROM (VALUES (1), (2)) v(a)", {"a": []}, []),
    (
        "SELECT a, total FROM (SELECT day AS a, price FROM s.orders) PIVOT (sum(price) AS total FOR a IN (1))",
        {"a": [ORDERS + "day", ORDERS + "price"], "total": [ORDERS + "day", ORDERS + "price"]},
        [ORDERS + "day", ORDERS + "price"],
    ),
]


@pytest.mark.parametrize(("text", "columns", "rows"), CASES)
def test_where_columns_and_rows_come_from(text: str, columns: dict[str, list[str]], rows: list[str]) -> None:
    lineage = column_lineage(text, SCHEMA)
    assert {name: [str(ref) for ref in refs] for name, refs in lineage.columns.items()} == columns
    assert list(lineage.columns) == list(columns)
    assert [str(ref) for ref in lineage.rows] == rows


def test_unknown_columns_are_reported_together_with_their_lines() -> None:
    text = "SELECT o.id, o.prize\nFROM s.orders o\nJOIN s.customers c ON c.custmer = o.customer\nWHERE nothing > 1"
    with pytest.raises(InputError) as caught:
        column_lineage(text, SCHEMA)
    assert [(item.code, item.found, item.place.line) for item in caught.value.findings] == [
        ("sql.unknown_column", "c.custmer", 3),
        ("sql.unknown_column", "o.prize", 1),
        ("sql.unknown_column", "nothing", 4),
    ]


def test_a_dataset_that_is_not_in_the_schema_has_every_column_asked_of_it() -> None:
    lineage = column_lineage("SELECT a, v.b, id FROM x.y v, s.orders", SCHEMA)
    assert {name: [str(ref) for ref in refs] for name, refs in lineage.columns.items()} == {
        "a": ["x.y.a"],
        "b": ["x.y.b"],
        "id": [ORDERS + "id"],
    }


def test_a_star_over_unknown_columns_is_refused() -> None:
    for text in ("SELECT * FROM x.y", "SELECT * FROM s.orders PIVOT (sum(price) FOR day IN (1))"):
        with pytest.raises(InputError) as caught:
            column_lineage(text, SCHEMA)
        assert [item.code for item in caught.value.findings] == ["sql.columns_unknown"]


def test_deep_nesting_is_walked_or_refused_never_a_crash() -> None:
    text = "SELECT id FROM s.orders"
    for _ in range(60):
        text = f"SELECT id FROM ({text})"
    assert [str(ref) for ref in column_lineage(text, SCHEMA).columns["id"]] == [ORDERS + "id"]
    for _ in range(130):
        text = f"SELECT id FROM ({text})"
    with pytest.raises(InputError):
        column_lineage(text, SCHEMA)
