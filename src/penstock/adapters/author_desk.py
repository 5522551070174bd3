"""Where a program writes a change: a copy of the project in a folder of its own, and nothing else that it could reach.

Invariants: it runs confined or not at all; it sees no key, ledger, warehouse, home or other process, and a network only
where the settings say so; all that it writes lies on its desk, and is bounded, as are its processes and their memory;
what it leaves is read as data: plain files beneath the copy, bounded in number and size.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.adapters import author_findings as findings
from penstock.adapters.author_bounds import Allowance, Watch
from penstock.adapters.author_findings import ASKING, BRIEF, MOST_FILES, QUESTIONS
from penstock.adapters.processes import sandbox
from penstock.adapters.processes.logs import LogWriter
from penstock.adapters.processes.masking import Mask, secrets_of
from penstock.delivery.ports import CommandRun, Handed
from penstock.model.errors import InputError, RunError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from penstock.model.authors import AuthorCommand
    from penstock.model.findings import Finding

MOST_BYTES, MOST_QUESTIONS = 1 << 20, 20
_BLOCKS = 1 << 21
"""How much it may write into one file, in blocks of 512 bytes: 1 GiB."""
_LOANED = {"tmp": sandbox.TEMPORARY, "shm": "/dev/shm"}  # noqa: S108 - the sandbox's own
"""Folders of its home that stand in for what else could be written to: those would take memory, unbounded."""
_KEPT = ("PATH", "LANG", "LC_ALL", "TZ", "VIRTUAL_ENV")
_OWN = (".penstock", ".git", "__pycache__", BRIEF, "home")


class AuthorDesk:
    """A `Desk` beneath the folder in which the project keeps its state."""

    def __init__(self, state: Path, allowance: Allowance | None = None) -> None:
        self._state, self._allowance = state, allowance or Allowance()

    def write(self, author: AuthorCommand, files: Mapping[str, bytes], brief: Mapping[str, bytes]) -> Handed:
        """Have a program write; `brief` are the texts that tell it what is wanted.

        Raises:
            InputError: it cannot be confined here, a variable is not set, or what it left is no set of plain files.
            RunError: it failed or ran out of time.
        """
        environment = _environment(author)
        if not sandbox.works():
            raise InputError(findings.unconfined(author))
        desks = self._state / "desks"
        shutil.rmtree(desks, ignore_errors=True)  # what a killed process has left: one writes at a time
        desks.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=desks, prefix="desk-", ignore_cleanup_errors=True) as folder:
            desk = Path(folder).resolve()
            for path, data in (*files.items(), *((f"{BRIEF}/{name}", data) for name, data in brief.items())):
                (desk / path).parent.mkdir(parents=True, exist_ok=True)
                (desk / path).write_bytes(data)
            for name in _LOANED:
                (desk / "home" / name).mkdir(parents=True)
            run = self._run(author, desk, environment | {"HOME": str(desk / "home")})
            if run.exit_code == ASKING:
                return Handed(files={}, run=run, questions=_questions(desk, author))
            if run.exit_code != 0:
                raise RunError(findings.failed(author, run))
            return Handed(files=_changed(desk, files, author), run=run)

    def _run(self, author: AuthorCommand, desk: Path, environment: Mapping[str, str]) -> CommandRun:
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="penstock-author-") as kept:
            file = Path(kept) / "output.log"
            log = LogWriter(file, Mask(secrets_of(os.environ, author.environment)))
            with (
                closing(log),
                subprocess.Popen(
                    self._words(author, desk),
                    cwd=desk,
                    env=dict(environment),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                ) as process,
                closing(Watch(process, desk, author.timeout.total_seconds(), self._allowance)) as watch,
            ):
                assert process.stdout is not None  # noqa: S101 - it was asked for
                while data := os.read(process.stdout.fileno(), 1 << 16):
                    log.write(data)
                code = process.wait()
            output = file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""
        took = int((time.monotonic() - began) * 1000)
        run = CommandRun(argv=author.run, exit_code=code, output=output, duration_ms=took)
        if watch.reason:
            raise RunError(findings.too_much(author, run, watch.reason))
        if watch.is_late:
            raise RunError(findings.too_late(author, run))
        return run

    def _words(self, author: AuthorCommand, desk: Path) -> list[str]:
        rebound = [(desk / "home" / name, place) for name, place in _LOANED.items()]
        hidden = (self._state.parent,)
        wrapping = sandbox.wrapping(desk, desk, network=author.network, hidden=hidden, rebound=rebound)
        bounded = ("/bin/sh", "-c", f'ulimit -c 0; ulimit -f {_BLOCKS}; exec "$@"', "sh")
        return [*wrapping, "--remount-ro", "/dev", "--chdir", str(desk), *bounded, *author.run]


def _environment(author: AuthorCommand) -> dict[str, str]:
    missing = [name for name in author.environment if name not in os.environ]
    if missing:
        raise InputError(tuple(findings.not_set(author, name) for name in missing))
    return {name: os.environ[name] for name in (*_KEPT, *author.environment) if name in os.environ}


def _changed(desk: Path, given: Mapping[str, bytes], author: AuthorCommand) -> dict[str, bytes | None]:
    """What stands otherwise than it was given: bytes, or None for what is gone."""
    found: dict[str, bytes | None] = {}
    odd: list[Finding] = []
    there = set()
    for path, info in _walk(desk, ""):
        if not stat.S_ISREG(info.st_mode) or info.st_size > MOST_BYTES:
            what = "a file of more than 1 MiB" if stat.S_ISREG(info.st_mode) else "no plain file"
            odd.append(findings.odd(author, path, what))
            continue
        there.add(path)
        data = (desk / path).read_bytes()
        if given.get(path) != data:
            found[path] = data
        if len(there) > MOST_FILES + len(given):
            raise InputError(findings.odd(author, path, f"one of more than {MOST_FILES:,} files"))
    if odd:
        raise InputError(tuple(odd))
    return found | dict.fromkeys(set(given) - there)


def _walk(top: Path, beneath: str) -> Iterator[tuple[str, os.stat_result]]:
    """Every entry that is no folder, without following links; what is the desk's own is left out."""
    with os.scandir(top / beneath) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            path = f"{beneath}{entry.name}"
            if (not beneath and entry.name in _OWN) or entry.name == "__pycache__":
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(top, f"{path}/")
            else:
                yield path, entry.stat(follow_symlinks=False)


def _questions(desk: Path, author: AuthorCommand) -> tuple[str, ...]:
    path = desk / BRIEF / QUESTIONS
    text = ""
    if path.is_file() and not path.is_symlink() and path.stat().st_size <= MOST_BYTES:
        text = path.read_text(encoding="utf-8", errors="replace")
    plain = "".join(sign if sign.isprintable() or sign.isspace() else "\N{REPLACEMENT CHARACTER}" for sign in text)
    asked = tuple(" ".join(line.split())[:500] for line in plain.splitlines() if line.strip())[:MOST_QUESTIONS]
    if not asked:
        raise InputError(findings.asks_nothing(author))
    return asked
