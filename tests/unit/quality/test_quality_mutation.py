"""The score, what made-up rows tell apart, and whether good tests and vacuous ones are told from each other."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pytest

from penstock.adapters.duckdb.mutant_bench import MutantBench, TestsLaboratory
from penstock.app.killing import added, killing_test
from penstock.app.mutating import mutable_datasets, mutation_of
from penstock.model.errors import InputError
from penstock.project.datatest_file import read_datatests
from penstock.project.reading import read_project
from penstock.quality.mutation import Fate, KillingTest, MutationScore, Verdict, score_of
from penstock.quality.screening import Screen, differs, told_apart
from penstock.quality.synthesis import MadeUp, Shape
from penstock.quality.witness import TRIES, Answer, Question
from penstock.sql.mutants import Mutant, MutantKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from penstock.model.findings import Finding
    from penstock.model.intervals import Interval
    from penstock.model.pipelines import Project
    from penstock.quality.synthesis import World

PIPELINE = b'owner: us\nschedule: "0 6 * * *"\nstart: 2024-01-01\n'
SOURCE = b"format: csv\npath: data/orders.csv\ncolumns: [order_id, product, quantity, price]\n"
QUERY = """\
/* penstock
materialize: table
*/
SELECT product, sum(quantity) AS quantity
FROM shop.stg_orders
WHERE quantity > 0
GROUP BY product
"""
STAGED = """\
/* penstock
materialize: table
*/
SELECT order_id, product, TRY_CAST(quantity AS INTEGER) AS quantity FROM shop.orders
"""
CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: shop.stg_orders
name: shop.stg_orders
version: 1.0.0
status: active
schema:
  - name: stg_orders
    physicalName: shop.stg_orders
    logicalType: object
    properties:
      - {name: order_id, logicalType: string, physicalType: VARCHAR, required: true}
      - {name: product, logicalType: string, physicalType: VARCHAR, required: true}
      - name: quantity
        logicalType: integer
        physicalType: INTEGER
        required: true
"""
SOLD = """\
apiVersion: v3.1.0
kind: DataContract
id: shop.sold
name: shop.sold
version: 1.0.0
status: active
schema:
  - name: sold
    physicalName: shop.sold
    logicalType: object
    properties:
      - {name: product, logicalType: string, physicalType: VARCHAR, primaryKey: true, primaryKeyPosition: 1}
      - {name: quantity, logicalType: integer, physicalType: BIGINT}
"""
GOOD = """\
dataset: shop.sold
cases:
  - name: what is sold is added up by product
    given:
      shop.stg_orders:
        - {order_id: A, product: tea, quantity: 2}
        - {order_id: B, product: tea, quantity: 2}
        - {order_id: C, product: scone, quantity: 1}
    expect:
      - {product: tea, quantity: 4}
      - {product: scone, quantity: 1}
  - name: gifts and returns are not sold
    given:
      shop.stg_orders:
        - {order_id: A, product: tea, quantity: 0}
        - {order_id: B, product: scone, quantity: -1}
    expect: []
"""
VACUOUS = """\
dataset: shop.sold
cases:
  - name: nothing comes of nothing
    given:
      shop.stg_orders: []
    expect: []
"""


def project(query: str = QUERY, tests: str = GOOD, contract: str = CONTRACT, **files: str) -> Project:
    return read_project(
        {
            "penstock.yaml": b"name: shop\n",
            "pipelines/shop/pipeline.yaml": PIPELINE,
            "pipelines/shop/orders.source.yaml": SOURCE,
            "pipelines/shop/stg_orders.sql": STAGED.encode(),
            "pipelines/shop/sold.sql": query.encode(),
            "contracts/shop.stg_orders.odcs.yaml": contract.encode(),
            "contracts/shop.sold.odcs.yaml": SOLD.encode(),
            **({"tests/shop.sold.test.yaml": tests.encode()} if tests else {}),
            **{name: text.encode() for name, text in files.items()},
        }
    )


@cache
def score(query: str = QUERY, tests: str = GOOD, contract: str = CONTRACT) -> MutationScore:
    (found,) = mutation_of(project(query, tests, contract), ("shop.sold",))
    return found


def fates(found: MutationScore) -> dict[str, Fate]:
    return {str(verdict.mutant): verdict.fate for verdict in found.verdicts}


# -- the score ------------------------------------------------------------------------------------------------------


def mutant(number: int) -> Mutant:
    return Mutant(
        id=f"1.{number}", kind=MutantKind.BOUNDARY, line=1, lines=(1,), excerpt="", old="a", new="b", text=str(number)
    )


def judged(*fates: Fate) -> MutationScore:
    verdicts = tuple(Verdict(mutant=mutant(number), fate=fate) for number, fate in enumerate(fates))
    return MutationScore(dataset="p.d", file="d.sql", tests=1, verdicts=verdicts)


