"""Which exports a person means: declared ones by name, or one that options describe."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.model.environments import PRODUCTION
from penstock.model.errors import InputError
from penstock.model.exports import Export, ExportFormat, ExportMode
from penstock.model.findings import Finding, Place
from penstock.project.export_file import format_of, mode_findings, path_problem, table_problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from penstock.app.wiring import Workplace
    from penstock.model.intervals import Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a person wants exported: declared exports by name (none: all), or a dataset `to` a place of its own.

    `table`, `connection`, `format`, `mode`, `key` and `columns` say more about that place. `personal` columns may leave
    besides those that a file allows. `replace` writes over what somebody else wrote there.
    """

    names: tuple[str, ...] = ()
    environment: str | None = None
    to: str | None = None
    table: str = ""
    connection: str = ""
    format: ExportFormat | None = None
    mode: ExportMode | None = None
    key: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    personal: tuple[str, ...] = ()
    window: Interval | None = None
    replace: bool = False

    @property
    def is_ad_hoc(self) -> bool:
        """Whether no file declares it."""
        return self.to is not None or bool(self.connection)


def declared(place: Workplace, wanted: Wanted) -> tuple[Export, ...]:
    """The exports of the project's files that are meant.

    Raises:
        InputError: a name is unknown, or what is wanted of an export is not what its file says.
    """
    known = place.project.exports
    unknown = [name for name in wanted.names if name not in known]
    if unknown:
        raise InputError(tuple(_unknown(name, known) for name in unknown))
    chosen = [known[name] for name in wanted.names or known]
    for one in chosen:
        if wanted.environment is not None and wanted.environment != one.environment:
            raise InputError(_other_environment(one, wanted.environment))
        if wanted.window is not None and one.mode is ExportMode.WHOLE:
            raise InputError(_no_window(one))
    return tuple(chosen)


def ad_hoc(place: Workplace, wanted: Wanted) -> Export:
    """The export that options describe.

    Raises:
        InputError: with everything that is wrong with it.
    """
    if len(wanted.names) != 1:
        raise InputError(_one_dataset(wanted.names))
    (name,) = wanted.names
    dataset = place.project.datasets.get(name)
    if dataset is None:
        raise InputError(_unknown(name, place.project.datasets))
    format_ = wanted.format or (ExportFormat.POSTGRES if wanted.connection else format_of(wanted.to or ""))
    if format_ is None:
        raise InputError(_wrong("export.format", f"{wanted.to} does not say in which format", "--format"))
    path = "" if wanted.to is None else _spelt(place, wanted.to)
    dated = "{interval_start" in path
    mode = wanted.mode or (ExportMode.INTERVAL if dated else ExportMode.WHOLE)
    made = Export(
        dataset=name,
        format=format_,
        mode=mode,
        environment=wanted.environment or PRODUCTION,
        path=path,
        connection=wanted.connection,
        table=wanted.table,
        key=wanted.key,
        columns=wanted.columns,
    )
    findings = [*_ad_hoc_findings(made, wanted, dated=dated), *mode_findings(made, dataset)]
    if findings:
        raise InputError(tuple(findings))
    if wanted.window is not None and mode is ExportMode.WHOLE:
        raise InputError(_no_window(made))
    return made


def _ad_hoc_findings(made: Export, wanted: Wanted, *, dated: bool) -> Iterator[Finding]:
    is_file = not made.format.is_database
    if (made.format is ExportFormat.POSTGRES) != bool(wanted.connection) or bool(wanted.connection) == bool(wanted.to):
        yield _wrong("export.where", f"{made.format} and where it goes do not fit", "--to PATH, or --connection NAME")
    problem = path_problem(made.path, beneath=False) if made.path else None
    if problem:
        yield _wrong("export.path", problem, "a path such as out/revenue/{interval_start:%Y-%m-%d}.parquet")
    if is_file == bool(made.table):
        why = f"--table is without use for {made.format}" if is_file else f"{made.format} needs the table's name"
        yield _wrong("export.table", why, "--table SCHEMA.NAME, such as --table main.revenue, for a database alone")
    elif made.table and (problem := table_problem(made.table)):
        yield _wrong("export.table", problem, "--table SCHEMA.NAME, without quotes")
    if is_file and dated != (made.mode is ExportMode.INTERVAL):
        yield _wrong("export.mode", "--mode interval and {interval_start:…} go together", "both, or neither")
    if made.key and made.format is not ExportFormat.POSTGRES:
        yield _wrong("export.key", f"--key is without use for {made.format}", "--key with a table of Postgres")


def _spelt(place: Workplace, path: str) -> str:
    """A path as the ledger knows it: from the project's folder where it lies there, else from the root."""
    whole = Path(os.path.abspath(path))  # noqa: PTH100 - a link's own name counts
    return whole.relative_to(place.root).as_posix() if whole.is_relative_to(place.root) else whole.as_posix()


def _wrong(code: str, message: str, expected: str) -> Finding:
    return Finding(code=code, message=message, expected=expected)


def _unknown(name: str, known: Mapping[str, object]) -> Finding:
    return Finding(
        code="export.unknown_name",
        message=f"there is no {name}",
        found=name,
        expected=" | ".join(sorted(known)) or "a file NAME.export.yaml in a pipeline's folder",
        remedy="correct the name; a dataset is exported to a place of its own by --to PATH or --connection NAME",
    )


def _one_dataset(names: tuple[str, ...]) -> Finding:
    return Finding(
        code="export.one_dataset",
        message=f"{len(names)} datasets are named, and one place",
        found=", ".join(names),
        expected="one dataset, such as penstock export sales.revenue --to out/revenue.parquet",
        remedy="export one after the other",
    )


def _other_environment(one: Export, environment: str) -> Finding:
    return Finding(
        code="export.other_environment",
        message=f"{one.name} is an export of {one.environment}: `environment` of its file says so, or nothing (prod)",
        place=Place(file=one.file, dataset=one.dataset),
        found=f"--env {environment}",
        expected=f"--env {one.environment}, or none",
        remedy=f"write `environment: {environment}` into the file, or export to a place of its own: --to PATH",
    )


def _no_window(one: Export) -> Finding:
    return Finding(
        code="export.no_interval",
        message=f"{one.target} is written whole, so an interval of it cannot be",
        place=Place(file=one.file or None, dataset=one.dataset),
        found="--interval",
        expected="mode: interval, and for files {interval_start:…} in the path",
        remedy="leave --interval out",
    )
