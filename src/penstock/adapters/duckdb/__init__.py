"""DuckDB: the embedded warehouse, and throw-away databases for landing, profiling and testing."""