def test_only_what_was_killed_or_survived_counts() -> None:
    assert judged(Fate.KILLED, Fate.KILLED, Fate.SURVIVED, Fate.KILLED).score == 0.75
    assert judged(Fate.KILLED, Fate.SAME, Fate.REFUSED).score == 1.0
    assert judged(Fate.SAME, Fate.REFUSED).score is None
    assert judged().score is None


def test_several_datasets_are_scored_by_their_mutants_together() -> None:
    assert score_of((judged(Fate.KILLED), judged(Fate.SURVIVED, Fate.SURVIVED, Fate.KILLED))) == 0.5
    assert score_of(()) is None


def test_a_test_that_kills_several_survivors_is_offered_once() -> None:
    test = KillingTest(name="one", text="  - name: one\n")
    verdicts = tuple(Verdict(mutant=mutant(number), fate=Fate.SURVIVED, test=test) for number in range(3))
    assert MutationScore(dataset="p.d", file="", tests=0, verdicts=verdicts).killing_tests == (test,)


# -- made-up rows ---------------------------------------------------------------------------------------------------


@pytest.fixture
def laboratory() -> Iterator[TestsLaboratory]:
    made = TestsLaboratory()
    yield made
    made.close()


SHAPES = {"p.t": Shape(columns=(("n", "DECIMAL(9,2)"), ("s", "VARCHAR"), ("t", "VARCHAR")))}


@pytest.mark.parametrize(
    ("original", "other"),
    [
        ("SELECT n FROM p.t", "SELECT n * 1 AS n FROM p.t"),
        ("SELECT n FROM p.t", "SELECT CAST(n AS DECIMAL(12,4)) AS n FROM p.t"),
        ("SELECT sum(n) AS n FROM p.t", "SELECT CAST(sum(n) AS DOUBLE) AS n FROM p.t"),
        ("SELECT s FROM p.t WHERE s = 'a'", "SELECT s FROM p.t WHERE s = 'a' AND s IS NOT NULL"),
    ],
)
def test_no_rows_tell_apart_what_gives_the_same_numbers(original: str, other: str, laboratory: TestsLaboratory) -> None:
    assert told_apart(Screen(original=original, others=(other,), inputs=SHAPES), laboratory) == {}


@pytest.mark.parametrize(
    ("original", "other"),
    [
        ("SELECT s || '.50' AS s FROM p.t", "SELECT s || '.5' AS s FROM p.t"),
        ("SELECT DISTINCT n, s, t FROM p.t", "SELECT n, s, t FROM p.t"),
        ("SELECT n, s, t, count(*) AS c FROM p.t GROUP BY ALL",
         "SELECT n, min(s) AS s, t, count(*) AS c FROM p.t GROUP BY ALL"),
    ],
)  # fmt: skip
def test_rows_tell_apart_texts_that_look_like_numbers_and_rows_that_repeat(
    original: str, other: str, laboratory: TestsLaboratory
) -> None:
    assert other in told_apart(Screen(original=original, others=(other,), inputs=SHAPES), laboratory)


def test_rows_that_repeat_are_found_however_many_columns_there_are(laboratory: TestsLaboratory) -> None:
    names = [f"c{number}" for number in range(12)]
    shapes = {"p.t": Shape(columns=tuple((name, "INTEGER") for name in names))}
    listed = ", ".join(names)
    pairs = {
        f"SELECT DISTINCT {listed} FROM p.t": f"SELECT {listed} FROM p.t",
        f"SELECT {listed}, count(*) AS n FROM p.t GROUP BY ALL": f"SELECT {listed.replace('c7', 'min(c7) AS c7')}, "
        "count(*) AS n FROM p.t GROUP BY ALL",
    }
    for original, other in pairs.items():
        assert other in told_apart(Screen(original=original, others=(other,), inputs=shapes), laboratory)


def test_rows_on_which_a_query_fails_tell_it_apart(laboratory: TestsLaboratory) -> None:
    failing = "SELECT CAST(s AS INTEGER)::VARCHAR AS s FROM p.t WHERE s = 'a'"
    screen = Screen(original="SELECT s FROM p.t WHERE s = 'a'", others=(failing,), inputs=SHAPES)
    assert set(told_apart(screen, laboratory)) == {failing}


class Recorder:
    """A laboratory whose only differing query is the one named, and which keeps the tables it was given."""

    def __init__(self, odd: str) -> None:
        self.odd, self.worlds = odd, list[object]()

    def fill(self, world: World) -> None:
        self.worlds.append(world)

    def answer(self, text: str, interval: Interval | None) -> Answer | None:
        del interval
        return Answer(columns=("n",), rows=(("1",), ("2",)) if text == self.odd else (("1",),))


