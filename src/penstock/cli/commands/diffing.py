"""`penstock diff`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from penstock.app import diffing
from penstock.app.diff_question import Described, Wanted
from penstock.cli.answers import Answer, Door, answering
from penstock.cli.options import opened, project_option
from penstock.delivery.pages import diff_html, diff_text
from penstock.delivery.pages.diff_values import diff_values
from penstock.delivery.pages.exercise import exercise_json, exercises_text
from penstock.model.errors import InputError
from penstock.model.findings import Finding, Place

if TYPE_CHECKING:
    from penstock.app.diffing import Differences
    from penstock.quality.exercise import Exercise


@click.command(epilog="Example: penstock diff prod --dataset sales.daily --interval 2010-12 --against 2010-11")
@click.argument("old", required=False)
@click.argument("new", required=False)
@click.option("--dataset", "datasets", metavar="NAME", multiple=True, help="Only this dataset; may be repeated.")
@click.option("--since", metavar="MOMENT", default=None, help="Only rows of intervals from this moment on.")
@click.option("--until", metavar="MOMENT", default=None, help="Only rows of intervals before this moment.")
@click.option("--interval", metavar="PERIOD", default=None, help="Only this year, month, day, hour or START/END.")
@click.option("--against", metavar="PERIOD", default=None, help="Hold --interval against this one.")
@click.option("--key", metavar="A,B", default="", help="Match rows by these columns, not by the contract's key.")
@click.option(
    "--distributions",
    "described",
    type=click.Choice([str(choice) for choice in Described]),
    default=str(Described.MOVED),
    show_default=True,
    help="Of which columns the distributions are shown.",
)
@click.option(
    "--examples", type=click.IntRange(1, 100), default=3, show_default=True, help="How many rows of each kind."
)
@click.option("--exercise/--no-exercise", default=True, help="Look what rows went through the places that changed.")
@click.option("--html", metavar="FILE", default=None, help="Also write the answer as one HTML page.")
@project_option
@answering
def diff(door: Door, project: str | None, html: str | None, key: str, described: str, **asked: Any) -> Answer:
    """Compare environments, versions or intervals, row by row (default: prod and dev)."""
    parts = tuple(part.strip() for part in key.split(",") if part.strip())
    wanted = Wanted(key=parts, described=Described(described), **asked)
    with opened(project) as place:
        found = diffing.diff(place, wanted, door.say)
    notes = _notes(found)
    looked = exercises_text(found.exercises) if found.exercises else ""
    text = "\n".join([*(diff_text.diff_text(one) for one in found.diffs), looked, "".join(f"{n}\n" for n in notes)])
    if html is not None:
        _write(Path(html), diff_html.diffs_html(f"{found.old} → {found.new}", found.diffs, notes, looked))
        text += f"\nwritten: {html}\n"
    moved = any(not one.empty for one in found.diffs) or found.added or found.removed
    return Answer(result=_values(found, html), text=text if moved or found.diffs or notes else "nothing is different\n")


def _values(found: Differences, html: str | None) -> dict[str, Any]:
    return {
        "old": found.old,
        "new": found.new,
        "added": list(found.added),
        "removed": list(found.removed),
        "same": list(found.same),
        "left_out": list(found.left_out),
        "undescribed": list(found.undescribed),
        "datasets": {one.dataset: diff_values(one) for one in found.diffs},
        "exercise": {one.dataset: exercise_json(one) for one in found.exercises},
        "html": html,
    }


def _notes(found: Differences) -> list[str]:
    """What was not compared, or not as usual."""
    said = [
        (found.added, f"only in {found.new}"),
        (found.removed, f"only in {found.old}"),
        (found.left_out, "without intervals, not compared"),
        (
            found.undescribed,
            "not in the project's files any more, so compared without a key and with all values masked",
        ),
    ]
    notes = [f"{words}: {', '.join(names)}" for names, words in said if names]
    notes += [_verdict(one) for one in found.exercises]
    if found.same:
        notes.append(f"the same version on both sides: {len(found.same)} dataset(s)")
    return notes


def _verdict(one: Exercise) -> str:
    """In a line, what a difference, or none, is worth."""
    left = len(one.unseen)
    return f"{one.dataset}: {one.comparison}" + (f"; nothing went through {left} changed place(s)" if left else "")


def _write(path: Path, page: str) -> None:
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        finding = Finding(
            code="diff.unwritable",
            message=f"the page cannot be written: {error.strerror}",
            place=Place(file=str(path)),
            expected="a file in a folder that is there",
            remedy="name another file",
        )
        raise InputError(finding) from error
