"""The retail example, as the author writes it, over all of its 305 real files."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import duckdb
import pytest
from author_bench import RETAIL, retail, written

from penstock.author.contracts import story_contracts
from penstock.model.authors import AuthorKind

if TYPE_CHECKING:
    from collections.abc import Iterator

START, END = "TIMESTAMP '2010-12-01'", "TIMESTAMP '2011-12-10'"

# Written from the words alone, over the raw files, without looking at what the author makes.
INDEPENDENT = """
WITH once AS (
  SELECT "InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"
  FROM raw
  GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
),
line AS (
  SELECT
    substr("InvoiceDate", 1, 10)::DATE AS day,
    "Country" AS country,
    "InvoiceNo" AS invoice,
    "CustomerID" AS customer,
    starts_with("InvoiceNo", 'C') AS cancelled,
    "Quantity"::INTEGER AS units,
    "UnitPrice"::DECIMAL(18, 6) AS price,
    NOT cancelled AND units > 0 AND price > 0 AS sold
  FROM once
  WHERE {products}
)
SELECT
  day,
  country,
  round(sum(CASE WHEN sold THEN units * price ELSE 0 END), 2)::DECIMAL(18, 2),
  round(sum(CASE WHEN cancelled THEN -units * price ELSE 0 END), 2)::DECIMAL(18, 2),
  count(DISTINCT CASE WHEN sold THEN invoice END),
  count(DISTINCT CASE WHEN sold THEN customer END)
FROM line
GROUP BY day, country
ORDER BY day, country
"""


PRODUCTS = {1: "true", 2: """regexp_full_match("StockCode", '[0-9][0-9][0-9][0-9][0-9].*')"""}


class Shop:
    """The landed files, and what the queries of one story after another make of them."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self.built = 0

    def build(self, story: int) -> None:
        """Run the story's generated queries over everything, in the order they read each other."""
        if self.built == story:
            return
        texts = {file.path: file.text for file in written(story)}
        for name in ("stg_invoices", "stg_invoices_rejected", "stg_invoices_counts", "daily_revenue"):
            self.make(name, texts[f"pipelines/sales/{name}.sql"])
        self.built = story

    def make(self, name: str, sql: str) -> None:
        """Run one query over all days."""
        self.built = 0
        sql = sql.replace("$interval_start", START).replace("$interval_end", END)
        self.connection.execute(f"CREATE OR REPLACE TABLE sales.{name} AS {sql}")

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        return self.connection.execute(sql).fetchall()


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    """All files landed as text rows, each with the day its name stands for."""
    with duckdb.connect(config={"threads": 2}) as connection:
        connection.execute("CREATE SCHEMA sales")
        connection.execute(
            "CREATE TABLE raw AS SELECT * FROM read_csv(?, all_varchar = true, header = true, filename = true)",
            [str(RETAIL / "data" / "by_day" / "*.csv.gz")],
        )
        connection.execute(
            "CREATE TABLE sales.invoices AS SELECT * EXCLUDE (filename), filename AS _file,"
            r" regexp_extract(filename, '(\d{4}-\d\d-\d\d)\.csv\.gz$', 1)::TIMESTAMP AS _interval_start FROM raw"
        )
        yield Shop(connection)


def test_retail_1_comes_to_the_known_totals(shop: Shop) -> None:
    shop.build(1)
    totals = shop.rows("SELECT sum(gross), sum(net) FROM sales.daily_revenue")
    assert totals == [(Decimal("10642110.80"), Decimal("9748131.07"))]
    counts = shop.rows("SELECT count(*), sum(lines), sum(repeats), sum(rejected) FROM sales.stg_invoices_counts")
    assert counts == [(305, 541_909, 5_268, 0)]


def test_contracts_tell_the_columns_and_types_that_the_queries_make(shop: Shop) -> None:
    shop.build(1)
    for dataset, contract in story_contracts(retail(1)).items():
        made = shop.rows(f"SELECT column_name, column_type FROM (DESCRIBE {dataset})")
        promised = [(column.name, column.type) for column in contract.columns]
        assert sorted(made) == sorted(promised), dataset


