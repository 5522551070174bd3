"""Whatever rows and rules there are: nothing is lost, nothing bad is published, and the first of equal keys stays."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock.adapters.duckdb.warehouse import DuckdbWarehouse
from penstock.engine.ports.publishing import Publication
from penstock.model.contracts import ColumnSpec, Contract, OnFailure, Rule, RuleKind
from penstock.model.findings import Severity
from penstock.model.pipelines import Materialization
from penstock.plan.versions import relation_of
from penstock.quality.checks import compile_checks, judge
from penstock.quality.sifting import decided_by, sieve_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

Row = tuple[int | None, str | None, str | None]
COLUMNS = ("n", "word", "day")
TYPES = {"n": "INTEGER", "word": "VARCHAR", "day": "DATE"}
FAIL, ASIDE, NULL = OnFailure.FAIL, OnFailure.QUARANTINE, OnFailure.NULL

_rows = st.lists(
    st.tuples(
        st.one_of(st.none(), st.integers(-2, 4)),
        st.one_of(st.none(), st.sampled_from(["a", "b", "it's", "", "?"])),
        st.one_of(st.none(), st.sampled_from(["2011-01-01", "2011-01-02", "2012-01-01"])),
    ),
    max_size=12,
)
_policies = st.sampled_from([None, ASIDE, NULL])


def _rules_of(word: OnFailure | None, n: OnFailure | None, day: OnFailure | None) -> tuple[Rule, ...]:
    return (
        Rule(kind=RuleKind.ACCEPTED_VALUES, columns=("word",), values=("a", "b", "it's"), on_failure=word, name="it's"),
        Rule(kind=RuleKind.RANGE, columns=("n",), low="0", high="3", on_failure=n),
        Rule(kind=RuleKind.RANGE, columns=("day",), low="2011-01-01", high="2011-12-31", on_failure=day),
        Rule(
            kind=RuleKind.SQL,
            columns=("word",),
            sql='SELECT * FROM {table} WHERE length("word") < 1',
            on_failure=word,
        ),
    )


def _contract(*rules: Rule, default: OnFailure = FAIL) -> Contract:
    columns = tuple(ColumnSpec(name=name, type=type_) for name, type_ in TYPES.items())
    return Contract(
        dataset="shop.rows", file="c", version="1", columns=columns, rules=rules, on_failure=default,
        max_quarantined=Decimal(1),
    )  # fmt: skip


_contracts = st.builds(
    lambda word, n, day, there, once: _contract(
        *_rules_of(word, n, day),
        *([Rule(kind=RuleKind.NOT_NULL, columns=("n",), on_failure=ASIDE)] if there else []),
        *(Rule(kind=RuleKind.UNIQUE, columns=columns, on_failure=ASIDE) for columns in once),
        default=ASIDE,
    ),
    _policies,
    _policies,
    _policies,
    st.booleans(),
    st.lists(st.sampled_from([("n",), ("word",), ("n", "word")]), max_size=2, unique=True),
)


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckdbWarehouse]:
    folder: Path = tmp_path_factory.mktemp("sifting")
    found = DuckdbWarehouse(folder / "w.duckdb", folder / "spool")
    yield found
    found.close()


def _publication(number: int, version: str) -> Publication:
    return Publication(
        publish_id=f"p{number}", run="r", dataset="shop.rows", version=version,
        relation=relation_of("shop.rows", version), materialization=Materialization.TABLE, token=1,
    )  # fmt: skip


def _values(rows: Sequence[Row]) -> str:
    listed = ", ".join(f"({_sql(n)}::INTEGER, {_sql(word)}::VARCHAR, {_sql(day)}::DATE)" for n, word, day in rows)
    nothing = "SELECT NULL::INTEGER AS n, NULL::VARCHAR AS word, NULL::DATE AS day WHERE false"
    return f"SELECT * FROM (VALUES {listed}) AS made(n, word, day)" if rows else nothing


def _sql(value: object) -> str:
    return (
        "NULL" if value is None else str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"
    )


_numbers = iter(range(10**9))


def _sift(warehouse: DuckdbWarehouse, contract: Contract, rows: Sequence[Row]) -> tuple[Any, list[Row], list[Row]]:
    """What was counted, what is published, and what is put aside, as it came."""
    sieve = sieve_of(contract)
    assert sieve is not None
    number = next(_numbers)
    publication = _publication(number, f"v{number}")
    with warehouse.session() as session:
        session.stage_query(_values(rows), {})
        sifted = session.sift(sieve, publication)
        plan = compile_checks(contract, sifted.staged.relation)
        results = judge(plan, {query.id: session.fetch(query.sql)[0] for query in plan.queries})
        assert [result.id for result in results if result.severity is Severity.ERROR and not result.passed] == []
        session.publish(publication)
    sql = f"SELECT n, word, CAST(day AS VARCHAR) FROM {publication.relation}"
    published = [tuple(row) for row in warehouse.query(sql)[1]]
    aside = [each.row for each in warehouse.quarantined("shop.rows", publication.version)]
    kept = [(None if row["n"] is None else int(row["n"]), row["word"], row["day"]) for row in aside]
    assert len(kept) == sifted.quarantined
    return sifted, published, kept


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(contract=_contracts, rows=_rows)
def test_every_row_is_published_or_put_aside_and_published_ones_meet_every_rule(
    warehouse: DuckdbWarehouse, contract: Contract, rows: list[Row]
) -> None:
    sifted, published, aside = _sift(warehouse, contract, rows)
    came, left = Counter(rows), Counter(aside)
    assert left <= came
    stayed = came - left
    nulled = sum(sifted.nulled.values())
    if not nulled:
        assert stayed == Counter(published)
    assert sum(stayed.values()) == len(published)
    for index, _ in enumerate(COLUMNS):  # a value is as it came, or NULL
        before, after = Counter(row[index] for row in stayed.elements()), Counter(row[index] for row in published)
        before.pop(None, None)
        after.pop(None, None)
        assert after <= before
    gone = sum(sum(value is None for value in row) for row in published) - sum(
        sum(value is None for value in row) for row in stayed.elements()
    )
    assert gone <= nulled <= 2 * gone  # an empty word offends two rules at once


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(contract=_contracts, rows=_rows, seed=st.randoms(use_true_random=False))
def test_the_order_in_which_rows_are_staged_does_not_matter(
    warehouse: DuckdbWarehouse, contract: Contract, rows: list[Row], seed: Any
) -> None:
    mixed = list(rows)
    seed.shuffle(mixed)
    _, published, aside = _sift(warehouse, contract, rows)
    _, again, other = _sift(warehouse, contract, mixed)
    assert (Counter(published), Counter(aside)) == (Counter(again), Counter(other))


def test_of_equal_keys_the_first_by_all_columns_stays(warehouse: DuckdbWarehouse) -> None:
    once = _contract(Rule(kind=RuleKind.UNIQUE, columns=("n",), on_failure=ASIDE))
    rows: list[Row] = [(1, "b", None), (1, "a", None), (1, "a", "2011-01-02"), (None, "x", None), (None, "x", None)]
    _, published, aside = _sift(warehouse, once, rows)
    assert Counter(published) == Counter([(1, "a", "2011-01-02"), (None, "x", None), (None, "x", None)])
    assert Counter(aside) == Counter([(1, "a", None), (1, "b", None)])


def test_a_column_may_bear_the_name_of_the_warehouses_own_row_number(warehouse: DuckdbWarehouse) -> None:
    columns = (ColumnSpec(name="RowId", type="INTEGER"),)
    rule = Rule(kind=RuleKind.RANGE, columns=("RowId",), high="3", on_failure=ASIDE)
    contract = Contract(dataset="shop.rows", file="c", version="1", columns=columns, rules=(rule,))
    sieve = sieve_of(contract)
    assert sieve is not None
    number = next(_numbers)
    publication = _publication(number, f"v{number}")
    with warehouse.session() as session:
        session.stage_query('SELECT 5 - i::INTEGER AS "RowId" FROM range(6) AS made(i)', {})
        assert session.sift(sieve, publication).quarantined == 2
        session.publish(publication)
    assert warehouse.query(f"SELECT * FROM {publication.relation} ORDER BY 1")[1] == [(0,), (1,), (2,), (3,)]
    kept = [each.row for each in warehouse.quarantined("shop.rows", publication.version)]
    assert kept == [{"RowId": "4"}, {"RowId": "5"}]


def test_a_contract_that_names_no_policy_needs_no_sieve() -> None:
    contract = _contract(*_rules_of(None, None, None))
    assert sieve_of(contract) is None
    assert decided_by(contract) == []


def test_what_decides_the_rows_is_what_the_policies_say_and_nothing_else() -> None:
    first = _contract(*_rules_of(ASIDE, None, NULL))
    assert decided_by(first) != decided_by(_contract(*_rules_of(ASIDE, None, ASIDE)))
    renamed = _contract(*(Rule(**{**_plain(rule), "name": "other", "line": 7}) for rule in first.rules))
    assert decided_by(first) == decided_by(renamed)
    assert json.dumps(decided_by(first))


def _plain(rule: Rule) -> dict[str, Any]:
    return {name: getattr(rule, name) for name in Rule.__dataclass_fields__}


def test_a_length_from_below_is_not_the_same_policy_as_one_from_above() -> None:
    below = Rule(kind=RuleKind.LENGTH, columns=("word",), shortest=3, on_failure=ASIDE)
    above = Rule(kind=RuleKind.LENGTH, columns=("word",), longest=3, on_failure=ASIDE)
    assert decided_by(_contract(below)) != decided_by(_contract(above))
