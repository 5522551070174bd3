"""`penstock contract infer`, `check`, `export` and `diff`."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from penstock.app import contract_checking, contract_diffing, contract_exporting, inferring
from penstock.cli.answers import Answer, Door, answering
from penstock.cli.commands.contract_answers import check_text, check_values, diff_text, diff_values
from penstock.cli.options import EnvironmentName, opened, project_option
from penstock.delivery.pages import tables
from penstock.model.errors import InputError

if TYPE_CHECKING:
    from penstock.app.inferring import Inferred
    from penstock.app.wiring import Workplace
    from penstock.quality.inference import Guess

CONFIDENCE, SHOWN = 0.8, 0.5
"""From which confidence on a guess becomes a rule, if nothing else is said, and is shown to people."""


@click.group()
def contract() -> None:
    """Infer contracts from data, check them, export them, and compare versions of them."""


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
@click.option(
    "--env", "environment", type=EnvironmentName(), default=None, help="The rows that this environment shows."
)
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
    rows = [("column", "type", "guess", "confidence", "becomes", "why")]
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


@contract.command(epilog="Example: penstock contract check sales.daily_revenue")
@click.argument("datasets", metavar="[DATASET]...", nargs=-1)
@click.option("--schema/--no-schema", "schema", default=None, help="Demand, or leave out, the standard's JSON schema.")
@click.option(
    "--env", "environment", type=EnvironmentName(), default=None, help="The rows that this environment shows."
)
@project_option
@answering
def check(
    door: Door, *, datasets: tuple[str, ...], schema: bool | None, environment: str | None, project: str | None
) -> Answer:
    """Hold contracts against the standard's schema, our reading of it, and the data that is built now."""
    with opened(project) as place:
        found = contract_checking.check(place, datasets, schema=schema, environment=environment, say=door.say)
    findings = tuple(finding for one in found.contracts for finding in one.findings)
    return Answer(
        result=check_values(found),
        text=check_text(found),
        findings=(*findings, *found.notes),
        exit_code=0 if found.ok else 1,
    )


@contract.command(epilog="Example: penstock contract export sales.daily_revenue --to great-expectations")
@click.argument("dataset")
@click.option(
    "--to", "target", type=click.Choice(contract_exporting.TARGETS), required=True, help="The tool whose words to use."
)
@click.option("--out", metavar="FILE", default=None, help="Where to write it, if not to gx/expectations.")
@project_option
@answering
def export(door: Door, *, dataset: str, target: str, out: str | None, project: str | None) -> Answer:
    """Write a contract as a suite of Great Expectations, and say which rules that tool has no words for."""
    del door, target
    with opened(project) as place:
        found = contract_exporting.export(place, dataset, out)
    return Answer(
        result={
            "dataset": found.dataset,
            "file": found.file,
            "checks": found.checks,
            "carried": found.carried,
            "suite": found.suite,
        },
        text=f"wrote {found.file}: {found.carried} of {found.checks} checks of {found.dataset}\n",
        findings=found.findings,
    )


@contract.command(epilog="Example: penstock contract diff sales.daily_revenue --against main")
@click.argument("names", metavar="OLD [NEW]", nargs=-1, required=True)
@click.option(
    "--against", metavar="REVISION", default=None, help="With one dataset: the git revision it was in (HEAD)."
)
@project_option
@answering
def diff(door: Door, *, names: tuple[str, ...], against: str | None, project: str | None) -> Answer:
    """Say what a change of a contract means to each who reads the dataset.

    OLD and NEW are files, datasets, or DATASET@REVISION.
    """
    del door
    if len(names) > 2 or (against is not None and len(names) != 1):
        raise click.UsageError("name two versions, or one dataset and --against REVISION")
    with ExitStack() as stack:
        found = contract_diffing.diff(_place(stack, project, names), names, against)
    return Answer(result=diff_values(found), text=diff_text(found), exit_code=1 if found.breaks else 0)


def _place(stack: ExitStack, project: str | None, names: tuple[str, ...]) -> Workplace | None:
    """The project; two files can do without one."""
    try:
        return stack.enter_context(opened(project))
    except InputError:
        if project is not None or not all(Path(name).is_file() for name in names):
            raise
        return None
