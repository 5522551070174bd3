"""One simulated life of a project: built, killed, taken over, built on, until everything is there; then judged.

Everything follows from the seed: the project, its rounds of new days, and the faults. What is judged: every slice is
applied exactly once at the target, coverage is complete and without overlap, the rows and what production shows equal
those of a life without faults, the ledger and the target agree, and the journal folds to its tables.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from penstock.engine.attempt import Tools
from penstock.engine.executor import Request, execute
from penstock.engine.lease import take_lease
from penstock.engine.promotion import mapping_of, promote
from penstock.engine.recovery import OPEN_STATES
from penstock.ledger.facts import LeaseTaken
from penstock.ledger.journal import LeaseLostError, verify
from penstock.ledger.state import refold
from penstock.model.errors import TaskError
from penstock.plan.build import coverage_of, plan_build
from penstock.plan.versions import versions_of
from penstock.sim.clock import EPOCH, VirtualClock
from penstock.sim.faults import Crash, Fault, Faults, draw_faults
from penstock.sim.files import MemoryFiles
from penstock.sim.journal import MemoryJournal
from penstock.sim.projects import coded, landed, project_of, sliced, view, whole
from penstock.sim.python import MemoryPython
from penstock.sim.warehouse import MemoryWarehouse

if TYPE_CHECKING:
    from datetime import datetime

    from penstock.model.pipelines import Dataset, Project
    from penstock.sim.rows import Drive, Row

ENVIRONMENT = "prod"
MOST_LIVES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A project, the moments up to which it is built one after the other, and the seed of its clock."""

    seed: int
    project: Project
    rounds: tuple[datetime, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a simulated life came to. `lives` counts the executors; `violations` is empty if every promise was kept."""

    seed: int
    lives: int
    asked: Counter[Fault]
    fired: Counter[Fault]
    trace: tuple[str, ...]
    violations: tuple[str, ...]


def simulate(seed: int) -> Outcome:
    """Live a seed's scenario without faults and with them, and judge the second life by the first."""
    chance = random.Random(seed)  # noqa: S311 - repeatable chance, not secrecy
    scenario = draw_scenario(seed, chance)
    calm = World(scenario, Faults())
    calm.live()
    faults = draw_faults(chance, calm.faults.seen["steps"], calm.faults.seen["commits"])
    world = World(scenario, faults)
    lives = world.live()
    entries = [f"{entry.kind} {entry.hash}" for entry in world.journal.entries()]
    return Outcome(
        seed=seed,
        lives=lives,
        asked=faults.asked,
        fired=faults.fired,
        trace=(*faults.trace, *entries),
        violations=(*calm.violations(), *world.violations(), *world.differences(calm)),
    )


def draw_scenario(seed: int, chance: random.Random) -> Scenario:
    """A small project: a source, two to five datasets that read what comes before them, two rounds of days."""
    datasets = [landed("sim.raw", batch=chance.randint(1, 4))]
    for number in range(chance.randint(2, 5)):
        datasets.append(_draw_dataset(number, datasets, chance))
    first = chance.randint(1, 8)
    days = (first, first + chance.randint(1, 6))
    rounds = tuple(EPOCH + timedelta(days=count) for count in days)
    return Scenario(seed=seed, project=project_of(datasets), rounds=rounds)


class World:
    """The stores of one life, which outlive its executors."""

    def __init__(self, scenario: Scenario, faults: Faults) -> None:
        self.scenario, self.faults = scenario, faults
        self.clock = VirtualClock(scenario.seed)
        self.chance = random.Random(scenario.seed)  # noqa: S311 - repeatable chance, not secrecy
        drive: Drive = {}
        self.journal = MemoryJournal(self.clock.stamp, faults)
        self.warehouse = MemoryWarehouse(drive, faults)
        self.tools = Tools(
            journal=self.journal, warehouse=self.warehouse, files=MemoryFiles(drive), python=MemoryPython(drive)
        )
        faults.on_takeover, faults.on_jump = self._take_over, self._jump

    def live(self) -> int:
        """Executors, one after the other, until one of them finds nothing left to do; how many it took.

        Raises:
            RuntimeError: they never come to an end.
        """
        for lives in range(1, MOST_LIVES):
            try:
                token = take_lease(self.journal, self.warehouse, f"executor {lives}")
                for until in self.scenario.rounds:
                    self._round(until, token)
            except (Crash, LeaseLostError):
                continue
            except TaskError as error:
                if error.findings[0].code != "engine.fenced":
                    raise
                continue
            return lives
        raise RuntimeError(f"seed {self.scenario.seed}: {MOST_LIVES} executors were not enough")

    def _round(self, until: datetime, token: int) -> None:
        """Build up to a moment, again if retries ran out, and show it."""
        project = self.scenario.project
        for _ in range(MOST_LIVES):
            plan = plan_build(project, coverage_of(self.journal.rows("coverage")), until)
            request = Request(purpose="simulated", project=project, plan=plan)
            if execute(request, self.tools, self.clock, token).ok:
                break
        versions = {name: version.fingerprint for name, version in versions_of(project).items()}
        promote(
            self.journal, self.warehouse, environment=ENVIRONMENT, mapping=versions, reason="simulated", token=token
        )

    def _take_over(self) -> None:
        """Another executor appears; the one at work does not know yet."""
        token = max((int(row["token"] or 0) for row in self.journal.rows("leases")), default=0) + 1
        self.journal.write(LeaseTaken(name="executor", holder="somebody else", token=token))
        self.warehouse.show_token(token)

    def _jump(self) -> None:
        self.clock.jump(self.chance.choice((-7200, -1, 3600)))

    def violations(self) -> tuple[str, ...]:
        """Promises that this life did not keep."""
        return (*self._repeated(), *self._incomplete(), *self._disagreeing(), *self._left_open(), *self._broken())

    def _repeated(self) -> list[str]:
        """Publish ids applied twice, and slices with intervals applied under two ids."""
        found = [f"{publish_id} applied {n} times" for publish_id, n in self.warehouse.applied.items() if n != 1]
        slices = Counter(publish_id.split("/", 1)[1] for publish_id in self.warehouse.applied if "[" in publish_id)
        return [*found, *(f"{name} applied under {n} publish ids" for name, n in slices.items() if n != 1)]

    def _incomplete(self) -> list[str]:
        """What the last round still lacks, and intervals covered twice."""
        rows = self.journal.rows("coverage")
        coverage = coverage_of(rows)
        plan = plan_build(self.scenario.project, coverage, self.scenario.rounds[-1])
        found = [f"{work.slice} was never built" for work in plan.works]
        for (dataset, _), spans in coverage.intervals.items():
            found += [f"{dataset} covers {a} and {b}" for a, b in pairwise(sorted(spans)) if a.overlaps(b)]
        return found

    def _disagreeing(self) -> list[str]:
        """Slices that the ledger and the target do not both know, or not alike."""
        said = {str(row["publish_id"]): row["rows"] for row in self.journal.rows("attempts", state="published")}
        held = {publish_id: self.warehouse.published(publish_id) for publish_id in self.warehouse.applied}
        return [
            f"{key}: ledger {said.get(key)}, target {held.get(key)}"
            for key in {*said, *held}
            if said.get(key) != held.get(key)
        ]

    def _left_open(self) -> list[str]:
        """Attempts, runs and promotions that nobody settled."""
        attempts = [
            str(row["publish_id"]) for state in OPEN_STATES for row in self.journal.rows("attempts", state=state)
        ]
        runs = [str(row["run"]) for row in self.journal.rows("runs", state="running")]
        shown, said = self.warehouse.environment(ENVIRONMENT), mapping_of(self.journal, ENVIRONMENT)
        differing = [] if shown == said else [f"target shows {json.dumps(shown)}, ledger says {json.dumps(said)}"]
        return [*(f"{name} left open" for name in (*attempts, *runs)), *differing]

    def _broken(self) -> list[str]:
        """Faults of the journal itself."""
        chain = [finding.message for finding in verify(self.journal.entries())]
        folded = [] if refold(self.journal.entries()) == self.journal.tables else ["the journal folds to other tables"]
        return [*chain, *folded]

    def differences(self, calm: World) -> tuple[str, ...]:
        """What this life holds otherwise than one without faults."""
        mine, theirs = self.rows(), calm.rows()
        names = sorted({*mine, *theirs})
        return tuple(
            f"{name} holds other rows than without faults" for name in names if mine.get(name) != theirs.get(name)
        )

    def rows(self) -> dict[str, tuple[Row, ...]]:
        """What production's readers see, dataset by dataset, sorted; what they cannot read is left out."""
        seen = {}
        for name in self.warehouse.environment(ENVIRONMENT):
            with suppress(TaskError):
                seen[name] = tuple(sorted(self.warehouse.shown(ENVIRONMENT, name), key=str))
        return seen


def _draw_dataset(number: int, before: list[Dataset], chance: random.Random) -> Dataset:
    """A dataset of any kind that reads one or two of those before it."""
    name, batch = f"sim.d{number}", chance.randint(1, 4)
    kind = chance.choice(("sliced", "sliced", "coded", "whole", "view"))
    dated = [dataset.name for dataset in before if dataset.interval is not None]
    names = dated if kind in {"sliced", "coded"} else [dataset.name for dataset in before]
    reads = sorted(chance.sample(names, min(len(names), chance.randint(1, 2))))
    match kind:
        case "sliced":
            return sliced(name, *reads, batch=batch)
        case "coded":
            return coded(name, *reads, batch=batch)
        case "whole":
            return whole(name, *reads)
        case _:
            return view(name, reads[0])
