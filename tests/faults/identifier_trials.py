"""Every place where a name or a value of somebody's reaches SQL or the ledger, tried with one hostile text.

A trial gives back the text as it came back from where it was put: that it is equal shows that it was really used. Where
names of that kind are not allowed, it gives back the code of the refusal. Trials speak the port and `sql.identifiers`
alone, so that they are the same for every dialect.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from click import UsageError

from penstock.adapters.duckdb.warehouse import DuckdbWarehouse, view_of
from penstock.adapters.processes.logs import log_file
from penstock.cli.options import EnvironmentName
from penstock.engine import audit
from penstock.engine.ports.publishing import Publication, Staged
from penstock.engine.ports.relations import Swap
from penstock.ledger.facts import BackfillRequested, Promoted, PromotionIntended, RunQueued, VersionDefined
from penstock.model.contracts import ColumnSpec, Contract, Rule, RuleKind
from penstock.model.errors import InputError, TaskError
from penstock.model.intervals import Grain, Interval
from penstock.model.pipelines import Dataset, IntervalBy, Materialization, SqlTask
from penstock.plan.versions import Version, relation_of
from penstock.project.reading import read_project
from penstock.quality import checks
from penstock.quality.comparison import compare_queries, digest_query, read_diff
from penstock.quality.comparison_sql import Side
from penstock.quality.profiling import profile_query, read_profile
from penstock.sql.identifiers import literal, quote
from penstock.sql.rewriting import rewrite_adhoc

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from penstock.adapters.ledger.sqlite import SqliteLedger
    from penstock.engine.ports.warehouse import Warehouse

CANARY = (("alive", 1), ("and well", 2))
BESIDE = "penstock beside"
"""The name of a column that no hostile text is."""
DAY = Interval(datetime(2024, 3, 1, tzinfo=UTC), datetime(2024, 3, 2, tzinfo=UTC))
SHOP = {
    "penstock.yaml": b"name: shop\n",
    "pipelines/shop/pipeline.yaml": b"owner: shop-team\nschedule: manual\nstart: 2024-03-01\n",
}


@dataclass(frozen=True, slots=True)
class Refused:
    """A clear no, by the code of its finding."""

    code: str


class Target(Protocol):
    """A dialect's warehouse, with a canary in it, and a way to look that is not what is tried."""

    @property
    def warehouse(self) -> Warehouse: ...

    def rows(self, sql: str) -> list[tuple[Any, ...]]: ...
    def columns(self, relation: str) -> list[str]: ...
    def canary(self) -> tuple[tuple[str, int], ...]: ...


@dataclass(frozen=True, slots=True)
class Bench:
    """Where a trial takes place: a target, a ledger, a folder for files; `number` is of this trial alone."""

    target: Target
    ledger: SqliteLedger
    spool: Path
    number: int

    def publication(self, materialization: Materialization = Materialization.TABLE, **more: Any) -> Publication:
        """The first publish into a relation of this trial's own, unless told otherwise."""
        values: dict[str, Any] = {
            "publish_id": f"p{self.number}",
            "run": "r",
            "dataset": "shop.tried",
            "version": f"{self.number:016d}",
            "relation": relation_of("shop.tried", f"{self.number:016d}"),
            "materialization": materialization,
            "token": 1,
            **more,
        }
        return Publication(**values)

    def publish(self, query: str, publication: Publication, **params: object) -> Staged:
        """Stage a query and publish it."""
        with self.target.warehouse.session() as session:
            staged = session.stage_query(query, params)
            session.publish(publication)
        return staged

    def drop(self, publication: Publication) -> None:
        """Take a relation away again, as `prune` does."""
        version = Version(dataset=publication.dataset, fingerprint=publication.version, relation=publication.relation)
        assert self.target.warehouse.drop([version], 1).relations == {publication.relation}


def as_a_column(text: str, bench: Bench) -> str:
    """The name of a column, from staging to the published table."""
    published = bench.publication()
    staged = bench.publish(f"SELECT 7 AS {quote(text)}", published)
    assert [name for name, _ in staged.columns] == bench.target.columns(published.relation)
    assert bench.target.rows(f"SELECT {quote(text)} FROM {published.relation}") == [(7,)]
    return bench.target.columns(published.relation)[0]


