"""A small real project in a real repository, and a story's first three stages in this process.

What runs pipelines stands still: commands say that all is well, for other gates look at what they say.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from penstock.adapters.author_desk import AuthorDesk
from penstock.adapters.folder import ProjectFolder
from penstock.adapters.git import GitRepository
from penstock.delivery.changes import find_change
from penstock.delivery.design import design
from penstock.delivery.discovery import discover
from penstock.delivery.implementation import implement
from penstock.delivery.opening import Opening, open_change
from penstock.delivery.ports import CommandRun
from penstock.delivery.stages import Stage
from penstock.delivery.tools import Tools
from penstock.evidence.keys import PublicKey, Role
from penstock.model.findings import Outcome
from penstock.sim.journal import MemoryJournal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from penstock.delivery.ports import Runtime
    from penstock.delivery.sealing import StageReport
    from penstock.model.findings import Verdict

STAGES = {Stage.DISCOVERY: discover, Stage.DESIGN: design, Stage.IMPLEMENTATION: implement}
NOW = datetime(2024, 6, 1, tzinfo=UTC)
STORY = """\
---
id: {id}
title: The work of {id}
kind: change
pipeline: shop
author: {{kind: files, directory: {id}}}
{front}---

Written by hand.
"""
SETTINGS = "name: shop\n"
PIPELINE = """\
owner: shop-team
schedule: "0 6 * * *"
start: 2024-03-04
sla: {ready_by: "07:00"}
"""
ORDERS = (
    "description: Orders as they come.\nformat: csv\npath: data/orders.csv\ncolumns: [order_id, email, amount, day]\n"
)
DAILY = """\
/* penstock
description: Orders, cleaned.
materialize: table
*/
SELECT CAST(order_id AS BIGINT) AS order_id, email, CAST(amount AS DECIMAL(9,2)) AS amount,
  CAST(day AS DATE) AS day FROM shop.orders
"""
CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: {name}
name: {name}
version: 1.0.0
status: active
description: {{purpose: "What {name} holds."}}
team: {{name: shop-team}}
schema:
  - name: {short}
    physicalName: {name}
    logicalType: object
    properties:
{columns}{more}"""
COLUMN = "      - {{name: {name}, description: The {name}., physicalType: {type}{more}}}\n"


def contract(name: str, columns: Mapping[str, str], more: str = "") -> str:
    """A contract with these columns: a type, and after it what else is said of the column."""
    lines = []
    for column, said in columns.items():
        kind, _, rest = said.partition(" ")
        lines.append(COLUMN.format(name=column, type=kind, more=f", {rest}" if rest else ""))
    return CONTRACT.format(name=name, short=name.partition(".")[2], columns="".join(lines), more=more)


CLEAN = "contracts/shop.clean.odcs.yaml"
COLUMNS = {"order_id": "BIGINT", "email": "VARCHAR", "amount": '"DECIMAL(9,2)"', "day": "DATE"}
BASE = {
    "penstock.yaml": SETTINGS,
    "pipelines/shop/pipeline.yaml": PIPELINE,
    "pipelines/shop/orders.source.yaml": ORDERS,
    "pipelines/shop/clean.sql": DAILY,
    CLEAN: contract("shop.clean", COLUMNS),
}


class Standing:
    """A `Runtime` of which nothing is asked but what a story without sources asks."""

    def source_facts(self, story: object) -> tuple[dict[str, Any], tuple[()], dict[str, object]]:
        return {}, (), {}

    def covered_until(self, project: object, pipeline: str) -> None:
        return None


class SayingWell:
    """A `Commands` whose commands end well, and print what a test gives it."""

    def __init__(self) -> None:
        self.output = "all is well\n"

    def environment(self) -> str:
        return "the tests' own"

    def penstock(self, arguments: Sequence[str], root: Path) -> CommandRun:
        return CommandRun(argv=("penstock", *arguments), exit_code=0, output=self.output, duration_ms=1)


class OneSigner:
    """A `Signer` and the `Keys` that hold it alone."""

    def __init__(self) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(bytes(32))
        raw = self._private.public_key().public_bytes_raw()
        self.key = PublicKey(name="ana", role=Role.AUTHOR, public=raw)
        self.name, self.key_id = "ana", self.key.key_id

    def sign(self, data: bytes) -> bytes:
        return self._private.sign(data)

    def signer(self, name: str) -> OneSigner:
        return self

    def public(self, name: str) -> PublicKey:
        return self.key


class StoppedClock:
    def now(self) -> datetime:
        return NOW


@dataclass(frozen=True, slots=True)
class Shop:
    """The project and what delivers in it."""

    root: Path
    tools: Tools
    commands: SayingWell

    def write(self, files: Mapping[str, str]) -> None:
        for path, text in files.items():
            target = self.root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)

    def git(self, *arguments: str, cwd: Path | None = None) -> str:
        names = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.com"]
        nobody = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
        command = ["git", *names, *arguments]
        folder, environment = cwd or self.root, {**os.environ, **nobody}
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True).stdout

    def commit(self, files: Mapping[str, str]) -> None:
        """Files as they are on the base branch."""
        self.write(files)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "As it is")

    def deliver(
        self, files: Mapping[str, str], front: str = "", *, change: str = "SHOP-1", until: Stage = Stage.IMPLEMENTATION
    ) -> StageReport:
        """A story that brings these files, through its stages as far as it goes."""
        text = STORY.format(id=change, front=front)
        self.write({f"stories/{change}.md": text})
        self.write({f"stories/{change}/{path}": content for path, content in files.items()})
        open_change(Opening(path=f"stories/{change}.md", text=text, until=NOW), self.tools)
        for stage in STAGES:
            report = self.go_on(stage, change)
            if report.outcome is not Outcome.PASS or stage is until:
                break
        return report

    def go_on(self, stage: Stage, change: str = "SHOP-1") -> StageReport:
        """One stage of a change."""
        return STAGES[stage](find_change(self.tools.journal, change), self.tools)

    def verdict(self, report: StageReport, gate: str) -> Verdict:
        return next(verdict for verdict in report.verdicts if verdict.gate == gate)


def shop(root: Path, top: Path | None = None) -> Shop:
    """The small project in a fresh repository, or in a folder of one."""
    commands = SayingWell()
    root.mkdir(parents=True)
    place = Shop(root, cast("Tools", None), commands)
    place.write({**BASE, ".gitignore": ".penstock/\ndata/\n"})
    place.git("init", "--quiet", "--initial-branch", "main", cwd=top)
    place.git("add", "--all")
    place.git("commit", "--quiet", "--message", "Start")
    keys = OneSigner()
    tools = Tools(
        journal=MemoryJournal(lambda: "2024-06-01T00:00:00+00:00"),
        repository=GitRepository(root),
        folder=ProjectFolder(),
        commands=commands,
        desk=AuthorDesk(root / ".penstock"),
        keys=keys,
        runtime=cast("Runtime", Standing()),
        clock=StoppedClock(),
        root=root,
        author="ana",
    )
    return Shop(root, tools, commands)
