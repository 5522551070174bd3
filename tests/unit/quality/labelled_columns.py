"""Columns whose personal data people have labelled, profiled as text, and how well guesses meet the labels."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from penstock.quality.personal import guess_personal
from penstock.quality.profiling import profiled
from penstock.sql.identifiers import literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from penstock.quality.personal import PersonalGuess
    from penstock.quality.profiling import ColumnProfile

FOLDER = Path(__file__).parent / "labelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """A column with what a person says of it: `personal` (of a kind), `no`, or `arguable`."""

    table: str
    column: str
    label: str
    kind: str
    profile: ColumnProfile

    def guess(self, *, named: bool = True) -> PersonalGuess | None:
        """What is guessed, with its name or by its values alone."""
        return guess_personal(self.column if named else "c", self.profile)


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Counts of columns: flagged and personal, flagged and not, personal and not flagged."""

    hits: tuple[str, ...]
    false: tuple[str, ...]
    missed: tuple[str, ...]

    @property
    def precision(self) -> float:
        return len(self.hits) / (len(self.hits) + len(self.false))

    @property
    def recall(self) -> float:
        return len(self.hits) / (len(self.hits) + len(self.missed))


def score(columns: Iterable[Labelled], confidence: float, *, named: bool = True, wide: bool = False) -> Score:
    """How guesses of at least that confidence meet the labels; `wide` counts arguable columns as personal, else not
    at all."""
    hits: list[str] = []
    false: list[str] = []
    missed: list[str] = []
    for one in columns:
        if one.label == "arguable" and not wide:
            continue
        guess = one.guess(named=named)
        flagged = guess is not None and guess.confidence >= confidence
        name = f"{one.table}.{one.column}"
        if one.label == "no":
            false += [name] if flagged else []
        else:
            (hits if flagged else missed).append(name)
    return Score(hits=tuple(hits), false=tuple(false), missed=tuple(missed))


def labelled_columns() -> Iterator[Labelled]:
    """The columns of the tables in `labelled/`."""
    with (FOLDER / "labels.csv").open(newline="") as stream:
        labels = {(row["table"], row["column"]): row for row in csv.DictReader(stream)}
    for path in sorted(FOLDER.glob("*.csv")):
        if path.stem == "labels":
            continue
        for name, profile in profiles(path):
            row = labels[path.stem, name]
            yield Labelled(table=path.stem, column=name, label=row["label"], kind=row["kind"], profile=profile)


def profiles(path: Path) -> Iterator[tuple[str, ColumnProfile]]:
    """Each column of a file of text with its profile."""
    with path.open(newline="") as stream:
        names = next(csv.reader(stream))
    relation = f"read_csv({literal(str(path))}, all_varchar = true, header = true, delim = ',', quote = '\"')"
    with duckdb.connect() as connection:
        found = profiled(lambda sql: connection.execute(sql).fetchall()[0], relation, names)
    yield from zip(names, found.columns, strict=True)
