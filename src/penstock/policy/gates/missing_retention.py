"""A dataset that the change makes says nothing of how long rows are kept, or keeps personal data for longer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.findings import Finding, Place, Severity
from penstock.model.periods import parse_period
from penstock.model.pipelines import Materialization
from penstock.policy.making import made_datasets
from penstock.policy.verdicts import counted, judged, listed, not_applicable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.model.contracts import Contract
    from penstock.model.findings import Verdict
    from penstock.model.pipelines import Dataset
    from penstock.policy.facts import ImplementationFacts

GATE = "missing_retention"


def judge(facts: ImplementationFacts) -> Verdict:
    """Refuse personal data without retention, or with more than before undeclared; for other data it is a note.

    A view keeps no rows. What never had a retention and is only touched is a note as well.
    """
    if facts.project is None:
        return not_applicable(GATE, "The project cannot be read.")
    made = [one for one in made_datasets(facts.project, facts) if one.contract and not _is_view(one)]
    if not made:
        return not_applicable(GATE, "The change makes no dataset that promises anything of rows it keeps.")
    findings = tuple(finding for dataset in made for finding in _findings(dataset, facts))
    blocked = [one for one in findings if one.severity is Severity.ERROR]
    return judged(
        GATE,
        findings,
        good=f"{counted(len(made), 'dataset')}, none of which keeps personal data without end or for longer.",
        bad=f"Personal data kept without end or for longer: {listed(str(one.place.dataset) for one in blocked)}.",
    )


def _is_view(dataset: Dataset) -> bool:
    return dataset.materialization is Materialization.VIEW


def _findings(dataset: Dataset, facts: ImplementationFacts) -> Iterator[Finding]:
    contract = dataset.contract
    assert contract is not None  # noqa: S101 - the caller looked
    standing = facts.base.datasets.get(dataset.name) if facts.base else None
    before = standing.contract if standing else None
    personal = [spec.name for spec in contract.columns if spec.personal]
    declared = facts.story.pipeline == dataset.pipeline and "retention" in facts.story.own
    was = before.retention if before else None
    if contract.retention is None:
        new = before is None or was is not None or not any(spec.personal for spec in before.columns)
        yield _finding(dataset, contract, personal, was, blocks=bool(personal) and new)
    elif personal and was is not None and not declared and _hours(contract.retention) > _hours(was):
        yield Finding(
            code=f"gate.{GATE}.longer",
            message=f"{dataset.name} keeps {listed(personal)} for longer than before, undeclared",
            place=Place(file=contract.file, dataset=dataset.name),
            found=contract.retention,
            expected=was,
            remedy=f"put the retention back, or say `retention:` in {facts.story.file}",
        )


def _finding(dataset: Dataset, contract: Contract, personal: list[str], was: str | None, *, blocks: bool) -> Finding:
    held = f"personal data ({listed(personal)})" if personal else "rows"
    return Finding(
        code=f"gate.{GATE}.absent",
        message=f"{dataset.name} keeps {held} and does not say for how long",
        severity=Severity.ERROR if blocks else Severity.NOTE,
        place=Place(file=contract.file, dataset=dataset.name),
        found="no retention",
        expected=was or "a retention, such as 90 days or 7 years",
        remedy=f"write `retention` among the slaProperties of {contract.file}",
    )


def _hours(text: str) -> int:
    """How long a retention is; one that cannot be read never lets anything go."""
    period = parse_period(text)
    return period.hours if period else 2**62
