"""A finding says what was found, what was expected, where, and how to clear it; a verdict collects findings."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class Severity(StrEnum):
    """How much a finding weighs: an error blocks, a warning is shown, a note explains."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where something was found. Lines and columns count from 1; `excerpt` is the line's own text."""

    file: str | None = None
    line: int | None = None
    column: int | None = None
    excerpt: str | None = None
    dataset: str | None = None
    field: str | None = None

    def __str__(self) -> str:
        spot = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        thing = ".".join(part for part in (self.dataset, self.field) if part)
        return " ".join(part for part in (spot, f"({thing})" if thing and spot else thing) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is not as it should be.

    `code` is stable and dotted (`project.unknown_dataset`); `message` is one sentence saying what was found;
    `expected` and `remedy` complete it.
    """

    code: str
    message: str
    severity: Severity = Severity.ERROR
    place: Place = Place()
    found: str | None = None
    expected: str | None = None
    remedy: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The finding as plain JSON values, without what is empty."""
        place = {
            name: value
            for name in ("file", "line", "column", "excerpt", "dataset", "field")
            if (value := getattr(self.place, name)) is not None
        }
        row = {
            "code": self.code,
            "severity": str(self.severity),
            "message": self.message,
            "place": place or None,
            "found": self.found,
            "expected": self.expected,
            "remedy": self.remedy,
        }
        return {name: value for name, value in row.items() if value is not None}

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Finding:
        """The finding of values that `to_json` made."""
        given = {name: row[name] for name in ("code", "message", "found", "expected", "remedy") if name in row}
        return cls(**given, severity=Severity(row["severity"]), place=Place(**row.get("place", {})))


class Outcome(StrEnum):
    """What a gate can say."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    FAIL = "fail"
    NOT_APPLICABLE = "not_applicable"
    NEEDS_PERSON = "needs_person"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one gate found: its outcome, one sentence for people, and the findings behind it.

    `outcome` is what the gate said, whatever policy and waivers make of it; where that is something else, `counts_as`
    says what and `ruling` why. `waived` maps the digests of findings that are waived to those of their waivers.
    """

    gate: str
    outcome: Outcome
    summary: str
    findings: tuple[Finding, ...] = ()
    counts_as: Outcome | None = None
    ruling: str = ""
    waived: tuple[tuple[str, str], ...] = ()

    @property
    def counts(self) -> Outcome:
        """What it counts for."""
        return self.outcome if self.counts_as is None else self.counts_as

    @property
    def holds(self) -> bool:
        """Whether it is not in the way."""
        return self.counts in {Outcome.PASS, Outcome.NOT_APPLICABLE}

    def to_json(self) -> dict[str, Any]:
        """The verdict as plain JSON values."""
        row: dict[str, Any] = {
            "gate": self.gate,
            "outcome": str(self.outcome),
            "summary": self.summary,
            "findings": [finding.to_json() for finding in self.findings],
        }
        if self.ruling:
            row |= {"counts": str(self.counts), "ruling": self.ruling}
        if self.waived:
            row["waived"] = [{"finding": finding, "waiver": waiver} for finding, waiver in self.waived]
        return row

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Verdict:
        """The verdict of values that `to_json` made."""
        ruling = str(row.get("ruling", ""))
        return cls(
            gate=str(row["gate"]),
            outcome=Outcome(row["outcome"]),
            summary=str(row["summary"]),
            findings=tuple(Finding.from_json(finding) for finding in row["findings"]),
            counts_as=Outcome(row["counts"]) if ruling else None,
            ruling=ruling,
            waived=tuple((str(each["finding"]), str(each["waiver"])) for each in row.get("waived", ())),
        )


def blocking(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Only the findings that block."""
    return tuple(finding for finding in findings if finding.severity is Severity.ERROR)