def test_the_search_ends_when_everything_is_told_apart_and_is_the_same_each_time() -> None:
    original, odd = "SELECT n FROM p.t", "SELECT n + 1 AS n FROM p.t"
    recorder = Recorder(odd)
    told_apart(Screen(original=original, others=(odd,), inputs=SHAPES), recorder)
    assert len(recorder.worlds) == 1
    first, again = Recorder("none"), Recorder("none")
    for each in (first, again):
        assert told_apart(Screen(original=original, others=(odd,), inputs=SHAPES), each, tries=10) == {}
    assert first.worlds == again.worlds
    assert len(first.worlds) == 10


def test_twins_keep_the_keys_and_promises_of_their_table() -> None:
    shape = Shape(columns=(("k", "INTEGER"), ("n", "INTEGER")), required=frozenset({"k", "n"}), key=("k",))
    recorder = Recorder("none")
    told_apart(Screen(original="SELECT k, n FROM p.t", others=("SELECT k FROM p.t",), inputs={"p.t": shape}), recorder)
    tables = [world[0] for world in recorder.worlds if isinstance(world, tuple)]
    assert len(tables) == TRIES
    for made in tables:
        keys = [row[0] for row in made.rows]
        assert len(set(keys)) == len(keys)
        assert all(value is not None for row in made.rows for value in row)


def test_rows_in_another_order_are_the_same_rows() -> None:
    one = Answer(columns=("a",), rows=(("1",), ("2",), ("2",)))
    assert not differs(one, Answer(columns=("a",), rows=(("2",), ("1",), ("2",))))
    assert differs(one, Answer(columns=("a",), rows=(("2",), ("1",))))
    assert differs(one, None)


# -- tests on data ----------------------------------------------------------------------------------------------------


def test_good_tests_notice_every_fault() -> None:
    found = score()
    assert found.tests == 2
    assert [str(verdict.mutant) for verdict in found.survivors] == []
    assert found.score == 1.0
    assert len(found.of(Fate.KILLED)) >= 6


def test_vacuous_tests_notice_next_to_nothing() -> None:
    found = score(tests=VACUOUS)
    assert found.score is not None
    assert found.score < 0.2
    assert len(found.survivors) >= 6


def test_a_dataset_without_a_test_scores_nothing() -> None:
    found = score(tests="")
    assert found.tests == 0
    assert found.score == 0.0


def test_a_survivor_comes_with_a_test_that_passes_as_it_is_and_fails_with_the_fault() -> None:
    there = project(tests=VACUOUS)
    survivors = score(tests=VACUOUS).survivors
    assert len(survivors) >= 6
    for verdict in survivors:
        assert verdict.test is not None
        findings: list[Finding] = []
        (case,) = read_datatests(f"dataset: shop.sold\ncases:\n{verdict.test.text}", "t.yaml", findings)
        assert findings == []
        bench = MutantBench(case, there)
        assert bench.passes(QUERY)
        assert not bench.passes(verdict.mutant.text)
        bench.close()


def test_rows_that_tell_nothing_apart_make_no_test(laboratory: TestsLaboratory) -> None:
    there = project()
    verdict = next(item for item in score(tests=VACUOUS).survivors if str(item.mutant) == "without quantity > 0")
    columns = (("product", "VARCHAR"), ("quantity", "INTEGER"))
    question = Question(
        old=QUERY,
        new=verdict.mutant.text,
        inputs={"shop.stg_orders": Shape(columns=columns, required=frozenset(dict(columns)))},
    )

    def made(quantity: str) -> object:
        world = (MadeUp(dataset="shop.stg_orders", columns=columns, rows=(("tea", quantity),)),)
        return killing_test(verdict.mutant, there.datasets["shop.sold"], question, world, there, laboratory)

    assert made("0") is not None
    assert made("1") is None


def test_with_the_offered_tests_added_every_fault_is_noticed() -> None:
    weak = score(tests=VACUOUS)
    text = added(VACUOUS, "shop.sold", weak.killing_tests)
    assert text is not None
    assert text.startswith(VACUOUS)
    assert score(tests=text).score == 1.0


def test_a_new_test_file_is_made_where_there_is_none() -> None:
    text = added(None, "shop.sold", score(tests="").killing_tests)
    assert text is not None
    assert score(tests=text).score == 1.0


