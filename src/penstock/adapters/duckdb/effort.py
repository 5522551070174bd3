"""What a query took, read from DuckDB's own profile of it; the words differ from version to version."""

from __future__ import annotations

import json

from penstock.quality.rerunning import Effort


def effort_of(profile: str) -> Effort:
    """The effort of an `EXPLAIN (ANALYZE, FORMAT json)`.

    >>> effort_of('{"cumulative_cardinality": 30, "cumulative_rows_scanned": 12, "latency": 0.5}')
    Effort(rows=42, seconds=0.5, read=12)
    >>> effort_of('{"query": {"total_intermediate_rows": 30, "total_rows_scanned": 12, "total_time": 0.5}}')
    Effort(rows=42, seconds=0.5, read=12)
    """
    value = json.loads(profile)
    if "query" in value:
        query = value["query"]
        passed, read, seconds = query["total_intermediate_rows"], query["total_rows_scanned"], query["total_time"]
    else:
        passed, read, seconds = (
            value[name] for name in ("cumulative_cardinality", "cumulative_rows_scanned", "latency")
        )
    return Effort(rows=int(passed) + int(read), seconds=float(seconds), read=int(read))
