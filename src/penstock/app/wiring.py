"""Puts the concrete adapters together for one command: where the project is, its ledger, warehouse, lock and keys."""

from __future__ import annotations

import getpass
import os
import shutil
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.adapters.clock import SystemClock
from penstock.adapters.lock import exclusive, holders, writers
from penstock.app.ledgers import POSTGRES, open_ledger
from penstock.app.reading import project_at
from penstock.app.warehouses import foreign_findings, is_there, open_warehouse
from penstock.model.errors import InputError, PenstockError, WaitingError
from penstock.model.findings import Finding, Place
from penstock.project.layout import SETTINGS_FILE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from penstock.adapters.keystore import KeyStore
    from penstock.adapters.ledger.stored import StoredLedger
    from penstock.adapters.processes.runner import TaskProcesses
    from penstock.app.leading import Heart
    from penstock.app.warehouses import ProjectWarehouse
    from penstock.model.masking import MaskingSecret
    from penstock.model.pipelines import Project, Settings

STATE = ".penstock"
LOGS = "logs"
KEYS_VARIABLE = "PENSTOCK_KEYS"
READING_PATIENCE, LOOK_EVERY = 30.0, 0.25
"""For how many seconds a reader waits for a process that writes, and how often it looks."""


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
        self.logs = self.state / LOGS
        self.lock = self.state / "executor.lock"
        self.lease: float | None = None
        self.role = ""
        self._open = ExitStack()
        self._held = False
        self._token: int | None = None
        self._judged: int | None = None
        self._heart: Heart | None = None
        self._processes: dict[Path, TaskProcesses] = {}

    @cached_property
    def project(self) -> Project:
        """The project's model, as its files stand.

        Raises:
            InputError: they are broken, or hold queries that the project's warehouse would answer otherwise.
        """
        project = self.with_key(project_at(self.root, self.state))
        foreign = foreign_findings(project)
        if foreign:
            raise InputError(foreign)
        return project

    @cached_property
    def _masking(self) -> MaskingSecret | None:
        """What hashing needs of the masking key, if `penstock.yaml` names one and it is there."""
        if self.settings.masking is None:
            return None
        from penstock.adapters.masking_key import masking_secret  # noqa: PLC0415 - few projects have one

        return masking_secret(self.settings.masking, self.root)

    def with_key(self, project: Project) -> Project:
        """A project whose versions tell which masking key is at hand.

        Raises:
            InputError: the key is none.
        """
        if not project.hashing or self._masking is None:
            return project
        return replace(project, mask_digest=self._masking.digest)

    def reload(self) -> None:
        """Read the project's files anew.

        Raises:
            InputError: they are broken; the project stays as it was read before.
        """
        before = self.__dict__.pop("project", None)
        try:
            self.project  # noqa: B018 - reading it is the point
        except PenstockError:
            if before is not None:
                self.__dict__["project"] = before
            raise

    @cached_property
    def ledger(self) -> StoredLedger:
        """The ledger, where `penstock.yaml` says: a file beneath the project, or a Postgres database."""
        ledger = open_ledger(self.root, self.settings, lambda: self.clock.now().isoformat())
        self._open.callback(ledger.close)
        return ledger

    @cached_property
    def warehouse(self) -> ProjectWarehouse:
        """The warehouse, open for work. Take the lock first (`hold`)."""
        return self._warehouse(read_only=False)

    def reading(self, say: Callable[[str], None] = lambda _line: None, spool: Path | None = None) -> ProjectWarehouse:
        """The warehouse, open for reading alone; `say` is told if that has to wait for a process that writes.

        `spool` is where it may write files, where whoever takes the lock meanwhile is not to tidy them away.

        Raises:
            WaitingError: it went on writing.
        """
        began, told = self.clock.monotonic(), False
        while True:
            try:
                warehouse = self._warehouse(read_only=True, spool=spool)
            except WaitingError as busy:
                if self.clock.monotonic() - began > READING_PATIENCE:
                    raise
                if not told:
                    from penstock.engine.lease import holder_of  # noqa: PLC0415 - as above

                    holder = holder_of(self.ledger)
                    say(f"waiting: {holder}, writes" if holder else f"waiting: {busy.findings[0].message}")
                    told = True
                self.clock.sleep(LOOK_EVERY)
            else:
                self._open.callback(warehouse.close)
                return warehouse

    def _warehouse(self, *, read_only: bool, spool: Path | None = None) -> ProjectWarehouse:
        self.refuse_lost_warehouse()
        masking = None if read_only else self._masking  # who only reads may not try out whose pseudonym one is
        return open_warehouse(self.root, self.settings, spool or self.spool, read_only=read_only, masking=masking)

    def refuse_lost_warehouse(self) -> None:
        """Say that the warehouse is gone, before another one is made in its place that lacks what the ledger knows.

        Raises:
            InputError: the ledger says that something is built, and there is no warehouse.
        """
        if self.ledger.rows("coverage", limit=1) and not is_there(self.root, self.settings):
            raise InputError(_lost(self.root / self.settings.warehouse))

    @cached_property
    def settings(self) -> Settings:
        """`penstock.yaml` alone, without the rest of the project."""
        if "project" in self.__dict__:
            return self.project.settings
        from penstock.project.settings import read_settings  # noqa: PLC0415 - pulls in YAML

        findings: list[Finding] = []
        settings = read_settings((self.root / SETTINGS_FILE).read_text(encoding="utf-8"), findings)
        if settings is None:
            raise InputError(tuple(findings))
        return settings

    def hold(self) -> None:
        """Be the one command that works on this project until `close`.

        Raises:
            WaitingError: another one does, here or, with a shared ledger, on another machine.
        """
        if self._held:
            return
        with ExitStack() as held:
            held.enter_context(exclusive(self.lock))
            self._judge()
            self._open.enter_context(held.pop_all())
        self._held = True
        if self.spool.is_dir():  # what is there was landed by a process that died
            for leftover in self.spool.iterdir():
                shutil.rmtree(leftover, ignore_errors=True)

    def _judge(self) -> None:
        """With a shared ledger: remember after which token this process may take the lease, if it may."""
        if self.settings.ledger == POSTGRES:
            from penstock.app.leading import refuse_if_led_elsewhere  # noqa: PLC0415 - as the ledger itself

            self._judged = refuse_if_led_elsewhere(self)

    def is_held(self) -> bool:
        """Whether some command works on this project now."""
        return bool(holders(self.lock))

    def ledger_writers(self) -> set[int]:
        """The processes of this machine that write into the ledger just now, if it is a file."""
        return set() if self.settings.ledger == POSTGRES else writers(self.root / self.settings.ledger)

    def may_hold(self) -> bool:
        """Whether this command is the one that works on this project now; see `hold`."""
        try:
            self.hold()
        except WaitingError:
            return False
        return True

    def settle(self) -> None:
        """Settle what a dead executor left open, if it left anything; take the lock first (`hold`)."""
        begun = (("runs", "running"), ("removals", "intended"), ("expiries", "intended"))
        if any(self.ledger.rows(table, state=state, limit=1) for table, state in begun):
            self.token()

    def token_is_new(self) -> bool:
        """Take the token if that was not done yet; whether it was taken, and open work settled, just now."""
        before = self._token
        return self.token() != before

    def token(self) -> int:
        """The executor lease's fencing token, taken on first need; what a dead executor left open is settled first.

        Raises:
            WaitingError: since `hold`, a process of another machine took it.
        """
        if self._token is None:
            from penstock.app.leading import Heart  # noqa: PLC0415 - only when something is built
            from penstock.engine.lease import LEASE_SECONDS, release_lease  # noqa: PLC0415 - as above

            self._token = self._take_lease()
            self._open.callback(release_lease, self.ledger, self._token)
            self._heart = Heart(self.ledger, self._token, self.lease or LEASE_SECONDS)
            self._open.callback(self._heart.stop)
        return self._token

    def _take_lease(self) -> int:
        from penstock.app.leading import led_by  # noqa: PLC0415 - only when something is built
        from penstock.engine.lease import holder_of, take_lease  # noqa: PLC0415 - as above
        from penstock.ledger.journal import LeaseLostError  # noqa: PLC0415 - as above

        if self._judged is None:
            self._judge()
        try:
            return take_lease(self.ledger, self.warehouse, f"{this_process()}{self.role}", self._judged)
        except LeaseLostError as error:
            self._judged = None
            raise WaitingError(led_by(holder_of(self.ledger) or "another process")) from error

    def processes(self, root: Path) -> TaskProcesses:
        """Where the Python and command tasks of the code at `root` run: confined, unless it is the project's own."""
        from penstock.adapters.processes.runner import TaskProcesses  # noqa: PLC0415 - only when something is built

        if root not in self._processes:
            confined = root.resolve() != self.root.resolve()
            self._processes[root] = TaskProcesses(root, self.spool, self.state / LOGS, confined=confined)
            self._open.callback(self._processes[root].close)
        return self._processes[root]

    def has_lost_lease(self) -> bool:
        """Whether another process took the lease that this one held."""
        return self._heart is not None and self._heart.lost.is_set()

    def rest(self, *, whole: bool = True) -> None:
        """Close the warehouse while there is nothing to do, so that other programs may read it."""
        warehouse = self.__dict__.pop("warehouse", None)
        if warehouse is not None:
            warehouse.close(whole=whole)

    def keys(self) -> KeyStore:
        """The operator's private keys."""
        from penstock.adapters.keystore import KeyStore  # noqa: PLC0415 - only when something is signed

        return KeyStore(key_folder())

    def close(self, *, whole: bool = True) -> None:
        """Close whatever was opened; the warehouse before the lock is given back. `whole` as for the warehouse."""
        try:
            self.rest(whole=whole)
        finally:
            self._open.close()


