"""Real projects in real repositories, and the command line run in them."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from click.testing import CliRunner

from penstock.cli.main import penstock

RETAIL = Path(__file__).parents[2] / "examples" / "retail"
AUTHOR, REVIEWER = "demo-author", "demo-reviewer"
ANSWERS = {
    "Q1": "07:00",
    "Q2": "2 years",
    "Q3": "SignedUpAt",
    "Q4": "email",
    "Q5": "SELECT day, channel, signups FROM marketing.daily_signups WHERE signups > 1000",
}
"""What the example's README answers to the questions of RETAIL-3."""
ENVELOPE = ("ok", "command", "result", "findings", "error")


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a command left behind: its exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    @property
    def envelope(self) -> dict[str, Any]:
        """The JSON envelope; its five keys are checked whenever it is looked at."""
        value: dict[str, Any] = json.loads(self.out)
        assert tuple(value) == ENVELOPE
        return value

    @property
    def result(self) -> Any:
        return self.envelope["result"]

    @property
    def findings(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.envelope["findings"]
        return found


@dataclass(frozen=True, slots=True)
class Place:
    """A project's folder, and the folder that holds its operator's private keys."""

    root: Path
    keys: Path

    def penstock(self, *arguments: str, exits: int | None = 0) -> Said:
        """Run the command line in this process; `exits` None takes any exit code."""
        with contextlib.chdir(self.root):
            done = CliRunner().invoke(penstock, list(arguments), env=self.environment(), catch_exceptions=False)
        said = Said(code=done.exit_code, out=done.stdout, err=done.stderr)
        assert exits is None or said.code == exits, f"{arguments}: {said.code}\n{said.out}\n{said.err}"
        return said

    def spawn(self, *arguments: str, exits: int | None = 0, cwd: Path | None = None) -> Said:
        """Run the command line as a process of its own."""
        done = subprocess.run(
            [sys.executable, "-m", "penstock.cli.main", *arguments],
            cwd=cwd or self.root,
            env={**os.environ, **self.environment()},
            capture_output=True,
            text=True,
            check=False,
        )
        said = Said(code=done.returncode, out=done.stdout, err=done.stderr)
        assert exits is None or said.code == exits, f"{arguments}: {said.code}\n{said.out}\n{said.err}"
        return said

    def environment(self) -> dict[str, str]:
        """No configuration of whoever runs the tests reaches git or the key store."""
        nobody = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
        return {**nobody, "PENSTOCK_KEYS": str(self.keys), "HOME": str(self.keys)}

    def git(self, *arguments: str, cwd: Path | None = None) -> str:
        names = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.com"]
        done = subprocess.run(
            ["git", *names, *arguments],
            cwd=cwd or self.root,
            env={**os.environ, **self.environment()},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    def commit(self, message: str = "Start") -> None:
        self.git("add", "--all", ":/")
        self.git("commit", "--quiet", "--message", message)

    def repository(self, top: Path | None = None) -> Place:
        """Make this folder, or one above it, a repository with two people's keys and one commit."""
        self.git("init", "--quiet", "--initial-branch", "main", str(top or self.root))
        (self.root / ".gitignore").write_text(".penstock/\ndata/\n")
        self.penstock("key", "new", AUTHOR, "--role", "author")
        self.penstock("key", "new", REVIEWER, "--role", "approver")
        self.commit()
        return self

    def copied(self, target: Path) -> Place:
        """A copy that shares nothing with this one."""
        shutil.copytree(self.root, target / "project", symlinks=True)
        shutil.copytree(self.keys, target / "keys")
        copy = Place(target / "project", target / "keys")
        for worktree in (copy.root / ".penstock" / "worktrees").glob("*"):
            known = copy.root / ".git" / "worktrees" / worktree.name
            (worktree / ".git").write_text(f"gitdir: {known}\n")
            (known / "gitdir").write_text(f"{worktree / '.git'}\n")
        return copy

    def rows(self, sql: str, env: str = "prod") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.penstock("query", sql, "--env", env, "--json").result["rows"]
        return found

    def journal(self) -> tuple[int, str]:
        """How many entries the ledger's journal has, and the last one's hash; of a ledger not made yet, none."""
        path = self.root / ".penstock" / "ledger.db"
        if not path.exists():
            return 0, ""
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            row = connection.execute("SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1").fetchone()
        return row or (0, "")

    def warehouse(self) -> dict[str, str]:
        """The warehouse's views and tables, each with a digest of its columns and rows."""
        path = self.root / ".penstock" / "warehouse.duckdb"
        if not path.exists():
            return {}
        with contextlib.closing(duckdb.connect(str(path), read_only=True)) as connection:
            names = connection.execute(
                "SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema <> '_penstock'"
            ).fetchall()
            return {f"{schema}.{name}": _digest(connection, f'"{schema}"."{name}"') for schema, name in names}

    def production(self) -> dict[str, str]:
        """What readers of production can see, and the tables behind it."""
        everything = self.warehouse()
        path = self.root / ".penstock" / "warehouse.duckdb"
        if not everything:
            return {}
        with contextlib.closing(duckdb.connect(str(path), read_only=True)) as connection:
            views = connection.execute("SELECT schema_name, view_name, sql FROM duckdb_views() WHERE NOT internal")
            shown = {f"{schema}.{name}": sql for schema, name, sql in views.fetchall() if "__" not in schema}
        seen = {name: f"{sql} {everything[name]}" for name, sql in shown.items()}
        behind = {name: digest for name, digest in everything.items() if any(name in sql for sql in shown.values())}
        return {**seen, **behind}

    def state(self) -> tuple[tuple[int, str], dict[str, str]]:
        """Everything that a refused command must leave as it was."""
        return self.journal(), self.warehouse()


def _digest(connection: duckdb.DuckDBPyConnection, relation: str) -> str:
    columns = connection.execute(f"DESCRIBE {relation}").fetchall()
    rows = connection.execute(f"SELECT count(*), sum(hash(seen)::HUGEINT) FROM {relation} AS seen").fetchall()
    return hashlib.sha256(repr((columns, rows)).encode()).hexdigest()


def copy_retail(folder: Path) -> None:
    """The retail example's files."""
    shutil.copytree(RETAIL, folder, ignore=shutil.ignore_patterns(".penstock"))


def retail(target: Path) -> Place:
    """The retail example in a fresh repository."""
    copy_retail(target / "project")
    return Place(target / "project", target / "keys").repository()
