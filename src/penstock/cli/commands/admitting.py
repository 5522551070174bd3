"""`penstock admit`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from penstock.app.admitting import admit as judge
from penstock.cli.answers import Answer, Door, answering
from penstock.cli.options import opened, project_option
from penstock.delivery.admission import summary

if TYPE_CHECKING:
    from penstock.delivery.admission import Admission


@click.command(epilog="Example: penstock admit --base origin/main --summary summary.md")
@click.option("--base", metavar="REVISION", required=True, help="The branch that the commits are to go into.")
@click.option("--summary", "page", metavar="FILE", default=None, help="Append the answer and the dossiers as Markdown.")
@click.option("--ids", "only_ids", is_flag=True, help="Print the ids of the changes alone, one a line.")
@project_option
@answering
def admit(door: Door, base: str, page: str | None, project: str | None, *, only_ids: bool) -> Answer:
    """Say whether the commits beyond REVISION may go in: evidence alone decides, no data is needed."""
    del door
    with opened(project) as place:
        found = judge(place, base)
    if page is not None:
        with Path(page).open("a", encoding="utf-8") as file:
            file.write(summary(found))
    findings = (*found.findings, *(finding for one in found.changes for finding in one.findings))
    text = "".join(f"{one.id}\n" for one in found.changes) if only_ids else _text(found)
    return Answer(result=_result(found), text=text, findings=findings, exit_code=0 if found.granted else 1)


def _result(found: Admission) -> dict[str, Any]:
    return {
        "granted": found.granted,
        "base": found.base,
        "head": found.head,
        "files": found.files,
        "changes": [
            {"id": one.id, "furthest": one.furthest, "approvers": list(one.approvers), "ok": not one.findings}
            for one in found.changes
        ],
    }


def _text(found: Admission) -> str:
    lines = [f"{one.id}: {one.furthest}, approved by {', '.join(one.approvers) or 'nobody'}" for one in found.changes]
    answer = "may go in" if found.granted else "may not go in"
    lines.append(
        f"{found.base[:12]} to {found.head[:12]}: {len(found.changes)} change(s) answer for "
        f"{found.files} file(s) that decide what is built; these commits {answer}"
    )
    return "\n".join(lines) + "\n"
