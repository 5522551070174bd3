"""Foreign keys, which ODCS 3.1 keeps under `relationships` of a property or of the whole; to rules and back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from penstock.contract.misspelt import report_misspelt
from penstock.model.contracts import ColumnSpec, Rule, RuleKind
from penstock.model.findings import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from penstock.documents import Fields

_SHORT = re.compile(r"([a-z]\w*\.[a-z]\w*)\.(\w+)", re.ASCII)
_FULL = re.compile(r"(?:.*/)?([a-z]\w*\.[a-z]\w*)\.odcs\.yaml#/?schema/[^/]+/properties/([^/]+)", re.ASCII)
_WORD = re.compile(r"[A-Za-z_]\w*", re.ASCII)


def relationship_rules(owner: Fields, column: ColumnSpec | None, columns: Mapping[str, ColumnSpec]) -> Iterator[Rule]:
    """The rules of one `relationships` list: of a property, or of the dataset when `column` is None."""
    for entry in owner.items("relationships"):
        kind = entry.text("type")
        if kind not in {None, "foreignKey"}:
            continue
        own = (
            (column.name,) if column else tuple(name.rpartition(".")[2] for name in entry.texts("from", required=True))
        )
        targets = [_target(entry, text) for text in entry.texts("to", required=True)]
        severity = _severity(entry)
        report_misspelt(entry)
        if not own or not targets or any(target is None for target in targets):
            continue
        found = [target for target in targets if target is not None]
        datasets = {dataset for dataset, _ in found}
        if len(found) != len(own) or len(datasets) != 1:
            entry.note(
                "contract.relation",
                f"{len(own)} columns refer to {len(found)} of {len(datasets)} datasets",
                at="to",
                expected="as many columns as on this side, all of one dataset",
            )
            continue
        for name in own:
            if name not in columns:
                entry.note("contract.unknown_column", f"a relationship names the column {name!r}, which the contract "
                           "does not have", found=name, expected=" | ".join(columns))  # fmt: skip
        yield Rule(
            kind=RuleKind.RELATION,
            columns=own,
            dataset=found[0][0],
            others=tuple(other for _, other in found),
            severity=severity,
            line=entry.document.place(*entry.path).line,
        )


def _target(entry: Fields, text: str) -> tuple[str, str] | None:
    """The dataset and the column that a reference means."""
    match = _SHORT.fullmatch(text) or _FULL.fullmatch(text)
    if match is None:
        entry.note(
            "contract.reference",
            f"{text!r} does not say which column of which dataset is meant",
            at="to",
            found=text,
            expected="pipeline.dataset.column, or pipeline.dataset.odcs.yaml#/schema/NAME/properties/COLUMN",
        )
        return None
    return match[1], match[2]


def _severity(entry: Fields) -> Severity:
    """`severity` stands among the custom properties: the standard has no place for it here."""
    words = {"error": Severity.ERROR, "warning": Severity.WARNING, "info": Severity.NOTE}
    for custom in entry.items("customProperties"):
        if custom.text("property") == "severity":
            word = custom.choice("value", tuple(words), required=True)
            return words[word] if word else Severity.ERROR
    return Severity.ERROR


def relationship(rule: Rule, own: str) -> dict[str, Any] | None:
    """A rule as an entry of `relationships`, or None if that has no place for it. `own` names this side."""
    plain = all(_WORD.fullmatch(name) for name in (*rule.columns, *rule.others))
    if rule.kind is not RuleKind.RELATION or rule.name or rule.description or rule.threshold or not plain:
        return None
    to = [f"{rule.dataset}.{other}" for other in rule.others]
    if _SHORT.fullmatch(to[0]) is None:
        return None
    entry: dict[str, Any] = {"type": "foreignKey"}
    if len(rule.columns) > 1:
        entry |= {"from": [f"{own}.{name}" for name in rule.columns], "to": to}
    else:
        entry["to"] = to[0]
    if rule.severity is not Severity.ERROR:
        word = "warning" if rule.severity is Severity.WARNING else "info"
        entry["customProperties"] = [{"property": "severity", "value": word}]
    return entry
