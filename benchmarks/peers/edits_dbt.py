"""What dbt would select after each edit: `BASE CASES` in, for each folder beneath CASES an answer out.

The base is parsed once; each case is `dbt ls --select state:modified+ --state BASE/target`, over models and seeds.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from pathlib import Path

from dbt.cli.main import dbtRunner, dbtRunnerResult

WAYS = ("body", "configs", "contract", "relation", "macros", "persisted_descriptions")
"""The ways in which `state:modified` tells that something is another."""


def invoked(folder: Path, *arguments: str, manifest: object = None) -> dbtRunnerResult:
    """One dbt command in a project."""
    command = ["--quiet", "--no-use-colors", *arguments, "--project-dir", str(folder), "--profiles-dir", str(folder)]
    before = Path.cwd()
    os.chdir(folder)  # the profile's paths are relative
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            return dbtRunner(manifest=manifest).invoke(command)
    finally:
        os.chdir(before)


def selected(folder: Path, manifest: object, state: Path, what: str) -> list[str]:
    """The models and seeds that a selector finds."""
    arguments = ("--select", what, "--state", str(state), "--output", "name")
    kinds = ("--resource-type", "model", "--resource-type", "seed")
    done = invoked(folder, "ls", *arguments, *kinds, manifest=manifest)
    if done.exception is not None:
        raise done.exception
    return sorted(str(name) for name in done.result or ())


def answer(folder: Path, state: Path) -> dict[str, object]:
    """Which models and seeds it would build, and in which way it finds the edited ones modified."""
    done = invoked(folder, "parse")
    if done.exception is not None:
        return {"refused": str(done.exception).strip().partition("\n")[0]}
    manifest = done.result
    built = selected(folder, manifest, state, "state:modified+")
    ways = [way for way in WAYS if built and selected(folder, manifest, state, f"state:modified.{way}")]
    new = ["new"] if built and selected(folder, manifest, state, "state:new") else []
    return {"built": built, "says": new or ways}


def main() -> None:
    """Print the answers as one JSON object."""
    base, cases = (Path(each).resolve() for each in sys.argv[1:])
    done = invoked(base, "parse")
    if not done.success:
        raise SystemExit(f"dbt cannot read the base: {done.exception}")
    print(json.dumps({folder.name: answer(folder, base / "target") for folder in sorted(cases.iterdir())}))


if __name__ == "__main__":
    main()
