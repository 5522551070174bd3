"""What must hold once every run has ended, whatever happened to the processes: by the ledger and by the target."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter, defaultdict
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import duckdb
from serving_world import APPENDED, CONCURRENCY, DATASETS, HOUR, PARALLEL, POOL, POOLED, World

from penstock.app.wiring import workplace
from penstock.engine.run import ABANDONED
from penstock.ledger.facts import (
    AttemptAudited,
    AttemptFailed,
    AttemptPublished,
    AttemptStarted,
    LeaseTaken,
    RunQueued,
    RunStarted,
)
from penstock.model.intervals import Interval, parse_moment, stamp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.ledger.facts import Fact

ENVIRONMENT = "dev"
JUDGED = {
    kind.__name__
    for kind in (LeaseTaken, RunQueued, RunStarted, AttemptStarted, AttemptAudited, AttemptFailed, AttemptPublished)
}
Key = tuple[str, int]
"""A publish id and the number of an attempt at it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A world's ledger and target, read once nothing runs any more. `facts` come with their numbers."""

    world: World
    runs: tuple[dict[str, Any], ...]
    attempts: tuple[dict[str, Any], ...]
    facts: tuple[tuple[int, Fact], ...]
    target: tuple[tuple[str, int], ...]
    data: dict[str, list[datetime]]
    doctor: str


def read(world: World) -> Read:
    """Read everything that is judged."""
    with workplace(world.root) as place:
        runs = tuple(dict(row) for row in place.ledger.rows("runs"))
        attempts = tuple(dict(row) for row in place.ledger.rows("attempts"))
        facts = tuple((entry.seq, entry.fact) for entry in place.ledger.entries() if entry.kind in JUDGED)
    path = world.root / ".penstock" / "warehouse.duckdb"
    with closing(duckdb.connect(str(path), read_only=True)) as target:
        ids = target.execute("SELECT publish_id, token FROM _penstock.ledger").fetchall()
        data = {
            f"{name}.{dataset}": [
                hour.replace(tzinfo=UTC)
                for (hour,) in target.execute(f'SELECT hour FROM "{name}__dev"."{dataset}" ORDER BY hour').fetchall()
            ]
            for name in world.pipelines
            for dataset in DATASETS
        }
    command = [sys.executable, "-m", "penstock.cli.main", "doctor"]
    done = subprocess.run(command, cwd=world.root, capture_output=True, text=True, check=False)
    said = f"{done.stdout}{done.stderr}" if done.returncode else ""
    return Read(world=world, runs=runs, attempts=attempts, facts=facts, target=tuple(ids), data=data, doctor=said)


def judge(seen: Read) -> list[str]:
    """What does not hold."""
    rules = (_each_run_once, _each_publish_once, _rows, _leases, _epochs, _limits_by_order, _limits_by_time, _doctor)
    return [sentence for rule in rules for sentence in rule(seen)]


def _doctor(seen: Read) -> Iterator[str]:
    if seen.doctor:
        yield f"doctor: {seen.doctor}"


# -- runs and rows ----------------------------------------------------------------------------------------------------


def last_fire(seen: Read) -> datetime:
    """The newest fire that any run is of."""
    return max(parse_moment(str(row["key"])) for row in seen.runs)


def _each_run_once(seen: Read) -> Iterator[str]:
    """For every fire one run, published; nothing else ran."""
    wanted = {(name, stamp(fire)) for name in seen.world.pipelines for fire in seen.world.fires(last_fire(seen))}
    found = Counter((str(row["pipeline"]), str(row["key"])) for row in seen.runs)
    yield from (f"{name} at {key}: {count} runs" for (name, key), count in found.items() if count != 1)
    missing, extra = wanted - found.keys(), found.keys() - wanted
    if missing or extra:
        yield f"{len(missing)} fires without a run, {len(extra)} runs without a fire: {sorted(missing | extra)[:5]}"
    states = Counter((row["state"], row["trigger"], row["environment"]) for row in seen.runs)
    if set(states) != {("published", "schedule", ENVIRONMENT)}:
        yield f"runs ended as {dict(states)}"


