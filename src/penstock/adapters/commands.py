"""Runs our own commands in a process of their own, the way a person would, and keeps what they print."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from functools import cache
from importlib.metadata import distributions
from typing import TYPE_CHECKING

from penstock.delivery.ports import CommandRun

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "VIRTUAL_ENV", "PYTHONPATH")


class OwnCommands:
    """A `Commands` over this very installation of Penstock; secrets of the environment stay behind.

    Modules are never looked for in the folder it runs in (`-P`): what an author wrote there would be ours to run.
    """

    def penstock(self, arguments: Sequence[str], root: Path) -> CommandRun:
        """Run `penstock ARGUMENTS` in `root`; its output is standard output and error together."""
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-P", "-m", "penstock.cli.main", *arguments, "--project", "."],
            cwd=root,
            env={name: os.environ[name] for name in _KEPT if name in os.environ} | {"NO_COLOR": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        return CommandRun(
            argv=("penstock", *arguments),
            exit_code=done.returncode,
            output=done.stdout.decode(errors="replace"),
            duration_ms=int((time.monotonic() - began) * 1000),
        )

    def environment(self) -> str:
        """What they run in, a line each: the system, Python, and every installed package with its version."""
        return _environment()


@cache
def _environment() -> str:
    packages = {(each.name.lower().replace("_", "-"), each.version) for each in distributions()}
    lines = [
        f"system {platform.system()} {platform.machine()}",
        f"python {platform.python_version()} ({platform.python_implementation()})",
        *(f"{name} {version}" for name, version in sorted(packages)),
    ]
    return "\n".join(lines) + "\n"
