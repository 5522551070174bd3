"""How well personal data is found, on columns that people labelled: the figures in the documentation stand here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from labelled_columns import Labelled, Score, labelled_columns, score

DOCS = Path(__file__).parents[3] / "docs"
CONFIDENCE = 0.8
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("labelled")]  # asked once, not once in each process


@pytest.fixture(scope="module")
def columns() -> tuple[Labelled, ...]:
    return tuple(labelled_columns())


def measured(columns: tuple[Labelled, ...], tables: str, *, named: bool = True, wide: bool = False) -> Score:
    chosen = [one for one in columns if re.fullmatch(tables, one.table)]
    return score(chosen, CONFIDENCE, named=named, wide=wide)


REAL = "(?!made_up).*"


def test_names_and_values_find_what_is_personal_in_real_tables(columns: tuple[Labelled, ...]) -> None:
    found = measured(columns, REAL)
    assert len(found.hits) + len(found.missed) == 18
    assert found.precision >= 0.95, found.false
    assert found.recall >= 0.95, found.missed


def test_what_must_be_flagged_is_and_what_must_not_is_not(columns: tuple[Labelled, ...]) -> None:
    hits = {name.partition(".")[2] for name in measured(columns, REAL).hits}
    assert hits >= {"EmailAddress", "PhoneNumber", "AddressLine1", "CardNumber", "NationalIDNumber", "BirthDate",
                    "CustomerName"}  # fmt: skip
    harmless = {"StockCode", "InvoiceNo", "FIPS", "ProductNumber", "rowguid", "place", "Combined_Key", "AccountNumber"}
    flagged = {one.column for one in columns if (guess := one.guess()) and guess.confidence >= CONFIDENCE}
    assert not flagged & harmless


def test_the_kind_guessed_is_the_kind_labelled(columns: tuple[Labelled, ...]) -> None:
    guesses = [(one.kind, guess.kind) for one in columns if one.kind and (guess := one.guess()) is not None]
    right = sum(1 for kind, guessed in guesses if kind == guessed)
    assert right / len(guesses) >= 0.98


@pytest.mark.parametrize(
    ("tables", "named", "precision", "recall"),
    [(REAL, False, 0.95, 0.5), ("made_up", True, 0.95, 0.75), ("made_up_unseen", True, 0.95, 0.65)],
)
def test_values_alone_find_most_of_it(
    columns: tuple[Labelled, ...], tables: str, named: bool, precision: float, recall: float
) -> None:
    """The columns of `made_up` tables are named `c000` and so on, so that their names say nothing."""
    found = measured(columns, tables, named=named)
    assert found.precision >= precision, found.false
    assert found.recall >= recall, found.missed


def test_what_is_arguable_is_said_too(columns: tuple[Labelled, ...]) -> None:
    """Keys of persons, parts of addresses and the like, counted as personal: most of them are not found."""
    wide = measured(columns, REAL, wide=True)
    assert wide.precision >= 0.95, wide.false
    assert wide.recall >= 0.55, wide.missed
    assert wide.recall < 0.9


def test_the_documented_figures_are_the_measured_ones(columns: tuple[Labelled, ...]) -> None:
    rows = {
        "real tables, names and values": measured(columns, REAL),
        "real tables, values alone": measured(columns, REAL, named=False),
        "real tables, what is arguable counted as personal": measured(columns, REAL, wide=True),
        "made-up columns of five countries, values alone": measured(columns, "made_up"),
        "made-up columns of six other countries, values alone": measured(columns, "made_up_unseen"),
    }
    page = (DOCS / "personal-data.md").read_text()
    for label, found in rows.items():
        personal = len(found.hits) + len(found.missed)
        line = f"| {label} | {personal} | {found.precision:.2f} | {found.recall:.2f} |"
        assert line in page, line
