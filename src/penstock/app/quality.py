"""`quality`: what each check found last, the score of it, and how the score went from run to run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.app.runs import newest_runs
from penstock.engine.promotion import mapping_of
from penstock.ledger.folding.attempts import IMPORTED
from penstock.model.errors import InputError
from penstock.model.findings import Finding
from penstock.quality.check_names import names_of
from penstock.quality.expectations.outcomes import SEPARATOR
from penstock.quality.judging import weighted_score
from penstock.quality.outcomes import FAILED, UNJUDGED, read_results

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from decimal import Decimal

    from penstock.app.wiring import Workplace
    from penstock.ledger.journal import Value
    from penstock.quality.outcomes import Outcome

NEAR = 200
"""How many of the newest runs are looked at for those that judged something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Latest:
    """What a check found when it was judged last, in which rows. `published` tells whether readers can see these.

    `source` is the file that it was imported from, of what another tool found elsewhere.
    """

    outcome: Outcome
    name: str
    total: int
    interval: str
    version: str
    run: str
    at: str
    published: bool
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetQuality:
    """A dataset's checks as they were judged last, in the contract's order, and their score."""

    dataset: str
    checks: tuple[Latest, ...]

    @property
    def score(self) -> Decimal:
        """As `quality_score` of these checks."""
        return score(latest.outcome for latest in self.checks)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunQuality:
    """A run's audits: how many checks were judged in all slices together, how many failed, and their score."""

    run: str
    at: str
    checks: int
    failed: int
    score: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """Datasets with their checks, and runs that judged any of them, the newest first."""

    datasets: tuple[DatasetQuality, ...]
    history: tuple[RunQuality, ...]

    @property
    def score(self) -> Decimal:
        """Of all checks of all datasets together."""
        return score(latest.outcome for dataset in self.datasets for latest in dataset.checks)


def score(outcomes: Iterable[Outcome]) -> Decimal:
    """The quality score of what checks found; those that could not be judged yet count nothing."""
    return weighted_score((one.severity, one.state != FAILED) for one in outcomes if one.state != UNJUDGED)


def quality(place: Workplace, dataset: str | None, environment: str | None, limit: int) -> Quality:
    """What the ledger knows of a dataset's checks, or of all; given an environment, of the versions alone it shows.

    Raises:
        InputError: the project has no such dataset.
    """
    datasets = place.project.datasets
    if dataset is not None and dataset not in datasets:
        raise InputError(_unknown(dataset, list(datasets)))
    shown = mapping_of(place.ledger, environment) if environment else None
    names = [dataset] if dataset else sorted(datasets)
    found = tuple(_dataset(place, name, shown.get(name, "") if shown is not None else None) for name in names)
    return Quality(
        datasets=tuple(one for one in found if one.checks),
        history=tuple(_history(place, frozenset(names), shown, limit)),
    )


def _dataset(place: Workplace, name: str, version: str | None) -> DatasetQuality:
    audits = [row for row in place.ledger.rows("attempts", dataset=name) if row["results"]]
    audits = [row for row in audits if version is None or row["version"] == version]
    audits.sort(key=lambda row: str(row["started_at"]))
    contract = place.project.datasets[name].contract
    names = names_of(contract) if contract else {}
    latest: dict[str, Latest] = {}
    newest = _judged_last(audits)
    for row in audits:
        for outcome in read_results(row["results"]):
            known = outcome.check in newest and (outcome.state != UNJUDGED or outcome.check not in latest)
            if known:
                latest[outcome.check] = _latest(row, outcome, names.get(outcome.check, outcome.check))
    return DatasetQuality(dataset=name, checks=tuple(latest[key] for key in _in_order(latest, names)))


def _judged_last(audits: Sequence[Mapping[str, Value]]) -> set[str]:
    """The checks of the last audit of ours, and those of the last results of each suite that were imported."""
    last = {_origin(row): {one.check for one in read_results(row["results"])} for row in audits}
    return {check for checks in last.values() for check in checks}


def _origin(row: Mapping[str, Value]) -> str:
    """Whose results these are: empty for our own, else the tool and the suite."""
    if row["state"] != IMPORTED:
        return ""
    first = next(iter(read_results(row["results"])), None)
    return SEPARATOR.join(first.check.split(SEPARATOR)[:2]) if first else IMPORTED


def _in_order(latest: Mapping[str, Latest], names: Mapping[str, str]) -> list[str]:
    """The contract's checks in its order, then those that it has no more."""
    return [*(key for key in names if key in latest), *(key for key in latest if key not in names)]


def _latest(row: Mapping[str, Value], outcome: Outcome, name: str) -> Latest:
    return Latest(
        outcome=outcome,
        name=name,
        total=int(row["rows"] or 0),
        interval=str(row["interval"] or ""),
        version=str(row["version"]),
        run=str(row["run"]),
        at=str(row["finished_at"] or row["started_at"]),
        published=row["state"] == "published",
        source=str(row["message"] or "") if row["state"] == IMPORTED else "",
    )


def _history(
    place: Workplace, names: frozenset[str], shown: Mapping[str, str] | None, limit: int
) -> Iterable[RunQuality]:
    found = 0
    for run in newest_runs(place, max(NEAR, limit)):
        rows = [row for row in place.ledger.rows("attempts", run=run) if row["dataset"] in names and row["results"]]
        if shown is not None:
            rows = [row for row in rows if shown.get(str(row["dataset"])) == row["version"]]
        if not rows:
            continue
        yield _of_run(run, rows)
        found += 1
        if found >= limit:
            return


def _of_run(run: str, rows: Sequence[Mapping[str, Value]]) -> RunQuality:
    """The last attempt at each slice counts."""
    last = {str(row["publish_id"]): row for row in sorted(rows, key=lambda row: int(row["attempt"] or 0))}
    outcomes = [one for row in last.values() for one in read_results(row["results"]) if one.state != UNJUDGED]
    return RunQuality(
        run=run,
        at=max(str(row["started_at"]) for row in rows),
        checks=len(outcomes),
        failed=sum(1 for one in outcomes if one.state == FAILED),
        score=score(outcomes),
    )


def _unknown(name: str, known: list[str]) -> Finding:
    return Finding(
        code="project.unknown_dataset",
        message=f"there is no dataset {name}",
        found=name,
        expected=", ".join(known) or "a dataset of this project",
        remedy="correct the name",
    )
