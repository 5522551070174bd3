"""Whether what a contract lets become of bad rows can be done to its dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.findings import Finding, Place
from penstock.model.pipelines import Materialization
from penstock.model.sources import FileSource
from penstock.quality.sifting import nulled_columns, puts_aside

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.model.contracts import Contract
    from penstock.model.pipelines import Dataset


def policy_findings(dataset: Dataset) -> Iterator[Finding]:
    """Policies of a view, of what tells rows apart, and forms of dates that no file is written in."""
    contract = dataset.contract
    if contract is None:
        return
    if dataset.materialization is Materialization.VIEW:
        if puts_aside(contract):
            yield _of_a_view(dataset, contract)
    else:
        yield from _firm_columns(dataset, contract)
    if not isinstance(dataset.task, FileSource):
        for spec in contract.columns:
            if spec.formats:
                yield Finding(
                    code="contract.formats",
                    message=f"{dataset.name}.{spec.name} has formats, and is not read from files",
                    place=Place(file=contract.file, dataset=dataset.name, field=spec.name),
                    found=", ".join(spec.formats),
                    expected="formats in the contract of a source",
                    remedy="parse the text in the query, or take the formats out",
                )


def _of_a_view(dataset: Dataset, contract: Contract) -> Finding:
    return Finding(
        code="contract.policy_of_view",
        message=f"{dataset.name} is a view: it stores no rows that could be put aside or altered",
        place=Place(file=contract.file, dataset=dataset.name),
        found="onFailure: quarantine or null",
        expected="onFailure: fail, or a dataset that is materialized",
        remedy="put bad rows aside in the dataset that the view reads, or write `materialize: table`",
    )


def _firm_columns(dataset: Dataset, contract: Contract) -> Iterator[Finding]:
    firm = dict.fromkeys(dataset.key, "merged by")
    if dataset.interval is not None:
        firm[dataset.interval.column] = "cut into intervals by"
    if dataset.offset is not None:
        firm[dataset.offset] = "added to by"
    if not firm:
        return
    files = dataset.task.texts if isinstance(dataset.task, FileSource) else ()
    nulled = {name.casefold() for name in nulled_columns(contract, files)}
    for name, why in firm.items():
        if name.casefold() in nulled:
            yield Finding(
                code="contract.policy_of_key",
                message=f"{dataset.name} is {why} {name}, whose values a policy would make NULL",
                place=Place(file=contract.file, dataset=dataset.name, field=name),
                found="onFailure: null",
                expected="onFailure: quarantine or fail",
                remedy=f"say so at the rules of {name}, or at its property",
            )
