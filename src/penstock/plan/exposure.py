"""Columns that show personal values and do not say so, as gates and commands are told of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.findings import Severity
from penstock.plan.personal import Standing, personal_data
from penstock.policy.exposures import exposure_finding
from penstock.policy.facts import ExposedColumn

if TYPE_CHECKING:
    from collections.abc import Iterable

    from penstock.model.findings import Finding
    from penstock.model.pipelines import Project
    from penstock.plan.personal import PersonalColumn, PersonalData

_CODES = {
    Standing.UNTAGGED: "personal.untagged",
    Standing.NO_CONTRACT: "personal.no_contract",
    Standing.MISTAGGED: "personal.mistagged",
}


_DENIED = "`personalData: none`"
"""What is shown as the tag of a column whose contract says that it holds nobody's data."""


def exposed_columns(project: Project, datasets: Iterable[str]) -> tuple[ExposedColumn, ...]:
    """Columns of `datasets` that show a personal column's values and are not tagged as what they hold.

    A number that says less (a count of people, an age) does not carry their data on; one that may be a copy, or the
    digits of a phone number, does.
    """
    wanted = set(datasets)
    return tuple(_exposed(column) for column in personal_data(project).open if column.dataset in wanted)


def exposure_findings(data: PersonalData) -> tuple[Finding, ...]:
    """A warning for each column that shows personal values and does not say so."""
    return tuple(
        exposure_finding(_exposed(column), _CODES[column.standing], severity=Severity.WARNING) for column in data.open
    )


def _exposed(column: PersonalColumn) -> ExposedColumn:
    worst = min(column.flows, key=lambda flow: flow.degree.rank)
    return ExposedColumn(
        dataset=column.dataset,
        column=column.column,
        kind=worst.kind,
        comes_from=".".join(worst.last),
        masked=worst.degree,
        tag=_DENIED if column.is_denied else column.tag,
        has_contract=column.standing is not Standing.NO_CONTRACT,
        place=column.place,
    )
