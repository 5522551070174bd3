"""`export`: what an environment shows, brought to files and databases that others read, and what is known of that."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from penstock.adapters.lock import exclusive
from penstock.app.asking import nothing_shown
from penstock.app.export_choice import Wanted, ad_hoc, declared
from penstock.app.export_outcome import Done, Failed
from penstock.app.export_targets import open_sink
from penstock.app.wiring import operator
from penstock.engine.expiring import INTENDED
from penstock.engine.promotion import mapping_of
from penstock.model.errors import InputError, PenstockError, RefusedError
from penstock.model.exports import Export, ExportMode
from penstock.model.findings import Finding, Place
from penstock.plan.exporting import Stamp, interval_pieces, standing, whole_piece
from penstock.plan.horizons import first_kept, horizons_of
from penstock.plan.leaving import UNJUDGED, personal_columns, unjudged_columns
from penstock.plan.versions import relation_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from penstock.app.warehouses import ProjectWarehouse
    from penstock.app.wiring import Workplace
    from penstock.engine.exporting import Carried, ExportOrder
    from penstock.ledger.journal import Value

SPOOL = "exporting"
LOCK = "exporting.lock"


def export(place: Workplace, wanted: Wanted, say: Callable[[str], None]) -> Done:
    """Bring targets up to what an environment shows; one that fails does not keep the others from theirs.

    `say` is told if this has to wait for a process that writes.

    Raises:
        InputError: a name is unknown, or an export that no file declares is not possible.
        WaitingError: another process of this project exports.
    """
    exports = (ad_hoc(place, wanted),) if wanted.is_ad_hoc else declared(place, wanted)
    if not exports:
        return Done()
    with exclusive(place.state / LOCK):
        shutil.rmtree(place.state / SPOOL, ignore_errors=True)  # what a process that was killed left there
        return _each(place, place.reading(say, place.state / SPOOL), exports, wanted)


def follow(place: Workplace, environment: str) -> Done:
    """The declared exports of an environment after a run into it, in the process that did the run."""
    exports = tuple(one for one in place.project.exports.values() if one.environment == environment)
    shown = mapping_of(place.ledger, environment) if exports else {}
    ready = tuple(one for one in exports if one.dataset in shown)
    if not ready:
        return Done()
    try:
        with exclusive(place.state / LOCK):
            return _each(place, place.warehouse, ready, Wanted())
    except PenstockError as error:
        return Done(failed=tuple(Failed(export=one, error=error) for one in ready))


def listed(place: Workplace) -> tuple[Mapping[str, Value], ...]:
    """What the ledger says that targets hold, by target."""
    return place.ledger.rows("exports")


def holders(place: Workplace, datasets: Collection[str]) -> tuple[Mapping[str, Value], ...]:
    """The targets, as in `listed`, whose rows come from one of these datasets, also by way of views."""
    found = []
    for row in listed(place):
        below = standing(str(row["dataset"]), str(row["version"]), lambda name, other: _version(place, name, other))
        found += [row] if any(name in datasets for name, _ in below) else []
    return tuple(found)


def _each(place: Workplace, warehouse: ProjectWarehouse, exports: Sequence[Export], wanted: Wanted) -> Done:
    carried: list[Carried] = []
    failed: list[Failed] = []
    for one in exports:
        try:
            carried.append(_carried(place, warehouse, one, wanted))
        except PenstockError as error:
            failed.append(Failed(export=one, error=error))
    return Done(carried=tuple(carried), failed=tuple(failed))


def _carried(place: Workplace, warehouse: ProjectWarehouse, one: Export, wanted: Wanted) -> Carried:
    from penstock.adapters.exports.rows import VersionRows  # noqa: PLC0415 - starts the warehouse's library
    from penstock.engine.exporting import carry_out  # noqa: PLC0415 - as above

    dataset = place.project.datasets[one.dataset]
    version = _shown(place, one)
    columns = warehouse.columns(relation_of(one.dataset, version))
    order, stands_on = _order(place, one, wanted, version, columns)
    by = dataset.interval
    origin = VersionRows(
        warehouse=warehouse,
        spool=place.state / SPOOL if "warehouse" not in place.__dict__ else place.spool,
        dataset=one.dataset,
        version=version,
        columns=columns,
        leaving=order.stamp.columns,
        column=by.column if by else None,
        stands_on=stands_on,
    )
    with open_sink(place, one, order.stamp, origin.column, replace=wanted.replace) as sink:
        return carry_out(place.ledger, origin, sink, order)


def _order(
    place: Workplace, one: Export, wanted: Wanted, version: str, columns: Sequence[tuple[str, str]]
) -> tuple[ExportOrder, tuple[tuple[str, str], ...]]:
    """What an export has to hold now, and the versions that its rows come from."""
    from penstock.adapters.exports.types import carried  # noqa: PLC0415 - starts the warehouse's library
    from penstock.engine.exporting import ExportOrder  # noqa: PLC0415 - as above

    ledger, project = place.ledger, place.project
    leaving = _leaving(one, columns)
    stamp = Stamp(
        project=project.settings.name,
        environment=one.environment,
        dataset=one.dataset,
        version=version,
        mode=one.mode,
        columns=carried(leaving, one.format, one.dataset),
        key=one.key,
    )
    stands_on = standing(one.dataset, version, lambda name, other: _version(place, name, other))
    coverage = [row for name, other in stands_on for row in ledger.rows("coverage", dataset=name, version=other)]
    attempts = [row for name, other in stands_on for row in ledger.rows("attempts", dataset=name, version=other)]
    expiries = [row for name, other in stands_on for row in ledger.rows("expiries", dataset=name, version=other)]
    dataset = project.datasets[one.dataset]
    if one.mode is ExportMode.INTERVAL and dataset.interval is not None:
        _refuse_other_cut(place, one, version, columns)
        kept_from = first_kept(dataset, horizons_of(ledger.rows("horizons", dataset=one.dataset)))
        pieces = interval_pieces(coverage, dataset.interval.grain, wanted.window, expiries, kept_from)
    else:
        pieces = (whole_piece(coverage, expiries),)
    order = ExportOrder(
        export=one,
        stamp=stamp,
        wanted=pieces,
        by=operator(),
        window=wanted.window,
        personal=_allowed(place, one, wanted, version, [name for name, _ in leaving]),
        known=frozenset(str(row["publish_id"]) for row in attempts if row["state"] == "published"),
        is_expiring=any(row["state"] == INTENDED for row in expiries),
    )
    return order, stands_on


def _shown(place: Workplace, one: Export) -> str:
    mapping = mapping_of(place.ledger, one.environment)
    if one.dataset in mapping:
        return mapping[one.dataset]
    if not mapping:
        raise InputError(nothing_shown(place, one.environment))
    raise InputError(
        Finding(
            code="export.not_shown",
            message=f"{one.environment} does not show {one.dataset}",
            place=Place(dataset=one.dataset),
            expected=", ".join(sorted(mapping)),
            remedy="build it there first, or name another environment with --env",
        )
    )


def _version(place: Workplace, dataset: str, version: str) -> Mapping[str, Value] | None:
    rows = place.ledger.rows("versions", dataset=dataset, version=version)
    return rows[0] if rows else None


def _refuse_other_cut(place: Workplace, one: Export, version: str, columns: Sequence[tuple[str, str]]) -> None:
    """The files may say otherwise than the version that is shown by which column, and how, it was cut."""
    by, row = place.project.datasets[one.dataset].interval, _version(place, one.dataset, version)
    grain = str(row["grain"] or "") if row is not None else ""
    if by is None or (by.column in {name for name, _ in columns} and grain in {"", str(by.grain)}):
        return
    raise RefusedError(
        Finding(
            code="export.other_cut",
            message=f"{one.environment} shows a version of {one.dataset} that was cut into other intervals than {by}",
            place=Place(dataset=one.dataset),
            found=f"intervals of a {grain}" if grain else f"no column {by.column}",
            expected="the version that the files describe",
            remedy="deliver the files first, or export it whole",
        )
    )


def _leaving(one: Export, columns: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """The columns that leave, in the order in which they were named, or all of them."""
    types = dict(columns)
    names = one.columns or tuple(types)
    absent = [name for name in (*names, *one.key) if name not in types]
    if absent:
        raise InputError(
            Finding(
                code="export.columns",
                message=f"{one.dataset} has no column {absent[0]}",
                place=Place(file=one.file or None, dataset=one.dataset),
                found=", ".join(absent),
                expected=" | ".join(types),
                remedy="correct `columns` or `key`",
            )
        )
    return tuple((name, types[name]) for name in names)


def _allowed(place: Workplace, one: Export, wanted: Wanted, version: str, names: Sequence[str]) -> dict[str, str]:
    """The personal columns that leave, with their kinds, and those that may be; each must be named."""
    found = personal_columns(place.project, one.dataset)
    leaving = {name: found[name.lower()] for name in names if name.lower() in found}
    unjudged = [name for name in unjudged_columns(place.project, one.dataset, version, names) if name not in leaving]
    allowed = {name.lower() for name in (*one.personal, *wanted.personal)}
    secret = [_personal(one, name, why.told) for name, why in sorted(leaving.items()) if name.lower() not in allowed]
    secret += [_unjudged(one, name, version) for name in sorted(unjudged) if name.lower() not in allowed]
    if secret:
        raise RefusedError(tuple(secret))
    return {name: why.kind for name, why in leaving.items()} | dict.fromkeys(unjudged, UNJUDGED)


def _personal(one: Export, name: str, told: str) -> Finding:
    return Finding(
        code="export.personal",
        message=f"{one.dataset}.{name} holds personal data ({told}), and nothing says that it may leave",
        place=Place(file=one.file or None, dataset=one.dataset, field=name),
        expected="columns without personal data, masked in the query, or named; nothing was exported",
        remedy=f"name the others in `columns`; or allow it: personal: [{name}] in the export's file, "
        f"--allow-personal {name} for this once",
    )


def _unjudged(one: Export, name: str, version: str) -> Finding:
    return Finding(
        code="export.unjudged",
        message=f"whether {one.dataset}.{name} holds personal data cannot be told: {one.environment} shows version "
        f"{version}, and the files describe another without that column",
        place=Place(file=one.file or None, dataset=one.dataset, field=name),
        expected="the version that the files describe, or a column that was named; nothing was exported",
        remedy=f"run the files into {one.environment} first, or deliver them; or allow it: personal: [{name}] in the "
        f"export's file, --allow-personal {name} for this once",
    )
