"""What a command says: one value, shown as text or as the JSON envelope, and the exit code that goes with it."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from penstock.cli.plain_text import shown
from penstock.model.errors import PenstockError, WaitingError
from penstock.model.findings import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rich.status import Status

BUG = 5
_STOPPED = Finding(
    code="command.interrupted",
    message="the command was interrupted; what it had recorded stays",
    severity=Severity.WARNING,
    remedy="run it again: it goes on from there",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A command's result as plain values, its text for people, its findings, and its exit code (0 is done)."""

    result: Mapping[str, Any]
    text: str = ""
    findings: tuple[Finding, ...] = ()
    exit_code: int = 0


@dataclass(slots=True)
class Door:
    """How this invocation talks: JSON or text. On a terminal the newest line of progress stands under a spinner.

    `silent`: standard output belongs to a report.
    """

    command: str
    as_json: bool
    silent: bool = False
    status: Status | None = None

    def say(self, line: str) -> None:
        """A line about progress, to people only."""
        if not self.as_json and not self.silent:
            self.wipe()
            click.echo(line)

    @property
    def draws(self) -> bool:
        """Whether there is a terminal to draw on."""
        return not self.as_json and sys.stderr.isatty()

    def draw(self, line: str) -> None:
        """A line that the next one replaces; only on a terminal."""
        if not self.draws:
            return
        if self.status is None:
            from rich.console import Console  # noqa: PLC0415 - 50 ms that only a terminal needs

            self.status = Console(stderr=True).status(line)
            self.status.start()
        self.status.update(line)

    def wipe(self) -> None:
        """Take the last drawn line away."""
        if self.status is not None:
            self.status.stop()
            self.status = None


def answering(function: Callable[..., Answer]) -> Callable[..., None]:
    """Make a click callback of a function that returns an `Answer` and takes a `Door` first; adds `--json`."""

    @click.option("--json", "as_json", is_flag=True, help="Print one JSON envelope instead of text.")
    @click.pass_context
    @wraps(function)
    def callback(ctx: click.Context, /, *, as_json: bool, **options: Any) -> None:
        door = Door(command=ctx.command_path.removeprefix("penstock "), as_json=as_json)
        try:
            answer = function(door, **options)
        except PenstockError as error:
            door.wipe()
            _fail(door, error)
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
            door.wipe()
            _fail(door, WaitingError(_STOPPED))
            ctx.exit(WaitingError.exit_code)
        except (click.ClickException, click.exceptions.Exit):
            door.wipe()
            raise
        except BrokenPipeError:
            ctx.exit(0)
        except Exception as error:  # noqa: BLE001 - the front door: whatever comes here is a bug of ours
            door.wipe()
            _bug(door, error)
            ctx.exit(BUG)
        _show(door, answer)
        ctx.exit(answer.exit_code)

    return callback


def _show(door: Door, answer: Answer) -> None:
    if door.as_json:
        _envelope(door, ok=answer.exit_code == 0, result=answer.result, findings=answer.findings, error=None)
        return
    if answer.text:
        click.echo(answer.text.rstrip("\n"))
    for finding in answer.findings:
        click.echo(finding_text(finding))


def _fail(door: Door, error: PenstockError) -> None:
    if door.as_json:
        kind = type(error).__name__.removesuffix("Error").lower()
        shown = {"kind": kind, "message": str(error), "exit_code": error.exit_code}
        _envelope(door, ok=False, result=None, findings=error.findings, error=shown)
        return
    errors = [finding for finding in error.findings if finding.severity is Severity.ERROR] or list(error.findings)
    for finding in errors:
        click.echo(finding_text(finding), err=True)
    if len(error.findings) > len(errors):
        click.echo(f"and {len(error.findings) - len(errors)} warning(s): penstock check shows them", err=True)


def _bug(door: Door, error: Exception) -> None:
    message = f"{type(error).__name__}: {error}"
    if door.as_json:
        _envelope(door, ok=False, result=None, findings=(), error={"kind": "bug", "message": message, "exit_code": BUG})
        return
    import traceback  # noqa: PLC0415 - hardly ever needed

    click.echo("This is a bug in Penstock. Please report it with what follows.", err=True)
    click.echo("".join(traceback.format_exception(error)), err=True)


def _envelope(
    door: Door, *, ok: bool, result: Any, findings: tuple[Finding, ...], error: Mapping[str, Any] | None
) -> None:
    envelope = {
        "ok": ok,
        "command": door.command,
        "result": result,
        "findings": [finding.to_json() for finding in findings],
        "error": error,
    }
    click.echo(json.dumps(envelope, default=plain, ensure_ascii=False, indent=2))


def plain(value: object) -> object:
    """A value of the database as JSON has it: exact decimals and moments as text."""
    if isinstance(value, Decimal | timedelta):
        return str(value)
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple | set | frozenset):
        return list(value)
    return str(value)


def finding_text(finding: Finding) -> str:
    """A finding in lines: what and where, the excerpt, found, expected, what to do."""
    colors = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}
    head = click.style(str(finding.severity), fg=colors[finding.severity], bold=True)
    place = str(finding.place)
    lines = [f": {finding.message}", f"  where: {place}" if place else ""]
    lines.append(f"  | {finding.place.excerpt}" if finding.place.excerpt else "")
    lines.append(f"  found: {_indent(finding.found)}" if finding.found else "")
    lines.append(f"  expected: {_indent(finding.expected)}" if finding.expected else "")
    lines.append(f"  to do: {_indent(finding.remedy)}" if finding.remedy else "")
    lines.append(f"  ({finding.code})")
    return head + shown("\n".join(line for line in lines if line))


def _indent(text: str) -> str:
    return text.replace("\n", "\n    ")
