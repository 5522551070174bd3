"""`penstock contract infer`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from penstock.app import inferring
from penstock.cli.answers import Answer, Door, answering
from penstock.cli.options import EnvironmentName, opened, project_option
from penstock.delivery.pages import tables

if TYPE_CHECKING:
    from penstock.app.inferring import Inferred
    from penstock.quality.inference import Guess

CONFIDENCE, SHOWN = 0.8, 0.5
"""From which confidence on a guess becomes a rule, if nothing else is said, and is shown to people."""


@click.group()
def contract() -> None:
    """Infer contracts from data, check them, and compare versions of them."""


@contract.command(epilog="Example: penstock contract infer sales.daily_revenue --print")
@click.argument("dataset")
@click.option(
    "--confidence",
    type=click.FloatRange(0, 1),
    default=CONFIDENCE,
    show_default=True,
    help="From which confidence on a guess becomes a rule.",
)
@click.option("--print", "only_shown", is_flag=True, help="Show the contract, and write nothing.")
@click.option("--force", is_flag=True, help="Add to a contract that is there already.")
@click.option("--env", "environment", type=EnvironmentName(), default=None, help="The rows that this environment shows.")
@project_option
@answering
def infer(
    door: Door,
    *,
    dataset: str,
    confidence: float,
    only_shown: bool,
    force: bool,
    environment: str | None,
    project: str | None,
) -> Answer:
    """Write a contract for a dataset from its rows: types, keys, values, ranges, patterns, personal data."""
    with opened(project) as place:
        found = inferring.infer(
            place,
            dataset,
            confidence=confidence,
            write=not only_shown,
            force=force,
            environment=environment,
            say=door.say,
        )
    text = _text(found) + (f"\n{found.text}" if only_shown else "")
    return Answer(result=_values(found, confidence), text=text)


def _values(found: Inferred, confidence: float) -> dict[str, Any]:
    return {
        "dataset": found.dataset,
        "file": found.file,
        "written": found.written,
        "existed": found.existed,
        "origin": found.origin,
        "rows": found.rows,
        "sampled": found.sampled,
        "confidence": confidence,
        "columns": dict(found.columns),
        "added_columns": list(found.added),
        "guesses": [
            {
                "kind": str(guess.kind),
                "columns": list(guess.columns),
                "values": list(guess.values),
                "confidence": guess.confidence,
                "reason": guess.reason,
                "holds": guess.holds,
                "becomes_rule": guess in found.chosen,
            }
            for guess in found.guesses
        ],
        "contract": found.text,
    }


def _text(found: Inferred) -> str:
    types = dict(found.columns)
    shown = [guess for guess in found.guesses if guess.confidence >= SHOWN or guess in found.chosen]
    rows: list[tuple[object, ...]] = [("column", "type", "guess", "confidence", "becomes", "why")]
    rows += [
        (
            ", ".join(guess.columns),
            types[guess.columns[0]] if len(guess.columns) == 1 else "",
            _said(guess),
            f"{guess.confidence:.2f}",
            "rule" if guess in found.chosen else "",
            f"as {guess.reason}" if guess.reason[:1].isdigit() else guess.reason,  # cells of digits stand to the right
        )
        for guess in shown
    ]
    sampled = "" if found.sampled == found.rows else f", {found.sampled:,} of them looked at value by value"
    head = f"{found.dataset}: {found.rows:,} rows{sampled} ({found.origin})\n"
    added = f"columns that the contract does not name: {', '.join(found.added)}\n" if found.added else ""
    left = len(found.guesses) - len(shown)
    less = f"{left} guess(es) below {SHOWN} left out; --json has them\n" if left else ""
    return head + tables.columns(rows) + less + added + _ending(found)


def _said(guess: Guess) -> str:
    words = str(guess.kind).replace("_", " ")
    listed = ", ".join(guess.values)
    return f"{words} {listed if len(listed) <= 60 else listed[:57] + '…'}".rstrip()


def _ending(found: Inferred) -> str:
    count = f"{len(found.chosen)} of {len(found.guesses)} guesses"
    if found.written:
        return f"wrote {found.file}: {count}{' added' if found.existed else ''}\n"
    if found.existed and (found.chosen or found.added):
        return f"{found.file} is there and was left as it is; --force would add {count}\n"
    if found.existed:
        return f"{found.file} is there; nothing is sure enough that it does not say already\n"
    return f"not written: {count} would become part of {found.file}\n"