@pytest.mark.parametrize("indent", ["", "  ", "    "])
def test_cases_are_added_under_each_other_however_deep_the_list_stands(indent: str) -> None:
    file = f"dataset: shop.sold\ncases:\n{indent}- name: one\n{indent}  given: {{shop.stg_orders: []}}\n"
    test = KillingTest(name="one", text='  - name: "one"\n    given:\n      shop.stg_orders: []\n    expect: []\n')
    text = added(file, "shop.sold", (test, test))
    assert text is not None
    names = [case.name for case in read_datatests(text, "", [])]
    assert names == ["one", "one (2)", "one (3)"]


@pytest.mark.parametrize(
    "file",
    [
        "cases:\n  - name: one\n    given: {}\ndataset: shop.sold\n",
        "dataset: shop.sold\ncases: [{name: one, given: {}}]\n",
        "dataset: shop.other\ncases:\n  - name: one\n    given: {}\n",
    ],
)
def test_a_file_that_does_not_end_with_its_cases_is_left_alone(file: str) -> None:
    test = KillingTest(name="two", text='  - name: "two"\n    given:\n      shop.stg_orders: []\n    expect: []\n')
    assert added(file, "shop.sold", (test,)) is None


def test_only_columns_that_matter_stand_in_an_offered_test() -> None:
    optional = CONTRACT.replace("VARCHAR, required: true", "VARCHAR")
    found = score(tests=VACUOUS, contract=optional)
    (verdict,) = (item for item in found.survivors if str(item.mutant) == "quantity > 0 -> quantity >= 0")
    assert verdict.test is not None
    assert "order_id" not in verdict.test.text
    assert "product" not in verdict.test.text
    assert "- {quantity: 0}" in verdict.test.text


def test_what_a_contract_rules_out_is_no_fault() -> None:
    quality = "{type: library, metric: invalidValues, mustBe: 0, arguments: {validValues: [1, 2]}}"
    positive = f"{CONTRACT}        quality:\n          - {quality}\n"
    assert fates(score(contract=CONTRACT, tests=VACUOUS))["quantity > 0 -> quantity >= 0"] is Fate.SURVIVED
    assert fates(score(contract=positive, tests=VACUOUS))["quantity > 0 -> quantity >= 0"] is Fate.SAME


def test_an_equivalent_mutant_is_not_counted() -> None:
    query = QUERY.replace("sum(quantity) AS", "sum(quantity * 1) AS")
    found = fates(score(query))
    assert found["quantity * 1 -> quantity / 1"] is Fate.SAME
    assert found["1 -> 2"] is Fate.KILLED


def test_a_fault_that_the_database_refuses_is_not_counted() -> None:
    days = "DATE '2024-02-29' - DATE '2024-02-01'"
    found = score(QUERY.replace("sum(quantity) AS quantity", f"sum(quantity) AS quantity, {days} AS days"))
    (refused,) = found.of(Fate.REFUSED)
    assert refused.mutant.new == "CAST('2024-02-29' AS DATE) + CAST('2024-02-01' AS DATE)"


def test_a_fault_at_which_the_query_fails_is_noticed_by_a_test_with_such_rows() -> None:
    sevens = "max(CAST(CASE WHEN product = '7' THEN product ELSE '7' END AS INTEGER)) AS sevens"
    query = QUERY.replace("sum(quantity) AS quantity", f"sum(quantity) AS quantity, {sevens}")
    swapped = "CASE WHEN product = '7' THEN '7' ELSE product END"
    (verdict,) = (item for item in score(query, VACUOUS).survivors if item.mutant.new == swapped)
    assert verdict.test is not None
    assert "expect:\n      - {product:" in verdict.test.text


def test_without_passing_tests_nothing_is_mutated() -> None:
    found = score(tests=GOOD.replace("quantity: 4", "quantity: 5"))
    assert found.failing == "what is sold is added up by product"
    assert found.skipped is not None
    assert found.verdicts == ()


def test_a_query_with_other_rows_each_time_is_not_mutated() -> None:
    query = QUERY.replace("sum(quantity) AS quantity", "sum(quantity) AS quantity, random()::VARCHAR AS r")
    assert score(query).skipped == "not mutated: its query gives other rows when it is asked again"


def test_only_sql_is_mutated_and_only_what_is_there() -> None:
    there = project()
    assert mutable_datasets(there) == ("shop.sold", "shop.stg_orders")
    (found,) = mutation_of(there, ("shop.orders",))
    assert found.skipped == "not mutated: it is a source task, and only SQL is"
    with pytest.raises(InputError, match=r"there is no dataset shop\.gone"):
        mutation_of(there, ("shop.gone",))


def test_for_a_change_only_its_lines_are_looked_at() -> None:
    lines: Mapping[str, frozenset[int]] = {"shop.sold": frozenset({6})}
    sold, staged = mutation_of(project(), ("shop.sold", "shop.stg_orders"), lines=lines)
    assert {verdict.mutant.line for verdict in sold.verdicts} == {6}
    assert staged.verdicts
