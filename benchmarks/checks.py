"""What 200 checks of a 10-million-row table take, beside reading what they need once, and beside Great Expectations.

    python benchmarks/checks.py                    everything; the peer's environment is made in build/bench
    python benchmarks/checks.py --rows 1000000     smaller
    python benchmarks/checks.py --alone            without the peer

Bare DuckDB: one aggregate that reads every column that a check is about once: count, smallest and largest value. Beside
it the same predicates as they are usually counted, a FILTER each. Great Expectations gets those of the checks that it
has, on a pandas frame of fewer rows, at which it ends soon; both are measured there, unscaled. Budget: 1.5x.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
from peers.environments import NotInstalledError, python_of

from penstock.model.contracts import ColumnSpec, Contract, Past, Rule, RuleKind, Threshold
from penstock.quality.by_value import scan
from penstock.quality.checks import ROWS, among, compile_checks, run_checks
from penstock.quality.setting import Setting

if TYPE_CHECKING:
    from collections.abc import Callable

    from penstock.quality.checks import CheckPlan

BUILD = Path(__file__).resolve().parent.parent / "build" / "bench"
DRIVER = Path(__file__).with_name("peers") / "checks_gx.py"
ROUNDS, PEER_ROWS, BUDGET = 5, 200_000, 1.5
NUMBERS, WORDS, WHOLE = 24, 14, 12
UNTIL = datetime(2024, 12, 31, tzinfo=UTC)
COLORS = ("red", "green", "blue", "black", "white", "grey")
FEW = Threshold(operator="mustBeLessThan", operands=(1,), percent=True)


def columns() -> dict[str, tuple[str, str]]:
    """Each column's type, and what makes it of a row's number `i`."""
    made = {
        "id": ("BIGINT", "i"),
        "store": ("BIGINT", "i * 7919 % 1000"),
        "sold_at": ("TIMESTAMP", "TIMESTAMP '2024-01-01' + INTERVAL (i % 31000000) SECOND"),
        "day": ("DATE", "DATE '2024-01-01' + CAST(i % 365 AS INTEGER)"),
        "mail": ("VARCHAR", "'user' || (i * 31 % 500000) || '@example.com'"),
    }
    for number in range(NUMBERS):
        made[f"n{number}"] = ("DOUBLE", f"CASE WHEN i % 1000 <> {number} THEN (i * {31 + number} % 99991) / 7.0 END")
    for number in range(WHOLE):
        made[f"w{number}"] = ("INTEGER", f"CAST(i * {17 + number} % {1000 + number} AS INTEGER)")
    listed = ", ".join(f"'{word}'" for word in COLORS)
    for number in range(WORDS):
        made[f"c{number}"] = ("VARCHAR", f"[{listed}][1 + (i + {number}) % {len(COLORS)}]")
    return made


def contract() -> Contract:
    """200 checks: on rows, with and without thresholds, keys, relations, rows, age, volume and distributions."""
    rules = [
        Rule(kind=RuleKind.NOT_NULL, columns=("store",)),
        Rule(kind=RuleKind.RELATION, columns=("store",), dataset="b.stores", others=("id",)),
        Rule(kind=RuleKind.PATTERN, columns=("mail",), pattern="^[a-z0-9]+@[a-z.]+$"),
        Rule(kind=RuleKind.LENGTH, columns=("mail",), shortest=5, longest=60),
        Rule(kind=RuleKind.FRESHNESS, columns=("sold_at",), age=timedelta(days=10)),
        Rule(kind=RuleKind.RANGE, columns=("day",), low="2024-01-01", high="2024-12-31"),
        Rule(kind=RuleKind.RANGE, columns=("sold_at",), low="2024-01-01"),
        Rule(kind=RuleKind.ROW_COUNT, threshold=Threshold(operator="mustBeGreaterThan", operands=(0,))),
        Rule(kind=RuleKind.VOLUME, limit=0.5, past=Past(fewest=1)),
    ]
    for number in range(NUMBERS):
        name = (f"n{number}",)
        rules += [
            Rule(kind=RuleKind.NOT_NULL, columns=name, threshold=FEW),
            Rule(kind=RuleKind.RANGE, columns=name, low="0", high="20000"),
            Rule(kind=RuleKind.RANGE, columns=name, low="10", threshold=FEW),
        ]
    for number in range(WHOLE):
        name = (f"w{number}",)
        rules += [
            Rule(kind=RuleKind.NOT_NULL, columns=name),
            Rule(kind=RuleKind.RANGE, columns=name, low="0", high=str(1000 + number)),
            Rule(kind=RuleKind.SQL, columns=name, sql=f"SELECT * FROM {{table}} WHERE w{number} < 0 AND n{number} > 0"),
        ]
    for number in range(WORDS):
        name = (f"c{number}",)
        rules += [
            Rule(kind=RuleKind.NOT_NULL, columns=name),
            Rule(kind=RuleKind.ACCEPTED_VALUES, columns=name, values=COLORS),
            Rule(kind=RuleKind.LENGTH, columns=name, shortest=3, longest=5),
        ]
    rules += [Rule(kind=RuleKind.PATTERN, columns=(f"c{number}",), pattern="^[a-z]+$") for number in range(4)]
    past = Past(fewest=1)
    rules += [
        Rule(kind=RuleKind.DRIFT, columns=(f"n{number}",), method="psi", limit=0.2, past=past) for number in range(6)
    ]
    rules += [
        Rule(kind=RuleKind.DRIFT, columns=(f"c{number}",), method="psi", limit=0.2, past=past) for number in (0, 1)
    ]
    rules += [Rule(kind=RuleKind.NOT_NULL, columns=(name,)) for name in ("sold_at", "day", "mail")]
    rules += [
        Rule(kind=RuleKind.RANGE, columns=(f"n{number % NUMBERS}",), high="19000", threshold=FEW)
        for number in range(200 - len(rules) - 2)
    ]
    specs = tuple(ColumnSpec(name=name, type=type_, key=name == "id") for name, (type_, _) in columns().items())
    return Contract(dataset="b.sales", file="bench", version="1", columns=specs, key=("id",), rules=tuple(rules))


def make(connection: duckdb.DuckDBPyConnection, rows: int) -> None:
    """The table, and the dataset that it refers to."""
    items = ", ".join(f"{sql} AS {name}" for name, (_, sql) in columns().items())
    connection.execute(f"CREATE TABLE sales AS SELECT {items} FROM range({rows}) AS made(i)")
    connection.execute("CREATE TABLE stores AS SELECT range AS id FROM range(1000)")


def timed(job: Callable[[], Any]) -> float:
    """Wall seconds of one round."""
    began = time.perf_counter()
    job()
    return time.perf_counter() - began


def bare(connection: duckdb.DuckDBPyConnection, plan: CheckPlan) -> None:
    """Read every column that a check is about once."""
    names = sorted({name for check in plan.checks for name in check.rule.columns})
    parts = ", ".join(f"count({name}), min({name}), max({name})" for name in names)
    connection.execute(f"SELECT count(*), {parts} FROM sales").fetchall()


def by_filter(connection: duckdb.DuckDBPyConnection, plan: CheckPlan) -> None:
    """Every rule on single rows as one counts it by hand."""
    parts = ", ".join(f"count(*) FILTER (WHERE {check.predicate})" for check in plan.checks if check.predicate)
    connection.execute(f"SELECT count(*), {parts} FROM sales").fetchall()


def measure(rows: int) -> tuple[str, dict[str, float]]:
    """Median seconds of each job, round by round, and how many checks of each kind there are."""
    with tempfile.TemporaryDirectory() as folder, duckdb.connect(f"{folder}/bench.duckdb") as connection:
        make(connection, rows)

        asked: list[str] = []

        def ask(sql: str) -> list[tuple[Any, ...]]:
            asked.append(sql)
            return connection.execute(sql).fetchall()

        promised = contract()
        relations = {"b.stores": "stores"}
        first = compile_checks(promised, "sales", Setting(until=UNTIL, relations=relations))
        learnt = run_checks(first, ask)
        if learnt.profile is None:
            raise SystemExit("nothing was learnt of the distributions")
        setting = Setting(until=UNTIL, relations=relations, past=(learnt.profile,), rows=rows, zone_maps=True)
        plan = compile_checks(promised, "sales", setting)
        asked.clear()
        judged = run_checks(plan, ask)
        queries = len(asked)
        if not all(result.judged for result in judged.results):
            raise SystemExit("a check was not judged")
        own = [query for query in plan.queries if query.id != ROWS]
        jobs: dict[str, Callable[[], Any]] = {
            "bare": lambda: bare(connection, plan),
            "shared": lambda: scan(plan, ask),
            **{query.id: partial(run_checks, among(plan, [query.id]), ask) for query in own},
            "all": lambda: run_checks(plan, ask),
        }
        found: dict[str, list[float]] = {name: [] for name in jobs}
        for _ in range(ROUNDS):
            for name, job in jobs.items():
                found[name].append(timed(job))
        seconds = {name: statistics.median(times) for name, times in found.items()}
        seconds["by filter"] = timed(lambda: by_filter(connection, plan))
        seconds["first"] = timed(lambda: run_checks(first, ask))
    kinds: dict[str, int] = {}
    for check in plan.checks:
        kinds[str(check.rule.kind)] = kinds.get(str(check.rule.kind), 0) + 1
    said = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items(), key=lambda pair: -pair[1]))
    return f"{len(plan.checks)} checks ({said}), {queries} queries", seconds


def show(rows: int) -> None:
    """Print the table."""
    said, seconds = measure(rows)
    base = seconds["bare"]
    print(f"{rows:,} rows, {len(columns())} columns; {said}; median of {ROUNDS} rounds")
    print(f"  {'bare: every column once':<52} {base:8.3f} s")
    one = "all but keys and relations"
    for name, key in ((one, "shared"), ("  the same predicates, each with its FILTER (once)", "by filter")):
        budget = f"  budget {BUDGET}x" if key == "shared" else ""
        print(f"  {name:<52} {seconds[key]:8.3f} s  {seconds[key] / base:5.2f}x{budget}")
    known = {"bare", "shared", "by filter", "all", "first"}
    for name in seconds:
        if name not in known:
            print(f"  {name:<52} {seconds[name]:8.3f} s  {seconds[name] / base:5.2f}x")
    for name, key in (("everything", "all"), ("everything, distributions made first (once)", "first")):
        print(f"  {name:<52} {seconds[key]:8.3f} s  {seconds[key] / base:5.2f}x")


# -- Great Expectations -----------------------------------------------------------------------------------------------


def expectations(promised: Contract) -> list[dict[str, Any]]:
    """Those of the checks that Great Expectations has, by its names."""
    made: list[dict[str, Any]] = []
    for rule in promised.rules:
        column = rule.columns[0] if rule.columns else ""
        mostly = {"mostly": 0.99} if rule.threshold else {}
        words: dict[str, Any] = {"column": column, **mostly}
        if rule.kind is RuleKind.NOT_NULL:
            made.append({"type": "ExpectColumnValuesToNotBeNull", **words})
        elif rule.kind is RuleKind.RANGE and column[0] in "nw":
            bounds = {"min_value": rule.low, "max_value": rule.high}
            numbers = {key: float(value) for key, value in bounds.items() if value is not None}
            made.append({"type": "ExpectColumnValuesToBeBetween", **words, **numbers})
        elif rule.kind is RuleKind.ACCEPTED_VALUES:
            made.append({"type": "ExpectColumnValuesToBeInSet", **words, "value_set": list(rule.values)})
        elif rule.kind is RuleKind.PATTERN:
            made.append({"type": "ExpectColumnValuesToMatchRegex", **words, "regex": rule.pattern})
        elif rule.kind is RuleKind.LENGTH:
            lengths = {"min_value": rule.shortest, "max_value": rule.longest}
            made.append({"type": "ExpectColumnValueLengthsToBeBetween", **words, **lengths})
    made.append({"type": "ExpectColumnValuesToBeUnique", "column": "id"})
    return made


def beside_the_peer(rows: int) -> None:
    """Both on the same fewer rows: the same checks, reading the same Parquet file included in neither."""
    promised = contract()
    wanted = expectations(promised)
    kept = {RuleKind.NOT_NULL, RuleKind.ACCEPTED_VALUES, RuleKind.PATTERN, RuleKind.LENGTH}
    rules = [
        rule for rule in promised.rules
        if rule.kind in kept or (rule.kind is RuleKind.RANGE and rule.columns[0][0] in "nw")
    ]  # fmt: skip
    same = replace(promised, rules=tuple(rules))
    python = python_of("great_expectations", BUILD)
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        make(connection, rows)
        path = Path(folder) / "sales.parquet"
        connection.execute(f"COPY sales TO '{path}' (FORMAT parquet)")
        (Path(folder) / "wanted.json").write_text(json.dumps(wanted), encoding="utf-8")
        plan = compile_checks(same, "sales", Setting(rows=rows, zone_maps=True))
        ours = statistics.median(
            timed(lambda: run_checks(plan, lambda sql: connection.execute(sql).fetchall())) for _ in range(ROUNDS)
        )
        done = subprocess.run([str(python), str(DRIVER), folder], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"Great Expectations ended with {done.returncode}:\n{done.stderr[-2000:]}")
    said = json.loads(done.stdout.strip().splitlines()[-1])
    print(f"{rows:,} rows, the {len(wanted)} checks that Great Expectations {said['version']} has too (pandas)")
    print(f"  {'Penstock, on DuckDB':<52} {ours:8.3f} s   {len(plan.checks)} checks")
    print(f"  {'Great Expectations':<52} {said['seconds']:8.3f} s  {said['seconds'] / ours:5.0f}x")
    print(f"  of which {said['passed']} passed; its environment starts in {said['importing']:.1f} s more")


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--peer-rows", type=int, default=PEER_ROWS)
    parser.add_argument("--alone", action="store_true")
    options = parser.parse_args()
    BUILD.mkdir(parents=True, exist_ok=True)
    show(options.rows)
    if options.alone:
        return
    try:
        beside_the_peer(options.peer_rows)
    except NotInstalledError as error:
        print(f"Great Expectations cannot be installed here: {error}")


if __name__ == "__main__":
    main()
