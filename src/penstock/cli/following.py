"""How a run is told while it goes on: slices done, time left, and lines for what people should not miss."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from statistics import median
from typing import TYPE_CHECKING, Self

from penstock.app.export_outcome import result_of, warnings_of
from penstock.cli.answers import Answer
from penstock.delivery.pages import tables
from penstock.model.errors import RunError, WaitingError
from penstock.model.intervals import stamp

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from penstock.app.running import Ran
    from penstock.cli.answers import Door
    from penstock.model.intervals import Interval
    from penstock.plan.build import BuildPlan, Work
    from penstock.plan.estimate import Past
    from penstock.quality.file_drift import Drifted

LINE_EVERY, DRAWN_EVERY = 10.0, 1.0
"""Seconds between two lines of progress: where there is no terminal to draw on, and where there is one."""
MOST_DRIFTS = 12
"""How much of what drifted a run tells."""
ENDS = ("published", "failed", "cancelled", "interrupted")


class RunProgress:
    """A `Follower` that talks through a door, for the time of a block. Lanes call it from their own threads."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._ticker: threading.Thread | None = None
        self._expected: dict[str, float] = {}
        self._known, self._unknown = 0.0, 0
        self._total, self._done, self._began, self._moved = 0, 0, 0.0, 0.0
        self._last = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        if self._ticker is not None:
            self._ticker.join()
        self._door.wipe()

    def begins(self, run: str, plan: BuildPlan, history: Mapping[str, Sequence[Past]]) -> None:
        """A run begins, or waits for its turn."""
        self._expected = {name: median(one.ran for one in past) for name, past in history.items() if past}
        self._known, self._unknown = 0.0, 0
        for work in plan.works:
            self._count(work, 1)
        self._total, self._done = len(plan.works), 0
        self._began = self._moved = time.monotonic()
        left = self._seconds_left()
        of = len({work.slice.dataset for work in plan.works})
        self.says(
            f"run {run}: {self._total} slice(s) of {of} dataset(s)"
            + (f", about {tables.duration(left)} by how long they took before" if left is not None else "")
        )
        if self._ticker is None:
            self._ticker = threading.Thread(target=self._tick, name="penstock-progress", daemon=True)
            self._ticker.start()

    def progress(self, work: Work, state: str) -> None:
        """A piece of work came to a state."""
        with self._lock:
            if state in ENDS:
                self._done, self._moved = self._done + 1, time.monotonic()
                self._count(work, -1)
            if state != "published":
                self._door.say(f"{state}: {work.slice}")
            self._last = f": {state} {work.slice}"
            if self._door.draws:
                self._door.draw(self._line())

    def says(self, line: str) -> None:
        """A line for people."""
        with self._lock:
            self._door.say(line)

    def _count(self, work: Work, sign: int) -> None:
        """Keep up what is left: seconds, where it is known how long a slice takes, and how many others."""
        seconds = self._expected.get(work.slice.dataset)
        self._known += sign * (seconds or 0.0)
        self._unknown += sign * (seconds is None)

    def _tick(self) -> None:
        """Say how far it is, now and then, also while a slice takes long."""
        while not self._over.wait(DRAWN_EVERY if self._door.draws else LINE_EVERY):
            with self._lock:
                if self._door.draws:
                    self._door.draw(self._line())
                else:
                    self._door.say(self._line())

    def _line(self) -> str:
        left = self._seconds_left()
        said = f", about {tables.duration(left)} left" if left is not None and self._done < self._total else ""
        after = tables.duration(time.monotonic() - self._began)
        return f"{self._done} of {self._total} slices after {after}{said}{self._last}"

    def _seconds_left(self) -> float | None:
        """By how long slices took before, held against how long they take now; by the pace alone where none did."""
        if not self._unknown and self._known > 0:  # less what the slices in hand have had since the last one ended
            left = self._known - (time.monotonic() - self._moved)
            return left if left > 0 else None
        if not self._done:
            return None
        elapsed = time.monotonic() - self._began
        return elapsed / self._done * (self._total - self._done)