def as_a_literal(text: str, bench: Bench) -> str:
    """A value written into a query."""
    published = bench.publication()
    bench.publish(f"SELECT {literal(text)} AS value", published)
    return _only(bench.target.rows(f"SELECT value FROM {published.relation} WHERE value = {literal(text)}"))


def as_a_parameter(text: str, bench: Bench) -> str:
    """A value bound to a query."""
    published = bench.publication()
    bench.publish("SELECT $given AS value", published, given=text)
    return _only(bench.target.rows(f"SELECT value FROM {published.relation}"))


def as_an_interval_column(text: str, bench: Bench) -> str:
    """The column by which a dataset is cut: judged, replaced by interval, and read."""
    dataset = _dataset(interval=text, materialization=Materialization.INCREMENTAL)
    for number in (1, 2):
        published = bench.publication(
            Materialization.INCREMENTAL, publish_id=f"p{bench.number}/{number}", column=text, interval=DAY
        )
        with bench.target.warehouse.session() as session:
            moment = literal(DAY.start.replace(tzinfo=None))
            staged = session.stage_query(f"SELECT {moment} AS {quote(text)}, {number} AS {quote(BESIDE)}", {})
            audit.within_interval(session, staged, dataset, DAY)
            session.publish(published)
    assert bench.target.rows(f"SELECT {quote(BESIDE)} FROM {published.relation}") == [(2,)]
    return bench.target.columns(published.relation)[0]


def as_a_key(text: str, bench: Bench) -> str:
    """The column by whose value rows are merged, and that value."""
    for number in (1, 2):
        published = bench.publication(
            Materialization.MERGE, publish_id=f"p{bench.number}/{number}", key=(text,), version=f"{bench.number:016d}"
        )
        bench.publish(f"SELECT {literal(text)} AS {quote(text)}, {number} AS {quote(BESIDE)}", published)
    assert bench.target.rows(f"SELECT {quote(BESIDE)} FROM {published.relation}") == [(2,)]
    assert bench.target.columns(published.relation)[0] == text
    return _only(bench.target.rows(f"SELECT {quote(text)} FROM {published.relation}"))


def as_a_doubled_key(text: str, bench: Bench) -> str:
    """A key that is refused because two rows have it: the refusal names column and value."""
    query = f"SELECT {literal(text)} AS {quote(text)} FROM range(2) AS two(i)"
    first = bench.publication(Materialization.MERGE, key=(text,))
    try:
        bench.publish(query, first)
    except TaskError as error:
        finding = error.findings[0]
    assert finding.found == str((text,))
    return finding.place.field or ""


def as_an_offset(text: str, bench: Bench) -> str:
    """The column up to whose largest value an append got, and that value."""
    for number in (1, 2):
        with bench.target.warehouse.session() as session:
            base = session.newest(bench.publication().relation, text)
            assert base == (None if number == 1 else f"1{text}")
            published = bench.publication(
                Materialization.APPEND, publish_id=f"p{bench.number}/{number}", offset=text, base=base
            )
            session.stage_query(f"SELECT {literal(f'{number}{text}')} AS {quote(text)}", {})
            session.publish(published)
    values = sorted(str(row[0]) for row in bench.target.rows(f"SELECT {quote(text)} FROM {published.relation}"))
    assert values == [f"1{text}", f"2{text}"]
    return values[0][1:]


def as_a_dataset(text: str, bench: Bench) -> str:
    """A dataset's name that got past every reader: it stays one name, and can be removed."""
    relation = relation_of(f"shop.{text}", f"{bench.number:016d}")
    published = bench.publication(dataset=f"shop.{text}", relation=relation)
    bench.publish("SELECT 7 AS seven", published)
    held = {each.relation for each in bench.target.warehouse.holdings()}
    assert relation in held
    assert bench.target.rows(f"SELECT seven FROM {relation}") == [(7,)]
    bench.drop(published)
    assert {each.relation for each in bench.target.warehouse.holdings()} == held - {relation}
    return text


