"""What happens to a project in one simulated life: drawn from a seed, before anything goes wrong."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from penstock.engine.requests import MANUAL, RunRequest
from penstock.model.intervals import Interval
from penstock.model.pipelines import Limits, Materialization
from penstock.sim.clock import EPOCH
from penstock.sim.projects import appended, coded, landed, merged, project_of, sliced, view, whole

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from datetime import datetime

    from penstock.model.pipelines import Dataset, Project

ENVIRONMENT = "prod"
POOL = "database"


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A delivery builds everything up to a moment."""

    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """People ask for runs, all at the same time, each of them twice."""

    requests: tuple[RunRequest, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Restated:
    """The files of a window are corrected where `datasets` names their source, and the window is built again."""

    key: str
    datasets: tuple[str, ...]
    window: Interval
    until: datetime


Act = Built | Asked | Restated


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A project, what is wanted of it one after the other, and the seed of its clock and its outside.

    `meanwhile` is what somebody may want at any moment, whatever is done just then.
    """

    seed: int
    project: Project
    acts: tuple[Act, ...]
    meanwhile: Restated

    @property
    def last(self) -> datetime:
        """The moment up to which everything is built in the end."""
        return _last(self.acts)


def draw_scenario(seed: int, chance: random.Random) -> Scenario:
    """A small project of one or two parts that know nothing of each other, and two to four acts of growing days."""
    parts = [_draw_part("d", chance.randint(2, 5), chance)]
    if chance.random() < 0.3:
        parts.append(_draw_part("e", chance.randint(1, 2), chance))
    concurrency = chance.choice((None, None, 1, 2))
    project = project_of(
        [dataset for part in parts for dataset in part],
        pools={POOL: chance.randint(1, 3)},
        concurrency=concurrency,
    )
    names = [tuple(dataset.name for dataset in part) for part in parts]
    acts = _draw_acts(names, chance)
    assert isinstance(acts[0], Asked)  # noqa: S101 - the first always is
    until = acts[0].requests[0].until
    meanwhile = replace(_draw_restated("meanwhile", names, (until - EPOCH).days, chance), until=_last(acts))
    return Scenario(seed=seed, project=project, acts=acts, meanwhile=meanwhile)


def _draw_acts(parts: list[tuple[str, ...]], chance: random.Random) -> tuple[Act, ...]:
    day, acts = chance.randint(1, 5), list[Act]()
    for number in range(chance.randint(2, 4)):
        key = f"act {number}"
        kind = chance.choice(("built", "asked", "asked", "windowed", "restated")) if number else "asked"
        day += chance.randint(1, 3) if number and kind != "restated" else 0
        match kind:
            case "built":
                acts.append(Built(until=_day(day)))
            case "restated":
                acts.append(_draw_restated(key, parts, day, chance))
            case "windowed":
                window = _draw_window(day, chance)
                acts += [_asked(f"{key} first", [()], day, chance, window), _asked(key, [()], day, chance)]
            case _:
                acts.append(_asked(key, parts if len(parts) > 1 else [()], day, chance))
    return tuple(acts)


def _last(acts: tuple[Act, ...]) -> datetime:
    untils = [
        until
        for act in acts
        for until in ((request.until for request in act.requests) if isinstance(act, Asked) else (act.until,))
    ]
    return max(untils)


def _asked(
    key: str, choices: list[tuple[str, ...]], day: int, chance: random.Random, window: Interval | None = None
) -> Asked:
    return Asked(
        requests=tuple(
            RunRequest(
                trigger=MANUAL,
                key=key,
                environment=ENVIRONMENT,
                until=_day(day),
                datasets=datasets,
                window=window,
                priority=chance.randint(0, 2),
                by="somebody",
            )
            for datasets in choices
        )
    )


def _draw_restated(key: str, parts: list[tuple[str, ...]], day: int, chance: random.Random) -> Restated:
    part = chance.choice(parts)
    asked = (part[0],) if chance.random() < 0.7 else (chance.choice(part),)
    return Restated(key=key, datasets=asked, window=_draw_window(day, chance), until=_day(day))


def _draw_window(day: int, chance: random.Random) -> Interval:
    start = chance.randrange(day)
    return Interval(_day(start), _day(min(day, start + chance.randint(1, 3))))


def _draw_part(letter: str, count: int, chance: random.Random) -> list[Dataset]:
    """A source and some datasets, each reading one or two of those before it."""
    datasets = [landed(f"sim.{letter}", batch=chance.randint(1, 4))]
    for number in range(count):
        datasets.append(_bounded(_draw_dataset(f"sim.{letter}{number}", datasets, chance), chance))
    return datasets


def _draw_dataset(name: str, before: list[Dataset], chance: random.Random) -> Dataset:
    """A dataset of any kind. Only what is kept by interval can be read by interval, or gone on from."""
    dated = [dataset.name for dataset in before if dataset.materialization is Materialization.INCREMENTAL]
    known = [dataset.name for dataset in before]
    batch = chance.randint(1, 4)

    def reads(names: list[str], most: int = 2) -> list[str]:
        return sorted(chance.sample(names, min(len(names), chance.randint(1, most))))

    draws: tuple[Callable[[], Dataset], ...] = (
        lambda: sliced(name, *reads(dated), batch=batch),
        lambda: coded(name, *reads(dated), batch=batch),
        lambda: merged(name, *reads(dated), batch=batch),
        lambda: appended(name, *reads(dated)),
        lambda: coded(name, *reads(known)),
        lambda: whole(name, *reads(known)),
        lambda: whole(name, *reads(known)),
        lambda: whole(name, *reads(known[-2:])),
        lambda: view(name, reads(known, 1)[0]),
    )
    return chance.choice(draws)()


def _bounded(dataset: Dataset, chance: random.Random) -> Dataset:
    """The same dataset, perhaps within limits."""
    limits = Limits(
        pool=chance.choice(("", "", POOL)),
        concurrency=chance.choice((None, None, 1)),
        priority=chance.choice((0, 0, 1, 5)),
    )
    return replace(dataset, limits=limits)


def _day(number: int) -> datetime:
    return EPOCH + timedelta(days=number)
