"""Targets of exports: files, tables of Postgres, tables of another DuckDB; and where their rows come from."""
