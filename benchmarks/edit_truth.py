"""What an edit really moves: both sides executed in bare DuckDB, each dataset's columns, types and rows compared.

An edit of queries is executed on the project's own files and on some that are made up, so that little hangs on one row.
"""

from __future__ import annotations

import random
import tempfile
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
from edit_forms import filled
from edit_project import END, FIRST_DAY, Dataset, Edit, Kind, Project, setting, together

if TYPE_CHECKING:
    from collections.abc import Iterator

SAMPLES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """A dataset's columns with their types, in order, and its rows in any order; or why it cannot be made."""

    columns: tuple[tuple[str, str], ...] = ()
    rows: tuple[tuple[Any, int], ...] = ()
    failure: str = ""


def to_build(base: Project, edit: Edit) -> set[str]:
    """The datasets that have to be made: new ones, those whose contents are others, and those kept in another way."""
    after = edit(base)
    anew = {
        name
        for name, dataset in after.datasets.items()
        if name not in base.datasets or _kept(base.datasets[name]) != _kept(dataset)
    }
    return anew | (moved(base, edit) & after.datasets.keys())


def moved(base: Project, edit: Edit) -> set[str]:
    """The datasets whose contents are others on any of the files, those that come and go among them."""
    found: set[str] = set()
    for before in (base, *(files(base) for files in _samples(base, edit(base)))):
        was, now = contents(before), contents(edit(before))
        found |= {name for name in {*was, *now} if was.get(name) != now.get(name)}
    return found


def _samples(before: Project, after: Project) -> Iterator[Edit]:
    """Other files for the sources, unless it is the files that are edited."""
    kept = [name for name, dataset in before.datasets.items() if dataset.kind is Kind.CSV]
    if any(before.datasets[name].text != after.datasets[name].text for name in kept):
        return
    for seed in range(SAMPLES):
        made = random.Random(seed)  # noqa: S311 - the same rows each time
        count = made.randint(2, 12)
        texts = {"orders": _orders(made, count), "orders_archive": _orders(made, count)}
        texts["customers"] = _customers(made, count)
        yield together(*(setting(name, text=text) for name, text in texts.items()))


def _orders(made: random.Random, customers: int) -> str:
    """A few orders by some of the customers, some of them twice, at prices that sum up to about where grades change."""
    lines = [
        ",".join(
            (
                str(number), str(made.randint(1, customers)), f"2024-01-0{made.randint(1, 6)}",
                made.choice(("paid", "paid", "returned", "cancelled", "Cancelled", "")), str(made.randint(0, 14)),
                made.choice(("1.00", "2.50", "4.16", "4.17", "0.35", "12.50")), made.choice(("app", "shop", "web", "")),
                made.choice(("", "a", "b")),
            )
        )
        for number in range(1, 4 * customers)
    ]  # fmt: skip
    return "\n".join(["order_id,customer_id,ordered_on,status,quantity,price,channel,note", *lines, *lines[:5], ""])


def _customers(made: random.Random, customers: int) -> str:
    """Some have never ordered anything, and some countries have no others."""
    countries = ("GB", "DE", "FR", "IT", "ES")
    lines = [
        f"{number},n{number},{made.choice(countries)},{made.randint(1, customers)},{made.choice('xy')}"
        for number in range(1, customers + 3)
    ]
    return "\n".join(["customer_id,name,country,invited_by,segment", *lines, ""])


def _kept(dataset: Dataset) -> tuple[str, str]:
    return dataset.materialize, dataset.day


def contents(project: Project) -> dict[str, Contents]:
    """Every dataset of a project, executed."""
    texts = tuple((name, dataset.kind, _runnable(dataset)) for name, dataset in project.datasets.items())
    return _executed(texts, project.module)


def _runnable(dataset: Dataset) -> str:
    if dataset.kind is not Kind.SQL:
        return dataset.text
    return filled(dataset, lambda read: f"shop.{read}", f"TIMESTAMP '{FIRST_DAY}'", f"TIMESTAMP '{END}'")


@lru_cache(maxsize=2 * SAMPLES)
def _executed(texts: tuple[tuple[str, Kind, str], ...], module: str) -> dict[str, Contents]:
    made: dict[str, Contents] = {}
    with duckdb.connect(config={"threads": 1}) as connection, tempfile.TemporaryDirectory() as folder:
        connection.execute("CREATE SCHEMA shop")
        for name, kind, text in texts:
            try:
                _make(connection, Path(folder), (name, kind, text), module)
            except duckdb.Error as error:
                made[name] = Contents(failure=str(error).partition("\n")[0])
                continue
            relation = connection.table(f"shop.{name}")
            columns = tuple(zip(relation.columns, map(str, relation.types), strict=True))
            rows = Counter(relation.fetchall())
            made[name] = Contents(columns=columns, rows=tuple(sorted(rows.items(), key=repr)))
    return made


def _make(connection: duckdb.DuckDBPyConnection, folder: Path, dataset: tuple[str, Kind, str], module: str) -> None:
    name, kind, text = dataset
    if kind is Kind.SQL:
        connection.execute(f"CREATE TABLE shop.{name} AS {text}")
    elif kind is Kind.CSV:
        path = folder / f"{name}.csv"
        path.write_text(text, encoding="utf-8")
        connection.execute(f"CREATE TABLE shop.{name} AS FROM read_csv('{path}', all_varchar = true)")
    else:
        names: dict[str, Any] = {}
        exec(module, names)  # noqa: S102 - the project's own code, as a task would run it
        exec(text, names)  # noqa: S102 - as above
        rows = connection.execute("SELECT customer_id, total FROM shop.by_customer").fetchall()
        connection.execute(f"CREATE TABLE shop.{name} (customer_id INTEGER, grade VARCHAR)")
        connection.executemany(f"INSERT INTO shop.{name} VALUES (?, ?)", [list(row) for row in names["graded"](rows)])
