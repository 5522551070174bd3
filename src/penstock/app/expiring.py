"""`expire`: which rows are past what their contracts promise, in every version; deleting them, and looking again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.app.exporting import holders
from penstock.app.planning import chosen
from penstock.app.wiring import operator
from penstock.engine.ports.relations import Expiry, Past
from penstock.model.connectors import ConnectorSource
from penstock.model.databases import DatabaseSource
from penstock.model.errors import InputError, TaskError, TransientError
from penstock.model.findings import Finding, Place, Severity, blocking
from penstock.model.intervals import stamp
from penstock.model.pipelines import Materialization
from penstock.model.sources import FileSource
from penstock.plan.expiry import behind, retention_findings, row_retentions, upstream
from penstock.plan.horizons import horizons_of
from penstock.plan.versions import Version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import date, datetime

    from penstock.app.warehouses import ProjectWarehouse
    from penstock.app.wiring import Workplace
    from penstock.engine.expiring import Expired
    from penstock.engine.ports.relations import Compacted
    from penstock.model.pipelines import Dataset
    from penstock.plan.expiry import Behind, RowRetention

_OF_TIME = ("DATE", "TIMESTAMP")


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionPast:
    """A version's table, the column its rows are counted by, which environments show it, and what is past in it."""

    version: Version
    column: str
    shown_in: tuple[str, ...]
    past: Past


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetPast:
    """A dataset under a retention: what lies before `before` is past. `horizon` is where it was moved to earlier."""

    retention: RowRetention
    before: datetime
    horizon: datetime | None
    versions: tuple[VersionPast, ...]

    @property
    def is_due(self) -> bool:
        """Whether there is anything to delete, or to forbid from now on."""
        moves = self.before > self.horizon if self.horizon else bool(self.versions)
        return moves or any(map(_holds, self.versions))


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What is past its retention now, or went before. `outside` says where it came from and stays: that is not
    Penstock's to delete. `behind` are datasets of the warehouse that it was made of and that keep it for longer.

    `exports` are the targets that were given rows of what is past; those leave at the next export.
    Findings of severity error are of rows that cannot be told to be past, and so stay.
    """

    datasets: tuple[DatasetPast, ...]
    outside: tuple[str, ...] = ()
    behind: tuple[Behind, ...] = ()
    exports: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def rows(self) -> int:
        """How many rows are past, those that were put aside among them."""
        found = [each.past for dataset in self.datasets for each in dataset.versions]
        return sum(past.rows + past.quarantined for past in found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What there was, what was deleted of it, and what is there after that, by looking again."""

    seen: Survey
    expired: tuple[Expired, ...]
    after: Survey
    compacted: Compacted | None = None

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found before, and rows that are there still."""
        left = [each for dataset in self.after.datasets for each in dataset.versions if each.past.rows]
        return (*self.seen.findings, *map(_still_there, left))


def survey(place: Workplace, names: Sequence[str], say: Callable[[str], None]) -> Survey:
    """What an expiry of these datasets or pipelines (none: of all) would delete now.

    Raises:
        InputError: a name is unknown.
    """
    if not place.ledger.rows("versions", limit=1):
        return _surveyed(place, names, None)
    return _surveyed(place, names, place.reading(say))


def expire(place: Workplace, names: Sequence[str], *, compact: bool = False) -> Outcome:
    """Delete what is past, version by version, and look again; with `compact`, write the warehouse anew after that.

    Raises:
        WaitingError: another command works on this project, or somebody has the file open that is to be written anew.
        InputError: a name is unknown.
    """
    place.hold()
    if not place.ledger.rows("versions", limit=1):
        seen = _surveyed(place, names, None)
        return Outcome(seen=seen, expired=(), after=seen)
    place.refuse_lost_warehouse()
    place.token()
    seen = _surveyed(place, names, place.warehouse)
    expired = _carried_out(place, seen)
    after = _surveyed(place, names, place.warehouse)
    tables = [each.version.relation for dataset in after.datasets for each in dataset.versions]
    compacted = place.warehouse.compact(tables) if compact else None
    return Outcome(seen=seen, expired=expired, after=after, compacted=compacted)


class Daily:
    """Deletes what is past once a day (UTC), where `penstock.yaml` says so. What fails is said, and tried the next day.

    Nobody may be building meanwhile.
    """

    def __init__(self, place: Workplace, say: Callable[[str], None]) -> None:
        self._place, self._say = place, say
        self._done: date | None = None

    @property
    def is_due(self) -> bool:
        """Whether this day's turn has not come yet."""
        return self._place.project.settings.expires_daily and self._done != self._place.clock.now().date()

    def take_turn(self) -> None:
        """Delete what is past.

        Raises:
            WaitingError, RunError: the warehouse cannot be used just now; the turn is not over.
        """
        today = self._place.clock.now().date()
        try:
            done = expire(self._place, ())
        except (InputError, TaskError, TransientError) as error:
            self._say(f"rows past their retention could not be deleted: {error}; tried again tomorrow")
        else:
            for each in done.expired:
                rows = each.rows + each.quarantined
                self._say(f"{each.dataset} at {each.version}: {rows} row(s) past their retention were deleted")
            for finding in blocking(done.findings):
                self._say(finding.message)
        self._done = today


def _carried_out(place: Workplace, seen: Survey) -> tuple[Expired, ...]:
    from penstock.engine import expiring  # noqa: PLC0415 - only when something is deleted

    expired: list[Expired] = []
    for dataset in seen.datasets:
        if dataset.is_due:
            holding = [each for each in dataset.versions if _holds(each)]
            due = expiring.Due(
                dataset=dataset.retention.dataset,
                before=dataset.before,
                column=dataset.retention.column,
                why=dataset.retention.promise,
                versions=tuple((each.version, each.column) for each in holding),
            )
            expired += expiring.expire(place.ledger, place.warehouse, due, by=operator(), token=place.token())
    return tuple(expired)


