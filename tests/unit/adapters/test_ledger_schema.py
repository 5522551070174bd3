"""The ledger's schema: an older file becomes a present one, whole or not at all; what is asked often has an index."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import apsw
import pytest

from penstock.adapters.ledger.schema import SCHEMA_VERSION, connect, schema_text
from penstock.adapters.ledger.sqlite import SqliteLedger
from penstock.adapters.ledger.statements import SQLITE, columns_of, select
from penstock.ledger.facts import (
    AttemptAudited,
    AttemptPublished,
    AttemptStarted,
    LeaseTaken,
    Promoted,
    RunFinished,
    RunStarted,
)
from penstock.ledger.journal import GENESIS, Entry, LedgerDamagedError, chain_hash, link
from penstock.ledger.state import TABLES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from penstock.ledger.facts import Fact
    from penstock.ledger.journal import Value

AT = "2011-01-04T06:30:00+00:00"


def _history(runs: int) -> Iterator[Fact]:
    yield LeaseTaken(name="executor", holder="one", token=1)
    for number in range(runs):
        run, publish_id = f"r{number}", f"r{number}/v/shop.orders"
        yield RunStarted(run=run, purpose="test", plan="p", tasks=1)
        yield AttemptStarted(publish_id=publish_id, attempt=1, run=run, dataset="d", version="v", interval="")
        yield AttemptAudited(publish_id=publish_id, attempt=1, rows=3, checks=1, failed_checks={"größe": 1})
        yield AttemptPublished(
            publish_id=publish_id, attempt=1, dataset="d", version="v", start=str(number), end=str(number + 1), rows=3
        )
        yield RunFinished(run=run, state="published")
    for version in ("1", "2"):
        yield Promoted(promotion=f"p{version}", environment="prod", mapping={"d": version}, reason="test")


def _version_1(path: Path, runs: int = 40) -> list[Entry]:
    """A file as the first Penstock wrote it; what its state tables hold does not matter, because they are made anew.

    A wire form of today may have fields that it did not: they are taken out where they hold nothing.
    """
    entries: list[Entry] = []
    for fact in _history(runs):
        entry = link(len(entries) + 1, AT, fact, entries[-1].hash if entries else GENESIS)
        entries.append(entry)
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(schema_text("migrations/0001.sql"))
    connection.execute(f"PRAGMA user_version = 1; PRAGMA application_id = {0x50454E53}")
    connection.execute("BEGIN")
    connection.executemany(
        "INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?)",
        [(each.seq, each.at, each.kind, each.body, each.previous, each.hash) for each in entries],
    )
    connection.execute("INSERT INTO runs VALUES ('left over', 'x', 'x', 1, 'running', '', 'x', 'x'); COMMIT")
    connection.close()
    return entries


def _schema(path: Path) -> list[tuple[str, ...]]:
    connection = apsw.Connection(str(path))
    rows = connection.execute("SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_schema ORDER BY 1, 2")
    return [(kind, name, table, re.sub(r"\s+", " ", sql)) for kind, name, table, sql in rows]


def test_a_migrated_file_has_the_schema_of_a_fresh_one(tmp_path: Path) -> None:
    _version_1(tmp_path / "old.db")
    for name in ("old.db", "fresh.db"):
        connect(tmp_path / name).close()
    assert _schema(tmp_path / "old.db") == _schema(tmp_path / "fresh.db")
    for name in ("old.db", "fresh.db"):
        connection = apsw.Connection(str(tmp_path / name))
        pragmas = [connection.execute(f"PRAGMA {each}").fetchone() for each in ("user_version", "application_id")]
        assert pragmas == [(SCHEMA_VERSION,), (0x50454E53,)]


def test_a_migrated_file_keeps_its_entries_and_its_state_is_their_fold(tmp_path: Path) -> None:
    entries = _version_1(tmp_path / "ledger.db")
    ledger = SqliteLedger(tmp_path / "ledger.db", lambda: AT)
    assert list(ledger.entries()) == entries
    assert ledger.check() == ()
    assert len(ledger.rows("attempts", state="published")) == 40
    assert ledger.rows("runs", run="left over") == ()
    ledger.append(RunStarted(run="more", purpose="", plan="", tasks=1), token=1)
    assert ledger.check() == ()
    ledger.close()


def test_a_file_with_facts_of_the_first_penstock_is_read(tmp_path: Path) -> None:
    """As it wrote them, without the fields that came later."""
    body = '{"attempt":1,"dataset":"d","end":"","inputs":"","publish_id":"p","rows":3,"start":"","version":"v"}'
    path = tmp_path / "ledger.db"
    entries = _version_1(path, runs=0)
    connection = apsw.Connection(str(path))
    digest = chain_hash(4, AT, "AttemptPublished", body, head := entries[-1].hash)
    values = (4, AT, "AttemptPublished", body, head, digest)
    connection.execute("INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?)", values)
    connection.close()
    ledger = SqliteLedger(path, lambda: AT)
    assert ledger.check() == ()
    assert ledger.rows("coverage")[0]["rows"] == 3
    ledger.close()


def test_a_damaged_old_file_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    _version_1(path)
    connection = apsw.Connection(str(path))
    connection.execute("DROP TRIGGER journal_keeps_its_facts; UPDATE journal SET body = 'x' WHERE seq = 30")
    connection.close()
    before = _schema(path)
    with pytest.raises(LedgerDamagedError):
        SqliteLedger(path, lambda: AT)
    assert _schema(path) == before


@pytest.mark.fault
def test_killed_while_migrating_the_file_is_old_or_new(tmp_path: Path) -> None:
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "import apsw\n"
        "from penstock.adapters.ledger.schema import connect\n"
        "seen = 0\n"
        "def step():\n"
        "    global seen\n"
        "    seen += 1\n"
        "    if seen == int(sys.argv[2]):\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return False\n"
        "apsw.connection_hooks.append(lambda connection: connection.set_progress_handler(step, 50))\n"
        "connect(Path(sys.argv[1]))\n"
        "print(seen)\n"
    )

    def migrate(path: Path, kill_at: int) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", program, str(path), str(kill_at)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    _version_1(tmp_path / "whole.db")
    steps = int(migrate(tmp_path / "whole.db", -1).stdout)
    moments = [1 + (steps - 1) * number // 9 for number in range(10)]
    fired, old = 0, 0
    for moment in moments:
        path = tmp_path / f"{moment}.db"
        entries = _version_1(path)
        fired += migrate(path, moment).returncode == -9
        row = apsw.Connection(str(path)).execute("PRAGMA user_version").fetchone()
        assert row in {(1,), (SCHEMA_VERSION,)}
        old += row == (1,)
        ledger = SqliteLedger(path, lambda: AT)
        assert (ledger.check(), list(ledger.entries())) == ((), entries)
        ledger.close()
    print(f"kills: asked {len(moments)}, fired {fired}, found old {old}")  # noqa: T201 - rule one
    assert fired == len(moments)
    assert old >= len(moments) - 1


def test_every_state_table_has_the_columns_that_the_fold_sets(tmp_path: Path) -> None:
    connection = connect(tmp_path / "ledger.db")
    for table, (keys, _) in TABLES.items():
        rows = connection.execute(f'PRAGMA table_info("{table}")').fetchall()
        assert [name for _, name, *_ in rows] == list(columns_of(table)), table
        assert tuple(name for _, name, *_, key in rows if key) == keys, table


def _plan(path: Path, table: str, equal: dict[str, Value], order: str | None = None, limit: int | None = None) -> str:
    sql, values = select(SQLITE, table, order, limit, equal)
    rows = connect(path).execute(f"EXPLAIN QUERY PLAN {sql}", values)
    return "; ".join(str(row[3]) for row in rows)


def test_the_head_of_the_queue_is_found_without_sorting_it(tmp_path: Path) -> None:
    plan = _plan(tmp_path / "ledger.db", "runs", {"state": "queued"}, "queue", 10)
    assert plan == "SEARCH runs USING INDEX runs_in_the_queue (state=?)"


@pytest.mark.parametrize(
    ("table", "equal"),
    [
        ("runs", {"run": "r"}),
        ("runs", {"state": "running"}),
        ("attempts", {"run": "r"}),
        ("attempts", {"run": "r", "state": "published"}),
        ("attempts", {"state": "running"}),
        ("attempts", {"dataset": "d"}),
        ("attempts", {"dataset": "d", "version": "v"}),
        ("attempts", {"publish_id": "p"}),
        ("coverage", {"dataset": "d"}),
        ("coverage", {"dataset": "d", "version": "v"}),
        ("stale", {"dataset": "d"}),
        ("environments", {"environment": "prod"}),
        ("triggers", {"pipeline": "p"}),
    ],
)
def test_what_is_asked_often_is_searched_and_not_scanned(tmp_path: Path, table: str, equal: dict[str, Value]) -> None:
    plan = _plan(tmp_path / "ledger.db", table, equal)
    assert f"SEARCH {table}" in plan
    assert "SCAN" not in plan
