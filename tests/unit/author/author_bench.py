"""What the author's tests share: rows evaluated in memory, the retail example read, its files landed and run."""

from __future__ import annotations

import csv
import gzip
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from penstock.author.change import write_change
from penstock.project.story import read_story
from penstock.project.story_facts import SourceFacts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.author.authored import AuthoredFile
    from penstock.model.stories import Story

RETAIL = Path(__file__).parents[3] / "examples" / "retail"
HEADER = ("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country")


def evaluate(
    select: str, columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[str | None]]
) -> tuple[tuple[str | None, ...], ...]:
    """The author's row evaluator, on DuckDB in memory."""
    with duckdb.connect() as connection:
        declared = ", ".join(f'"{name}" VARCHAR' for name, _ in columns)
        connection.execute(f"CREATE TABLE texts ({declared})")
        if rows:
            marks = ", ".join("?" for _ in columns)
            connection.executemany(f"INSERT INTO texts VALUES ({marks})", [list(row) for row in rows])
        casts = ", ".join(f'CAST("{name}" AS {kind}) AS "{name}"' for name, kind in columns)
        connection.execute(f"CREATE VIEW given AS SELECT {casts} FROM texts")
        found = connection.execute(f"SELECT CAST(COLUMNS(*) AS VARCHAR) FROM ({select})").fetchall()
    return tuple(tuple(row) for row in found)


def base_files() -> dict[str, bytes]:
    """The retail project before its first story."""
    return {"penstock.yaml": (RETAIL / "penstock.yaml").read_bytes()}


def header_of(folder: Path, pattern: str) -> tuple[str, ...]:
    path = sorted(folder.glob(pattern))[0]
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return tuple(next(csv.reader(text.decode().splitlines()[:1])))


def invoice_facts() -> dict[str, SourceFacts]:
    return {"invoices": SourceFacts(files=305, header=HEADER, rows=541_909)}


@cache
def retail(number: int) -> Story:
    """A story of the example, over those before it."""
    earlier = [retail(other) for other in range(1, min(number, 3))]
    path = RETAIL / "stories" / f"RETAIL-{number}.md"
    return read_story(path.read_text(), f"stories/{path.name}", earlier=earlier)


@cache
def written(number: int) -> tuple[AuthoredFile, ...]:
    """What the author writes for a story of the example, over what it wrote for those before."""
    base = base_files()
    for other in range(1, number):
        base |= {file.path: file.text.encode() for file in written(other)}
    return write_change(retail(number), invoice_facts(), evaluate, base=base)
