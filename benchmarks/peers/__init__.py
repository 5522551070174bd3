"""The same no-op tasks in Penstock, in bare DuckDB and in other engines: one driver each, in a process of its own."""
