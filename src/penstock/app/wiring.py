"""Puts the concrete adapters together for one command: where the project is, its ledger, warehouse, lock and keys."""

from __future__ import annotations

import os
import shutil
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.adapters.clock import SystemClock
from penstock.adapters.folder import load_project
from penstock.adapters.lock import exclusive
from penstock.model.errors import InputError
from penstock.model.findings import Finding, Place
from penstock.project.settings import SETTINGS_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.adapters.duckdb.warehouse import DuckdbWarehouse
    from penstock.adapters.keystore import KeyStore
    from penstock.adapters.ledger.sqlite import SqliteLedger
    from penstock.model.pipelines import Project

STATE = ".penstock"
KEYS_VARIABLE = "PENSTOCK_KEYS"
PASSPHRASE_VARIABLE = "PENSTOCK_PASSPHRASE"  # noqa: S105 - a name, not a secret


def find_root(given: str | None, near: Path | None = None) -> Path:
    """The project's folder: the one given, or the nearest `penstock.yaml` upwards from here (or from `near`).

    Raises:
        InputError: there is none.
    """
    if given is not None:
        root = Path(given).resolve()
        if (root / SETTINGS_FILE).is_file():
            return root
        raise InputError(_no_project(root))
    starts = [Path.cwd(), *([near.resolve().parent] if near else [])]
    for start in starts:
        for folder in (start, *start.parents):
            if (folder / SETTINGS_FILE).is_file():
                return folder
    raise InputError(_no_project(Path.cwd()))


class Workplace:
    """A project with its machinery, opened piece by piece as a command needs it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.state = root / STATE
        self.spool = self.state / "spool"
        self.clock = SystemClock()
        self._open = ExitStack()
        self._token: int | None = None

    @cached_property
    def project(self) -> Project:
        """The project's model, as its files stand."""
        from penstock.project.reading import read_project  # noqa: PLC0415 - pulls in the SQL parser

        return read_project(load_project(self.root))

    @cached_property
    def ledger(self) -> SqliteLedger:
        """The ledger."""
        from penstock.adapters.ledger.sqlite import SqliteLedger  # noqa: PLC0415 - only when it is needed

        ledger = SqliteLedger(self.state / "ledger.db", lambda: self.clock.now().isoformat())
        self._open.callback(ledger.close)
        return ledger

    @cached_property
    def warehouse(self) -> DuckdbWarehouse:
        """The warehouse, open for work. Take the lock first (`hold`)."""
        return self._warehouse(read_only=False)

    def reading(self) -> DuckdbWarehouse:
        """The warehouse, open for reading alone."""
        return self._warehouse(read_only=True)

    def _warehouse(self, *, read_only: bool) -> DuckdbWarehouse:
        from penstock.adapters.duckdb.warehouse import DuckdbWarehouse  # noqa: PLC0415 - only when it is needed

        path = self.root / self._warehouse_path()
        warehouse = DuckdbWarehouse(path, self.spool, read_only=read_only)
        self._open.callback(warehouse.close)
        return warehouse

    def _warehouse_path(self) -> str:
        from penstock.project.settings import read_settings  # noqa: PLC0415 - pulls in YAML

        findings: list[Finding] = []
        settings = read_settings((self.root / SETTINGS_FILE).read_text(encoding="utf-8"), findings)
        if settings is None:
            raise InputError(tuple(findings))
        return settings.warehouse

    def hold(self) -> None:
        """Be the one command that works on this project until `close`.

        Raises:
            WaitingError: another one does.
        """
        self._open.enter_context(exclusive(self.state / "executor.lock"))
        if self.spool.is_dir():  # what is there was landed by a process that died
            for leftover in self.spool.iterdir():
                shutil.rmtree(leftover, ignore_errors=True)

    def token_is_new(self) -> bool:
        """Take the token if that was not done yet; whether it was taken, and open work settled, just now."""
        before = self._token
        return self.token() != before

    def token(self) -> int:
        """The executor lease's fencing token, taken on first need; what a dead executor left open is settled first."""
        if self._token is None:
            from penstock.engine.lease import take_lease  # noqa: PLC0415 - only when something is built

            self._token = take_lease(self.ledger, self.warehouse, f"process {os.getpid()}")
        return self._token

    def keys(self) -> KeyStore:
        """The operator's private keys."""
        from penstock.adapters.keystore import KeyStore  # noqa: PLC0415 - only when something is signed

        return KeyStore(key_folder())

    def close(self) -> None:
        """Close whatever was opened."""
        self._open.close()


@contextmanager
def workplace(root: Path) -> Iterator[Workplace]:
    """A workplace for the time of one command."""
    place = Workplace(root)
    try:
        yield place
    finally:
        place.close()


def key_folder() -> Path:
    """Where private keys lie: `$PENSTOCK_KEYS`, or `penstock/keys` in the user's configuration folder."""
    given = os.environ.get(KEYS_VARIABLE)
    if given:
        return Path(given)
    home = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(home) / "penstock" / "keys"


def passphrase() -> bytes | None:
    """The passphrase of the operator's keys, if the environment has one."""
    text = os.environ.get(PASSPHRASE_VARIABLE)
    return text.encode() if text else None


def _no_project(root: Path) -> Finding:
    return Finding(
        code="project.not_found",
        message=f"there is no {SETTINGS_FILE} in {root} or above it",
        place=Place(file=str(root)),
        expected="a project's folder",
        remedy="go to a project, give --project DIR, or make one: penstock init DIR",
    )
