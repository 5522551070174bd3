"""Opens a project's warehouse where `penstock.yaml` says it is: a file beneath the project, or a Postgres database.

What Postgres is asked it must answer as DuckDB does: a project's queries are held to that before anything runs.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Protocol

from penstock.engine.ports.warehouse import Warehouse
from penstock.model.contracts import RuleKind
from penstock.model.errors import InputError
from penstock.model.findings import Finding, Place
from penstock.model.pipelines import SqlTask
from penstock.project.layout import SETTINGS_FILE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from penstock.adapters.duckdb.warehouse import DuckdbWarehouse
    from penstock.engine.ports.relations import Compacted
    from penstock.model.masking import MaskingSecret
    from penstock.model.pipelines import Dataset, Project, Settings

POSTGRES = "postgres"
WAREHOUSE_VARIABLE = "PENSTOCK_WAREHOUSE"
"""The environment variable that holds a Postgres warehouse's address: it may hold a password, so no file does."""


class ProjectWarehouse(Warehouse, Protocol):
    """What commands ask of a warehouse besides what the engine does. Queries are written for DuckDB."""

    def close(self, *, whole: bool = True) -> None:
        """Give back what it holds; not `whole`: something failed, so that nothing that can wait is to be written."""
        ...

    def query(
        self, sql: str, params: Mapping[str, object] | None = None
    ) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """Column names and all rows of one query, with values bound by name.

        Raises:
            InputError: it is refused.
        """
        ...

    def columns(self, relation: str) -> tuple[tuple[str, str], ...]:
        """Names and types of a relation's columns."""
        ...

    def compact(self, relations: Sequence[str]) -> Compacted:
        """Write what holds these tables anew, so that what was deleted from them is not in it any more.

        Raises:
            WaitingError: another process has it open.
            RunError: there is no room for a copy; it is as it was.
        """
        ...

    def environment(self, environment: str) -> dict[str, str]:
        """What the target itself says an environment shows: dataset to version."""
        ...

    def views(self, environment: str) -> list[str]:
        """The views that an environment's schemas hold, by the catalog's own word."""
        ...


def open_warehouse(
    root: Path, settings: Settings, spool: Path, *, read_only: bool, masking: MaskingSecret | None = None
) -> ProjectWarehouse:
    """The warehouse, for work or for reading alone; with `masking` its sessions can hash.

    Raises:
        InputError: its address or its driver is missing, or it is only to be read and not there.
        RunError: it does not open.
        WaitingError: another process has its file open.
    """
    if settings.warehouse != POSTGRES:
        from penstock.adapters.duckdb.warehouse import DuckdbWarehouse  # noqa: PLC0415 - only when it is needed

        return DuckdbWarehouse(root / settings.warehouse, spool, read_only=read_only, masking=masking)
    from penstock.adapters.postgres.opening import open_postgres_warehouse  # noqa: PLC0415 - as above

    spool.mkdir(parents=True, exist_ok=True)
    return open_postgres_warehouse(_address(), settings.name, read_only=read_only, masking=masking)


def is_there(root: Path, settings: Settings) -> bool:
    """Whether somebody made the warehouse.

    Raises:
        InputError: its address or its driver is missing.
        RunError: the database does not answer.
    """
    if settings.warehouse != POSTGRES:
        return (root / settings.warehouse).exists()
    from penstock.adapters.postgres.opening import is_made  # noqa: PLC0415 - only when it is needed

    return is_made(_address())


def foreign_findings(project: Project) -> tuple[Finding, ...]:
    """What of a project's queries its warehouse would not answer as DuckDB does."""
    if project.settings.warehouse != POSTGRES:
        return ()
    from penstock.sql.syntax import within  # noqa: PLC0415 - pulls in the SQL parser
    from penstock.sql.transpiling import refuse_foreign  # noqa: PLC0415 - as above

    findings: list[Finding] = []
    for name, dataset in sorted(project.datasets.items()):
        findings += _foreign_checks(dataset)
        if not isinstance(dataset.task, SqlTask):
            continue
        try:
            refuse_foreign(dataset.task.text)
        except InputError as error:
            findings += within(error.findings, dataset.file, name)
    return tuple(findings)


