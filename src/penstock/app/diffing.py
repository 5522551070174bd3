"""`diff`: what is different between two environments, two versions, or two intervals of one dataset."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from penstock.app.asking import nothing_shown
from penstock.app.diff_question import (
    Described,
    key_of_what,
    no_column,
    no_interval,
    not_there,
    one_dataset,
    two_datasets,
    version_not_found,
    windows,
)
from penstock.app.warehouses import refuse_comparison
from penstock.engine.promotion import mapping_of
from penstock.model.environments import PRODUCTION
from penstock.model.errors import InputError
from penstock.plan.versions import relation_of, versions_of
from penstock.quality.comparison import compare
from penstock.quality.comparison_sql import Side
from penstock.quality.distributions import distributions
from penstock.sql.identifiers import literal, quote

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from penstock.app.diff_question import Wanted, Windows
    from penstock.app.warehouses import ProjectWarehouse
    from penstock.app.wiring import Workplace
    from penstock.ledger.journal import Value
    from penstock.model.findings import Finding
    from penstock.model.intervals import Interval
    from penstock.model.pipelines import Dataset
    from penstock.quality.comparison import DatasetDiff
    from penstock.quality.exercise import Exercise

WORKING = "dev"
"""What production is compared with, if nothing else is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """What was found. `old` and `new` say what was compared; `added` and `removed` are datasets of one side alone.

    `same` are datasets that both sides show in the same version, so that nothing had to be compared; `left_out` those
    that have no intervals to be narrowed by; `exercises` say of datasets whose queries differ what the rows went
    through; `undescribed` those that the project no longer has: nothing is known of
    their keys and personal columns, so that all values are masked.
    """

    old: str
    new: str
    diffs: tuple[DatasetDiff, ...]
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    same: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    undescribed: tuple[str, ...] = ()
    exercises: tuple[Exercise, ...] = ()


def diff(place: Workplace, wanted: Wanted, say: Callable[[str], None]) -> Differences:
    """What is different; `say` is told if it has to wait for a process that writes.

    Raises:
        InputError: with every mistake in what is wanted; or the warehouse is in Postgres.
    """
    mistakes: list[Finding] = []
    narrowing = windows(wanted, mistakes)
    old_name = wanted.old or PRODUCTION
    new_name = wanted.new or (old_name if wanted.against else WORKING)
    before, after = _sides(place, old_name, new_name, mistakes)
    names = _names(wanted, before, after, mistakes)
    _refuse_unfit(place, wanted, narrowing, names, mistakes)
    if mistakes:
        raise InputError(tuple(mistakes))
    chosen = {name for name in (names or set(before) | set(after)) if name in before and name in after}
    narrowed = narrowing.old is not None or narrowing.new is not None
    left_out = {name for name in chosen if narrowed and _interval_column(place, name) is None}
    same = {name for name in chosen - left_out if before[name] == after[name] and not narrowing.differ}
    moved = sorted(chosen - left_out - same)
    if moved:
        refuse_comparison(place.settings)
    warehouse = place.reading(say) if moved else None
    diffs = tuple(
        _Comparing(warehouse, place.project.datasets.get(name), wanted).of(
            name, relation_of(name, before[name]), relation_of(name, after[name]), narrowing
        )
        for name in moved
        if warehouse is not None
    )
    looked = wanted.exercise and not narrowed and warehouse is not None
    return Differences(
        old=_label(old_name, narrowing.old),
        new=_label(new_name, narrowing.new),
        diffs=diffs,
        added=() if names else tuple(sorted(set(after) - set(before))),
        removed=() if names else tuple(sorted(set(before) - set(after))),
        same=tuple(sorted(same)),
        left_out=tuple(sorted(left_out)),
        undescribed=tuple(name for name in moved if name not in place.project.datasets),
        exercises=_exercises(place, warehouse, diffs, before, after) if looked and warehouse is not None else (),
    )


def _exercises(
    place: Workplace,
    warehouse: ProjectWarehouse,
    diffs: Sequence[DatasetDiff],
    before: Mapping[str, str],
    after: Mapping[str, str],
) -> tuple[Exercise, ...]:
    """What went through the places in which the queries of two versions differ, on the rows that the new side reads."""
    from penstock.app.exercising import exercised_versions  # noqa: PLC0415 - only where something differs

    project = place.project
    current = {name: version.fingerprint for name, version in versions_of(project).items()}
    relations = {name: relation_of(name, version) for name, version in {**current, **before, **after}.items()}
    found = []
    for one in diffs:
        queries = tuple(_query(place, one.dataset, side[one.dataset]) for side in (before, after))
        if one.dataset in project.datasets and queries[0] != queries[1]:
            until = place.clock.now()
            seen = exercised_versions(
                warehouse, project, one.dataset, (queries[0], queries[1]), relations, until, differs=not one.empty
            )
            found += [seen] if seen is not None else []
    return tuple(found)


def _query(place: Workplace, dataset: str, version: str) -> str:
    rows = place.ledger.rows("versions", dataset=dataset, version=version)
    return str(rows[0]["query"] or "") if rows else ""


