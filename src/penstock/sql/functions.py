"""Which DuckDB functions an author's query may call, by the names DuckDB gives them.

Invariants: reading files, the network, the environment or the catalog is refused by name wherever it is called; a
function that makes rows must be in `ROW_MAKERS`, so that a new one is refused until someone has looked at it.
"""

from __future__ import annotations

import re
from enum import StrEnum


class Reach(StrEnum):
    """What a refused function would reach for; the values end finding codes."""

    FILE = "file_read"
    ENVIRONMENT = "environment_read"
    CATALOG = "catalog_read"
    HIDDEN_SQL = "hidden_sql"


ROW_MAKERS = frozenset({"range", "generate_series", "unnest", "json_each", "json_tree", "repeat", "repeat_row"})

NONDETERMINISTIC = frozenset(
    {
        "random",
        "setseed",
        "uuid",
        "gen_random_uuid",
        "uuidv4",
        "uuidv7",
        "now",
        "today",
        "transaction_timestamp",
        "get_current_time",
        "get_current_timestamp",
        "current_localtime",
        "current_localtimestamp",
        "current_date",
        "current_time",
        "current_timestamp",
        "localtime",
        "localtimestamp",
    }
)

NO_PARENTHESES = frozenset(
    {
        "current_date",
        "current_time",
        "current_timestamp",
        "localtime",
        "localtimestamp",
        "current_user",
        "session_user",
        "current_role",
        "current_catalog",
        "current_schema",
    }
)

# DuckDB aggregates that sqlglot does not know as such.
AGGREGATES = frozenset(
    {
        "arbitrary",
        "arg_max_null",
        "arg_max_nulls_last",
        "arg_min_null",
        "arg_min_nulls_last",
        "bitstring_agg",
        "combine_aggr",
        "count_star",
        "decimal_average",
        "entropy",
        "favg",
        "fsum",
        "histogram",
        "histogram_exact",
        "kahan_sum",
        "kurtosis_pop",
        "lttb",
        "mad",
        "mean",
        "product",
        "reservoir_quantile",
        "sem",
        "sum_no_overflow",
        "sumkahan",
        "variant_group_object",
    }
)

_HIDDEN_SQL = frozenset({"query", "query_table", "json_execute_serialized_sql"})
_ENVIRONMENT = frozenset(
    {
        "getenv",
        "current_setting",
        "getvariable",
        "current_database",
        "current_schema",
        "current_schemas",
        "current_catalog",
        "current_user",
        "session_user",
        "current_role",
        "current_query",
        "current_query_id",
        "current_connection_id",
        "current_transaction_id",
        "txid_current",
        "version",
        "in_search_path",
        "nextval",
        "currval",
        "setval",
        "setseed",
        "sleep_ms",
        "write_log",
        "get_block_size",
        "which_secret",
        "inet_server_addr",
        "inet_server_port",
        "stats",
    }
)
_FILE = re.compile(
    r"glob|read_\w+|parquet_\w+|sniff_\w+|\w+_scan|\w*_scan_\w+|st_read\w*|http_\w+|load_aws_credentials|python_map_function"
)
_CATALOG = re.compile(
    r"duckdb_\w+|pragma_\w+|pg_(?!typeof$|size_pretty$)\w+|has_\w+_privilege|icu_calendar_names|sqlite_\w+|format_pg_type|map_to_pg_oid"
)


def reach(name: str) -> Reach | None:
    """What calling the function of that name (any case) would reach for, or None if it is free to use."""
    name = name.lower()
    if name in _HIDDEN_SQL:
        return Reach.HIDDEN_SQL
    if name in _ENVIRONMENT or name == "pg_sleep":
        return Reach.ENVIRONMENT
    if _FILE.fullmatch(name):
        return Reach.FILE
    return Reach.CATALOG if _CATALOG.fullmatch(name) else None
