"""One shop into which change after change is delivered, two under way at once, some killed and some tampered with.

After each step production must show what some promotion made: its views are looked at whenever a command has ended, by
itself or by a kill. What was approved is compared with what was reviewed, and every chain of evidence is verified.
"""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import duckdb
from drill import STEPS
from picture import complaints
from small_shop import APPROVER, AUTHOR, git, make_shop

from penstock.app.wiring import workplace

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from drill import Driver, Ending
    from small_shop import Shop

UNTIL = ("--until", "2010-12-07")
BEFORE = ("deliver RETAIL-1", "approve RETAIL-1", "resume RETAIL-1")
LENGTHS = {"deliver": 150, "approve": 8, "resume": 60}
"""Durable steps of each command, about: a kill is asked for at one of so many."""
BUSY = "another penstock command is working"
MOST_TRIES, PAUSE = 600, 0.2
_STORY = """\
---
id: {id}
title: Lines by country, number {number}
kind: change
pipeline: sales
author: {{kind: files, directory: {id}}}
impact: {{sales.tally_{number}: new}}
observe_intervals: 0
---

# Lines by country, number {number}

We want to know how many lines each country has, above {number}.
"""
_QUERY = """\
/* penstock
description: Lines by country, number {number}.
materialize: table
*/
SELECT
  country,
  count(*) AS lines
FROM sales.stg_invoices
WHERE quantity <> {number}
GROUP BY country
"""
_CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: sales.tally_{number}
name: sales.tally_{number}
version: 1.0.0
status: active
description: {{purpose: Lines by country.}}
team: {{name: sales-analytics}}
schema:
  - name: tally_{number}
    physicalName: sales.tally_{number}
    logicalType: object
    properties:
      - {{name: country, description: The country., logicalType: string, physicalType: VARCHAR, required: true}}
      - {{name: lines, description: How many lines., logicalType: integer, physicalType: BIGINT, required: true}}
slaProperties:
  - {{property: timeOfAvailability, value: "06:30"}}
  - {{property: retention, value: 7, unit: years}}
