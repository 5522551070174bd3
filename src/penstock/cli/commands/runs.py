"""`penstock runs`, `cancel`, `retry` and `resume`."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING

import click

from penstock.app import runs as app
from penstock.cli.answers import Answer, Door, answering
from penstock.cli.following import RunProgress, exit_code_of, run_answer, run_result, run_text
from penstock.cli.options import opened, project_option
from penstock.delivery.pages import tables
from penstock.engine.states import RunState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from penstock.ledger.journal import Value

SHOWN = (
    "run",
    "state",
    "trigger",
    "pipeline",
    "environment",
    "tasks",
    "queued_at",
    "started_at",
    "finished_at",
    "reason",
)


@click.command(epilog="Example: penstock runs --limit 5")
@click.argument("run", required=False)
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many to list.")
@project_option
@answering
def runs(door: Door, run: str | None, limit: int, project: str | None) -> Answer:
    """List runs: those that wait, those under way, then the newest. Or show one RUN and each of its attempts."""
    del door
    with opened(project) as place:
        if run is not None:
            return _one(*app.look(place, run))
        found, alive = app.recent(place, limit), place.is_held()
    rows: list[tuple[str, ...]] = [
        ("run", "state", "asked by", "of", "environment", "tasks", "began (UTC)", "took", "reason")
    ]
    rows += [_line(row) for row in found]
    text = tables.columns(rows) if found else "no run yet: penstock run"
    if not alive and any(row["state"] == str(RunState.RUNNING) for row in found):
        text += "what is running here has lost its process: penstock resume goes on with it\n"
    return Answer(result={"runs": [{name: row[name] for name in SHOWN} for row in found]}, text=text)


def _one(row: Mapping[str, Value], attempts: Sequence[Mapping[str, Value]]) -> Answer:
    """A run with everything that is known of it."""
    lines = [f"run {row['run']}: {row['state']}"]
    words = {"trigger": "asked by", "key": "occasion", "pipeline": "pipeline", "environment": "environment",
             "until": "data up to", "queued_at": "queued", "started_at": "began", "finished_at": "ended",
             "reason": "reason"}  # fmt: skip
    lines += [f"  {word}: {row[name]}" for name, word in words.items() if row[name]]
    aside = any(attempt["quarantined"] for attempt in attempts)
    title = ("dataset", "interval", "attempt", "state", "rows", *(("quarantined",) if aside else ()), "took", "message")
    rows: list[tuple[str, ...]] = [title]
    rows += [_attempt(attempt, aside=aside) for attempt in attempts]
    text = "\n".join(lines) + "\n" + (tables.columns(rows) if attempts else "nothing of it was attempted\n")
    names = ("dataset", "version", "interval", "attempt", "state", "rows", "quarantined", "code", "message")
    maps = ("measured", "caught", "nulled")
    plain = [
        {**{name: attempt[name] for name in names}, **{name: json.loads(str(attempt[name] or "{}")) for name in maps}}
        for attempt in attempts
    ]
    return Answer(result={**{name: row[name] for name in SHOWN}, "attempts": plain}, text=text)


def _attempt(row: Mapping[str, Value], *, aside: bool) -> tuple[str, ...]:
    ran = json.loads(str(row["measured"] or "{}")).get("ran")
    return (
        str(row["dataset"]), str(row["interval"] or "whole"), str(row["attempt"]), str(row["state"]),
        str(row["rows"]) if row["state"] == "published" else "",
        *((str(row["quarantined"] or ""),) if aside else ()), f"{ran / 1_000_000:.2f} s" if ran is not None else "",
        str(row["message"] or ""),
    )  # fmt: skip


def _line(row: Mapping[str, Value]) -> tuple[str, ...]:
    asked = str(row["trigger"] or row["purpose"] or "")
    asked += f" ({row['asked_by']})" if row["asked_by"] else ""
    of = str(row["pipeline"] or "") or ("chosen datasets" if row["datasets"] else "everything")
    began = str(row["started_at"] or "")[:19].replace("T", " ")
    reason = str(row["reason"] or "")
    return (
        str(row["run"]), str(row["state"]), asked, of if row["trigger"] else "", str(row["environment"] or ""),
        str(row["tasks"] or ""), began, _took(row), reason if len(reason) <= 60 else f"{reason[:59]}…",
    )  # fmt: skip


def _took(row: Mapping[str, Value]) -> str:
    """From its beginning to its end, if it has both."""
    if not row["started_at"] or not row["finished_at"]:
        return ""
    began, ended = (datetime.fromisoformat(str(row[name])) for name in ("started_at", "finished_at"))
    return tables.duration((ended - began).total_seconds())


@click.command(epilog="Example: penstock cancel r0123456789abcde")
@click.argument("run")
@project_option
@answering
def cancel(door: Door, run: str, project: str | None) -> Answer:
    """Stop RUN: nothing of it begins any more, what runs is interrupted. Returns when nothing of it runs."""
    del door
    with opened(project) as place:
        states = app.cancel(place, run)
    counted = ", ".join(f"{count} {state}" for state, count in sorted(states.items())) or "none had begun"
    text = f"run {run} is cancelled; nothing of it runs. Attempts: {counted}\n"
    return Answer(
        result={"run": run, "attempts": dict(states)}, text=text + f"penstock retry {run} builds what is left"
    )


@click.command(epilog="Example: penstock retry r0123456789abcde")
@click.argument("run")
@project_option
@answering
def retry(door: Door, run: str, project: str | None) -> Answer:
    """Do again what RUN did not get done: what failed, and what was left out because of it."""
    with opened(project) as place, RunProgress(door) as progress:
        ran = app.retry(place, run, progress)
    return run_answer(ran)


@click.command(epilog="Example: penstock resume")
@project_option
@answering
def resume(door: Door, project: str | None) -> Answer:
    """Go on with every run that was interrupted or waits in the queue."""
    with opened(project) as place, RunProgress(door) as progress:
        done = app.resume(place, progress)
    findings = tuple(finding for ran in done for finding in ran.outcome.findings)
    text = "\n".join(run_text(ran) for ran in done) or "nothing was interrupted, nothing waits"
    result = {"runs": [run_result(ran) for ran in done]}
    return Answer(result=result, text=text, findings=findings, exit_code=exit_code_of(done))
