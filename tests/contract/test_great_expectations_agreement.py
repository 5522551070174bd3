"""A contract's suite, run by Great Expectations itself, says of every rule on every rows what our own checks say."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from penstock.model.contracts import ColumnSpec, Contract, Past, Rule, RuleKind, Threshold
from penstock.model.findings import Severity
from penstock.quality.checks import compile_checks, run_checks
from penstock.quality.expectations.suite import COLUMNS, META, suite_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("great_expectations")]

TABLES = 26
TYPES = {
    "k": "BIGINT",
    "n": "INTEGER",
    "w": "VARCHAR",
    "r": "VARCHAR",
    "d": "DECIMAL(18,2)",
    "f": "DOUBLE",
    "day": "DATE",
    "at": "TIMESTAMP",
    "ok": "BOOLEAN",
}
POOLS: Mapping[str, tuple[Any, ...]] = {
    "k": (1, 2, 3, 4, 5, 6, 7, 8, 9, 2**53, 2**53 + 1, None),
    "n": (-3, 0, 1, 2, 12, 123, None, None),
    "w": ("a", "b", "ab", "12", "123", "١٢٣", "12\n", "é1", "a b", "a\u00a0b", "a\x0bb", "n/a", "-", "", "ABC", None),
    "r": ("open", "paid", "open", "paid", "open", "lost", ""),
    "d": (*map(Decimal, ("0.09", "0.10", "0.11", "100.09", "100.10", "100.11", "5")), None),
    "f": (0.0, 0.1, -0.1, 10.5, 10.500001, 3.0, None),
    "day": (date(2023, 12, 31), date(2024, 1, 1), date(2024, 6, 1), date(2024, 12, 31), date(2025, 1, 1), None),
    "at": (datetime(2023, 12, 31, 23, 59, 59, 999999), datetime(2024, 1, 1), datetime(2024, 12, 31), None,  # noqa: DTZ001
           datetime(2024, 12, 31, 0, 0, 0, 1)),  # noqa: DTZ001 - a column without a zone
    "ok": (True, False, None),
}  # fmt: skip


def share(percent: float, operator: str = "mustBeLessOrEqualTo") -> Threshold:
    return Threshold(operator=operator, operands=(percent,), percent=True)


def count(operator: str, *operands: float) -> Threshold:
    return Threshold(operator=operator, operands=operands)


CARRIED = (
    Rule(kind=RuleKind.NOT_NULL, columns=("w",)),
    Rule(kind=RuleKind.NOT_NULL, columns=("n", "f")),
    Rule(kind=RuleKind.NOT_NULL, columns=("n",), threshold=share(25)),
    Rule(kind=RuleKind.NOT_NULL, columns=("n",), threshold=share(25, "mustBeLessThan")),
    Rule(kind=RuleKind.UNIQUE, columns=("n",)),
    Rule(kind=RuleKind.UNIQUE, columns=("k",)),
    Rule(kind=RuleKind.UNIQUE, columns=("w", "n")),
    Rule(kind=RuleKind.ACCEPTED_VALUES, columns=("w",), values=("a", "b", "ab", "12")),
    Rule(kind=RuleKind.ACCEPTED_VALUES, columns=("n",), values=("0", "01", "2", "-3")),
    Rule(kind=RuleKind.ACCEPTED_VALUES, columns=("f",), values=("0", "0.1", "3.0", "10.5")),
    Rule(kind=RuleKind.ACCEPTED_VALUES, columns=("ok",), values=("true",)),
    Rule(kind=RuleKind.ACCEPTED_VALUES, columns=("r",), values=("open", "paid"), threshold=share(20)),
    Rule(
        kind=RuleKind.ACCEPTED_VALUES,
        columns=("r",),
        values=("open", "paid"),
        threshold=Threshold(operator="mustBeBetween", operands=(0, 40), percent=True),
        severity=Severity.WARNING,
    ),
    Rule(kind=RuleKind.RANGE, columns=("n",), low="0", high="12"),
    Rule(kind=RuleKind.RANGE, columns=("n",), low="-0.5"),
    Rule(kind=RuleKind.RANGE, columns=("d",), low="0.1", high="100.1"),
    Rule(kind=RuleKind.RANGE, columns=("f",), low="0.1", high="10.5"),
    Rule(kind=RuleKind.RANGE, columns=("day",), low="2024-01-01", high="2024-12-31"),
    Rule(kind=RuleKind.RANGE, columns=("at",), low="2024-01-01", high="2024-12-31"),
    Rule(kind=RuleKind.PATTERN, columns=("w",), pattern=r"^\d+$"),
    Rule(kind=RuleKind.PATTERN, columns=("w",), pattern=r"^[\w/-]*$"),
    Rule(kind=RuleKind.PATTERN, columns=("w",), pattern=r"\S"),
    Rule(kind=RuleKind.PATTERN, columns=("w",), pattern=r"^\w*\s?\W?\w*$"),
    Rule(kind=RuleKind.PATTERN, columns=("w",), pattern=r"(?i)^[abc\s1]*$"),
    Rule(kind=RuleKind.PATTERN, columns=("n",), pattern="^[0-9]+$"),
    Rule(kind=RuleKind.LENGTH, columns=("w",), shortest=1, longest=2),
    Rule(kind=RuleKind.LENGTH, columns=("n",), longest=2, severity=Severity.NOTE),
    Rule(kind=RuleKind.MISSING, columns=("w",), values=("n/a", "-", "")),
    Rule(kind=RuleKind.MISSING, columns=("n",), values=("0", "01", "unknown")),
    Rule(kind=RuleKind.INVALID, columns=("w",), pattern="^[a-z]", longest=2),
    Rule(kind=RuleKind.SQL, columns=("f",), sql='SELECT * FROM {table} WHERE "f" <= 0'),
    Rule(kind=RuleKind.SQL, columns=("d",), sql='SELECT * FROM {table} WHERE "d" <= 0.1'),
    Rule(kind=RuleKind.SQL, columns=("d",), sql='SELECT * FROM {table} WHERE "d" >= 100.1'),
    Rule(kind=RuleKind.SQL, columns=("day",), sql="SELECT * FROM {table} WHERE \"day\" >= '2024-12-31'"),
    Rule(kind=RuleKind.ROW_COUNT, threshold=count("mustBe", 5)),
    Rule(kind=RuleKind.ROW_COUNT, threshold=count("mustBeBetween", 2.5, 6)),
    Rule(kind=RuleKind.ROW_COUNT, threshold=count("mustBeGreaterThan", 4)),
    Rule(kind=RuleKind.ROW_COUNT, threshold=count("mustBeGreaterOrEqualTo", 4)),
    Rule(kind=RuleKind.ROW_COUNT, threshold=count("mustBeLessThan", 4)),
    Rule(kind=RuleKind.ROW_COUNT, threshold=count("mustBeLessOrEqualTo", 4)),
)
NONE = (
    Rule(kind=RuleKind.SQL, columns=("n",), sql="SELECT * FROM {table} WHERE n IN (SELECT 1)"),
    Rule(kind=RuleKind.RELATION, columns=("k",), dataset="shop.others", others=("k",)),
    Rule(kind=RuleKind.FRESHNESS, columns=("at",), age=timedelta(days=1)),
    Rule(kind=RuleKind.VOLUME, limit=0.5, past=Past()),
    Rule(kind=RuleKind.DRIFT, columns=("n",), method="psi", limit=0.2, past=Past()),
    Rule(kind=RuleKind.NOT_NULL, columns=("w",), threshold=count("mustBeLessOrEqualTo", 3)),
    Rule(kind=RuleKind.NOT_NULL, columns=("w", "n"), threshold=share(10)),
    Rule(kind=RuleKind.UNIQUE, columns=("w",), threshold=share(10)),
    Rule(kind=RuleKind.ACCEPTED_VALUES, columns=("n",), values=("1",), threshold=share(10)),
    Rule(kind=RuleKind.INVALID, columns=("r",), values=("open",), longest=4, threshold=share(10)),
    Rule(kind=RuleKind.ACCEPTED_VALUES, columns=("day",), values=("2024-01-01",)),
    Rule(kind=RuleKind.ACCEPTED_VALUES, columns=("d",), values=("0.1",)),
    Rule(kind=RuleKind.RANGE, columns=("w",), low="1"),
    Rule(kind=RuleKind.RANGE, columns=("k",), high="9007199254740993"),
    Rule(kind=RuleKind.PATTERN, columns=("f",), pattern="^1"),
    Rule(kind=RuleKind.PATTERN, columns=("w",), pattern=r"\bx"),
    Rule(kind=RuleKind.PATTERN, columns=("w",), pattern="[[:alpha:]]"),
    Rule(kind=RuleKind.PATTERN, columns=("w",), pattern="(?m)^x$"),
    Rule(kind=RuleKind.PATTERN, columns=("w",), pattern=r"[^\D]"),
    Rule(kind=RuleKind.LENGTH, columns=("at",), longest=10),
    Rule(kind=RuleKind.ROW_COUNT, threshold=count("mustNotBe", 0)),
    Rule(kind=RuleKind.ROW_COUNT, threshold=count("mustBe", 2.5)),
)
CONTRACT = Contract(
    dataset="shop.orders",
    file="contracts/shop.orders.odcs.yaml",
    version="1.4.0",
    columns=tuple(ColumnSpec(name=name, type=type_, required=name == "r") for name, type_ in TYPES.items()),
    rules=CARRIED,
)
DRIVER = """\
import json, sys
from pathlib import Path
from penstock.adapters.great_expectations import program
import os
os.environ |= {"GX_ANALYTICS_ENABLED": "false", "TQDM_DISABLE": "1"}
program.refuse_connections()
folder = Path(sys.argv[1])
suite = json.loads((folder / "suite.json").read_text())
found = {path.stem: program.judged(program.frame_of(path), suite) for path in folder.glob("*.parquet")}
(folder / "found.json").write_text(json.dumps(found))
"""


@dataclass(frozen=True, slots=True)
class Sides:
    """What each side says of each check, by table and check."""

    ours: dict[str, dict[str, bool]]
    theirs: dict[str, dict[str, bool]]
    raised: list[str]


def rows(number: int) -> list[tuple[Any, ...]]:
    """The first tables hold hardly any rows, and the second half only values that are there."""
    chance = random.Random(number)  # noqa: S311 - the same rows every time
    size = number % 8 if number < 16 else chance.randint(1, 4)
    pools = [[value for value in pool if number % 2 or value is not None] for pool in POOLS.values()]
    if number % 3 == 0:
        pools = [[chance.choice(pool), chance.choice(pool)] for pool in pools]
    return [tuple(chance.choice(pool) for pool in pools) for _ in range(size)]


@pytest.fixture
def sides(tmp_path: Path) -> Sides:
    folder = tmp_path
    (folder / "suite.json").write_text(suite_of(CONTRACT).text)
    ours: dict[str, dict[str, bool]] = {}
    with duckdb.connect() as connection:
        for number in range(TABLES):
            name = f"t{number}"
            declared = ", ".join(f'"{column}" {type_}' for column, type_ in TYPES.items())
            connection.execute(f"CREATE TABLE {name} ({declared})")
            if made := rows(number):
                connection.executemany(f"INSERT INTO {name} VALUES ({', '.join('?' * len(TYPES))})", made)
            connection.execute(f"COPY {name} TO '{folder / name}.parquet' (FORMAT parquet)")
            judged = run_checks(compile_checks(CONTRACT, name), lambda sql: connection.execute(sql).fetchall())
            ours[name] = {result.id: result.passed for result in judged.results}
    theirs, raised = asked(folder)
    return Sides(ours, theirs, raised)


def asked(folder: Path) -> tuple[dict[str, dict[str, bool]], list[str]]:
    """A check's outcome is that of all of its expectations together."""
    done = subprocess.run([sys.executable, "-c", DRIVER, str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    theirs: dict[str, dict[str, bool]] = {}
    raised: list[str] = []
    for table, result in json.loads((folder / "found.json").read_text()).items():
        outcomes = theirs.setdefault(table, {})
        for one in result["results"]:
            check = one["expectation_config"]["meta"][META]["check"]
            outcomes[check] = outcomes.get(check, True) and one["success"]
            raised += [f"{check}: {one['exception_info']}"] if one["exception_info"]["raised_exception"] else []
    return theirs, raised


def test_both_sides_come_to_the_same_outcome_of_every_rule_on_every_rows(sides: Sides) -> None:
    assert sides.raised == []
    differing = {
        (table, check): (ours, sides.theirs[table].get(check))
        for table, outcomes in sides.ours.items()
        for check, ours in outcomes.items()
        if sides.theirs[table].get(check) is not ours
    }
    assert differing == {}
    assert all(outcomes[COLUMNS] for outcomes in sides.theirs.values())
    assert_seen_both_ways(sides)


def assert_seen_both_ways(sides: Sides) -> None:
    """Every rule held somewhere and failed somewhere, so that to agree says something."""
    always_null_free = {"not_null:r"}
    checks = {check.id for check in compile_checks(CONTRACT, "").checks}
    for said in (sides.ours, sides.theirs):
        held = {check for outcomes in said.values() for check, passed in outcomes.items() if passed}
        failed = {check for outcomes in said.values() for check, passed in outcomes.items() if not passed}
        assert checks - held == set()
        assert checks - failed == always_null_free


def test_every_kind_of_rule_is_either_carried_or_said_not_to_be() -> None:
    assert {rule.kind for rule in (*CARRIED, *NONE)} == set(RuleKind)


@pytest.mark.parametrize("rule", NONE, ids=lambda rule: f"{rule.kind}:{','.join(rule.columns)}")
def test_a_rule_without_an_equivalent_is_a_finding_and_no_part_of_the_suite(rule: Rule) -> None:
    suite = suite_of(replace(CONTRACT, rules=(rule,)))
    (finding,) = suite.findings
    assert (finding.code, finding.severity) == ("expectations.no_equivalent", Severity.WARNING)
    assert finding.found is not None
    carried = {one["meta"][META]["check"] for one in json.loads(suite.text)["expectations"]}
    assert carried == {COLUMNS, "not_null:r"}
    assert suite.checks == 1