@contextmanager
def workplace(root: Path) -> Iterator[Workplace]:
    """A workplace for the time of one command."""
    place = Workplace(root)
    try:
        yield place
    except BaseException:
        place.close(whole=False)
        raise
    place.close()


def key_folder() -> Path:
    """Where private keys lie: `$PENSTOCK_KEYS`, or `penstock/keys` in the user's configuration folder."""
    given = os.environ.get(KEYS_VARIABLE)
    if given:
        return Path(given)
    home = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(home) / "penstock" / "keys"


def operator() -> str:
    """Who is at work, for the ledger: the system's name of the user."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have none
        return f"user {os.getuid()}"


def this_process() -> str:
    """This process, as the ledger names the holder of a lease."""
    return f"process {os.getpid()} on {os.uname().nodename}"


def _lost(path: Path) -> Finding:
    return Finding(
        code="warehouse.lost",
        message=f"the warehouse {path.name} is not there, and the ledger knows of datasets that were built into it",
        place=Place(file=str(path)),
        expected="the file, or the database, that the ledger speaks of",
        remedy=f"bring it back from a backup; or move {STATE}/ away, ledger and all, and everything is built anew",
    )


def _no_project(root: Path) -> Finding:
    return Finding(
        code="project.not_found",
        message=f"there is no {SETTINGS_FILE} in {root} or above it",
        place=Place(file=str(root)),
        expected="a project's folder",
        remedy="go to a project, give --project DIR, or make one: penstock init DIR",
    )