class _Comparing:
    """Compares the versions of one dataset in a warehouse."""

    def __init__(self, warehouse: ProjectWarehouse, dataset: Dataset | None, wanted: Wanted) -> None:
        self._warehouse = warehouse
        self._dataset = dataset
        self._wanted = wanted

    def of(self, name: str, old: str, new: str, narrowing: Windows) -> DatasetDiff:
        """The difference of two relations, narrowed to the intervals."""
        interval = self._dataset.interval if self._dataset else None
        column = interval.column if interval else None
        without = column if narrowing.differ else None
        before, after = self._side(old, column, narrowing.old, without), self._side(new, column, narrowing.new, without)
        masked = self._masked(before, after)
        key = self._key(narrowing, without)
        found = compare(self._ask, name, before, after, key=key, masked=masked, limit=self._wanted.examples)
        described = self._described(found)
        shapes = distributions(self._ask, before, after, described, masked) if described else ()
        return replace(found, distributions=shapes)

    def _key(self, narrowing: Windows, without: str | None) -> tuple[str, ...]:
        """The key; a contract's key that names the interval identifies no row of several intervals without it."""
        if self._wanted.key:
            return tuple(part for part in self._wanted.key if part != without)
        if self._dataset is None or self._dataset.contract is None:
            return ()
        key, interval = self._dataset.contract.key, self._dataset.interval
        if without not in key or interval is None:
            return key
        windows = [window for window in (narrowing.old, narrowing.new) if window is not None]
        single = all(window.end == interval.grain.step(window.start) for window in windows)
        return tuple(part for part in key if part != without) if single else ()

    def _side(self, relation: str, column: str | None, window: Interval | None, without: str | None) -> Side:
        columns = tuple(pair for pair in self._warehouse.columns(relation) if pair[0] != without)
        if window is None or column is None:
            return Side(relation=relation, columns=columns)
        start, end = (literal(moment.replace(tzinfo=None)) for moment in (window.start, window.end))
        where = f"{quote(column)} >= {start} AND {quote(column)} < {end}"
        return Side(relation=f"(SELECT * FROM {relation} WHERE {where})", columns=columns)

    def _masked(self, old: Side, new: Side) -> frozenset[str]:
        if self._dataset is None:
            return frozenset(name for name, _ in (*old.columns, *new.columns))
        contract = self._dataset.contract
        return frozenset(column.name for column in contract.columns if column.personal) if contract else frozenset()

    def _described(self, found: DatasetDiff) -> list[str]:
        if self._wanted.described is Described.NONE:
            return []
        retyped = {name for name, _, _ in found.schema_retyped}
        every = self._wanted.described is Described.ALL
        return [column.name for column in found.columns if every or column.moved or column.name in retyped]

    def _ask(self, sql: str) -> Sequence[tuple[Any, ...]]:
        return self._warehouse.query(sql)[1]


def _sides(
    place: Workplace, old: str, new: str, mistakes: list[Finding]
) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """What each side holds, dataset to version; beside a version, an environment holds that dataset alone."""
    found: list[Mapping[str, str]] = [
        _version(place, name, mistakes) if "@" in name else _environment(place, name, mistakes) for name in (old, new)
    ]
    before, after = found
    if "@" in old and "@" in new:
        if before and after and set(before) != set(after):
            mistakes.append(two_datasets(old, new))
    elif "@" in old:
        after = {name: version for name, version in after.items() if name in before}
    elif "@" in new:
        before = {name: version for name, version in before.items() if name in after}
    return before, after


def _environment(place: Workplace, name: str, mistakes: list[Finding]) -> Mapping[str, str]:
    mapping = mapping_of(place.ledger, name)
    if not mapping and name != PRODUCTION:
        mistakes.append(nothing_shown(place, name))
    return mapping


def _version(place: Workplace, text: str, mistakes: list[Finding]) -> Mapping[str, str]:
    """The one version of a dataset that begins as written."""
    dataset, _, prefix = text.partition("@")
    ledger = place.ledger
    built = [row for row in ledger.rows("versions", dataset=dataset) if _covers(place, row)]
    known = {
        str(row["version"]): str(row["defined_at"])[:19]
        for row in sorted(built, key=lambda row: str(row["defined_at"]))
    }
    fitting = [version for version in known if version.startswith(prefix)]
    if len(fitting) == 1:
        return {dataset: fitting[0]}
    mistakes.append(version_not_found(text, fitting, known))
    return {}


def _covers(place: Workplace, row: Mapping[str, Value]) -> bool:
    """Whether anything was built of a version."""
    return bool(place.ledger.rows("coverage", dataset=row["dataset"], version=row["version"], limit=1))


def _names(
    wanted: Wanted, before: Mapping[str, str], after: Mapping[str, str], mistakes: list[Finding]
) -> frozenset[str]:
    """The datasets asked for by name: with `--dataset`, or as versions."""
    for name in wanted.datasets:
        for environment, mapping in ((wanted.old or PRODUCTION, before), (wanted.new or WORKING, after)):
            if mapping and name not in mapping:
                mistakes.append(not_there(name, environment, mapping))
                break
    versions = {side.partition("@")[0] for side in (wanted.old, wanted.new) if side and "@" in side}
    return frozenset(wanted.datasets) | versions


def _refuse_unfit(
    place: Workplace, wanted: Wanted, windows: Windows, names: frozenset[str], mistakes: list[Finding]
) -> None:
    """What fits no dataset that was named: intervals where it has none, a key of columns that it lacks."""
    if windows.differ and len(names) != 1:
        mistakes.append(one_dataset(sorted(names)))
    for name in sorted(names & set(place.project.datasets)):
        if windows.new is not None and _interval_column(place, name) is None:
            mistakes.append(no_interval(name))
        contract = place.project.datasets[name].contract
        columns = {column.name for column in contract.columns} if contract else set()
        unknown = [part for part in wanted.key if columns and part not in columns]
        if unknown:
            mistakes.append(no_column(name, unknown, columns))
    if wanted.key and not names:
        mistakes.append(key_of_what(wanted.key))


def _interval_column(place: Workplace, name: str) -> str | None:
    dataset = place.project.datasets.get(name)
    return dataset.interval.column if dataset and dataset.interval else None


def _label(name: str, window: Interval | None) -> str:
    return name if window is None else f"{name} {window}"