def as_a_dataset_file(text: str, bench: Bench) -> str | Refused:
    """A file of the project that would name a dataset."""
    del bench
    query = b"/* penstock\nmaterialize: table\n*/\nSELECT 1 AS one\n"
    try:
        project = read_project({**SHOP, f"pipelines/shop/{text}.sql": query})
    except InputError as error:
        return Refused(error.findings[0].code)
    named = [name.removeprefix("shop.") for name in project.datasets]
    return named[0] if named else Refused("no file of a dataset")


def as_an_environment(text: str, bench: Bench) -> str:
    """An environment's name that got past the command line: its views show what they should, and go again."""
    published = bench.publication()
    bench.publish("SELECT 7 AS seven", published)
    shown = {"shop.tried": (published.version, published.relation)}
    warehouse = bench.target.warehouse
    warehouse.swap(Swap(promotion=f"s{bench.number}", environment=text, mapping=shown, token=1))
    assert bench.target.rows(f"SELECT seven FROM {view_of('shop.tried', text)}") == [(7,)]
    # to the catalog, schemas that differ in case alone are one; the names that the command line allows have one case
    names = [each.relation.lower() for each in warehouse.holdings() if published.relation in each.reads]
    assert names == [view_of("shop.tried", text).lower()]
    warehouse.swap(Swap(promotion=f"t{bench.number}", environment=text, mapping={}, token=1))
    assert not [each for each in warehouse.holdings() if published.relation in each.reads]
    return text


def as_an_environment_given(text: str, bench: Bench) -> str | Refused:
    """An environment's name as it is typed."""
    del bench
    try:
        return EnvironmentName().convert(text, None, None)
    except UsageError as error:
        return Refused("usage" if repr(text) in error.message else error.message)


def as_a_run(text: str, bench: Bench) -> str:
    """A run's id: in the target's ledger, in ours, and as the name of its logs' folder."""
    bench.publish("SELECT 1 AS one", bench.publication(run=text))
    _, found = _recorded(bench.target, f"p{bench.number}")
    assert found == text
    queued = RunQueued(
        run=text, trigger="manual", key=text, pipeline=text, datasets="", environment=text, until=text, priority=0,
        by=text, request=text,
    )  # fmt: skip
    bench.ledger.append(queued)
    row = bench.ledger.rows("runs", run=text)[0]
    assert {row[name] for name in ("run", "key", "pipeline", "environment", "until", "asked_by")} == {text}
    log = log_file(bench.spool / "logs", text, text)
    assert log.resolve().is_relative_to((bench.spool / "logs").resolve())
    assert log.parent.parent == bench.spool / "logs"
    return str(row["run"])


def as_a_publish_id(text: str, bench: Bench) -> str:
    """The id under which rows are published, once."""
    published = bench.publication(publish_id=f"{bench.number}{text}")
    for _ in range(2):
        bench.publish("SELECT 1 AS one", published)
    assert bench.target.warehouse.published(f"{bench.number}{text}") == 1
    assert bench.target.warehouse.published(f"{bench.number}{text} ") is None
    found, _ = _recorded(bench.target, f"{bench.number}{text}")
    return found.removeprefix(str(bench.number))


def as_a_promotion(text: str, bench: Bench) -> str:
    """A promotion's id, at the target and in the ledger."""
    warehouse = bench.target.warehouse
    assert not warehouse.swapped(f"{bench.number}{text}")
    warehouse.swap(Swap(promotion=f"{bench.number}{text}", environment="tried", mapping={}, token=1))
    assert warehouse.swapped(f"{bench.number}{text}")
    mapping = {f"shop.{text}": text}
    bench.ledger.append(
        PromotionIntended(promotion=text, environment=text, mapping=mapping, previous={}, reason=text),
        Promoted(promotion=text, environment=text, mapping=mapping, reason=text),
    )
    row = bench.ledger.rows("environments", environment=text)[0]
    assert (row["dataset"], row["version"]) == (f"shop.{text}", text)
    return str(row["promotion"])


