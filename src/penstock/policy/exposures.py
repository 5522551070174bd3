"""What is said of a column that shows personal values and does not say so: the same words wherever it is found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.findings import Finding, Place, Severity
from penstock.model.masking import GENERALISED, PSEUDONYM, Degree

if TYPE_CHECKING:
    from penstock.policy.facts import ExposedColumn

_CARRIES = {
    Degree.CLEAR: "carries {kind} from",
    Degree.PSEUDONYM: "carries pseudonyms of {kind} from",
    Degree.GENERALISED: "carries generalised {kind} from",
}
_WANTED = {
    Degree.CLEAR: "a tag in the contract, or no personal data in the column",
    Degree.PSEUDONYM: f"personalData: {PSEUDONYM} in the contract: whoever has the key can tell whose they are",
    Degree.GENERALISED: f"personalData: {GENERALISED} in the contract: an author's word that it is coarse enough",
}
_REMEDY = {
    Degree.CLEAR: "leave the column out, mask it (mask_hash, mask_truncate, mask_null, …), make a number of people of"
    " it, or tag it in the contract of the dataset",
    Degree.PSEUDONYM: "tag it in the contract of the dataset, or leave the column out",
    Degree.GENERALISED: "tag it in the contract of the dataset, or leave the column out",
}


def exposure_finding(exposed: ExposedColumn, code: str, *, severity: Severity = Severity.ERROR) -> Finding:
    """The finding for one column."""
    said = "is not tagged as personal"
    if not exposed.has_contract:
        said = "has no contract that could say so"
    elif exposed.tag:
        said = f"is tagged as {exposed.tag}, which it is not"
    carries = _CARRIES[exposed.masked].format(kind=exposed.kind)
    return Finding(
        code=code,
        message=f"{exposed.dataset}.{exposed.column} {carries} {exposed.comes_from} and {said}",
        severity=severity,
        place=exposed.place or Place(dataset=exposed.dataset, field=exposed.column),
        found=f"{exposed.kind} by lineage, {exposed.masked}, {f'tagged {exposed.tag}' if exposed.tag else 'no tag'}",
        expected=_WANTED[exposed.masked],
        remedy=_REMEDY[exposed.masked],
    )
