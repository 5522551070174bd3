"""A virtual environment for each peer, beneath the build folder: made once, with pinned versions, then reused."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PINS = {
    "luigi": ("luigi==3.8.1",),
    "dagster": ("dagster==1.13.29",),
    # Prefect 3.9.1 wants a certifi that is not everywhere; 3.8.8 passes an argument that later FastAPIs refuse.
    "prefect": ("prefect==3.8.8", "fastapi==0.150.0"),
    "sqlmesh": ("sqlmesh==0.236.4", "duckdb==1.5.6", "pandas==2.3.3"),
    "great_expectations": ("great_expectations==1.24.0", "pandas==2.3.3", "pyarrow==26.0.1"),
    # What is newer downloads programs while it installs.
    "dbt": ("dbt-core==1.11.16", "dbt-duckdb==1.11.1", "duckdb==2.0.0", "pandas==2.3.3"),
    "dlt": ("dlt[duckdb,sql-database]==1.31.0", "duckdb==2.0.0", "pyarrow==26.0.1", "psycopg2-binary==2.9.13"),
    "duckdb_postgres": ("duckdb==1.5.5", "duckdb-extension-postgres-scanner==1.5.5"),
}
ENGINES = ("luigi", "dagster", "prefect")
"""The peers that run tasks; the others plan changes."""
SILENT = {
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "DO_NOT_TRACK": "1",
    "SQLMESH__DISABLE_ANONYMIZED_ANALYTICS": "true",
    "NO_COLOR": "1",
}
"""What the environment of a peer that plans changes says besides: send nothing anywhere."""
MARK = "installed.txt"


class NotInstalledError(Exception):
    """The peer could not be installed; says why."""


def python_of(peer: str, folder: Path) -> Path:
    """The Python of a peer's environment.

    Raises:
        NotInstalledError: it cannot be made here.
    """
    home = folder / peer
    python, mark, pins = home / "bin" / "python", home / MARK, "\n".join(PINS[peer])
    if mark.is_file() and mark.read_text(encoding="utf-8") == pins and python.exists():
        return python
    shutil.rmtree(home, ignore_errors=True)
    for command in _commands(home, python, PINS[peer]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            said = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
            raise NotInstalledError(said[-1].strip() if said else f"{command[0]} ended with {done.returncode}")
    mark.write_text(pins, encoding="utf-8")
    return python


def _commands(home: Path, python: Path, pins: tuple[str, ...]) -> tuple[list[str], ...]:
    """What makes the environment, with bytecode compiled so that no first start pays for it."""
    uv = shutil.which("uv")
    if uv:
        return (
            [uv, "venv", "--quiet", "--python", sys.executable, str(home)],
            [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", str(python), *pins],
        )
    return (
        [sys.executable, "-m", "venv", str(home)],
        [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *pins],
    )
