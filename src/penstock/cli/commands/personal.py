"""`penstock personal`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from penstock.app.personal import report
from penstock.cli.answers import Answer, Door, answering
from penstock.cli.options import opened, project_option
from penstock.delivery.pages import tables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.app.personal import Origin, PersonalReport
    from penstock.plan.personal import PersonalColumn


@click.command(epilog="Example: penstock personal --project examples/retail")
@project_option
@answering
def personal(door: Door, project: str | None) -> Answer:
    """Show each column that holds personal data, where it goes, how far it is masked, and whether contracts say so.

    Ends with 1 if a column shows personal data without saying so, or an example beside the code holds somebody's.
    """
    del door
    with opened(project) as place:
        found = report(place)
    return Answer(
        result=_json(found), text="\n".join(_lines(found)), findings=found.findings, exit_code=0 if found.ok else 1
    )


def _lines(found: PersonalReport) -> Iterator[str]:
    reached = sum(len(origin.reaches) for origin in found.origins)
    yield f"{found.project}: personal data begins in {len(found.origins)} column(s) and reaches {reached} more"
    if found.origins:
        rows = [("column", "kind", "masked", "contract"), *(row for origin in found.origins for row in _rows(origin))]
        yield ""
        yield tables.columns(rows)
    for dataset, columns in sorted(found.unfollowed.items()):
        yield ""
        yield f"not followed: {dataset} reads {', '.join(columns)}, and what it makes of them is not known"
    yield ""
    yield f"{found.open} open" if found.open else "nothing open"


def _rows(origin: Origin) -> Iterator[tuple[str, str, str, str]]:
    yield _named(origin.column), str(origin.column.tag), "-", "origin"
    for column in origin.reaches:
        degree = _degree(column, origin)
        yield f"  {_named(column)}", str(column.tag or "-"), degree, str(column.standing)


def _degree(column: PersonalColumn, origin: Origin) -> str:
    """How far the values of this origin are masked there."""
    degrees = [flow.degree for flow in column.flows if flow.origin == origin.column.node]
    return str(min(degrees, key=lambda degree: degree.rank))


def _named(column: PersonalColumn) -> str:
    return f"{column.dataset}.{column.column}"


def _json(found: PersonalReport) -> dict[str, Any]:
    return {
        "project": found.project,
        "open": found.open,
        "columns": [
            {
                **_column(origin.column),
                "reaches": [{**_column(column), "masked": _degree(column, origin)} for column in origin.reaches],
            }
            for origin in found.origins
        ],
        "not_followed": {dataset: list(columns) for dataset, columns in sorted(found.unfollowed.items())},
    }


def _column(column: PersonalColumn) -> dict[str, Any]:
    return {
        "dataset": column.dataset,
        "column": column.column,
        "tag": column.tag,
        "standing": str(column.standing),
        "file": column.place.file,
        "line": column.place.line,
    }