def as_a_version(text: str, bench: Bench) -> str:
    """A version, a partition and a reason as the ledger keeps them."""
    defined = VersionDefined(
        dataset=text, version=text, relation=quote(text), materialization="table", meanings={text: text}
    )
    stale = f'[["shop.tried", "{bench.number}", "", "", "again"]]'
    asked = BackfillRequested(backfill=text, plan=text, by=text, reason=text, stale=stale)
    bench.ledger.append(defined, asked)
    assert bench.ledger.rows("backfills", backfill=text)[0]["reason"] == text
    row = bench.ledger.rows("versions", dataset=text, version=text)[0]
    assert row["relation"] == quote(text)
    return str(row["version"])


def as_an_input(text: str, bench: Bench) -> str:
    """A column and its value on their way to a task and back, as a Parquet file."""
    path = bench.spool / f"{bench.number}.parquet"
    query = f"SELECT {literal(text)} AS {quote(text)}, $given AS {quote(BESIDE)}"
    with bench.target.warehouse.session() as session:
        session.export(query, {"given": text}, path)
        staged = session.stage_file(path)
        rows = session.fetch(f"SELECT {quote(text)}, {quote(BESIDE)} FROM {staged.relation}")
    path.unlink()
    assert rows == [(text, text)]
    return staged.columns[0][0]


def as_a_checked_column(text: str, bench: Bench) -> str:
    """A column that a contract speaks of, with values that it accepts: every kind of check, and its examples."""
    published = bench.publication()
    bench.publish(f"SELECT * FROM (VALUES ({literal(text)}), ('other'), ('other')) AS given({quote(text)})", published)
    rules = (
        Rule(kind=RuleKind.ACCEPTED_VALUES, columns=(text,), values=(text,), name=text, description=text),
        Rule(kind=RuleKind.NOT_NULL, columns=(text,)),
        Rule(kind=RuleKind.UNIQUE, columns=(text,)),
        Rule(kind=RuleKind.PATTERN, columns=(text,), pattern="(?s).*"),
    )
    contract = Contract(
        dataset="shop.tried", file="", version="1", columns=(ColumnSpec(name=text, type="VARCHAR"),), rules=rules
    )
    plan = checks.compile_checks(contract, published.relation)
    found = {query.id: bench.target.rows(query.sql)[0] for query in plan.queries}
    failed = [result.failed_rows for result in checks.judge(plan, found)]
    assert failed == [2, 0, 1, 0]
    examples = [bench.target.rows(checks.examples_query(check, published.relation)) for check in plan.checks]
    assert {row[0] for row in examples[0]} == {"other"}
    assert examples[2] == [("other", 2)]
    return bench.target.columns(published.relation)[0]


def as_a_compared_column(text: str, bench: Bench) -> str | None:
    """A column of two relations that are compared, by key and without one; its value is shown as an example."""
    sides = []
    for number, value in enumerate((text, f"{text}!")):
        published = bench.publication(publish_id=f"p{bench.number}/{number}", version=f"{bench.number}{number}")
        relation = relation_of("shop.tried", published.version)
        published = bench.publication(publish_id=published.publish_id, version=published.version, relation=relation)
        bench.publish(f"SELECT {literal(value)} AS {quote(text)}, 1 AS {quote(BESIDE)}", published)
        sides.append(Side(relation=relation, columns=((text, "VARCHAR"), (BESIDE, "INTEGER"))))
    old, new = sides
    shown = []
    for key, changed in (((BESIDE,), 1), ((), 0), ((text,), 0)):
        comparison = compare_queries("shop.tried", old, new, key=key)
        diff = read_diff(comparison, {name: bench.target.rows(sql) for name, sql in comparison.queries.items()})
        assert (diff.old_rows, diff.new_rows, diff.changed) == (1, 1, changed)
        assert (diff.added, diff.removed) == (1 - changed, 1 - changed)
        shown.append(diff.examples)
    same = [bench.target.rows(digest_query(side.relation, side.columns)) for side in (old, old, new)]
    assert same[0] == same[1] != same[2]
    assert shown[0][0].column == text
    assert dict(shown[2][0].key) == {text: f"{text}!"}
    return shown[0][0].old


