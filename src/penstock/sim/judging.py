"""Lives a seed's scenario with faults, and judges that life by others and by the promises of the engine.

Promised: every publish id is applied once, and every slice as often as without faults; coverage is complete and without
overlap; the rows and what production shows equal those of a life without faults, and of one that began when everything
had been corrected; nothing is visible before its intent and audit are on disk; a run that has ended does nothing; what
is asked twice is done once; the ledger and the target agree, and the journal folds to its tables.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from penstock.engine.promotion import mapping_of
from penstock.engine.recovery import OPEN_STATES
from penstock.engine.states import RunState
from penstock.ledger.facts import (
    AttemptAudited,
    AttemptFailed,
    AttemptPublished,
    AttemptStarted,
    RunCancelRequested,
    RunFinished,
    RunQueued,
    RunStarted,
)
from penstock.ledger.journal import verify
from penstock.ledger.state import refold
from penstock.model.pipelines import Materialization
from penstock.sim.faults import Faults, draw_faults
from penstock.sim.scenario import ENVIRONMENT, Built, draw_scenario
from penstock.sim.world import World

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.ledger.facts import Fact
    from penstock.sim.faults import Fault

OPEN_RUNS = frozenset({"queued", "running", "interrupted"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a simulated life came to. `lives` counts the executors; `violations` is empty if every promise was kept.

    `runs` counts the runs by how they ended, `kinds` the publishes by how their rows are kept.
    """

    seed: int
    lives: int
    asked: Counter[Fault]
    fired: Counter[Fault]
    runs: Counter[str]
    kinds: Counter[str]
    trace: tuple[str, ...]
    violations: tuple[str, ...]


def simulate(seed: int) -> Outcome:
    """Live a seed's scenario without faults and with them, and judge the second life by the first."""
    chance = random.Random(seed)  # noqa: S311 - repeatable chance, not secrecy
    scenario = draw_scenario(seed, chance)
    calm = World(scenario, Faults())
    calm.live()
    faults = draw_faults(chance, calm.faults.seen)
    world = World(scenario, faults)
    lives = world.live()
    entries = [f"{entry.kind} {entry.hash}" for entry in world.journal.entries()]
    return Outcome(
        seed=seed,
        lives=lives,
        asked=faults.asked,
        fired=faults.fired,
        runs=Counter(str(row["state"]) for row in world.journal.rows("runs")),
        kinds=_kinds(world),
        trace=(*faults.trace, *entries),
        violations=(
            *judge(calm),
            *judge(world),
            *(compare(world, calm) if calm.restated.keys() == world.restated.keys() else ()),
            *compare_with_new(world),
        ),
    )


def judge(world: World) -> tuple[str, ...]:
    """Promises that one life did not keep."""
    facts = [entry.fact for entry in world.journal.entries()]
    found = [
        *_repeated(world),
        *world.seen_early,
        *_incomplete(world),
        *_disagreeing(world),
        *_left_open(world),
        *_asked_again(facts),
        *_after_the_end(facts),
        *_taken_up_again(facts),
        *_broken(world),
    ]
    return tuple(found)


def compare(world: World, calm: World) -> tuple[str, ...]:
    """What a life holds and did otherwise than one without faults."""
    mine, theirs = world.rows(), calm.rows()
    rows = [
        f"{name} holds other rows than without faults"
        for name in sorted({*mine, *theirs})
        if mine.get(name) != theirs.get(name)
    ]
    built, wanted = _slices(world), _slices(calm)
    times = [
        f"{name} was applied {built[name]} times, and {wanted[name]} times without faults"
        for name in sorted({*built, *wanted})
        if built[name] != wanted[name]
    ]
    return (*rows, *times)


def compare_with_new(world: World) -> tuple[str, ...]:
    """What a life holds otherwise than one that began when everything was corrected.

    Appended rows are left out, with what reads them: they stay as they were when they were added.
    """
    scenario = world.scenario
    new = World(replace(scenario, acts=(Built(until=scenario.last),)), Faults())
    for act in world.restated.values():
        new.correct(act)
    new.live()
    mine, theirs = world.rows(), new.rows()
    return tuple(
        f"{name} holds other rows than if it were new"
        for name in sorted({*mine, *theirs} - _appended(world))
        if mine.get(name) != theirs.get(name)
    )


def _appended(world: World) -> frozenset[str]:
    """Datasets whose rows are appended, and those that read them."""
    project = world.scenario.project
    kept = [name for name, dataset in project.datasets.items() if dataset.materialization is Materialization.APPEND]
    return frozenset((*kept, *project.downstream(*kept)))


