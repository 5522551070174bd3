"""The edits of the table: what is done to the project of `edit_project`, and whether that is meant to move anything."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edit_project import (
    BASE,
    GRADES,
    ORDERS,
    Dataset,
    about,
    added,
    module,
    removed,
    renamed,
    setting,
    text,
    together,
    whole,
)

if TYPE_CHECKING:
    from edit_project import Edit


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One edit. `moves` says whether it means that something has to be made, or goes, on some data."""

    group: str
    name: str
    at: str
    edit: Edit
    moves: bool


STG, DAILY, BY, REPORT, RANKING, TOP, SCORE = (
    "stg_orders",
    "daily",
    "by_customer",
    "report",
    "ranking",
    "top",
    "score",
)
KNOWN = """\
known AS (
  SELECT CAST(customer_id AS INTEGER) AS customer_id, name, country, CAST(invited_by AS INTEGER) AS invited_by
  FROM {customers}
)"""
SPENT = """\
spent AS (
  SELECT customer_id, SUM(quantity * price) AS total, MAX(day) AS last_day FROM {stg_orders} GROUP BY customer_id
)"""
KNOWN_QUERY = KNOWN.removeprefix("known AS (\n").removesuffix("\n)")
STATUS, MANY = "o.status <> 'cancelled'", "CAST(o.quantity AS INTEGER) > 0"
BULK = "CASE WHEN quantity >= 10 THEN 1 ELSE 0 END"
FRAME = "ROWS BETWEEN 1 PRECEDING AND CURRENT ROW"
WEEKLY = "SELECT DATE_TRUNC('week', day) AS week, SUM(gross) AS gross FROM {daily} GROUP BY DATE_TRUNC('week', day)\n"
REPORT_COLUMNS = BASE.datasets[REPORT].columns
UNUSED = "\n\ndef unused():\n    return 0\n"
LATE_ORDER = "11,2,2024-01-06,paid,30,8.00,store,late\n"


def _lower(query: str) -> str:
    return re.sub(r"\b[A-Z]{2,}\b", lambda word: word[0].lower(), query)


def _indented(query: str) -> str:
    return query.replace(", ", ",\n      ").replace(" AND ", "\n    AND ")


def _branches_swapped(query: str) -> str:
    one, two = query.strip().split("\nUNION ALL\n")
    return f"{two}\nUNION ALL\n{one}\n"


def _flagged(file: str) -> str:
    head, *lines = file.splitlines()
    return "\n".join([f"{head},flag", *(f"{line},x" for line in lines), ""])


def _rows(at: str, name: str, *changes: tuple[str, str]) -> Case:
    return Case(group="Other rows or values", name=name, at=at, edit=text(at, *changes), moves=True)


def _same(at: str, name: str, *changes: tuple[str, str]) -> Case:
    return Case(group="The same in other words", name=name, at=at, edit=text(at, *changes), moves=False)


def _same_whole(at: str, name: str, edit: Edit) -> Case:
    return Case(group="The same in other words", name=name, at=at, edit=edit, moves=False)


def _columns(at: str, name: str, *changes: tuple[str, str]) -> Case:
    return Case(group="Columns", name=name, at=at, edit=text(at, *changes), moves=True)


def _beside(at: str, name: str, edit: Edit, *, moves: bool = False) -> Case:
    return Case(group="What stands beside a query", name=name, at=at, edit=edit, moves=moves)


def _python(name: str, edit: Edit, *, moves: bool) -> Case:
    return Case(group="Python", name=name, at=SCORE, edit=edit, moves=moves)


def _files(at: str, name: str, edit: Edit, *, moves: bool = True) -> Case:
    return Case(group="Datasets and files", name=name, at=at, edit=edit, moves=moves)


