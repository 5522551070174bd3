"""How long commands take to start: medians of whole processes, warm, beside a bare Python in the same run."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
PENSTOCK = Path(sys.executable).with_name("penstock")
ROUNDS = 15


def seconds(command: list[str], folder: Path) -> float:
    """Wall time of one process."""
    began = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    return time.perf_counter() - began


def measure(commands: dict[str, list[str]], folder: Path) -> dict[str, float]:
    """Medians in milliseconds; the commands take turns, so that a slow moment hits all of them."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    for command in commands.values():
        seconds(command, folder)
    for _ in range(ROUNDS):
        for name, command in commands.items():
            times[name].append(seconds(command, folder))
    return {name: statistics.median(values) * 1000 for name, values in times.items()}


def delivered_example(folder: Path) -> Path:
    """The retail example after RETAIL-1 was written: what `check` has to read. Made by the product itself."""
    project = folder / "retail"
    shutil.copytree(HERE / "examples" / "retail", project)
    (project / ".gitignore").write_text(".penstock/\ndata/\n", encoding="utf-8")
    environment = {**os.environ, "PENSTOCK_KEYS": str(folder / "keys")}
    steps = (
        (["git", "init", "--quiet", "--initial-branch", "main"], 0),
        ([str(PENSTOCK), "key", "new", "bench-author", "--role", "author"], 0),
        (["git", "add", "--all"], 0),
        (["git", "-c", "user.name=b", "-c", "user.email=b@example.com", "commit", "--quiet", "-m", "start"], 0),
        ([str(PENSTOCK), "deliver", "stories/RETAIL-1.md", "--as", "bench-author", "--until", "2010-12-04"], 4),
    )
    for command, ends in steps:
        done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != ends:
            raise SystemExit(f"{command} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return project / ".penstock" / "worktrees" / "RETAIL-1"


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        project = delivered_example(Path(folder))
        commands = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "python -c 'import click, yaml'": [sys.executable, "-c", "import click, yaml"],
            "python -c 'import sqlglot'": [sys.executable, "-c", "import sqlglot"],
            "penstock --help": [str(PENSTOCK), "--help"],
            "penstock check (retail)": [str(PENSTOCK), "check"],
        }
        found = measure(commands, project)
    bare = found["python -c pass"]
    print(f"median of {ROUNDS}, warm, in ms; budget: --help 150, check 400")
    for name, value in found.items():
        print(f"  {name:<32} {value:>7.0f}   {value / bare:>5.1f}x bare python")


if __name__ == "__main__":
    main()
