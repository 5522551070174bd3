"""A peer judges a case: the untouched base is built there once and must be accepted whole, then the change on a copy.

Invariants: no verdict counts before the base is accepted; a build that ended for another reason than the project's
queries, checks and tests is a broken trial, never a refusal.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from gatebench.bases import BASES, BaseError
from gatebench.peers import dbt, sqlmesh
from gatebench.peers.comparable import not_comparable
from gatebench.peers.portable import NotPortableError, read_portable
from gatebench.trial import Trial, Verdict, blank, work_of_children
from penstock.model.intervals import parse_moment
from penstock.sql.identifiers import literal, quote, table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gatebench.bases import Base
    from gatebench.cases import Case
    from gatebench.peers.portable import Portable

HERE = Path(__file__).resolve().parent
WAREHOUSE = "warehouse.duckdb"
LONGEST = 1800
"""After so many seconds a build is given up: a broken trial."""
_NOT_FILES = shutil.ignore_patterns(".git", ".penstock", "data", "out", "__pycache__", "stories", "keys", "changes")
_COULD_NOT = ("ModuleNotFoundError", "No module named", "IO Error: Could not set lock", "INTERNAL Error")


class Tool(StrEnum):
    """A tool that the cases are given to."""

    DBT = "dbt"
    SQLMESH = "sqlmesh"


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A tool with the Python of its environment; `silence` are the variables that keep it from sending anything."""

    tool: Tool
    python: Path
    silence: Mapping[str, str]

    def write(self, project: Portable, folder: Path) -> None:
        """Write a project in the tool's own form, instead of one that is there."""
        files = dbt.dbt_files(project) if self.tool is Tool.DBT else sqlmesh.sqlmesh_files(project)
        for name in ("models", "tests", "audits", "macros", "target/run_results.json"):
            path = folder / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    def build(self, folder: Path) -> Outcome:
        """Build the project of a folder with its tests."""
        program, *arguments = dbt.COMMAND if self.tool is Tool.DBT else sqlmesh.COMMAND
        try:
            done = self._run(folder, program, *arguments)
        except subprocess.TimeoutExpired:
            return Outcome(code=-1, said=f"did not end within {LONGEST} seconds")
        said = done.stdout + done.stderr
        failures = dbt.dbt_failures(folder) if self.tool is Tool.DBT else sqlmesh.sqlmesh_failures(said)
        return Outcome(code=done.returncode, said=said[-4000:], failures=failures if done.returncode else ())

    def land(self, folder: Path, sources: Path) -> None:
        """Make the tables of what Penstock landed.

        Raises:
            BaseError: it did not work.
        """
        done = self._run(folder, "python", str(HERE / "land.py"), WAREHOUSE, str(sources))
        if done.returncode:
            raise BaseError(f"{self.tool} cannot be given the sources: {done.stderr[-1500:]}")

    def _run(self, folder: Path, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a program of the tool's environment."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TMPDIR") if name in os.environ}
        return subprocess.run(
            [str(self.python.with_name(program)), *arguments],
            cwd=folder,
            env={**kept, **self.silence, "HOME": str(folder), "TZ": "UTC", "COLUMNS": "240"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=LONGEST,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a build ended: the exit code, the end of what was said, and what failed."""

    code: int
    said: str
    failures: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """Accepted if it ended well, refused if the project was to blame."""
        if self.code == 0:
            return Verdict.ACCEPTED
        return Verdict.BROKEN if self.code < 0 or any(text in self.said for text in _COULD_NOT) else Verdict.REFUSED


def accepted_base(peer: Peer, base: Base, built: Path) -> Path:
    """The folder of a base that a peer has built and accepted; made if it is not there.

    Raises:
        BaseError: the peer does not accept the untouched base.
    """
    target = built.parent / f"{peer.tool}-{built.name}-{_digest(peer)}"
    if target.exists():
        return target
    with tempfile.TemporaryDirectory(dir=built.parent, prefix=f"{peer.tool}-") as made:
        folder, sources = Path(made) / "project", Path(made) / "sources"
        folder.mkdir()
        sources.mkdir()
        project = read_portable(built / "project", parse_moment(base.until))
        _hand_out(built, project, sources)
        peer.write(project, folder)
        peer.land(folder, sources)
        outcome = peer.build(folder)
        if outcome.verdict is not Verdict.ACCEPTED:
            said = "; ".join(outcome.failures) or outcome.said
            raise BaseError(f"{peer.tool} does not accept the untouched base {base.name}: {said}")
        strange = _other_rows(folder, Path(made) / WAREHOUSE, project)
        if strange:
            raise BaseError(f"{peer.tool} makes other rows than Penstock of {base.name}: {', '.join(strange)}")
        folder.rename(target)
    return target


def _other_rows(folder: Path, production: Path, project: Portable) -> list[str]:
    """The datasets of which a peer's build does not hold exactly the rows that Penstock's production shows."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"ATTACH {literal(str(folder / WAREHOUSE))} AS warehouse (READ_ONLY)")
        connection.execute(f"ATTACH {literal(str(production))} AS production (READ_ONLY)")
        return [name for name in project.models if not _same_rows(connection, table(*name.split(".", 1)))]


def _same_rows(connection: duckdb.DuckDBPyConnection, relation: str) -> bool:
    described = connection.execute(f"DESCRIBE production.{relation}").fetchall()
    columns = ", ".join(quote(row[0]) for row in described)
    ours, theirs = (f"SELECT {columns} FROM {side}.{relation}" for side in ("production", "warehouse"))
    try:
        found = connection.execute(f"({ours} EXCEPT ALL {theirs}) UNION ALL ({theirs} EXCEPT ALL {ours}) LIMIT 1")
    except duckdb.CatalogException:
        return False
    return not found.fetchall()


def judged(case: Case, peer: Peer, built: Path, accepted: Path) -> Trial:
    """What a peer says of a case."""
    began, used = time.monotonic(), work_of_children()
    with tempfile.TemporaryDirectory(prefix=f"gatebench-{peer.tool}-") as made:
        trial = _trial(case, peer, built, accepted, Path(made))
    return replace(trial, seconds=round(time.monotonic() - began, 2), work=round(work_of_children() - used, 2))


def _trial(case: Case, peer: Peer, built: Path, accepted: Path, made: Path) -> Trial:
    until = parse_moment(BASES[case.base].until)
    changed = made / "changed"
    shutil.copytree(built / "project", changed, ignore=_NOT_FILES)
    before = read_portable(changed, until)
    patch = case.folder / "change.patch"
    applied = subprocess.run(
        ["git", "apply", str(patch)], cwd=changed, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if applied.returncode:
        return blank(case, Verdict.BROKEN, reason=applied.stderr[-1500:])
    try:
        after = read_portable(changed, until)
    except NotPortableError as error:
        return blank(case, Verdict.NOT_APPLICABLE, reason=str(error))
    why_not = not_comparable(case, patch.read_text(encoding="utf-8"), before, after)
    if why_not:
        return blank(case, Verdict.NOT_APPLICABLE, reason=why_not)
    folder = made / "project"
    shutil.copytree(accepted, folder)
    peer.write(after, folder)
    outcome = peer.build(folder)
    reason = "; ".join(outcome.failures) or ("" if outcome.code == 0 else outcome.said)
    return replace(blank(case, outcome.verdict, reason=reason[:1500]), gates=outcome.failures)


def _hand_out(built: Path, project: Portable, sources: Path) -> None:
    """Write what Penstock landed as Parquet, from a copy of its warehouse."""
    copied = sources.parent / WAREHOUSE
    shutil.copy(built / "project" / ".penstock" / "warehouse.duckdb", copied)
    with duckdb.connect(copied, read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for name in project.sources:
            path = sources / f"{name}.parquet"
            connection.execute(f"COPY {table(*name.split('.', 1))} TO {literal(str(path))} (FORMAT parquet)")


def _digest(peer: Peer) -> str:
    digest = hashlib.sha256(str(peer.python).encode())
    for path in sorted(HERE.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:8]