CASES: tuple[Case, ...] = (
    _same(STG, "comment added", ("FROM {orders}", "-- as the shop sends them\nFROM {orders}")),
    _same_whole(STG, "layout", whole(STG, _indented)),
    _same_whole(BY, "keywords in lower case", whole(BY, _lower)),
    _same_whole(STG, "alias of a table renamed", whole(STG, lambda query: re.sub(r"\bo\b", "raw", query))),
    _same(STG, "optional `AS` left out", ("{orders} AS o", "{orders} o")),
    _same(STG, "parentheses added", (STATUS, f"({STATUS})")),
    _same(BY, "CTE renamed", ("spent AS (", "sums AS ("), ("JOIN spent", "JOIN sums")),
    _same(BY, "CTEs reordered", (f"{SPENT},\n{KNOWN}", f"{KNOWN},\n{SPENT}")),
    _same(BY, "CTE added that nobody reads", ("WITH spent", "WITH one AS (SELECT 1 AS one),\nspent")),
    _same(BY, "CTE written as a subquery", (f",\n{KNOWN}", ""), ("FROM known AS k", f"FROM ({KNOWN_QUERY}) AS k")),
    _same(STG, "terms of `AND` swapped", (f"{STATUS} AND {MANY}", f"{MANY} AND {STATUS}")),
    _same(DAILY, "factors swapped", ("quantity * price", "price * quantity")),
    _same(BY, "sides of `=` swapped", ("k.customer_id = s.customer_id", "s.customer_id = k.customer_id")),
    _same(STG, "`!=` for `<>`", ("<>", "!=")),
    _same(STG, "`NOT … =` for `<>`", (STATUS, "NOT o.status = 'cancelled'")),
    _same(STG, "`::` for `CAST`", ("CAST(o.price AS DECIMAL(18, 2))", "o.price::DECIMAL(18, 2)")),
    _same(STG, "`CASE` for `COALESCE`", (
        "COALESCE(o.channel, 'web')", "CASE WHEN o.channel IS NULL THEN 'web' ELSE o.channel END",
    )),
    _same(DAILY, "`GROUP BY ALL`", ("GROUP BY day, channel", "GROUP BY ALL")),
    _same(DAILY, "`GROUP BY 1, 2`", ("GROUP BY day, channel", "GROUP BY 1, 2")),
    _same(DAILY, "`FILTER` for `CASE`", (f"SUM({BULK})", "COALESCE(SUM(1) FILTER (WHERE quantity >= 10), 0)")),
    _same_whole(REPORT, "branches of `UNION ALL` swapped", whole(REPORT, _branches_swapped)),
    _same(REPORT, "`ORDER BY` added", ("GROUP BY country", "GROUP BY country ORDER BY label")),
    _same(RANKING, "`WHERE TRUE` added", ("FROM {by_customer}", "FROM {by_customer} WHERE TRUE")),
    _rows(STG, "filter changed", (STATUS, "o.status = 'paid'")),
    _rows(STG, "filter at its boundary", ("> 0", ">= 0")),
    _rows(STG, "filter left out", (f"{STATUS} AND ", "")),
    _rows(STG, "filter that keeps NULL", (STATUS, "o.status IS DISTINCT FROM 'cancelled'")),
    _rows(STG, "case of a text in a filter", ("'cancelled'", "'Cancelled'")),
    _rows(STG, "`OR` for `AND`", (f"{STATUS} AND", f"{STATUS} OR")),
    _rows(BY, "`INNER JOIN` for `LEFT JOIN`", ("LEFT JOIN", "INNER JOIN")),
    _rows(BY, "join key", ("k.customer_id = s", "k.invited_by = s")),
    _rows(STG, "`DISTINCT` added", ("SELECT CAST(o.order_id", "SELECT DISTINCT CAST(o.order_id")),
    _rows(DAILY, "key added to `GROUP BY`", ("GROUP BY day, channel", "GROUP BY day, channel, status")),
    _rows(DAILY, "`HAVING` added", ("GROUP BY day, channel", "GROUP BY day, channel HAVING SUM(quantity) > 1")),
    _rows(REPORT, "`UNION` for `UNION ALL`", ("UNION ALL", "UNION")),
    _rows(TOP, "`LIMIT`", ("LIMIT 3", "LIMIT 2")),
    _rows(TOP, "`ORDER BY` before a `LIMIT`", ("total DESC", "total")),
    _rows(STG, "source switched", ("{orders}", "{orders_archive}")),
    _rows(DAILY, "measure changed", ("SUM(quantity * price) AS gross", "SUM(quantity * price * 2) AS gross")),
    _rows(DAILY, "`COUNT(DISTINCT …)` for `COUNT(*)`", ("COUNT(*)", "COUNT(DISTINCT customer_id)")),
    _rows(DAILY, "constant in a `CASE`", ("quantity >= 10", "quantity >= 5")),
    _rows(DAILY, "boundary in a `CASE`", ("quantity >= 10", "quantity > 10")),
    _rows(DAILY, "`ELSE` of a `CASE`", ("ELSE 0", "ELSE -1")),
    _rows(DAILY, "arm added to a `CASE`", ("CASE WHEN", "CASE WHEN quantity >= 12 THEN 2 WHEN")),
    _rows(BY, "default in `COALESCE`", ("COALESCE(s.total, 0)", "COALESCE(s.total, -1)")),
    _rows(RANKING, "frame of a window", (FRAME, FRAME.replace("1 PRECEDING", "2 PRECEDING"))),
    _rows(RANKING, "order of a window", ("ORDER BY customer_id", "ORDER BY customer_id DESC")),
    _rows(RANKING, "partition of a window", ("PARTITION BY country ", "")),
    _columns(STG, "column added", ("o.note\n", "o.note, UPPER(o.status) AS state\n")),
    _columns(BY, "column added, a reader takes `*`", ("s.last_day\n", "s.last_day, k.invited_by\n")),
    _columns(STG, "columns reordered", ("o.status, ", ""), ("o.note\n", "o.note, o.status\n")),
    _columns(STG, "dropped, nobody reads it", (", o.note\n", "\n")),
    _columns(STG, "dropped, one of two reads it", (", COALESCE(o.channel, 'web') AS channel", "")),
    _columns(STG, "renamed, nobody reads it", ("o.note\n", "o.note AS remark\n")),
    Case(
        group="Columns", name="renamed, its readers too", at=STG, moves=True,
        edit=together(
            text(STG, ("AS price", "AS unit_price")),
            text(DAILY, ("quantity * price", "quantity * unit_price")),
            text(BY, ("quantity * price", "quantity * unit_price")),
        ),
    ),
    _columns(STG, "changed, nobody reads it", ("o.note\n", "UPPER(o.note) AS note\n")),
    _columns(STG, "changed, one of two reads it", ("'web'", "'shop'")),
    _columns(STG, "changed, both read it", ("CAST(o.price AS DECIMAL(18, 2))", "CAST(o.price AS DECIMAL(18, 2)) + 1")),
    _columns(STG, "type narrowed to `DECIMAL(18, 1)`", ("DECIMAL(18, 2)", "DECIMAL(18, 1)")),
    _columns(STG, "type widened, unread column", ("CAST(o.order_id AS INTEGER)", "CAST(o.order_id AS BIGINT)")),
    _beside(STG, "description", setting(STG, description="Orders that count, with types.")),
    _beside(REPORT, "a column's text in the contract", setting(
        REPORT, columns={**REPORT_COLUMNS, "label": ("VARCHAR", "A day, or a country of customers.")},
    )),
    _beside(REPORT, "check added", setting(REPORT, required=("kind", "label"))),
    _beside("all", "owner", about(owner="finance")),
    _beside("all", "schedule", about(schedule="0 6 * * *")),
    _beside(STG, "view in place of a table", setting(STG, materialize="view"), moves=True),
    _beside(DAILY, "column of the intervals", setting(DAILY, day="last_day"), moves=True),
    _python("comment changed", text(SCORE, ("# one row each", "# one row for each customer")), moves=False),
    _python("docstring changed", text(SCORE, ("The grade of each", "A grade for each")), moves=False),
    _python("layout", text(SCORE, ("[(customer_id, grade(total)) for", "[\n        (customer_id, grade(total)) for")),
            moves=False),
    _python("code", text(SCORE, ("grade(total))", "grade(total * 2))")), moves=True),
    _python("code that it imports", module(("> 50", "> 100")), moves=True),
    _python("comment in what it imports", module(('    return "', '    # two grades\n    return "')), moves=False),
    _python("function added to what it imports", about(module=GRADES + UNUSED), moves=False),
    _files("weekly", "dataset added", added("weekly", Dataset(text=WEEKLY, description="By week."))),
    _files(TOP, "dataset removed", removed(TOP)),
    _files(RANKING, "dataset renamed", renamed(RANKING, "leaderboard")),
    _files("orders", "row added to a file", setting("orders", text=ORDERS + LATE_ORDER)),
    _files("customers", "value changed that nobody reads", text("customers", ("Ada,GB,2,gold", "Ada,GB,2,plain"))),
    _files("customers", "column added to a file", whole("customers", _flagged)),
)  # fmt: skip