def _foreign_checks(dataset: Dataset) -> list[Finding]:
    """Checks that only DuckDB is asked: those that take quantiles and most frequent values."""
    contract = dataset.contract
    if contract is None:
        return []
    return [
        Finding(
            code="check.not_on_postgres",
            message=f"the distribution of {rule.columns[0]} cannot be followed in a warehouse in Postgres yet",
            place=Place(file=contract.file, line=rule.line, dataset=dataset.name, field=rule.columns[0]),
            found=f"a check of {rule.kind}",
            expected="a check of another kind, or a warehouse in a DuckDB file",
            remedy="take the check out, or state bounds: minimum and maximum, accepted values, a number of rows",
        )
        for rule in contract.rules
        if rule.kind is RuleKind.DRIFT
    ]


def refuse_delivery(settings: Settings) -> None:
    """Deliveries compare, rehearse and verify with SQL that only DuckDB is asked.

    Raises:
        InputError: the warehouse is in Postgres.
    """
    if settings.warehouse == POSTGRES:
        raise InputError(_no_delivery())


def refuse_comparison(settings: Settings) -> None:
    """Differences row by row are asked for with SQL that only DuckDB is asked.

    Raises:
        InputError: the warehouse is in Postgres.
    """
    if settings.warehouse == POSTGRES:
        raise InputError(_no_comparison())


def with_rehearsals(warehouse: ProjectWarehouse) -> DuckdbWarehouse:
    """The warehouse, whose sessions can apply rows without publishing them.

    Raises:
        InputError: it is in Postgres.
    """
    from penstock.adapters.duckdb.warehouse import DuckdbWarehouse  # noqa: PLC0415 - only when it is needed

    if not isinstance(warehouse, DuckdbWarehouse):
        raise InputError(_no_rehearsals())
    return warehouse


def _address() -> str:
    address = os.environ.get(WAREHOUSE_VARIABLE)
    if not address:
        raise InputError(_no_address())
    return address


def _no_address() -> Finding:
    return Finding(
        code="warehouse.no_address",
        message=f"the warehouse is in Postgres, and {WAREHOUSE_VARIABLE} does not say where",
        place=Place(file=SETTINGS_FILE, field="warehouse"),
        expected=f"{WAREHOUSE_VARIABLE}=postgresql://USER:PASSWORD@HOST/DATABASE in the environment",
        remedy="set the variable, or write `warehouse: .penstock/warehouse.duckdb` for a file of this machine",
    )


def _not_on_postgres(what: str, message: str, expected: str, remedy: str) -> Finding:
    return Finding(
        code=f"{what}.not_on_postgres",
        message=message,
        place=Place(file=SETTINGS_FILE, field="warehouse"),
        found=f"warehouse: {POSTGRES}",
        expected=f"a warehouse in a DuckDB file{expected}",
        remedy=remedy,
    )


def _no_comparison() -> Finding:
    return _not_on_postgres(
        "diff",
        "versions in a warehouse in Postgres cannot be compared row by row yet",
        expected=", for which the comparison is written",
        remedy="`penstock plan` says which columns an edit moves; `penstock query` asks each environment",
    )


def _no_rehearsals() -> Finding:
    return _not_on_postgres(
        "slices",
        "slices cannot be tried in a warehouse in Postgres yet",
        expected=", in which slices are built and compared without publishing them",
        remedy="try them in a copy of the project whose warehouse is a file; `penstock test` alone runs everywhere",
    )


def _no_delivery() -> Finding:
    return _not_on_postgres(
        "deliver",
        "changes cannot be delivered to a warehouse in Postgres yet",
        expected=": what a delivery compares, rehearses and verifies is written for it",
        remedy="deliver from a project whose warehouse is a file; `penstock run --env NAME` builds and shows here",
    )
