"""`penstock prune`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from penstock.app import pruning
from penstock.cli.answers import Answer, Door, answering
from penstock.cli.commands.doctor import Duration
from penstock.cli.options import opened, project_option
from penstock.delivery.pages import tables

if TYPE_CHECKING:
    from datetime import timedelta

    from penstock.app.pruning import Survey
    from penstock.engine.removal import Removal
    from penstock.plan.retention import Judged


@click.command(epilog="Example: penstock prune --older-than 30d")
@click.option("--yes", is_flag=True, help="Remove them; without it they are only shown.")
@click.option(
    "--older-than",
    "keep",
    metavar="DURATION",
    type=Duration(),
    help="Only what was last used longer ago than this (default: `retention` in penstock.yaml, or 7d).",
)
@project_option
@answering
def prune(door: Door, *, yes: bool, keep: timedelta | None, project: str | None) -> Answer:
    """Remove dataset versions from the warehouse that nothing needs any more; first without --yes, to see which."""
    with opened(project) as place:
        if yes:
            seen, removal = pruning.prune(place, keep)
        else:
            seen, removal = pruning.survey(place, keep, door.say), None
    return Answer(result=_result(seen, removal), text=_text(seen, removal))


def _result(seen: Survey, removal: Removal | None) -> dict[str, Any]:
    return {
        "versions": [_version(seen, judged) for judged in seen.going],
        "kept": [{**_version(seen, judged), "needs": [str(need) for need in judged.needs]} for judged in seen.staying],
        "unknown": list(seen.unknown),
        "rows": seen.rows_going,
        "removed": len(removal.gone) if removal else 0,
        "left": [version.relation for version in removal.left] if removal else [],
        "bytes": removal.bytes if removal else 0,
    }


def _version(seen: Survey, judged: Judged) -> dict[str, Any]:
    version = judged.version
    return {
        "dataset": version.dataset,
        "version": version.fingerprint,
        "rows": seen.rows.get(version.relation),
        "last_used": judged.last_used,
    }


def _text(seen: Survey, removal: Removal | None) -> str:
    rows = [("dataset", "version", "rows", "last used")]
    for judged in seen.going:
        count = tables.number(seen.rows.get(judged.version.relation))
        rows.append((judged.version.dataset, judged.version.fingerprint, count, judged.last_used[:16]))
    lines = [tables.columns(rows).rstrip()] if seen.going else []
    if removal is not None:
        lines.append(f"{len(removal.gone)} version(s) removed; {removal.bytes:,} bytes of the warehouse are free again")
        lines += [f"left, because something in the warehouse reads it: {each.relation}" for each in removal.left]
    elif seen.going:
        lines.append(f"{len(seen.going)} version(s), {seen.rows_going:,} row(s); the same with --yes removes them")
    else:
        lines.append("nothing to remove")
    reasons = Counter(judged.needs[0] for judged in seen.staying)
    lines += [f"kept: {count} version(s), {need}" for need, count in reasons.items()]
    lines += [f"unknown to the ledger, so left alone: {relation}" for relation in seen.unknown]
    return "\n".join(lines)
