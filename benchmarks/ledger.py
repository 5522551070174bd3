"""What recording costs: the ledger's CPU for one fact of an attempt, alone and in groups, beside bare apsw.

The peer inserts the same journal rows and carries out the same upserts, made beforehand, in the same file with the same
schema and the same groups: what it needs is SQLite's and the disk's; what lies above is ours (canonical JSON, the hash
chain, the fold, the grouping). Prints medians of one run; the disk's share of the wall time depends on the machine.
"""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.adapters.ledger.database import carry_out
from penstock.adapters.ledger.schema import SqliteDatabase, connect
from penstock.adapters.ledger.sqlite import SqliteLedger
from penstock.adapters.ledger.statements import SQLITE, insert_entry
from penstock.ledger.changes import Changes
from penstock.ledger.facts import AttemptAudited, AttemptPublished, AttemptStarted, RunQueued
from penstock.ledger.journal import GENESIS, link
from penstock.ledger.state import fold

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from penstock.ledger.facts import Fact

ATTEMPTS = 1_000
ROUNDS = 3
QUEUED = 100_000
GOAL = 60
Cost = tuple[float, float]


def attempts() -> list[Fact]:
    """Three facts for each attempt, as a run writes them."""
    facts: list[Fact] = []
    for number in range(ATTEMPTS):
        publish_id = f"r0123456789abcde/0123456789abcdef/shop.orders[2024-01-01T00:00:00Z/{number:06}]"
        start, end = f"2024-01-01T{number:06}", f"2024-01-01T{number + 1:06}"
        facts += [
            AttemptStarted(
                publish_id=publish_id, attempt=1, run="r0123456789abcde", dataset="shop.orders",
                version="0123456789abcdef", interval=f"{start}/{end}", inputs='{"shop.raw":17}',
            ),
            AttemptAudited(publish_id=publish_id, attempt=1, rows=100, checks=3, failed_checks={}),
            AttemptPublished(
                publish_id=publish_id, attempt=1, dataset="shop.orders", version="0123456789abcdef", start=start,
                end=end, rows=100, inputs='{"shop.raw":17}', measured={"queued": 1000, "ran": 2000, "cpu": 900},
            ),
        ]  # fmt: skip
    return facts


def _groups(facts: Sequence[Fact], size: int) -> list[Sequence[Fact]]:
    return [facts[start : start + size] for start in range(0, len(facts), size)]


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _costs(work: Callable[[], object], count: int) -> Cost:
    """Microseconds of CPU and of wall time for each fact."""
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return (time.process_time() - cpu) / count * 1e6, (time.perf_counter() - wall) / count * 1e6


def through_ledger(facts: Sequence[Fact], size: int) -> Cost:
    """Facts handed in one by one; whoever hands in a group's last one waits for it."""
    with tempfile.TemporaryDirectory() as folder:
        ledger = SqliteLedger(Path(folder) / "ledger.db", _now)
        ledger.append()

        def work() -> None:
            for group in _groups(facts, size):
                for fact in group[:-1]:
                    ledger.submit(fact)
                ledger.append(group[-1])

        cost = _costs(work, len(facts))
        ledger.close()
    return cost


def bare_apsw(facts: Sequence[Fact], size: int) -> Cost:
    """The same rows and upserts, without making them."""
    made, seq, previous = [], 0, GENESIS
    for group in _groups(facts, size):
        changes, entries = Changes(), []
        for fact in group:
            entry = link(seq + 1, _now(), fact, previous)
            entries.append((entry.seq, entry.at, entry.kind, entry.body, entry.previous, entry.hash))
            changes.add(fold(entry))
            seq, previous = entry.seq, entry.hash
        made.append((entries, changes))
    with tempfile.TemporaryDirectory() as folder:
        connection = connect(Path(folder) / "ledger.db")
        database = SqliteDatabase(connection)

        def work() -> None:
            for entries, changes in made:
                connection.execute("BEGIN IMMEDIATE")
                connection.executemany(insert_entry(SQLITE), entries)
                carry_out(database, changes)
                connection.execute("COMMIT")

        cost = _costs(work, len(facts))
        connection.close()
    return cost


def from_threads(facts: Sequence[Fact], threads: int) -> Cost:
    """Each thread appends its share and waits for every fact, as workers of a run would."""
    with tempfile.TemporaryDirectory() as folder:
        ledger = SqliteLedger(Path(folder) / "ledger.db", _now)

        def share(number: int) -> None:
            for fact in facts[number::threads]:
                ledger.append(fact)

        def work() -> None:
            workers = [threading.Thread(target=share, args=(number,)) for number in range(threads)]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()

        cost = _costs(work, len(facts))
        ledger.close()
    return cost


def the_queue() -> tuple[float, float]:
    """Milliseconds to read ten runs off the head of a long queue: median and worst of a thousand."""
    queued = [
        RunQueued(
            run=f"r{number:x}", trigger="backfill", key=str(number), pipeline="shop", datasets="", environment="prod",
            until="2024-01-01", priority=number % 5, by="bench",
        )
        for number in range(QUEUED)
    ]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        ledger = SqliteLedger(Path(folder) / "ledger.db", _now)
        for group in _groups(queued, 5_000):
            ledger.append(*group)
        times = []
        for _ in range(1_000):
            began = time.perf_counter()
            ledger.rows("runs", state="queued", order="queue", limit=10)
            times.append((time.perf_counter() - began) * 1e3)
        ledger.close()
    return statistics.median(times), max(times)


def _median(costs: list[Cost]) -> Cost:
    return statistics.median(cpu for cpu, _ in costs), statistics.median(wall for _, wall in costs)


def main() -> None:
    """Print the table."""
    facts = attempts()
    print(f"microseconds a fact, median of {ROUNDS}; goal: at most {GOAL} of CPU in a group")
    print("                        penstock           bare apsw          CPU of ours")
    for size in (1, 8, 64):
        ours, bare = [], []
        for _ in range(ROUNDS):
            bare.append(bare_apsw(facts, size))
            ours.append(through_ledger(facts, size))
        a, b = _median(ours), _median(bare)
        print(
            f"  groups of {size:<4}     cpu {a[0]:6.1f} wall {a[1]:7.1f}   cpu {b[0]:6.1f} wall {b[1]:7.1f}   "
            f"{a[0] / b[0]:5.2f}x"
        )
    for count in (1, 8):
        cpu, wall = _median([from_threads(facts, count) for _ in range(ROUNDS)])
        print(f"  {count} thread(s) append   cpu {cpu:6.1f} wall {wall:7.1f}")
    middle, worst = the_queue()
    print(f"  ten runs off the head of {QUEUED:,} queued: {middle:.2f} ms, at worst {worst:.2f} ms")


if __name__ == "__main__":
    main()