def test_days_built_one_by_one_equal_days_built_together(shop: Shop) -> None:
    shop.build(1)
    together = shop.rows("FROM sales.stg_invoices WHERE file_date BETWEEN '2011-02-01' AND '2011-02-04'")
    sql = next(file.text for file in written(1) if file.path == "pipelines/sales/stg_invoices.sql")
    alone = [
        row
        for day in range(1, 5)
        for row in shop.rows(
            sql.replace("$interval_start", f"TIMESTAMP '2011-02-0{day}'").replace(
                "$interval_end", f"TIMESTAMP '2011-02-0{day + 1}'"
            )
        )
    ]
    assert len(alone) > 3000
    assert sorted(alone, key=repr) == sorted(together, key=repr)


@pytest.fixture(scope="module", params=[1, 2])
def number(request: pytest.FixtureRequest) -> int:
    """The story whose queries have run; each is built once for all the tests that ask for it."""
    return int(request.param)


def test_revenue_equals_one_independent_query_to_the_cent(shop: Shop, number: int) -> None:
    shop.build(number)
    expected = shop.rows(INDEPENDENT.format(products=PRODUCTS[number]))
    assert len(expected) > 1600
    columns = "day, country, gross, returns, orders, customers"
    assert shop.rows(f"SELECT {columns} FROM sales.daily_revenue ORDER BY day, country") == expected


def test_every_acceptance_criterion_and_contract_rule_holds(shop: Shop, number: int) -> None:
    shop.build(number)
    story = retail(number)
    for criterion in (*story.standing, *story.criteria):
        assert criterion.sql is not None
        assert shop.rows(criterion.sql) == [], criterion.id
    rules = [(c.dataset, rule) for c in story_contracts(story).values() for rule in c.rules if rule.sql]
    assert len(rules) >= 8
    for dataset, rule in rules:
        assert rule.sql is not None
        assert shop.rows(rule.sql.replace("{table}", dataset)) == [], rule.name


def test_retail_2_moves_within_what_it_declares_and_nothing_else(shop: Shop) -> None:
    shop.build(1)
    before = {impact: _totals(shop, impact) for impact in retail(2).impact}
    shop.build(2)
    for dataset, impact in retail(2).impact.items():
        after = _totals(shop, dataset)
        for column, old in before[dataset].items():
            moved = (after[column] - old) / abs(old) * 100 if old else Decimal(0)
            bound = impact.rows if column == "rows" else impact.bound_of(column)
            if bound is None:
                assert moved == 0, (dataset, column)
            else:
                assert bound.holds(moved), (dataset, column, moved)
                assert moved != 0 or column == "rows", (dataset, column)


def _totals(shop: Shop, dataset: str) -> dict[str, Decimal]:
    described = shop.rows(f"DESCRIBE {dataset}")
    numbers = [str(row[0]) for row in described if str(row[1]).startswith(("DECIMAL", "BIGINT", "INTEGER"))]
    sums = ", ".join(f"sum({column})::DECIMAL(38, 3)" for column in numbers)
    row = shop.connection.execute(f"SELECT count(*)::DECIMAL(38, 3), {sums} FROM {dataset}").fetchone()
    assert row is not None
    return dict(zip(["rows", *numbers], row, strict=True))


def test_the_harmful_story_moves_net_although_it_says_it_does_not(shop: Shop) -> None:
    story = retail(4)
    assert story.author.kind is AuthorKind.FILES
    folder = RETAIL / "stories" / story.author.place / "pipelines" / "sales"
    for number in (1, 2):
        shop.build(number)
        net = "SELECT sum(net) FROM sales.daily_revenue"
        before = shop.rows(net)
        for name in ("products", "daily_revenue"):
            shop.make(name, (folder / f"{name}.sql").read_text())
        assert shop.rows(net) != before
        assert story.impact["sales.daily_revenue"].bound_of("net") is None
        for criterion in story.criteria:
            assert criterion.sql is not None
            assert shop.rows(criterion.sql) == [], "its own criteria do not give it away"
