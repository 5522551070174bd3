"""What can be seen of a shop from outside, in a form in which two shops that did the same work are equal."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import duckdb
from small_shop import git

from penstock.app.doctor import examine
from penstock.app.evidence import verify
from penstock.app.wiring import workplace

if TYPE_CHECKING:
    from small_shop import Shop

    from penstock.app.wiring import Workplace


def picture_of(shop: Shop) -> dict[str, Any]:
    """Tables, publications, promotions, commits, evidence, files and states, without what time and chance put there."""
    with workplace(shop.root) as place:
        seen = {**_changes(place), **_target(shop)}
    return {**seen, **_repository(shop), "left over": left_over(shop)}


def complaints(shop: Shop) -> list[str]:
    """What `doctor` finds, and what `change verify` refuses of any change that has evidence."""
    with workplace(shop.root) as place:
        said = [finding.message for finding in examine(place)[1]]
        for row in place.ledger.rows("changes"):
            change = str(row["change"])
            if row["state"] == "abandoned":  # its evidence was set aside with its branch
                continue
            report = verify(place, change)
            if row["stage"] != "discovery" and not report.ok:
                said += [f"{change}: {finding.message}" for finding in report.findings]
    return said


def left_over(shop: Shop) -> list[str]:
    """Files that nobody would miss: halves of writes, locks, landed files, uncommitted work."""
    found = [path for path in shop.root.rglob(".*.new*") if ".git" not in path.parts]
    found += shop.root.glob(".penstock/spool/*")
    found += shop.root.joinpath(".git").rglob("*.lock")
    dirty = git(shop.root, "status", "--porcelain").splitlines()
    return sorted(str(path.relative_to(shop.root)) for path in found) + dirty


def _changes(place: Workplace) -> dict[str, Any]:
    ledger = place.ledger
    passed = [f"{row['change']} {row['stage']} {row['state']}" for row in ledger.rows("stages")]
    promotions = [f"{row['reason']} {row['state']}" for row in ledger.rows("promotions", environment="prod")]
    return {
        "changes": {str(row["change"]): (row["stage"], row["state"]) for row in ledger.rows("changes")},
        "stages": sorted(passed),
        "observations": {f"{r['change']} {r['interval']}": r["state"] for r in ledger.rows("observations")},
        "approvals": sorted(f"{row['change']} {row['name']}" for row in ledger.rows("approvals")),
        "promotions": Counter(promotions),
        "environments": {f"{r['environment']}/{r['dataset']}": r["version"] for r in ledger.rows("environments")},
        "unsettled": [row["run"] for row in ledger.rows("runs", state="running")],
    }


def _target(shop: Shop) -> dict[str, Any]:
    """What the warehouse itself holds: rows of every production view, publications by slice, swaps."""
    path = shop.root / ".penstock" / "warehouse.duckdb"
    if not path.exists():
        return {"tables": {}, "publications": Counter(), "swaps": 0}
    with duckdb.connect(str(path), read_only=True) as warehouse:
        shown = "SELECT schema_name, view_name FROM duckdb_views() WHERE schema_name LIKE 'sales%' ORDER BY ALL"
        views = warehouse.execute(shown).fetchall()
        tables = {f"{schema}.{name}": _rows(warehouse, schema, name) for schema, name in views}
        published = warehouse.execute("SELECT publish_id FROM _penstock.ledger").fetchall()
        swaps = warehouse.execute("SELECT count(*) FROM _penstock.swaps WHERE environment = 'prod'").fetchone()
    return {
        "tables": tables,
        "publications": Counter(str(row[0]).partition("/")[2] for row in published),
        "swaps": swaps[0] if swaps else 0,
    }


def _rows(warehouse: duckdb.DuckDBPyConnection, schema: str, name: str) -> tuple[int, str]:
    rows = warehouse.execute(f'SELECT * FROM "{schema}"."{name}" ORDER BY ALL').fetchall()
    return len(rows), hashlib.sha256(json.dumps(rows, default=str).encode()).hexdigest()


def _repository(shop: Shop) -> dict[str, Any]:
    """Commits by branch and message; evidence by name; how many outputs stand beside it; every other file by name."""
    branches = git(shop.root, "for-each-ref", "--format=%(refname:short)", "refs/heads").split()
    messages = {branch: Counter(git(shop.root, "log", "--format=%B%x00", branch).split("\0\n")) for branch in branches}
    files = {branch: git(shop.root, "ls-tree", "-r", "--name-only", branch).splitlines() for branch in branches}
    outputs = {branch: sum("/outputs/" in name for name in names) for branch, names in files.items()}
    worktrees = sorted(path.name for path in shop.root.glob(".penstock/worktrees/*"))
    return {
        "commits": messages,
        "outputs": outputs,
        "files": {branch: [name for name in names if "/outputs/" not in name] for branch, names in files.items()},
        "worktrees": worktrees,
    }


def differences(expected: dict[str, Any], actual: dict[str, Any]) -> list[str]:
    """In which respects two pictures differ, one line each."""
    return [f"{name}: {_apart(expected[name], actual[name])}" for name in expected if expected[name] != actual[name]]


def _apart(expected: Any, actual: Any) -> str:
    if isinstance(expected, dict) and isinstance(actual, dict):
        keys = [key for key in {**expected, **actual} if expected.get(key) != actual.get(key)]
        return "; ".join(f"{key}: {_apart(expected.get(key), actual.get(key))}" for key in keys)
    if isinstance(expected, list) and isinstance(actual, list):
        missing, extra = [x for x in expected if x not in actual], [x for x in actual if x not in expected]
        return f"missing {missing}, too much {extra}"
    return f"expected {expected!r}, is {actual!r}"