def as_a_profiled_column(text: str, bench: Bench) -> str:
    """A column whose contents are counted."""
    published = bench.publication()
    bench.publish(f"SELECT {literal(text)} AS {quote(text)}", published)
    row = bench.target.rows(profile_query(published.relation, [text]))[0]
    column = read_profile([text], row).columns[0]
    assert column.name == text
    return str(column.minimum)


def as_a_question(text: str, bench: Bench) -> str | Refused:
    """A person's own query that names and says it: rewritten over versions, run, read."""
    published = bench.publication()
    bench.publish(f"SELECT {literal(text)} AS {quote(text)}", published)
    asked = f"SELECT {quote(text)}, {literal(text)} AS said FROM shop.tried WHERE {quote(text)} = {literal(text)}"
    try:
        rewritten = rewrite_adhoc(asked, {"shop.tried": published.relation})
    except InputError as error:
        return Refused(error.findings[0].code)
    assert published.relation in rewritten
    assert bench.target.rows(rewritten) == [(text, text)]
    return text


class Trial(Protocol):
    """Tries one text; gives it back as it came back, or the refusal."""

    @property
    def __name__(self) -> str: ...

    def __call__(self, text: str, bench: Bench, /) -> str | Refused | None: ...


TRIALS: tuple[Trial, ...] = (
    as_a_column,
    as_a_literal,
    as_a_parameter,
    as_an_interval_column,
    as_a_key,
    as_a_doubled_key,
    as_an_offset,
    as_a_dataset,
    as_a_dataset_file,
    as_an_environment,
    as_an_environment_given,
    as_a_run,
    as_a_publish_id,
    as_a_promotion,
    as_a_version,
    as_an_input,
    as_a_checked_column,
    as_a_compared_column,
    as_a_profiled_column,
    as_a_question,
)
MAY_REFUSE = frozenset({"as_a_dataset_file", "as_an_environment_given", "as_a_question"})


class DuckdbTarget:
    """The embedded warehouse."""

    def __init__(self, folder: Path) -> None:
        self.warehouse = DuckdbWarehouse(folder / "warehouse.duckdb", folder / "spool")
        with self.warehouse.session() as session:
            session.fetch("CREATE TABLE main.canary (secret VARCHAR, number INTEGER)")
            session.fetch(f"INSERT INTO main.canary VALUES {', '.join(map(str, CANARY))}")

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        return self.warehouse.query(sql)[1]

    def columns(self, relation: str) -> list[str]:
        """A relation's columns, by the catalog's own word."""
        return [name for name, _ in self.warehouse.columns(relation)]

    def canary(self) -> tuple[tuple[str, int], ...]:
        """What is left of it."""
        try:
            return tuple(self.rows("SELECT * FROM main.canary ORDER BY ALL"))
        except InputError:
            return ()

    def close(self) -> None:
        """Close the file."""
        self.warehouse.close()


@contextmanager
def duckdb_target(folder: Path) -> Iterator[DuckdbTarget]:
    """The embedded warehouse for the time of the block."""
    target = DuckdbTarget(folder)
    try:
        yield target
    finally:
        target.close()


DIALECTS = {"duckdb": duckdb_target}
"""How each dialect's target is opened; another one is a line here."""


def _only(rows: list[tuple[Any, ...]]) -> str:
    ((value,),) = rows
    return str(value)


def _recorded(target: Target, publish_id: str) -> tuple[str, str]:
    """A publish id and its run, as the target's own ledger has them."""
    sql = f"SELECT publish_id, run FROM _penstock.ledger WHERE publish_id = {literal(publish_id)}"
    ((found, run),) = target.rows(sql)
    return str(found), str(run)


def _dataset(interval: str, materialization: Materialization) -> Dataset:
    return Dataset(
        name="shop.tried",
        file="pipelines/shop/tried.sql",
        task=SqlTask(text="", reads=(), query_digest="", edits=()),
        materialization=materialization,
        interval=IntervalBy(grain=Grain.DAY, column=interval),
    )
