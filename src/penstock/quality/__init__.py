"""Judging data: checks compiled to few scans, profiles, differences between two relations, volume.

Everything here is text and values: SQL for DuckDB goes out, the rows it returned come in.
"""
