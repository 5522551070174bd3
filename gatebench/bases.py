"""A base project: delivered once into a cache as production, with ledger, history and keys, then copied for a case."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import penstock as penstock_package
from gatebench.data import WRITERS

HERE = Path(__file__).resolve().parent
PENSTOCK = Path(sys.executable).with_name("penstock")
AUTHOR, APPROVER = "bench-author", "bench-approver"
MASKING_KEY = "gatebench-masks-with-a-key-that-is-no-secret"
STORY = "stories/BASE-1.md"
BASE_CHANGE = "BASE-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A base project: up to when it is reviewed itself, built before a change, and watched after one."""

    name: str
    reviewed: str
    until: str
    watched: str

    @property
    def folder(self) -> Path:
        """Its files in the repository."""
        return HERE / "bases" / self.name


BASES = {
    base.name: base
    for base in (
        Base(name="retail", reviewed="2010-12-16", until="2010-12-19", watched="2010-12-22"),
        Base(name="epidemic", reviewed="2020-04-03", until="2020-04-06", watched="2020-04-10"),
        Base(name="quakes", reviewed="2025-05-06T08:00:00", until="2025-05-06T12:00:00", watched="2025-05-06T20:00:00"),
        Base(name="star", reviewed="2024-04-02", until="2024-04-05", watched="2024-04-10"),
        Base(name="tiny", reviewed="2024-05-03", until="2024-05-05", watched="2024-05-07"),
    )
}


class BaseError(Exception):
    """A base project could not be delivered, so that nothing can be tried on it."""


def environment(keys: Path) -> dict[str, str]:
    """The environment in which Penstock and git run: this bench's keys, and a git identity of its own."""
    people = {"NAME": "GateBench", "EMAIL": "gatebench@example.com"}
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "PYTHONDONTWRITE"))},
        **{f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in people.items()},
        "PENSTOCK_KEYS": str(keys),
        "PENSTOCK_MASKING_KEY": MASKING_KEY,
    }


def built(base: Base, cache: Path) -> Path:
    """The folder of the delivered base, holding `project/` and `keys/`; made if the cache has none of these files.

    Raises:
        BaseError: Penstock did not carry the base to production.
    """
    target = cache / f"{base.name}-{_digest(base)}"
    if target.exists():
        return target
    made = target.with_name(f"{target.name}.{os.getpid()}")
    shutil.rmtree(made, ignore_errors=True)
    try:
        _deliver(base, made)
        made.rename(target)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return target


def prepare(base: Base, target: Path) -> Path:
    """A repository with the base's files, its data and two people's keys, before anything is delivered."""
    project = target / "project"
    shutil.copytree(base.folder, project)
    WRITERS[base.name](project / "data")
    (project / ".gitignore").write_text(".penstock/\ndata/\nout/\n__pycache__/\n", encoding="utf-8")
    run(target, "git", "init", "--quiet", "--initial-branch", "main")
    penstock(target, "key", "new", AUTHOR, "--role", "author")
    penstock(target, "key", "new", APPROVER, "--role", "approver")
    commit(target, "The base project, with the keys of its author and its approver")
    return project


def commit(target: Path, message: str) -> None:
    """Commit everything in the project's folder."""
    run(target, "git", "add", "--all")
    run(target, "git", "commit", "--quiet", "--message", message)


def penstock(target: Path, *arguments: str, ends: tuple[int, ...] = (0,)) -> str:
    """Run the command line in the project's folder; its standard output."""
    return run(target, str(PENSTOCK), *arguments, ends=ends)


def run(target: Path, *command: str, ends: tuple[int, ...] = (0,)) -> str:
    """Run a program in the project's folder; its standard output.

    Raises:
        BaseError: it ended otherwise than with one of `ends`.
    """
    done = subprocess.run(
        command,
        cwd=target / "project",
        env=environment(target / "keys"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in ends:
        said = (done.stdout + done.stderr)[-4000:]
        raise BaseError(f"{' '.join(command)} ended with {done.returncode}: {said}")
    return done.stdout


def _deliver(base: Base, target: Path) -> None:
    prepare(base, target)
    # a base may promise less than Penstock asks of what is new; an approver lets that stand, as people do
    said = penstock(target, "deliver", STORY, "--as", AUTHOR, "--until", base.reviewed, ends=(1, 4))
    if "missing_retention" in said:
        waived = ("--reason", "kept until the shop has decided", "--until", "2099-01-01", "--as", APPROVER)
        penstock(target, "change", "waive", BASE_CHANGE, "missing_retention", *waived)
        penstock(target, "change", "resume", BASE_CHANGE, "--until", base.reviewed, ends=(4,))
    elif "refused" in said:
        raise BaseError(f"{base.name} is refused by its own gates: {said}")
    penstock(target, "change", "approve", BASE_CHANGE, "--as", APPROVER)
    penstock(target, "change", "resume", BASE_CHANGE, "--until", base.until)
    penstock(target, "run", "--env", "prod", "--until", base.until)


def _digest(base: Base) -> str:
    digest = hashlib.sha256()
    own = sorted(path for path in base.folder.rglob("*") if path.is_file())
    product = sorted(Path(penstock_package.__file__).parent.rglob("*.py"))
    for path in (*own, HERE / "data.py", HERE / "bases.py", *product):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
