"""The kinds of checks that need more than a predicate, on DuckDB: thresholds, relations, freshness, volume, drift."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.model.contracts import ColumnSpec, Contract, Past, Rule, RuleKind, Threshold
from penstock.model.intervals import Grain, Interval
from penstock.quality import setting as of_setting
from penstock.quality.checks import CheckResult, Judged, compile_checks, examples_query, quality_score, run_checks
from penstock.quality.drift import largest_gap, stability
from penstock.quality.outcomes import read_results, results_text
from penstock.quality.setting import PLAIN, Bins, Profile, Setting, read_profile
from penstock.quality.volume import usual_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

Duck = duckdb.DuckDBPyConnection
COLUMNS = (
    ColumnSpec(name="n", type="DOUBLE"),
    ColumnSpec(name="w", type="VARCHAR"),
    ColumnSpec(name="k", type="INTEGER"),
    ColumnSpec(name="t", type="TIMESTAMP"),
    ColumnSpec(name="mail", type="VARCHAR", personal="email"),
)
DAY = datetime(2024, 3, 4, tzinfo=UTC)
MONDAY = Interval(DAY, DAY + timedelta(days=1))


@pytest.fixture
def duck() -> Iterator[Duck]:
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE t (n DOUBLE, w VARCHAR, k INTEGER, t TIMESTAMP, mail VARCHAR)")
        yield connection


def contract(*rules: Rule) -> Contract:
    return Contract(dataset="s.t", file="f", version="1", columns=COLUMNS, rules=rules)


def judged(duck: Duck, *rules: Rule, setting: Setting = PLAIN) -> Judged:
    plan = compile_checks(contract(*rules), "t", setting)
    return run_checks(plan, lambda sql: duck.execute(sql).fetchall())


def only(duck: Duck, rule: Rule, setting: Setting = PLAIN) -> CheckResult:
    (result,) = judged(duck, rule, setting=setting).results
    return result


def fill(duck: Duck, column: str, *values: Any) -> None:
    duck.execute("DELETE FROM t")
    for value in values:
        duck.execute(f"INSERT INTO t ({column}) VALUES (?)", [value])


# -- rows -------------------------------------------------------------------------------------------------------------


def test_a_length_counts_characters_and_leaves_null_alone(duck: Duck) -> None:
    fill(duck, "w", "", "é", "日本", "abcd", None)
    rule = Rule(kind=RuleKind.LENGTH, columns=("w",), shortest=1, longest=3)
    assert only(duck, rule).failed_rows == 2
    assert only(duck, replace(rule, shortest=None)).failed_rows == 1


def test_missing_words_count_as_null_does(duck: Duck) -> None:
    fill(duck, "w", "n/a", "x", None)
    assert only(duck, Rule(kind=RuleKind.MISSING, columns=("w",), values=("n/a", "-"))).failed_rows == 2


def test_a_value_that_offends_several_parts_of_one_rule_is_counted_once(duck: Duck) -> None:
    fill(duck, "w", "zzzzzz", "a", "b", None)
    few = Threshold(operator="mustBeLessOrEqualTo", operands=(1,))
    rule = Rule(kind=RuleKind.INVALID, columns=("w",), values=("a", "b"), longest=3, threshold=few)
    result = only(duck, rule)
    assert (result.failed_rows, result.passed) == (1, True)


def test_nan_lies_outside_every_upper_bound(duck: Duck) -> None:
    fill(duck, "n", float("nan"), float("inf"), 1.0, None)
    assert only(duck, Rule(kind=RuleKind.RANGE, columns=("n",), low="0", high="5")).failed_rows == 2
    assert only(duck, Rule(kind=RuleKind.RANGE, columns=("n",), low="0")).failed_rows == 0


def test_a_tolerance_is_of_all_rows_and_holds_where_there_are_none(duck: Duck) -> None:
    half = Threshold(operator="mustBeLessThan", operands=(50,), percent=True)
    rule = Rule(kind=RuleKind.NOT_NULL, columns=("n",), threshold=half)
    assert only(duck, rule).passed
    fill(duck, "n", 1.0, 2.0, None)
    assert only(duck, rule).passed
    fill(duck, "n", 1.0, None)
    result = only(duck, rule)
    assert (result.passed, result.failed_rows, result.found) == (False, 1, "50 %")


def test_a_tolerance_of_repeated_keys_counts_repetitions(duck: Duck) -> None:
    fill(duck, "k", 1, 1, 1, 2, None, None)
    two = Threshold(operator="mustBeLessOrEqualTo", operands=(2,))
    assert only(duck, Rule(kind=RuleKind.UNIQUE, columns=("k",), threshold=two)).passed
    assert not only(duck, Rule(kind=RuleKind.UNIQUE, columns=("k",))).passed


def test_rows_thresholds_and_plain_conditions_share_one_scan() -> None:
    few = Threshold(operator="mustBeLessThan", operands=(1,), percent=True)
    rules = (
        Rule(kind=RuleKind.NOT_NULL, columns=("n",), threshold=few),
        Rule(kind=RuleKind.LENGTH, columns=("w",), longest=3),
        Rule(kind=RuleKind.ROW_COUNT, threshold=Threshold(operator="mustBeGreaterThan", operands=(0,))),
        Rule(kind=RuleKind.FRESHNESS, columns=("t",), age=timedelta(days=1)),
        Rule(kind=RuleKind.SQL, name="plain", sql="SELECT * FROM {table} WHERE n < 0 AND w <> 'order'"),
    )
    assert len(compile_checks(contract(*rules), "t", Setting(until=DAY)).queries) == 1


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM {table} WHERE n IN (SELECT 1)",
        "SELECT * FROM {table} WHERE n < 0 -- why",
        "SELECT * FROM {table} WHERE n < 0 ORDER BY n",
        "SELECT * FROM {table} WHERE n < 0) OR (n > 0",
        "SELECT n FROM {table} WHERE n < 0",
        "SELECT * FROM {table} WHERE w = '",
    ],
)
def test_what_is_more_than_a_condition_stays_a_query_of_its_own(sql: str) -> None:
    plan = compile_checks(contract(Rule(kind=RuleKind.SQL, name="own", sql=sql)), "t")
    assert [query.id for query in plan.queries] == ["rows", "sql:own"]


def test_a_column_of_few_values_is_judged_value_by_value_to_the_same_end(
    duck: Duck, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of_setting, "LONG", 3)
    fill(duck, "w", "red", "red", "ROSE", "b", None)
    rules = (
        Rule(kind=RuleKind.PATTERN, columns=("w",), pattern="^[a-z]+$"),
        Rule(kind=RuleKind.ACCEPTED_VALUES, columns=("w",), values=("red",)),
        Rule(kind=RuleKind.LENGTH, columns=("w",), shortest=3),
        Rule(kind=RuleKind.NOT_NULL, columns=("w",)),
    )
    asked: list[str] = []

    def ask(sql: str) -> list[tuple[Any, ...]]:
        asked.append(sql)
        return duck.execute(sql).fetchall()

    long = run_checks(compile_checks(contract(*rules), "t", Setting(rows=5)), ask).results
    assert any("GROUP BY" in sql for sql in asked)
    assert long == judged(duck, *rules).results
    assert [result.failed_rows for result in long] == [1, 2, 1, 1]


# -- relations --------------------------------------------------------------------------------------------------------

RELATED = Rule(kind=RuleKind.RELATION, columns=("k",), dataset="s.o", others=("id",))
THERE = Setting(relations={"s.o": "o"})


def test_every_value_but_null_must_stand_in_the_other_dataset(duck: Duck) -> None:
    duck.execute("CREATE TABLE o AS SELECT * FROM (VALUES (1), (1), (NULL)) AS v(id)")
    fill(duck, "k", 1, 1, 2, None)
    result = only(duck, RELATED, THERE)
    assert (result.failed_rows, result.passed) == (1, False)
    duck.execute("DELETE FROM o")
    assert only(duck, RELATED, THERE).failed_rows == 3
    fill(duck, "k")
    assert only(duck, RELATED, THERE).passed


def test_a_key_of_several_columns_with_a_null_refers_to_nothing(duck: Duck) -> None:
    duck.execute("CREATE TABLE o AS SELECT 1 AS id, 'a' AS word")
    duck.execute("INSERT INTO t (k, w) VALUES (1, 'a'), (1, 'b'), (1, NULL), (NULL, 'b')")
    both = replace(RELATED, columns=("k", "w"), others=("id", "word"))
    assert only(duck, both, THERE).failed_rows == 1


def test_examples_of_a_relation_show_masked_rows(duck: Duck) -> None:
    duck.execute("CREATE TABLE o AS SELECT 1 AS id")
    duck.execute("INSERT INTO t (k, mail) VALUES (7, 'x@y.z')")
    (check,) = compile_checks(contract(RELATED), "t", THERE).checks
    assert duck.execute(examples_query(check, "t", 3, THERE)).fetchall() == [(None, None, 7, None, "•••")]


def test_a_relation_to_what_is_not_here_is_not_judged_and_counts_nothing(duck: Duck) -> None:
    result = only(duck, RELATED)
    assert (result.passed, result.judged) == (True, False)
    failed = replace(result, judged=True, passed=False)
    assert quality_score([result, failed]) == 0


# -- freshness --------------------------------------------------------------------------------------------------------

FRESH = Rule(kind=RuleKind.FRESHNESS, columns=("t",), age=timedelta(hours=12))


def test_the_newest_value_is_held_against_the_end_of_the_interval(duck: Duck) -> None:
    fill(duck, "t", "2024-03-04 12:00:00", "2024-03-04 01:00:00", None)
    assert only(duck, FRESH, Setting(until=MONDAY.end)).passed
    assert not only(duck, replace(FRESH, age=timedelta(hours=11)), Setting(until=MONDAY.end)).passed


def test_values_after_the_end_make_nothing_fresh(duck: Duck) -> None:
    fill(duck, "t", "2024-03-01", "2030-01-01")
    assert not only(duck, FRESH, Setting(until=MONDAY.end)).passed


def test_no_value_at_all_is_not_fresh_unless_an_earlier_interval_was(duck: Duck) -> None:
    assert not only(duck, FRESH, Setting(until=MONDAY.end)).passed
    before = Profile(rows=1, start=DAY, newest={"t": MONDAY.end - timedelta(hours=3)})
    assert only(duck, FRESH, Setting(until=MONDAY.end, past=(before,))).passed


def test_freshness_reads_no_clock(duck: Duck) -> None:
    assert not only(duck, FRESH, PLAIN).judged


def test_a_date_counts_from_its_midnight(duck: Duck) -> None:
    duck.execute("CREATE TABLE d AS SELECT DATE '2024-03-04' AS day")
    day = Contract(dataset="s.d", file="f", version="1", columns=(ColumnSpec(name="day", type="DATE"),),
                   rules=(replace(FRESH, columns=("day",), age=timedelta(hours=24)),))  # fmt: skip
    plan = compile_checks(day, "d", Setting(until=MONDAY.end))
    assert run_checks(plan, lambda sql: duck.execute(sql).fetchall()).results[0].passed


# -- rows of an interval ----------------------------------------------------------------------------------------------


def test_a_number_of_rows_is_promised_of_each_interval_of_a_slice(duck: Duck) -> None:
    rule = Rule(kind=RuleKind.ROW_COUNT, threshold=Threshold(operator="mustBeBetween", operands=(1, 2)))
    for hours in (1, 2, 25, 26, 73, 74, 75):
        duck.execute("INSERT INTO t (t) VALUES (?)", [DAY.replace(tzinfo=None) + timedelta(hours=hours)])
    days = Interval(DAY, DAY + timedelta(days=4))
    batch = Setting(interval=days, grain=Grain.DAY, column="t")
    result = only(duck, rule, batch)
    assert (result.passed, result.found) == (
        False,
        "2 of 4 intervals: 2024-03-06 00:00 0 rows; 2024-03-07 00:00 3 rows",
    )
    two = Setting(pieces=tuple(Interval(DAY, DAY + timedelta(days=2)).split(Grain.DAY)), grain=Grain.DAY, column="t")
    assert only(duck, rule, two).passed
    assert not only(duck, rule).passed  # without intervals: seven rows
    assert judged(duck, rule, setting=batch).profile is None


# -- volume -----------------------------------------------------------------------------------------------------------

VOLUME = Rule(kind=RuleKind.VOLUME, limit=0.5, past=Past(most=8, fewest=3, weekday=True))


def weeks(*counts: int) -> tuple[Profile, ...]:
    """Profiles of the Mondays before, the oldest first."""
    return tuple(
        Profile(rows=rows, start=DAY - timedelta(weeks=len(counts) - number)) for number, rows in enumerate(counts)
    )


def on_monday(*past: Profile) -> Setting:
    return Setting(until=MONDAY.end, interval=MONDAY, grain=Grain.DAY, column="t", past=past)


def test_rows_are_held_against_the_median_of_the_same_weekday(duck: Duck) -> None:
    duck.execute("INSERT INTO t (k) SELECT 1 FROM range(100)")
    sundays = tuple(replace(one, start=one.start - timedelta(days=1), rows=9000) for one in weeks(1, 1, 1) if one.start)
    assert only(duck, VOLUME, on_monday(*sundays, *weeks(100, 90, 110))).passed
    assert not only(duck, VOLUME, on_monday(*weeks(300, 290, 310))).passed
    assert only(duck, VOLUME, on_monday(*weeks(100, 90, 110, 90_000))).passed


def test_volume_is_not_judged_by_too_few_intervals(duck: Duck) -> None:
    result = only(duck, VOLUME, on_monday(*weeks(5, 5)))
    assert (result.judged, result.passed) == (False, True)


def test_each_interval_of_a_batch_is_judged_by_those_before_it(duck: Duck) -> None:
    whole = Interval(DAY, DAY + timedelta(days=6))
    for number, rows in enumerate((10, 10, 10, 10, 100, 10)):
        moment = DAY.replace(tzinfo=None) + timedelta(days=number)
        duck.execute("INSERT INTO t (t) SELECT ? FROM range(?)", [moment, rows])
    setting = Setting(until=whole.end, interval=whole, grain=Grain.DAY, column="t")
    found = judged(duck, replace(VOLUME, past=Past(fewest=3)), setting=setting)
    assert "2024-03-08 00:00 100 rows" in found.results[0].message
    assert found.profile is not None
    assert [rows for _, rows in found.profile.spans] == [10, 10, 10, 10, 100, 10]


def test_what_varied_much_may_vary_on() -> None:
    usual, low, high = usual_rows([100, 100, 100, 100], 0.1)
    assert (usual, low, high) == (Decimal(100), Decimal(90), Decimal(110))
    _, low, high = usual_rows([50, 100, 150, 200, 100], 0.1)
    assert low < 0
    assert high > 300


# -- distributions ----------------------------------------------------------------------------------------------------

PSI = Rule(kind=RuleKind.DRIFT, columns=("n",), method="psi", limit=0.2, past=Past(fewest=1))


def profile_after(duck: Duck, rule: Rule, *past: Profile) -> Profile:
    found = judged(duck, rule, setting=Setting(past=past)).profile
    assert found is not None
    return found


def gauss(duck: Duck, mean: float, count: int = 2000, seed: int = 1) -> None:
    chance = random.Random(seed)  # noqa: S311 - repeatable
    duck.execute("DELETE FROM t")
    values = [chance.gauss(mean, 10) for _ in range(count)]
    duck.execute("INSERT INTO t (n) SELECT unnest(?)", [values])


@pytest.mark.parametrize("method", ["psi", "ks"])
def test_a_shifted_distribution_is_found_and_a_like_one_is_not(duck: Duck, method: str) -> None:
    rule = replace(PSI, method=method, limit=0.1)
    gauss(duck, 100)
    first = profile_after(duck, rule)
    gauss(duck, 100, seed=2)
    assert only(duck, rule, Setting(past=(first,))).passed
    second = profile_after(duck, rule, first)
    assert second.bins["n"].edges == first.bins["n"].edges
    gauss(duck, 110, seed=3)
    result = only(duck, rule, Setting(past=(first, second)))
    assert (result.passed, result.found.split()[0]) == (False, method)


def test_few_rows_that_differ_by_chance_are_no_drift(duck: Duck) -> None:
    gauss(duck, 100)
    first = profile_after(duck, PSI)
    gauss(duck, 103, count=12, seed=4)
    assert only(duck, PSI, Setting(past=(first,))).passed


def test_the_first_interval_is_not_judged_but_kept(duck: Duck) -> None:
    gauss(duck, 100)
    found = judged(duck, PSI)
    assert not found.results[0].judged
    assert found.profile is not None
    assert sum(found.profile.bins["n"].counts) == 2000


def test_nulls_nan_infinity_and_ties_each_have_their_place(duck: Duck) -> None:
    duck.execute("INSERT INTO t (n) SELECT 5 FROM range(90)")
    duck.execute("INSERT INTO t (n) VALUES (NULL), (NULL), ('nan'), ('inf'), ('-inf')")
    bins = profile_after(duck, PSI).bins["n"]
    assert (bins.edges, bins.counts) == (("5.0",), (91, 2, 2))


def test_an_empty_interval_has_no_distribution(duck: Duck) -> None:
    assert profile_after(duck, PSI).bins == {}
    gauss(duck, 100)
    first = profile_after(duck, PSI)
    fill(duck, "n")
    assert not only(duck, PSI, Setting(past=(first,))).judged


def test_words_are_followed_one_by_one_and_the_rest_together(duck: Duck) -> None:
    words = Rule(kind=RuleKind.DRIFT, columns=("w",), method="psi", limit=0.2, past=Past(fewest=1))
    duck.execute("INSERT INTO t (w) SELECT CASE WHEN range < 30 THEN 'it''s' ELSE 'b' END FROM range(100)")
    first = profile_after(duck, words)
    assert first.bins["w"] == Bins(edges=("b", "it's"), counts=(70, 30, 0, 0))
    duck.execute("UPDATE t SET w = 'new'")
    result = only(duck, words, Setting(past=(first,)))
    assert not result.passed
    assert profile_after(duck, words, first).bins["w"].counts == (0, 0, 100, 0)


def test_one_odd_interval_does_not_move_what_is_usual() -> None:
    plain, odd = Bins(edges=("1",), counts=(50, 50, 0)), Bins(edges=("1",), counts=(0, 100, 0))
    assert stability(plain, [plain, plain, odd])[0] < 0.01
    assert stability(odd, [plain, plain, plain])[1]
    assert largest_gap(odd, [plain, plain, plain]) == (0.5, True)


counts = st.lists(st.integers(0, 500), min_size=3, max_size=3).map(tuple)


@given(counts, st.lists(counts, min_size=1, max_size=5))
def test_a_measure_is_never_negative_and_zero_beside_itself(now: Any, past: list[Any]) -> None:
    here, there = Bins(edges=("1",), counts=now), [Bins(edges=("1",), counts=one) for one in past if sum(one)]
    if not there or not sum(now):
        return
    assert stability(here, there)[0] >= 0
    assert 0 <= largest_gap(here, there)[0] <= 1.000001
    assert stability(here, [here])[0] == pytest.approx(0, abs=1e-9)
    assert not largest_gap(here, [here])[1]


@settings(deadline=None)
@given(
    st.integers(0, 10**9),
    st.dictionaries(st.text(min_size=1, max_size=5), st.lists(st.integers(0, 99), min_size=3, max_size=5).map(tuple)),
)
def test_a_profile_survives_the_ledger(rows: int, bins: dict[str, tuple[int, ...]]) -> None:
    profile = Profile(
        rows=rows,
        start=DAY,
        newest={"t": DAY},
        bins={name: Bins(edges=tuple("x" * (len(found) - 2)), counts=found) for name, found in bins.items()},
        spans=((DAY, 3),),
    )
    assert read_profile(profile.text(), "2024-03-04") == profile


def test_results_survive_the_ledger(duck: Duck) -> None:
    fill(duck, "k", 1, 1)
    found = judged(duck, Rule(kind=RuleKind.UNIQUE, columns=("k",)), RELATED, VOLUME).results
    read = read_results(results_text(found))
    assert [(one.check, one.state, one.rows) for one in read] == [
        ("unique:k", "failed", 1), ("relation:k", "unjudged", 0), ("volume:", "unjudged", 0),
    ]  # fmt: skip
    assert read_results("") == ()