def run_answer(ran: Ran) -> Answer:
    """The end of a run: 0 if it built what it should, 3 if something failed, 4 if it was stopped and may go on."""
    return Answer(
        result=run_result(ran),
        text=run_text(ran),
        findings=(*ran.outcome.findings, *warnings_of(ran.exports)),
        exit_code=exit_code_of((ran,)),
    )


def exit_code_of(done: Sequence[Ran]) -> int:
    """The exit code of several runs."""
    if any(ran.interrupted for ran in done):
        return WaitingError.exit_code
    return RunError.exit_code if any(ran.outcome.findings for ran in done) else 0


def run_result(ran: Ran) -> dict[str, object]:
    """What a run did, as plain values."""
    outcome = ran.outcome
    return {
        "run": outcome.run,
        "environment": ran.environment,
        "built": dict(outcome.built),
        "rows": dict(outcome.rows),
        "quarantined": dict(outcome.quarantined),
        "nulled": dict(outcome.nulled),
        "seconds": round(outcome.seconds, 3),
        "versions": dict(ran.mapping),
        "drift": drift_json(ran.drifted),
        "corrected": corrected_json(ran.corrected),
        "exports": result_of(ran.exports)["exports"],
    }


def corrected_json(found: Mapping[str, Sequence[Interval]]) -> dict[str, list[str]]:
    """Intervals whose files are others than those read in, by source, as plain values."""
    return {name: [str(gap) for gap in gaps] for name, gaps in found.items()}


def corrected_text(name: str, gaps: Sequence[Interval]) -> str:
    """That files were replaced or came late, and what takes them."""
    more = f" and {len(gaps) - MOST_DRIFTS} more" if len(gaps) > MOST_DRIFTS else ""
    spans = ", ".join(map(str, gaps[:MOST_DRIFTS])) + more
    start, end = stamp(gaps[0].start), stamp(gaps[-1].end)
    return (
        f"files of {name} are others than those read in: {spans}\n"
        f"  to take them: penstock backfill {name} --start {start} --end {end}, or `corrections: take` in the source"
    )


def drift_json(found: Mapping[str, Sequence[Drifted]]) -> dict[str, list[dict[str, str]]]:
    """What drifted, by source, as plain values."""
    return {
        name: [
            {
                "file": one.file,
                "interval_start": one.start,
                "kind": str(one.kind),
                "column": one.column,
                "before": one.before,
                "after": one.after,
                "what": str(one),
            }
            for one in told
        ]
        for name, told in found.items()
    }


def run_text(ran: Ran) -> str:
    """What a run did, for people."""
    outcome = ran.outcome
    ended = "was stopped" if ran.interrupted else "failed" if outcome.findings else "is published"
    if any(outcome.built.values()):
        text = f"run {outcome.run} {ended}\n{tables.build_text(replace(outcome, findings=()))}"
    elif outcome.findings:
        text = f"run {outcome.run} {ended}; nothing was built\n"
    else:
        text = "nothing to build: everything is up to date\n"
        if ran.before is not None and ran.before != ran.mapping:
            new = "is new" if not ran.before else "shows other versions now, which were built before"
            text = f"nothing to build; environment {ran.environment} {new}\n"
    if outcome.quarantined:
        text += "penstock quarantine show DATASET shows the rows that were put aside, and why\n"
    text += f"environment {ran.environment} shows {len(ran.mapping)} dataset(s)"
    lines = [f"{name}: {one.file}: {one}" for name, told in ran.drifted.items() for one in told]
    if lines:
        rest = f"\n  and {len(lines) - MOST_DRIFTS} more: penstock drift" if len(lines) > MOST_DRIFTS else ""
        text += "\nfiles are not as those before them\n  " + "\n  ".join(lines[:MOST_DRIFTS]) + rest
    for name, gaps in ran.corrected.items():
        text += f"\n{corrected_text(name, gaps)}"
    if ran.exports.carried:
        text += f"\n{len(ran.exports.carried)} export(s) hold what it shows"
    if ran.exports.failed:
        text += f"\n{len(ran.exports.failed)} export(s) failed, which undoes nothing; penstock export tries again"
    if outcome.findings and not ran.interrupted:
        text += f"\npenstock retry {outcome.run} builds what is left"
    return text
