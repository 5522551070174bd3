"""`make bench`: every benchmark, one after another."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

NAMES = (
    "startup",
    "ledger",
    "engine",
    "overhead",
    "python_tasks",
    "planning",
    "promotion",
    "diffs",
    "checks",
    "database_source",
    "serve_idle",
)


def main() -> None:
    """Run each in a process of its own."""
    for name in NAMES:
        print(f"== {name}", flush=True)
        subprocess.run([sys.executable, str(Path(__file__).with_name(f"{name}.py"))], check=True)


if __name__ == "__main__":
    main()