"""


@dataclass(slots=True)
class Figures:
    """What was asked for, what happened, and what was wrong."""

    asked: int = 0
    fired: list[str] = field(default_factory=list)
    deliveries: int = 0
    tampered: int = 0
    refused: int = 0
    busy: int = 0
    moved: int = 0
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """The figures that rule one asks for."""
        return (
            f"kills asked {self.asked}, fired {len(self.fired)}; tampered {self.tampered}, refused {self.refused}; "
            f"met another at work {self.busy}, a base that moved {self.moved}; "
            f"deliveries {self.deliveries}, wrong {len(self.wrong)}"
        )


def shop_with_retail_1(folder: Path, runner: Driver) -> Shop:
    """A new shop, with RETAIL-1 in production."""
    shop = make_shop(folder)
    for step in STEPS:
        if step.name in BEFORE:
            ending = runner.run(shop, step.arguments)
            assert ending.exit == step.exit, ending.output
    return shop


class Yard:
    """A shop with RETAIL-1 in production, and two processes that run commands in it."""

    def __init__(self, shop: Shop, drivers: tuple[Driver, Driver], seed: int) -> None:
        self.drivers, self.figures, self._chance = drivers, Figures(), random.Random(seed)
        self.shop = shop

    def deliver_all(self, count: int) -> Figures:
        """Deliver so many changes, two at a time; every second one is killed, every fifth tampered with."""
        for first in range(0, count, 2):
            numbers = range(first, min(first + 2, count))
            for number in numbers:
                hand_in(self.shop, number)
            with ThreadPoolExecutor(2) as pool:
                list(pool.map(self._open, numbers, self.drivers))
            for number in numbers:
                self._finish(number)
                self.figures.deliveries += 1
        self.figures.wrong += complaints(self.shop) + misused(self.shop)
        return self.figures

    def _open(self, number: int, runner: Driver) -> None:
        at = self._at("deliver", number, "deliver")
        ending = self._through(_deliver(number), [_resume(number), _deliver(number)], runner, at)
        self._expect(ending, 4, f"deliver {number}")

    def _finish(self, number: int) -> None:
        runner, before = self.drivers[number % 2], shown(self.shop)
        self._approve(number, runner)
        if number % 5 == 1:
            self._tamper(number, runner, before)
            self._approve(number, runner)
        seen: list[frozenset[str]] = []
        at = self._at("resume", number, "resume")
        ending = self._through(_resume(number), [_resume(number)], runner, at, seen)
        if ending.exit == 1 and "gate.moved_base" in ending.output:
            self.figures.moved += 1
            if shown(self.shop) != before:
                self.figures.wrong.append(f"change {number} was refused, and production is not as before")
            self._anew(number, runner)
            self._approve(number, runner)
            ending = self._through(_resume(number), [_resume(number)], runner, 0, seen)
        self._expect(ending, 0, f"resume {number}")
        after = shown(self.shop)
        if after == before:
            self.figures.wrong.append(f"change {number} was delivered, and production is as before")
        self.figures.wrong += [
            f"{number}: production was never promoted so" for each in seen if each not in {before, after}
        ]

    def _approve(self, number: int, runner: Driver) -> None:
        words = ("change", "approve", f"TALLY-{number}", "--as", APPROVER)
        self._expect(
            self._through(words, [words], runner, self._at("approve", number, "approve")), 0, f"approve {number}"
        )

    def _tamper(self, number: int, runner: Driver, before: frozenset[str]) -> None:
        """Put one more commit on what was approved: it has to be refused; then the change is delivered anew."""
        worktree = self.shop.worktree(f"TALLY-{number}")
        path = worktree / "pipelines" / "sales" / f"tally_{number}.sql"
        path.write_text(path.read_text().replace("<>", ">"))
        git(worktree, "commit", "--quiet", "--all", "--message", "A detail")
        self.figures.tampered += 1
        ending = runner.run(self.shop, _resume(number))
        self.figures.refused += ending.exit == 1 and "stale_approval" in ending.output and shown(self.shop) == before
        self._anew(number, runner)

    def _anew(self, number: int, runner: Driver) -> None:
        again = self._through(_deliver(number), [_resume(number), _deliver(number)], runner, 0)
        self._expect(again, 4, f"deliver {number} anew")

    def _at(self, verb: str, number: int, chosen: str) -> int:
        """At which step to die: every second delivery does, in one of its commands, sometimes in all."""
        if number % 2 or (self._chance.random() < 0.5 and chosen != "resume"):
            return 0
        self.figures.asked += 1
        return self._chance.randint(1, LENGTHS[verb])

    def _through(
        self,
        words: Sequence[str],
        carry_on: Sequence[Sequence[str]],
        runner: Driver,
        at: int,
        seen: list[frozenset[str]] | None = None,
    ) -> Ending:
        """A command, killed once if asked for, and carried on until it ends by itself."""
        ending = runner.run(self.shop, words, at=at)
        for _ in range(MOST_TRIES):
            if ending.fired is not None:
                self.figures.fired.append(ending.fired)
                if seen is not None:
                    seen.append(shown(self.shop))
            elif BUSY in ending.output:
                self.figures.busy += 1
                time.sleep(PAUSE)
            else:
                return ending
            for option in carry_on:
                ending = runner.run(self.shop, option)
                if ending.exit != 2:
                    break
        return ending

    def _expect(self, ending: Ending, code: int, what: str) -> None:
        if ending.exit != code:
            self.figures.wrong.append(f"{what} ended with {ending.exit}: {ending.output[-500:]}")


def hand_in(shop: Shop, number: int) -> None:
    """A story and its two files, beside each other."""
    name = f"TALLY-{number}"
    files = {
        f"stories/{name}.md": _STORY.format(id=name, number=number),
        f"stories/{name}/pipelines/sales/tally_{number}.sql": _QUERY.format(number=number),
        f"stories/{name}/contracts/sales.tally_{number}.odcs.yaml": _CONTRACT.format(number=number),
    }
    for path, text in files.items():
        (shop.root / path).parent.mkdir(parents=True, exist_ok=True)
        (shop.root / path).write_text(text)


def shown(shop: Shop) -> frozenset[str]:
    """What production shows: its views, with the versions behind them."""
    with duckdb.connect(str(shop.root / ".penstock" / "warehouse.duckdb"), read_only=True) as warehouse:
        views = "SELECT sql FROM duckdb_views() WHERE schema_name = 'sales'"
        return frozenset(str(row[0]) for row in warehouse.execute(views).fetchall())


def misused(shop: Shop) -> list[str]:
    """Approvals of anything but the newest review of a change, and production that the ledger knows otherwise."""
    with workplace(shop.root) as place:
        reviews = {str(row["change"]): row["envelope_sha256"] for row in place.ledger.rows("stages", stage="review")}
        approved = {
            str(row["change"])
            for row in place.ledger.rows("approvals")
            if row["envelope_sha256"] == reviews.get(str(row["change"]))
        }
        done = [str(row["change"]) for row in place.ledger.rows("changes", state="done")]
        versions = [str(row["version"]) for row in place.ledger.rows("environments", environment="prod")]
    views = shown(shop)
    said = [
        f"{change} went into production without an approval of its review" for change in done if change not in approved
    ]
    unseen = [version for version in versions if not any(version in view for view in views)]
    return said + [f"production does not show version {version}" for version in unseen]


def _deliver(number: int) -> tuple[str, ...]:
    return ("deliver", f"stories/TALLY-{number}.md", "--as", AUTHOR, *UNTIL)


def _resume(number: int) -> tuple[str, ...]:
    return ("change", "resume", f"TALLY-{number}", *UNTIL)