def _kinds(world: World) -> Counter[str]:
    datasets = world.scenario.project.datasets
    names = [publish_id.split("/", 2)[2].partition("[")[0].partition("#")[0] for publish_id in world.warehouse.applied]
    return Counter(str(datasets[name].materialization) for name in names)


def _slices(world: World) -> Counter[str]:
    """How often each slice that has an interval was applied, by whichever run."""
    return Counter(
        publish_id.split("/", 1)[1].partition("#")[0] for publish_id in world.warehouse.applied if "[" in publish_id
    )


def _repeated(world: World) -> list[str]:
    return [f"{publish_id} applied {n} times" for publish_id, n in world.warehouse.applied.items() if n != 1]


def _incomplete(world: World) -> list[str]:
    """What the last act still lacks, and intervals covered twice though nothing had them cut anew.

    A backfill leaves appends as they are, so that afterwards they may have something to look at, and find nothing new.
    """
    left_out = _appended(world) if world.restated else frozenset()
    works = [work for work in world.plan(world.scenario.last).works if work.slice.dataset not in left_out]
    found = [f"{work.slice} was never built" for work in works]
    if world.restated:
        return found
    datasets = world.scenario.project.datasets
    for (dataset, _), spans in world.coverage().intervals.items():
        if datasets[dataset].materialization is Materialization.MERGE:
            continue
        found += [f"{dataset} covers {a} and {b}" for a, b in pairwise(sorted(spans)) if a.overlaps(b)]
    return found


def _disagreeing(world: World) -> list[str]:
    """Slices that the ledger and the target do not both know, or not alike."""
    said = {str(row["publish_id"]): row["rows"] for row in world.journal.rows("attempts", state="published")}
    held = {publish_id: world.warehouse.published(publish_id) for publish_id in world.warehouse.applied}
    return [
        f"{key}: ledger {said.get(key)}, target {held.get(key)}"
        for key in sorted({*said, *held})
        if said.get(key) != held.get(key)
    ]


def _left_open(world: World) -> list[str]:
    """Attempts, runs and promotions that nobody settled."""
    rows = world.journal.rows
    attempts = [str(row["publish_id"]) for state in OPEN_STATES for row in rows("attempts", state=state)]
    runs = [
        str(row["run"])
        for row in rows("runs")
        if row["state"] == str(RunState.RUNNING) or (row["trigger"] is not None and row["state"] in OPEN_RUNS)
    ]
    shown, said = world.warehouse.environment(ENVIRONMENT), mapping_of(world.journal, ENVIRONMENT)
    differing = [] if shown == said else [f"target shows {json.dumps(shown)}, ledger says {json.dumps(said)}"]
    return [*(f"{name} left open" for name in (*attempts, *runs)), *differing]


def _asked_again(facts: Sequence[Fact]) -> list[str]:
    """Runs that were queued twice, or done twice."""
    asked = Counter(fact.run for fact in facts if isinstance(fact, RunQueued))
    ends = [fact for fact in facts if isinstance(fact, RunFinished) and fact.run in asked]
    done = Counter(fact.run for fact in ends if fact.state == str(RunState.PUBLISHED))
    return [
        f"run {run} was queued {asked[run]} times and done {done[run]} times"
        for run in asked
        if max(asked[run], done[run]) > 1
    ]


def _after_the_end(facts: Sequence[Fact]) -> list[str]:
    """What a run did after it was recorded as ended, and before it was taken up again."""
    ended, run_of, found = set[str](), dict[str, str](), list[str]()
    for fact in facts:
        match fact:
            case RunStarted():
                ended.discard(fact.run)
            case RunFinished():
                ended.add(fact.run)
            case AttemptStarted() | AttemptAudited() | AttemptPublished() | AttemptFailed():
                run = run_of.setdefault(fact.publish_id, getattr(fact, "run", ""))
                found += [f"run {run} had ended, and {fact}"] if run in ended else []
            case _:
                pass
    return found


def _taken_up_again(facts: Sequence[Fact]) -> list[str]:
    """Runs that somebody cancelled, that ended, and that began something all the same."""
    unwanted, ended, found = set[str](), set[str](), list[str]()
    for fact in facts:
        match fact:
            case RunCancelRequested():
                unwanted.add(fact.run)
            case RunFinished() if fact.run in unwanted:
                ended.add(fact.run)
            case AttemptStarted() if fact.run in ended:
                found.append(f"run {fact.run} was cancelled, and began {fact.publish_id}")
            case _:
                pass
    return found


def _broken(world: World) -> list[str]:
    """Faults of the journal itself."""
    chain = [finding.message for finding in verify(world.journal.entries())]
    folded = [] if refold(world.journal.entries()) == world.journal.tables else ["the journal folds to other tables"]
    return [*chain, *folded]
