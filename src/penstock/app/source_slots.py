"""`source slots`: the slots that changes are read through, whose they are, how much log they keep; and their end."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.adapters.databases.addresses import address_of
from penstock.model.databases import DatabaseEngine, DatabaseSource
from penstock.model.errors import InputError, RunError, TaskError, TransientError
from penstock.model.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from penstock.adapters.databases.arrow import ArrowConnection
    from penstock.adapters.databases.slots import Slot
    from penstock.app.wiring import Workplace

_STATES = "SELECT dataset, version, state FROM _penstock.states"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """The version whose rows a slot speaks for, and the environments that show it."""

    dataset: str
    version: str
    environments: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A slot of this installation, on the server that a variable or a file names.

    `reader` is None where no version needs it. `bytes_kept` is of the server's log: -1 where the server does not say.
    """

    name: str
    connection: str
    reader: Reader | None
    bytes_kept: int
    status: str
    is_active: bool


def slots_of(place: Workplace, variables: Sequence[str], drop: Sequence[str]) -> tuple[tuple[Listed, ...], list[str]]:
    """The slots of this installation on every server whose changes the project reads, and which of them were dropped.

    `variables` name the addresses of further servers, which no source file names any more.

    Raises:
        InputError: a server cannot be asked, or a slot that is to be dropped is not there, or is being read.
    """
    readers = _readers(place)
    found: dict[str, Listed] = {}
    dropped: list[str] = []
    for source in _servers(place, variables):
        with _connected(place, source) as connection:
            from penstock.adapters.databases import slots  # noqa: PLC0415 - loads what reads databases

            home = slots.home_of(place.state)
            there = slots.slots(connection, f"s.database = current_database() AND strpos(s.slot_name, '_{home}_') > 0")
            where = source.connection or source.connection_file
            for each in there:
                if each.name in drop and not each.is_active:
                    slots.drop(connection, each.name)
                    dropped.append(each.name)
                else:
                    found[each.name] = _listed(each, where, readers.get(each.name))
    wrong = tuple(_not_dropped(name, found.get(name)) for name in drop if name not in dropped)
    if wrong:
        raise InputError(wrong)
    return tuple(found.values()), dropped


def _listed(slot: Slot, connection: str, reader: Reader | None) -> Listed:
    return Listed(
        name=slot.name,
        connection=connection,
        reader=reader,
        bytes_kept=slot.bytes_kept,
        status=slot.invalid_because or slot.status,
        is_active=slot.is_active,
    )


def _servers(place: Workplace, variables: Sequence[str]) -> Iterator[DatabaseSource]:
    """One source for each address."""
    seen: set[str] = set()
    named = [DatabaseSource(engine=DatabaseEngine.POSTGRES, types={}, connection=name) for name in variables]
    tasks = [dataset.task for dataset in place.project.datasets.values()]
    for source in (*(task for task in tasks if isinstance(task, DatabaseSource) and task.changes), *named):
        where = source.connection or source.connection_file
        if where not in seen:
            seen.add(where)
            yield source


@contextmanager
def _connected(place: Workplace, source: DatabaseSource) -> Iterator[ArrowConnection]:
    from penstock.adapters.databases.postgres import PostgresDatabase  # noqa: PLC0415 - loads what reads databases

    try:
        database = PostgresDatabase(address_of(source, place.root, source.table or "the command line"), None)
        try:
            yield database.connection
        finally:
            database.close()
    except (TaskError, TransientError) as error:
        raise InputError(error.findings) from None


def _readers(place: Workplace) -> dict[str, Reader]:
    """Which version reads through which slot, by what the warehouse says of how far each got."""
    shown: dict[tuple[str, str], list[str]] = {}
    for row in place.ledger.rows("environments"):
        shown.setdefault((str(row["dataset"]), str(row["version"])), []).append(str(row["environment"]))
    try:
        warehouse = place.reading()
    except (InputError, RunError):  # nothing has been built yet
        return {}
    try:
        states = warehouse.query(_STATES)[1]
    finally:
        warehouse.close()
    readers = {}
    for dataset, version, state in states:
        slot = _slot_in(str(state))
        if slot is not None:
            environments = tuple(sorted(shown.get((str(dataset), str(version)), [])))
            readers[slot] = Reader(dataset=str(dataset), version=str(version), environments=environments)
    return readers


def _slot_in(state: str) -> str | None:
    """The slot that a state names; None of a connector's, whose words are its own."""
    try:
        said = json.loads(state)
    except ValueError:
        return None
    return str(said["slot"]) if isinstance(said, dict) and {"slot", "lsn", "publication"} <= said.keys() else None


def _not_dropped(name: str, there: Listed | None) -> Finding:
    return Finding(
        code="source.unknown_slot" if there is None else "source.slot_busy",
        message=f"there is no slot {name} of this installation" if there is None else f"{name} is being read now",
        found=name,
        expected="the name of a slot as `penstock source slots` lists it, that nobody reads at the moment",
        remedy="correct the name" if there is None else "wait until the run is over",
    )
