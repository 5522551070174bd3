"""A folder in memory for what connectors write down of their settings, secrets among them, while they run.

Connectors made with Airbyte's kit copy their settings into their temporary folder. That one is on no disk where the
machine offers it, is gone when they have ended, and what a killed executor left of its own is removed by the next.
"""

from __future__ import annotations

import os
import re
import shutil
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MEMORY = Path("/dev/shm")  # noqa: S108 - the folder made there is the owner's alone
_NAME = re.compile(r"penstock-connector-(\d+)-.+")


def path_for(scratch: Path) -> Path:
    """Where this executor's worker with that scratch folder may have one."""
    return MEMORY / f"penstock-connector-{os.getpid()}-{scratch.name}"


@contextmanager
def swept(scratch: Path) -> Iterator[None]:
    """See to it that nothing of a worker stays after a block, nor of executors that are gone."""
    with suppress(OSError):
        for path in MEMORY.iterdir():
            made = _NAME.fullmatch(path.name)
            if made and not Path(f"/proc/{made[1]}").exists():
                shutil.rmtree(path, ignore_errors=True)
    try:
        yield
    finally:
        shutil.rmtree(path_for(scratch), ignore_errors=True)


def made_at(wanted: str, otherwise: str) -> str:
    """In the worker: the folder, made for its owner alone; another one where there is no memory to be had."""
    try:
        Path(wanted).mkdir(mode=0o700, exist_ok=True)
    except OSError:
        return otherwise
    return wanted
