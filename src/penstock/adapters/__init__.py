"""The outside world behind the ports: DuckDB, SQLite, files, git, keys, processes, the clock."""
