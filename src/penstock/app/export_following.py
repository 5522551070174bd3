"""Exports behind a server's back: brought up to date in a thread of their own, so that nothing due waits for them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from penstock.model.errors import WaitingError
from penstock.plan.exporting import Fate

if TYPE_CHECKING:
    from collections.abc import Callable

    from penstock.app.export_outcome import Done, Failed
    from penstock.app.wiring import Workplace

AGAIN_AFTER = 5.0
"""Seconds until exports are tried again that had to wait, as for rows that were published while they were read."""


class ExportFollower:
    """Carries out the declared exports of an environment, one pass after another, whenever it was asked since the last.

    The project and the warehouse must stay as they are while it `is_busy`. An export that fails is told of; it is tried
    again with the next pass. One that has to wait is told of the second time.
    """

    def __init__(self, place: Workplace, environment: str, say: Callable[[str], None]) -> None:
        self._place, self._environment, self._say = place, environment, say
        self._asked, self._not_before = False, 0.0
        self._thread: threading.Thread | None = None
        self._told, self._waits = set[str](), set[str]()
        self.failed: list[BaseException] = []

    @property
    def is_busy(self) -> bool:
        """Whether a pass is under way."""
        return self._thread is not None and self._thread.is_alive()

    def ask(self) -> None:
        """The environment may show other rows than at the last pass."""
        self._asked = True

    def turn(self) -> None:
        """Begin a pass if one was asked for, and none is under way."""
        if not self._asked or self.is_busy or self._place.clock.monotonic() < self._not_before:
            return
        self._asked = False
        if not any(one.environment == self._environment for one in self._place.project.exports.values()):
            return
        _ = self._place.warehouse  # opened here, where nothing else opens it meanwhile
        self._thread = threading.Thread(target=self._pass, name="penstock-exports", daemon=True)
        self._thread.start()

    def end(self, grace: float) -> None:
        """Wait for a pass that is under way; what it leaves undone, the target itself tells the next one."""
        if self._thread is not None:
            self._thread.join(grace)

    def _pass(self) -> None:
        from penstock.app.exporting import follow  # noqa: PLC0415 - starts the warehouse's library

        try:
            self._tell(follow(self._place, self._environment))
        except BaseException as error:  # noqa: BLE001 - a thread's front door: the main loop raises it
            self.failed.append(error)

    def _tell(self, done: Done) -> None:
        for one in done.carried:
            written, removed = one.count(Fate.WRITTEN), one.count(Fate.REMOVED)
            if written or removed:
                self._say(f"export {one.export.name}: {written} written, {removed} removed, {one.rows:,} rows")
        waiting = [one for one in done.failed if isinstance(one.error, WaitingError)]
        if waiting:
            self._asked, self._not_before = True, self._place.clock.monotonic() + AGAIN_AFTER
        waits = {_line(one) for one in waiting}
        said = {_line(one) for one in done.failed if one not in waiting} | (waits & self._waits)
        for line in sorted(said - self._told):
            self._say(line)
        self._told, self._waits = said, waits


def _line(failed: Failed) -> str:
    first = failed.error.findings[0]
    what = "waits" if isinstance(failed.error, WaitingError) else "failed"
    return f"export {failed.export.name} {what}: {first.message} ({first.code})"
