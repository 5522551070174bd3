"""A small project without stories or git, and commands that run in the background while a test looks on."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from penstock_places import Place, Said

if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Iterator

T = TypeVar("T")
DAYS = ("2024-03-01", "2024-03-02", "2024-03-03", "2024-03-04")
PATIENCE = 30.0
"""Seconds after which something that was waited for counts as not happening."""
ENDLESS, LONG = 100_000_000, 600_000
"""Steps of a query that nobody waits for, and of one that takes some seconds."""
OPEN = ("running", "audited")
PACED = Path(__file__).with_name("paced_clock.py")
CLOCK = {"PACED_BEGINS": datetime(2024, 3, 10, 8, 0, tzinfo=UTC).isoformat(), "PACED_ORIGIN": str(time.time())}
"""What `paced_clock.py` starts from."""

SETTINGS = "name: shop\nparallel: 2\n"
DAILY = 'owner: shop-team\nschedule: "@daily"\nstart: 2024-03-01\nend: 2024-03-05\n'
BY_HAND = "owner: shop-team\nschedule: manual\nstart: 2024-03-01\n"
ORDERS = """\
format: csv
path: data/orders/{interval_start:%Y-%m-%d}.csv
interval: day
columns: [day, amount]
"""
STAGED = """\
/* penstock
materialize: incremental
interval: day(day)
*/
SELECT CAST(day AS TIMESTAMP) AS day, CAST(amount AS BIGINT) AS amount
FROM sales.orders
WHERE _interval_start >= $interval_start AND _interval_start < $interval_end
"""


def table(query: str) -> str:
    """A dataset's file: a table of this query."""
    return f"/* penstock\nmaterialize: table\n*/\n{query}\n"


def slow(steps: int) -> str:
    """A query that counts so far, one step after another."""
    counted = f"SELECT 1 AS n UNION ALL SELECT n + 1 AS n FROM counted WHERE n < {steps}"
    return table(f"WITH RECURSIVE counted AS ({counted})\nSELECT max(n) AS n FROM counted")


def write(place: Place, path: str, text: str) -> None:
    """One of the project's files."""
    target = place.root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")


def write_orders(place: Place, day: str, *amounts: int) -> None:
    """A day's file."""
    write(place, f"data/orders/{day}.csv", "day,amount\n" + "".join(f"{day},{amount}\n" for amount in amounts))


def make_shop(folder: Path) -> Place:
    """Sales by day from files, stock that has nothing to do with them, and a pipeline that takes long."""
    place = Place(folder / "project", folder / "keys")
    place.keys.mkdir(parents=True)
    files = {
        "penstock.yaml": SETTINGS,
        "pipelines/sales/pipeline.yaml": DAILY,
        "pipelines/sales/orders.source.yaml": ORDERS,
        "pipelines/sales/staged.sql": STAGED,
        "pipelines/sales/total.sql": table("SELECT sum(amount) AS total, count(*) AS orders FROM sales.staged"),
        "pipelines/stock/pipeline.yaml": BY_HAND,
        "pipelines/stock/items.sql": table("SELECT 7 AS items"),
        "pipelines/heavy/pipeline.yaml": BY_HAND,
        "pipelines/heavy/counted.sql": slow(ENDLESS),
    }
    for path, text in files.items():
        write(place, path, text)
    for number, day in enumerate(DAYS, 1):
        write_orders(place, day, number, 10 * number)
    return place


# -- looking ----------------------------------------------------------------------------------------------------------


def wait_until(look: Callable[[], T | None], what: str) -> T:
    """What `look` sees first that is neither None nor empty."""
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        if found := look():
            return found
        time.sleep(0.02)
    raise AssertionError(f"{what} did not happen within {PATIENCE:.0f} s")


def ledger(place: Place, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    """What the ledger's tables say."""
    path = place.root / ".penstock" / "ledger.db"
    if not path.exists():
        return []
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection, suppress(sqlite3.OperationalError):
        return connection.execute(sql, values).fetchall()
    return []  # its tables are being made at this moment


def runs(place: Place, **equal: str) -> list[dict[str, Any]]:
    """The runs as the command lists them, with these values."""
    found: list[dict[str, Any]] = place.penstock("runs", "--limit", "1000", "--json").result["runs"]
    return [row for row in found if all(row[name] == value for name, value in equal.items())]


def state(place: Place, run: str) -> str:
    """A run's state."""
    return str(ledger(place, "SELECT state FROM runs WHERE run = ?", run)[0][0])


def attempts(place: Place, dataset: str) -> list[tuple[str, str, str]]:
    """Interval, state and code of each attempt at a dataset, in the order in which they began."""
    sql = "SELECT interval, state, coalesce(code, '') FROM attempts WHERE dataset = ? ORDER BY started_at, interval"
    return ledger(place, sql, dataset)


def built(place: Place) -> dict[str, int]:
    """How many slices of each dataset were ever published."""
    sql = "SELECT dataset, count(*) FROM attempts WHERE state = 'published' GROUP BY dataset"
    return {str(name): int(count) for name, count in ledger(place, sql)}


def under_way(place: Place, dataset: str) -> str:
    """The run that is building a dataset, once one is."""

    def look() -> str | None:
        found = ledger(place, "SELECT run FROM attempts WHERE dataset = ? AND state = 'running'", dataset)
        return str(found[0][0]) if found else None

    return wait_until(look, f"an attempt at {dataset}")


def queued(place: Place) -> str:
    """The run that waits, once one does."""

    def look() -> str | None:
        found = ledger(place, "SELECT run FROM runs WHERE state = 'queued'")
        return str(found[0][0]) if found else None

    return wait_until(look, "a run that waits")


def still_open(place: Place) -> int:
    """How many attempts have no end."""
    return int(ledger(place, f"SELECT count(*) FROM attempts WHERE state IN {OPEN}")[0][0])


# -- commands in the background ---------------------------------------------------------------------------------------


@dataclass(slots=True)
class Background:
    """A command that runs meanwhile, and what it has said so far."""

    process: subprocess.Popen[bytes]
    said: Path

    def says(self, words: str) -> str:
        """Wait until it has said something that matches; the line."""

        def look() -> str | None:
            lines = self.said.read_text(encoding="utf-8").splitlines()
            return next((line for line in lines if re.search(words, line)), None)

        return wait_until(look, f"{words!r} in what {self.process.args!r} says")

    def ask(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def ends(self, exits: int) -> str:
        """Wait for its end; everything it said."""
        code = self.process.wait(PATIENCE)
        said = self.said.read_text(encoding="utf-8")
        assert code == exits, f"{code}\n{said}"
        return said


@contextmanager
def background(place: Place, *arguments: str, paced: bool = False) -> Iterator[Background]:
    """Run a command meanwhile; it is killed at the end of the block if it still runs."""
    said = place.keys / f"said-{time.monotonic_ns()}.txt"
    program = [str(PACED)] if paced else ["-m", "penstock.cli.main"]
    with said.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *program, *arguments],
            cwd=place.root,
            env={**os.environ, **place.environment(), **CLOCK, "PYTHONUNBUFFERED": "1"},
            stdout=output,
            stderr=output,
        )
    try:
        yield Background(process, said)
    finally:
        process.kill()
        process.wait()


def paced(place: Place, *arguments: str) -> Said:
    """Run a command to its end under the clock that `background(…, paced=True)` goes by."""
    with background(place, *arguments, paced=True) as command:
        return Said(code=0, out=command.ends(0), err="")