def _surveyed(place: Workplace, names: Sequence[str], warehouse: ProjectWarehouse | None) -> Survey:
    project = place.project
    wanted = set(chosen(project, tuple(names))) if names else set(project.datasets)
    kept = {name: each for name, each in row_retentions(project).items() if name in wanted}
    horizons, now = horizons_of(place.ledger.rows("horizons")), place.clock.now()
    findings = [each for each in retention_findings(project) if each.place.dataset in wanted]
    datasets = []
    for name, retention in kept.items():
        earlier = horizons.get(name)
        before = retention.horizon(now) if earlier is None else max(earlier, retention.horizon(now))
        found = []
        for version, columns in _versions(place, name, retention):
            seen = _looked_at(warehouse, version, columns, before) if warehouse else None
            found += [seen] if isinstance(seen, VersionPast) else []
            findings += [seen] if isinstance(seen, Finding) else []
        versions = tuple(_shown(place, found))
        datasets.append(DatasetPast(retention=retention, before=before, horizon=earlier, versions=versions))
    gone = [each.retention.dataset for each in datasets if each.horizon or any(_holds(one) for one in each.versions)]
    texts = (_outside(project.datasets[name]) for name in upstream(project, gone))
    outside = tuple(text for text in texts if text is not None)
    longer = tuple(
        each for each in behind(project, gone) if place.ledger.rows("versions", dataset=each.dataset, limit=1)
    )
    due = {each.retention.dataset for each in datasets if any(version.past.rows for version in each.versions)}
    exports = tuple(str(row["target"]) for row in holders(place, due))
    return Survey(datasets=tuple(datasets), outside=outside, behind=longer, exports=exports, findings=tuple(findings))


def _holds(each: VersionPast) -> bool:
    """Whether rows that are past are there, put aside or not."""
    return bool(each.past.rows or each.past.quarantined)


def _versions(place: Workplace, name: str, retention: RowRetention) -> Iterator[tuple[Version, tuple[str, ...]]]:
    """Every version that was built of a dataset and may lie there still, with the columns that may tell its age.

    A merge's rows need not be as old as its intervals: there the retention's column goes first (`counted_from`).
    """
    for row in place.ledger.rows("versions", dataset=name):
        own, is_merge = str(row["cut_by"] or ""), row["materialization"] == Materialization.MERGE
        both = (retention.column, own) if is_merge else (own, retention.column)
        if row["materialization"] != Materialization.VIEW:
            yield _version_of(row), tuple(dict.fromkeys(column for column in both if column))
    for row in place.ledger.rows("removals", dataset=name, state="left"):
        yield _version_of(row), (retention.column,)


def _version_of(row: Mapping[str, object]) -> Version:
    return Version(dataset=str(row["dataset"]), fingerprint=str(row["version"]), relation=str(row["relation"]))


def _looked_at(
    warehouse: ProjectWarehouse, version: Version, columns: Iterable[str], before: datetime
) -> VersionPast | Finding | None:
    """What is past in a version's table, by the first of the columns that it has and that holds times.

    None where there is no table: nothing of it was published.
    """
    try:
        typed = warehouse.columns(version.relation)
    except InputError:
        typed = ()
    if not typed:
        return None
    there = {name.casefold(): name for name, type_ in typed if type_.startswith(_OF_TIME)}
    column = next((there[name.casefold()] for name in columns if name.casefold() in there), None)
    if column is None:
        return _no_column(version, tuple(columns))
    expiry = Expiry(
        expiry="",
        dataset=version.dataset,
        version=version.fingerprint,
        relation=version.relation,
        column=column,
        before=before,
    )
    return VersionPast(version=version, column=column, shown_in=(), past=warehouse.past(expiry))


def _shown(place: Workplace, found: Iterable[VersionPast]) -> Iterator[VersionPast]:
    """The same, with the environments that show each."""
    for each in found:
        rows = place.ledger.rows("environments", dataset=each.version.dataset, version=each.version.fingerprint)
        environments = tuple(sorted(str(row["environment"]) for row in rows))
        yield VersionPast(version=each.version, column=each.column, shown_in=environments, past=each.past)


def _outside(dataset: Dataset) -> str | None:
    """Where a source's rows come from, which stays as it is."""
    if isinstance(dataset.task, FileSource):
        return f"{dataset.name}: its files ({dataset.task.path}) stay where they are"
    if isinstance(dataset.task, DatabaseSource):
        return f"{dataset.name}: the database that it reads keeps its rows"
    if isinstance(dataset.task, ConnectorSource):
        return f"{dataset.name}: what its connector ({dataset.task.place}) reads keeps its rows"
    return None


def _no_column(version: Version, columns: tuple[str, ...]) -> Finding:
    return Finding(
        code="retention.version_without_column",
        message=f"how old rows of {version.dataset} at {version.fingerprint} are cannot be told, so none was deleted",
        severity=Severity.ERROR,
        place=Place(dataset=version.dataset),
        found=f"the table {version.relation}",
        expected=f"a column of time named {' or '.join(columns)}",
        remedy="penstock prune removes versions that nothing needs; or name such a column in the contract's retention",
    )


def _still_there(each: VersionPast) -> Finding:
    version = each.version
    return Finding(
        code="retention.rows_left",
        message=f"{each.past.rows} row(s) of {version.dataset} at {version.fingerprint} are past their retention still",
        severity=Severity.ERROR,
        place=Place(dataset=version.dataset),
        found=f"the earliest is of {stamp(each.past.first)}" if each.past.first else None,
        expected="none, after they were deleted",
        remedy="run the same again; if they stay, something else writes to the warehouse",
    )
