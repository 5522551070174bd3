"""Runs in a peer's own Python: `DATABASE FOLDER` in, every `PIPELINE.DATASET.parquet` of the folder a table out."""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb


def main() -> None:
    """Make the tables."""
    database, folder = sys.argv[1:]
    with duckdb.connect(database) as connection:
        for path in sorted(Path(folder).glob("*.parquet")):
            schema, _, name = path.stem.partition(".")
            connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
            connection.execute(f'CREATE TABLE "{schema}"."{name}" AS FROM read_parquet(?)', [str(path)])


if __name__ == "__main__":
    main()
