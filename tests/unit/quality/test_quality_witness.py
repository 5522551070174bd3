"""Made-up rows: the same for the same seed, within what contracts promise, and few once they show a difference."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from penstock.adapters.duckdb.laboratory import MemoryLaboratory
from penstock.model.contracts import ColumnSpec, Contract, Rule, RuleKind
from penstock.model.intervals import Interval, parse_moment
from penstock.quality.synthesis import Shape, worlds
from penstock.quality.synthetic_values import candidates
from penstock.quality.witness import Question, find_witness
from penstock.sql.boundaries import Marks, marks_of

if TYPE_CHECKING:
    from collections.abc import Iterator

ORDERS = Shape(
    columns=(
        ("id", "BIGINT"),
        ("amount", "DECIMAL(10,2)"),
        ("country", "VARCHAR"),
        ("at", "TIMESTAMP"),
        ("who", "BIGINT"),
    )
)
PEOPLE = Shape(columns=(("who", "BIGINT"), ("name", "VARCHAR")), key=("who",))
DAY = Interval(parse_moment("2024-01-10"), parse_moment("2024-01-11"))


@pytest.fixture(scope="module")
def laboratory() -> Iterator[MemoryLaboratory]:
    made = MemoryLaboratory()
    yield made
    made.close()


def question(old: str, new: str, **inputs: Shape) -> Question:
    return Question(old=old, new=new, inputs={"s.orders": ORDERS, **{f"s.{name}": one for name, one in inputs.items()}})


def test_one_row_is_enough_where_one_row_is_enough(laboratory: MemoryLaboratory) -> None:
    found = find_witness(
        question("SELECT id FROM s.orders WHERE amount > 100", "SELECT id FROM s.orders WHERE amount >= 100"),
        laboratory,
    )
    assert found is not None
    assert [len(made.rows) for made in found.world] == [1]
    assert (
        dict(zip([name for name, _ in found.world[0].columns], found.world[0].rows[0], strict=True))["amount"]
        == "100.00"
    )
    assert (found.old, len(found.new)) == ((), 1)


def test_queries_that_mean_the_same_have_no_witness(laboratory: MemoryLaboratory) -> None:
    old = "SELECT id FROM s.orders WHERE NOT (amount > 5 OR country IS NULL)"
    new = "SELECT id FROM s.orders WHERE amount <= 5 AND country IS NOT NULL"
    assert find_witness(question(old, new), laboratory) is None


def test_rows_that_do_not_join_are_made_up_and_keys_do_not_repeat(laboratory: MemoryLaboratory) -> None:
    old = "SELECT o.id, p.name FROM s.orders AS o JOIN s.people AS p ON o.who = p.who"
    found = find_witness(question(old, old.replace("JOIN", "LEFT JOIN"), people=PEOPLE), laboratory)
    assert found is not None
    doubled = find_witness(
        question(
            "SELECT id FROM s.orders",
            "SELECT o.id FROM s.orders AS o LEFT JOIN s.people AS p ON o.who = p.who",
            people=PEOPLE,
        ),
        laboratory,
    )
    assert doubled is None


def test_what_a_contract_promises_is_kept() -> None:
    contract = Contract(
        dataset="s.orders",
        file="",
        version="1",
        columns=(ColumnSpec(name="id", type="BIGINT", required=True), ColumnSpec(name="country", type="VARCHAR")),
        key=("id",),
        rules=(Rule(kind=RuleKind.ACCEPTED_VALUES, columns=("country",), values=("UK", "DE")),),
    )
    shape = ORDERS.promised(contract)
    for (made,) in worlds(
        ["SELECT id FROM s.orders WHERE country = 'FR'"], {"s.orders": shape}, None, seed=1, count=50
    ):
        ids = [row[0] for row in made.rows]
        assert None not in ids
        assert len(set(ids)) == len(ids)
        assert {row[2] for row in made.rows} <= {"UK", "DE", None}


def test_the_same_seed_gives_the_same_rows() -> None:
    text = "SELECT id FROM s.orders WHERE amount > 3"
    first, again, other = (list(worlds([text], {"s.orders": ORDERS}, None, seed=seed, count=5)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_interval_ends_and_literals_are_among_the_values() -> None:
    marks = Marks(texts=("2020-03-29 01:00:00",))
    values = candidates("TIMESTAMP", marks, DAY)
    assert {"2024-01-10 00:00:00", "2024-01-09 23:59:59", "2024-01-11 00:00:00", "2020-03-29 01:00:00"} <= set(values)


@pytest.mark.parametrize(
    "kind",
    [
        "BIGINT",
        "UTINYINT",
        "DECIMAL(4,3)",
        "DOUBLE",
        "BOOLEAN",
        "DATE",
        "TIME",
        "TIMESTAMP",
        "VARCHAR",
        "UUID",
        "INTEGER[]",
    ],
)
def test_values_can_be_cast_to_their_type(kind: str, laboratory: MemoryLaboratory) -> None:
    marks = Marks(numbers=("500", "-3"), texts=("2020-01-01", "x", "1.5"))
    for value in candidates(kind, marks, DAY):
        answer = laboratory.answer(f"SELECT CAST('{value}' AS {kind}) AS v", None)
        assert answer is not None, value


def test_marks_follow_names_through_expressions_and_joins() -> None:
    text = (
        "WITH a AS (SELECT amount * 2 AS double, who FROM s.orders) "
        "SELECT a.double FROM a JOIN s.people AS p ON a.who = p.who WHERE a.double > 40 AND p.name LIKE 'A%'"
    )
    marks = marks_of([text], {"s.orders": ["amount", "who"], "s.people": ["who", "name"]})
    assert "40" in marks["s.orders", "amount"].numbers
    assert marks["s.people", "name"].patterns == ("A%",)
    assert marks["s.orders", "who"].linked == marks["s.people", "who"].linked is not None
