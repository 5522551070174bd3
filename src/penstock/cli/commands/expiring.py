"""`penstock expire`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from penstock.app import expiring
from penstock.cli.answers import Answer, Door, answering
from penstock.cli.options import opened, project_option
from penstock.delivery.pages import tables
from penstock.model.findings import blocking
from penstock.model.intervals import stamp

if TYPE_CHECKING:
    from penstock.app.expiring import DatasetPast, Outcome, Survey, VersionPast

_HEADS = ("dataset", "version", "shown in", "before", "rows", "put aside")


@click.command(epilog="Example: penstock expire --yes")
@click.argument("names", nargs=-1)
@click.option("--yes", is_flag=True, help="Delete them; without it they are only shown.")
@click.option(
    "--compact", is_flag=True, help="With --yes: write the warehouse anew, so that nothing of them is left in it."
)
@project_option
@answering
def expire(door: Door, *, names: tuple[str, ...], yes: bool, compact: bool, project: str | None) -> Answer:
    """Delete rows that are past the retention of their contracts, in every version; first without --yes, to see which.

    NAMES are datasets or pipelines; none means all.
    """
    if compact and not yes:
        raise click.UsageError("--compact writes the warehouse anew after rows were deleted: it needs --yes")
    with opened(project) as place:
        if not yes:
            seen = expiring.survey(place, names, door.say)
            return Answer(result=_result(seen, None), text=_text(seen, None), findings=seen.findings)
        done = expiring.expire(place, names, compact=compact)
    return Answer(
        result=_result(done.seen, done),
        text=_text(done.seen, done),
        findings=done.findings,
        exit_code=1 if blocking(done.findings) else 0,
    )


def _result(seen: Survey, done: Outcome | None) -> dict[str, Any]:
    left = {each.version.fingerprint: each.past.rows for dataset in (done.after if done else seen).datasets
            for each in dataset.versions}  # fmt: skip
    deleted = {(each.dataset, each.version): each.rows + each.quarantined for each in done.expired} if done else {}
    return {
        "datasets": [
            {
                "dataset": dataset.retention.dataset,
                "retention": str(dataset.retention.period),
                "counted_by": dataset.retention.column,
                "before": stamp(dataset.before),
                "versions": [
                    _version(each)
                    | {
                        "deleted": deleted.get((each.version.dataset, each.version.fingerprint), 0),
                        "left": left.get(each.version.fingerprint, 0),
                    }
                    for each in dataset.versions
                ],
            }
            for dataset in seen.datasets
        ],
        "rows": seen.rows,
        "deleted": sum(deleted.values()),
        "outside": list(seen.outside),
        "behind": [{"dataset": each.dataset, "why": each.why, "readers": list(each.readers)} for each in seen.behind],
        "exports": list(seen.exports),
        "compacted": {"before": done.compacted.before, "after": done.compacted.after, "left": list(done.compacted.left)}
        if done and done.compacted
        else None,
    }


def _version(each: VersionPast) -> dict[str, Any]:
    past = each.past
    return {
        "version": each.version.fingerprint,
        "column": each.column,
        "shown_in": list(each.shown_in),
        "first": stamp(past.first) if past.first else None,
        "rows": past.rows,
        "put_aside": past.quarantined,
        "undated": past.undated,
    }


def _text(seen: Survey, done: Outcome | None) -> str:
    rows = [row for dataset in seen.datasets for row in _rows(dataset)]
    lines = [tables.columns([_HEADS, *rows]).rstrip()] if rows else []
    if not seen.datasets:
        lines.append("no contract has a retention that can be enforced")
    elif done is not None:
        lines.append(_deleted(done))
    elif seen.rows:
        lines.append(f"{seen.rows:,} row(s) are past their retention; the same with --yes deletes them")
    else:
        lines.append("nothing is past its retention")
    undated = sum(each.past.undated for dataset in seen.datasets for each in dataset.versions)
    lines += [f"{undated:,} row(s) have no time and stay"] if undated else []
    lines += [f"kept longer in what they are made of: {each.dataset} ({each.why})" for each in seen.behind]
    lines += [f"outside, not Penstock's to delete: {text}" for text in seen.outside]
    lines += [f"exported, and there until it is exported again (penstock export): {target}" for target in seen.exports]
    return "\n".join(lines)


def _rows(dataset: DatasetPast) -> list[tuple[str, ...]]:
    return [
        (
            each.version.dataset,
            each.version.fingerprint,
            ", ".join(each.shown_in) or "—",
            stamp(dataset.before),
            tables.number(each.past.rows),
            tables.number(each.past.quarantined),
        )
        for each in dataset.versions
        if each.past.rows or each.past.quarantined
    ]


def _deleted(done: Outcome) -> str:
    deleted = sum(each.rows + each.quarantined for each in done.expired)
    text = (
        f"{deleted:,} row(s) of {len(done.expired)} version(s) deleted; {done.after.rows:,} are there by looking again"
    )
    if done.compacted is not None:
        text += f"\nwritten anew: {done.compacted.before:,} bytes became {done.compacted.after:,}"
        text += "".join(f"\nnot written anew, because somebody holds it: {name}" for name in done.compacted.left)
    elif deleted:
        text += "\ntheir bytes stay in free space of the warehouse until it is written anew: --compact"
    return text
