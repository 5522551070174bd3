"""How a file differs from the one before it: in its columns, in how it is written, in what its values look like."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import accumulate
from typing import TYPE_CHECKING

from penstock.model.sources import Drift
from penstock.quality.matching import match

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from penstock.model.sources import FileSource, LandedFile

MOST_NAMED = 8
"""How many columns a sentence names."""


class DriftKind(StrEnum):
    """What drifted."""

    NEW = "new column"
    GONE = "column gone"
    RENAMED = "column renamed"
    REORDERED = "columns reordered"
    WRITTEN = "written otherwise"
    RETYPED = "values look otherwise"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drifted:
    """One thing that is another than in the file before. `column` is a declared one's name, where there is one."""

    file: str
    start: str
    kind: DriftKind
    column: str
    before: str
    after: str

    def __str__(self) -> str:
        match self.kind:
            case DriftKind.NEW:
                return f"new: {self.after}" + (f" ({self.column})" if self.column else "")
            case DriftKind.GONE:
                return f"gone: {self.before}" + (f" ({self.column})" if self.column else "")
            case DriftKind.RENAMED:
                return f"renamed: {self.before} is {self.after} now"
            case DriftKind.REORDERED:
                return "columns stand in another order"
            case _:
                return f"{self.column}: {self.before or 'none'} before, {self.after or 'none'} now"


def drifts(source: FileSource, files: Sequence[LandedFile]) -> tuple[Drifted, ...]:
    """What drifted from file to file, in the order of their intervals and names."""
    ordered = sorted(files, key=lambda file: (file.start, file.name))
    known = accumulate(ordered, _after)
    return tuple(
        drifted
        for before, after in zip(known, ordered[1:], strict=False)  # nothing comes after the last
        for drifted in drift_between(source, before, after)
    )


def _after(known: LandedFile, file: LandedFile) -> LandedFile:
    """What is known once a file came: a document without records, or a column without values, changes nothing."""
    return replace(
        file,
        header=file.header or known.header,
        dialect={**known.dialect, **file.dialect},
        forms={**known.forms, **file.forms},
    )


def drift_between(source: FileSource, before: LandedFile, after: LandedFile) -> Iterator[Drifted]:
    """What is another in a file than in the one before it; a file without records says nothing of its columns."""

    def found(kind: DriftKind, column: str = "", old: str = "", new: str = "") -> Drifted:
        return Drifted(file=after.name, start=after.start, kind=kind, column=column, before=old, after=new)

    if before.header and after.header and before.header != after.header:
        for kind, column, old, new in _columns(source, before.header, after.header):
            yield found(kind, column, old, new)
    for key in sorted({*before.dialect, *after.dialect}):
        old, new = before.dialect.get(key, ""), after.dialect.get(key, "")
        if old != new and old and new:
            yield found(DriftKind.WRITTEN, _DIALECT.get(key, key), _shown(old), _shown(new))
    for column in source.columns:
        old, new = before.forms.get(column, ""), after.forms.get(column, "")
        if old and new and old != new:
            yield found(DriftKind.RETYPED, column, old, new)


_DIALECT = {"mark": "start of the file", "lines": "line ends"}


def _columns(
    source: FileSource, before: Sequence[str], after: Sequence[str]
) -> Iterator[tuple[DriftKind, str, str, str]]:
    """New, gone and renamed columns; another order only where they are the same ones."""
    old, new = match(source, before), match(source, after)
    for column in source.columns:
        one, other = old.found.get(column), new.found.get(column)
        if one is None and other is not None:
            yield DriftKind.NEW, _also(column, after[other]), "", after[other]
        elif one is not None and other is None:
            yield DriftKind.GONE, _also(column, before[one]), before[one], ""
        elif one is not None and other is not None and before[one] != after[other] and not _is_path(source, column):
            yield DriftKind.RENAMED, column, before[one], after[other]
    kept = "kept in _extra" if source.drift is Drift.EVOLVE else ""
    extra = [{header[place] for place in matched.extra} for header, matched in ((before, old), (after, new))]
    for kind, names in ((DriftKind.NEW, extra[1] - extra[0]), (DriftKind.GONE, extra[0] - extra[1])):
        if names:
            said = _named(sorted(names))
            yield (kind, kept, "", said) if kind is DriftKind.NEW else (kind, "undeclared", said, "")
    if sorted(before) == sorted(after) and list(before) != list(after) and not source.paths:
        yield DriftKind.REORDERED, "", "", ""


def _is_path(source: FileSource, column: str) -> bool:
    """Whether a column is a path: what lies beneath it may come and go."""
    return column in source.paths


def _also(column: str, name: str) -> str:
    return column if column != name else ""


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def _shown(value: str) -> str:
    return {"\t": "tab", ",": "comma", ";": "semicolon"}.get(value, value)
