"""`quarantine`: rows that were put aside, why, and building anew the intervals that they belong to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, timedelta
from typing import TYPE_CHECKING

from penstock.engine.promotion import mapping_of
from penstock.model.errors import InputError
from penstock.model.findings import Finding, Place
from penstock.model.intervals import Grain, Interval, merge
from penstock.model.pipelines import Materialization
from penstock.quality.masking import MASK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import date, datetime

    from penstock.app.running import Follower, Ran
    from penstock.app.wiring import Workplace
    from penstock.engine.ports.publishing import QuarantinedRow, QuarantineSum
    from penstock.model.pipelines import Dataset, Project


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What is put aside of one version: how many rows, of which days, for which checks (by id: name and rows).

    `shown_in` are the environments that show the version.
    """

    dataset: str
    version: str
    rows: int
    first: date | None
    last: date | None
    checks: Mapping[str, tuple[str, int]]
    shown_in: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Rows that are put aside of a version, personal data masked; `rows` may be the first of `total`."""

    dataset: str
    version: str
    environment: str
    total: int
    rows: tuple[QuarantinedRow, ...]


def held(place: Workplace, dataset: str | None, say: Callable[[str], None]) -> tuple[Held, ...]:
    """Everything that is put aside, or of one dataset; `say` is told if it has to wait.

    Raises:
        InputError: there is no such dataset.
    """
    is_built = bool(place.ledger.rows("versions", limit=1))
    sums = place.reading(say).quarantine_sums() if is_built else ()
    if dataset is not None and dataset not in place.project.datasets and all(one.dataset != dataset for one in sums):
        raise InputError(_unknown(dataset, place.project))
    shown: dict[tuple[str, str], list[str]] = {}
    for row in place.ledger.rows("environments"):
        shown.setdefault((str(row["dataset"]), str(row["version"])), []).append(str(row["environment"]))
    groups: dict[tuple[str, str], list[QuarantineSum]] = {}
    for one in sums:
        if dataset in {None, one.dataset}:
            groups.setdefault((one.dataset, one.version), []).append(one)
    return tuple(_held(key, parts, tuple(sorted(shown.get(key, ())))) for key, parts in sorted(groups.items()))


def show(
    place: Workplace,
    dataset: str,
    environment: str,
    span: tuple[datetime, datetime | None] | None,
    most: int,
    say: Callable[[str], None],
) -> Shown:
    """The rows that are put aside of the version that an environment shows.

    `span` bounds their moments; without its end it is the interval that begins there.

    Raises:
        InputError: there is no such dataset, or the environment does not show it.
    """
    known = place.project.datasets.get(dataset)
    version = mapping_of(place.ledger, environment).get(dataset)
    if version is None:
        raise InputError(_not_shown(dataset, environment) if known else _unknown(dataset, place.project))
    warehouse = place.reading(say)
    within = _interval(span, known)
    total = sum(one.rows for one in warehouse.quarantine_sums() if (one.dataset, one.version) == (dataset, version))
    if within is not None:
        total = len(warehouse.quarantined(dataset, version, within))
    rows = warehouse.quarantined(dataset, version, within, most)
    return Shown(
        dataset=dataset,
        version=version,
        environment=environment,
        total=total,
        rows=tuple(replace(row, row=_masked(row.row, known)) for row in rows),
    )


def retry(
    place: Workplace,
    dataset: str,
    environment: str,
    span: tuple[datetime, datetime | None] | None,
    follower: Follower,
) -> tuple[Ran, ...]:
    """Restate and build the intervals whose rows were put aside of the working tree's version; one run for each span.

    Raises:
        InputError: there is no such dataset, nothing of it is put aside, or it only grows.
        RefusedError: production shows other versions than the working tree has.
    """
    from penstock.app import backfilling  # noqa: PLC0415 - only when something is built
    from penstock.plan.versions import versions_of  # noqa: PLC0415 - as above

    known = place.project.datasets.get(dataset)
    if known is None:
        raise InputError(_unknown(dataset, place.project))
    version = versions_of(place.project.narrowed([dataset]))[dataset].fingerprint
    warehouse = place.reading(follower.says)
    rows = warehouse.quarantined(dataset, version, _interval(span, known))
    warehouse.close()  # what builds opens it for writing
    if not rows:
        raise InputError(_nothing(dataset, version))
    done = []
    for window in merge(_windows(place, known, rows)):
        asked = backfilling.Asked(names=(dataset,), window=window, environment=environment)
        digest = backfilling.propose(place, asked).backfill.digest
        reason = f"rows of {window} were put aside"
        done.append(backfilling.submit(place, asked, digest, reason, follower))
        if done[-1].outcome.findings:
            break
    return tuple(done)


def _held(key: tuple[str, str], parts: Sequence[QuarantineSum], shown_in: tuple[str, ...]) -> Held:
    days = sorted(one.day for one in parts if one.day is not None)
    counts: Counter[str] = Counter()
    names: dict[str, str] = {}
    for one in parts:
        for check, name in one.reasons:
            counts[check] += one.rows
            names[check] = name
    return Held(
        dataset=key[0],
        version=key[1],
        rows=sum(one.rows for one in parts),
        first=days[0] if days else None,
        last=days[-1] if days else None,
        checks={check: (names[check], count) for check, count in sorted(counts.items())},
        shown_in=shown_in,
    )


def _interval(span: tuple[datetime, datetime | None] | None, dataset: Dataset | None) -> Interval | None:
    if span is None:
        return None
    start, end = span
    if end is not None:
        return Interval(start, end)
    grain = dataset.interval.grain if dataset and dataset.interval else Grain.DAY
    first = grain.floor(start)
    return Interval(first, grain.step(first))


def _windows(place: Workplace, dataset: Dataset, rows: Sequence[QuarantinedRow]) -> Iterator[Interval]:
    """What has to be built again: the intervals of the rows, or for a merge those that made them; else everything."""
    by = dataset.interval
    if by is None:
        pipeline = place.project.pipeline_of(dataset.name)
        yield Interval(pipeline.start, max(place.clock.now(), pipeline.start + timedelta(days=1)))
        return
    for row in rows:
        start, end = row.interval
        if dataset.materialization is Materialization.MERGE and start is not None and end is not None:
            yield Interval(start.replace(tzinfo=UTC), end.replace(tzinfo=UTC))
        elif row.moment is not None:
            first = by.grain.floor(row.moment.replace(tzinfo=UTC))
            yield Interval(first, by.grain.step(first))


def _masked(row: Mapping[str, str | None], dataset: Dataset | None) -> dict[str, str | None]:
    """A row without personal data; a column that no contract speaks of may be personal too."""
    contract = dataset.contract if dataset else None
    open_ = {spec.name for spec in contract.columns if not spec.personal} if contract else set()
    return {name: value if name in open_ or value is None else MASK for name, value in row.items()}


def _unknown(dataset: str, project: Project) -> Finding:
    return Finding(
        code="project.unknown_dataset",
        message=f"there is no dataset {dataset}",
        found=dataset,
        expected=", ".join(project.datasets) or "a dataset of this project",
        remedy="correct the name",
    )


def _not_shown(dataset: str, environment: str) -> Finding:
    return Finding(
        code="quarantine.not_shown",
        message=f"the environment {environment} shows no version of {dataset}",
        place=Place(dataset=dataset),
        expected="an environment that shows it",
        remedy="penstock quarantine list says where rows are put aside; name its environment with --env",
    )


def _nothing(dataset: str, version: str) -> Finding:
    return Finding(
        code="quarantine.empty",
        message=f"nothing is put aside of {dataset} as the working tree makes it ({version})",
        place=Place(dataset=dataset),
        expected="a version with rows in quarantine",
        remedy="penstock quarantine list says what is put aside; a changed contract or query is another version, "
        "which penstock run builds whole",
    )
