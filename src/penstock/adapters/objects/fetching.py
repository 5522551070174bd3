"""Fetches objects into a folder, a few at a time."""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from penstock.adapters.objects import faults
from penstock.model.errors import PenstockError, TaskError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from penstock.adapters.objects.store import Store, StoredObject

AT_ONCE = 4
"""How many objects of one task are fetched at the same time; each holds a block in memory."""
_PLAIN = re.compile(r"[\w+=@,. -]{1,120}")


def fetch_all(
    store: Store, wanted: Sequence[StoredObject], folder: Path, is_unwanted: Callable[[], bool]
) -> list[tuple[Path, str]]:
    """Where each object lies now, and the SHA-256 of its bytes. The first that fails stops the others.

    Raises:
        TaskError, TransientError: as `Store.fetch`.
    """
    over = threading.Event()

    def fetch(number: int, one: StoredObject) -> tuple[Path, str]:
        target = _target(folder, number, one.name)
        if over.is_set():
            raise TaskError(faults.stopped(one.name))
        try:
            return target, store.fetch(one, target, lambda: over.is_set() or is_unwanted())
        except PenstockError:
            over.set()
            raise

    with ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="penstock-fetch") as pool:
        fetched = [pool.submit(fetch, number, one) for number, one in enumerate(wanted)]
        errors = [error for each in fetched if (error := each.exception()) is not None]
    if errors:
        raise next((error for error in errors if not _is_stopped(error)), errors[0])
    return [each.result() for each in fetched]


def _is_stopped(error: BaseException) -> bool:
    """Whether it was stopped by what another one failed of."""
    return isinstance(error, TaskError) and error.findings[0].code == faults.STOPPED


def _target(folder: Path, number: int, name: str) -> Path:
    """A place of its own for an object, under its own name where that may be a file's, so that messages say it."""
    last = name.rpartition("/")[2]
    suffixes = "".join(re.findall(r"\.[A-Za-z0-9]+", last)[-2:])
    place = folder / f"{number:06}"
    place.mkdir()
    return place / (last if _PLAIN.fullmatch(last) and not last.startswith(".") else f"object{suffixes}")