def _each_publish_once(seen: Read) -> Iterator[str]:
    """Each run published its own hour of each dataset, once, and the target and the ledger say so alike."""
    wanted = {
        (row["run"], f"{row['pipeline']}.{dataset}", "" if dataset == APPENDED else str(Interval(fire - HOUR, fire)))
        for row in seen.runs
        for dataset in DATASETS
        for fire in (parse_moment(str(row["key"])),)
    }
    published = [row for row in seen.attempts if row["state"] == "published"]
    by_ledger = Counter((row["run"], row["dataset"], row["interval"]) for row in published)
    yield from (f"published {count} times: {what}" for what, count in by_ledger.items() if count != 1)
    if by_ledger.keys() != wanted:
        lost, more = wanted - by_ledger.keys(), by_ledger.keys() - wanted
        yield f"{len(lost)} slices without a publish, {len(more)} of no fire's own: {sorted(lost | more)[:3]}"
    ledger_ids, target_ids = Counter(row["publish_id"] for row in published), Counter(row[0] for row in seen.target)
    if ledger_ids != target_ids:
        yield f"ledger and target differ in {len((ledger_ids - target_ids) + (target_ids - ledger_ids))} publish ids"
    still = Counter(str(row["state"]) for row in seen.attempts if row["state"] not in {"published", "failed"})
    if still:
        yield f"attempts left open: {dict(still)}"


def _rows(seen: Read) -> Iterator[str]:
    """Every dataset holds every hour, once."""
    hours = [fire - HOUR for fire in seen.world.fires(last_fire(seen))]
    for name, found in seen.data.items():
        if found != hours:
            yield f"{name} holds {len(found)} rows of {len(set(found))} hours, expected {len(hours)}"


# -- executors --------------------------------------------------------------------------------------------------------


def _leases(seen: Read) -> Iterator[str]:
    """Tokens are taken one by one."""
    tokens = [fact.token for _, fact in seen.facts if isinstance(fact, LeaseTaken)]
    if tokens != list(range(1, len(tokens) + 1)):
        yield f"tokens were taken in the order {tokens}"


def _epochs(seen: Read) -> Iterator[str]:
    """Who began an attempt is who went on with it and who published it; a later executor only settles it, at once."""
    epoch, begun, at_work = 0, dict[Key, int](), False
    published_in: dict[str, int] = {}
    for seq, fact in seen.facts:
        match fact:
            case LeaseTaken():
                epoch, at_work = fact.token, False
            case RunQueued() | RunStarted():
                at_work = True
            case AttemptStarted():
                at_work, begun[fact.publish_id, fact.attempt] = True, epoch
            case AttemptAudited() | AttemptFailed() | AttemptPublished():
                owner = begun[fact.publish_id, fact.attempt]
                settles = not at_work and (isinstance(fact, AttemptPublished) or _is_abandoned(fact))
                if owner != epoch and not settles:
                    yield f"entry {seq}: {type(fact).__name__} of an attempt of token {owner} under token {epoch}"
                if isinstance(fact, AttemptPublished):
                    published_in[fact.publish_id] = owner
    for publish_id, token in seen.target:
        if published_in.get(publish_id) != token:
            yield f"{publish_id} carries token {token} at the target, its attempt was of {published_in.get(publish_id)}"


def _is_abandoned(fact: Fact) -> bool:
    return isinstance(fact, AttemptFailed) and fact.code == ABANDONED


# -- limits -----------------------------------------------------------------------------------------------------------


def _limits_by_order(seen: Read) -> Iterator[str]:
    """By the order of the facts: how many attempts of a pipeline, and of all, were open at once."""
    opened: dict[Key, str] = {}
    for seq, fact in seen.facts:
        match fact:
            case AttemptStarted():
                opened[fact.publish_id, fact.attempt] = fact.dataset
                yield from _beyond(Counter(opened.values()), f"entry {seq}")
            case AttemptFailed() | AttemptPublished():
                del opened[fact.publish_id, fact.attempt]


def _limits_by_time(seen: Read) -> Iterator[str]:
    """By the ledger's times: attempts are open from when they began until they ended."""
    turns: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in seen.attempts:
        turns[str(row["started_at"])][str(row["dataset"])] += 1
        turns[str(row["finished_at"])][str(row["dataset"])] -= 1
    opened: Counter[str] = Counter()
    for moment in sorted(turns):
        opened.update(turns[moment])
        yield from _beyond(opened, moment)


def _beyond(opened: Counter[str], when: str) -> Iterator[str]:
    """What is more than may be at once, given how many attempts of each dataset are open."""
    pipelines: Counter[str] = Counter()
    for dataset, count in opened.items():
        pipelines[dataset.partition(".")[0]] += count
    yield from (f"{when}: {count} of {name} at once" for name, count in pipelines.items() if count > CONCURRENCY)
    pooled = sum(count for dataset, count in opened.items() if dataset.endswith(f".{POOLED}"))
    if pooled > POOL or opened.total() > PARALLEL:
        yield f"{when}: {opened.total()} at once, {pooled} of the pool"
