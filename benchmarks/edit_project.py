"""A small project as one value, whatever tool it is written for, and the edits that make another project of it.

Raw files -> `stg_orders` -> `daily` and `by_customer` -> `report`; beside it `ranking`, `top` and, in Python, `score`.
Texts name what they read in braces; `{start}` and `{end}` bound what is built of an incremental dataset.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

FIRST_DAY, LAST_DAY, END = "2024-01-01", "2024-01-06", "2024-01-07"


class Kind(StrEnum):
    """What a dataset's text is."""

    CSV = "csv"
    SQL = "sql"
    PYTHON = "python"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """One dataset. `columns` are described columns of its contract, `required` those that a check holds not NULL.

    The text of a Python dataset makes `(customer_id, grade)` of rows of `(customer_id, total)`, in a function `graded`.
    """

    text: str
    kind: Kind = Kind.SQL
    materialize: str = "table"
    day: str = ""
    description: str = ""
    columns: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    required: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """Datasets in the order in which they can be built, what Python imports, and who owns it all, run when."""

    datasets: Mapping[str, Dataset]
    module: str
    owner: str = "sales"
    schedule: str = "@daily"


Edit = Callable[[Project], Project]

ORDERS = """\
order_id,customer_id,ordered_on,status,quantity,price,channel,note
1,1,2024-01-01,paid,2,10.00,app,first
2,1,2024-01-01,paid,4,5.00,store,
3,2,2024-01-02,cancelled,3,7.50,app,never mind
4,2,2024-01-02,paid,10,1.25,,bulk
5,3,2024-01-03,returned,1,99.90,store,came back
6,3,2024-01-03,paid,0,99.90,store,nothing in it
7,4,2024-01-04,,6,3.33,app,no status
8,4,2024-01-04,paid,12,2.00,,
9,5,2024-01-05,paid,1,500.00,store,big one
9,5,2024-01-05,paid,1,500.00,store,big one
10,1,2024-01-06,Paid,7,4.00,app,capital
"""
ARCHIVE = """\
order_id,customer_id,ordered_on,status,quantity,price,channel,note
101,2,2024-01-01,paid,5,6.00,app,
102,3,2024-01-02,paid,1,20.00,store,
103,6,2024-01-05,paid,30,0.50,,old
"""
CUSTOMERS = """\
customer_id,name,country,invited_by,segment
1,Ada,GB,2,gold
2,Bo,DE,1,plain
3,Cem,DE,1,plain
4,Dia,FR,3,plain
5,Eve,GB,4,gold
6,Fay,FR,5,plain
"""
STG_ORDERS = """\
SELECT CAST(o.order_id AS INTEGER) AS order_id, CAST(o.customer_id AS INTEGER) AS customer_id,
  CAST(o.ordered_on AS DATE) AS day, o.status, CAST(o.quantity AS INTEGER) AS quantity,
  CAST(o.price AS DECIMAL(18, 2)) AS price, COALESCE(o.channel, 'web') AS channel, o.note
FROM {orders} AS o
WHERE o.status <> 'cancelled' AND CAST(o.quantity AS INTEGER) > 0
"""
DAILY = """\
SELECT day, channel, SUM(quantity * price) AS gross, COUNT(*) AS orders, MAX(day) AS last_day,
  SUM(CASE WHEN quantity >= 10 THEN 1 ELSE 0 END) AS bulk
FROM {stg_orders}
WHERE day >= {start} AND day < {end}
GROUP BY day, channel
"""
BY_CUSTOMER = """\
WITH spent AS (
  SELECT customer_id, SUM(quantity * price) AS total, MAX(day) AS last_day FROM {stg_orders} GROUP BY customer_id
),
known AS (
  SELECT CAST(customer_id AS INTEGER) AS customer_id, name, country, CAST(invited_by AS INTEGER) AS invited_by
  FROM {customers}
)
SELECT k.customer_id, k.name, k.country, COALESCE(s.total, 0) AS total, s.last_day
FROM known AS k LEFT JOIN spent AS s ON k.customer_id = s.customer_id
"""
REPORT = """\
SELECT 'day' AS kind, CAST(day AS VARCHAR) AS label, gross AS amount FROM {daily}
UNION ALL
SELECT 'country' AS kind, country AS label, SUM(total) AS amount FROM {by_customer} GROUP BY country
"""
RANKING = """\
SELECT customer_id, country, total,
  SUM(total) OVER (PARTITION BY country ORDER BY customer_id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS of_two
FROM {by_customer}
"""
TOP = "SELECT * FROM {by_customer} ORDER BY total DESC, customer_id LIMIT 3\n"
SCORE = '''\
def graded(rows):
    """The grade of each customer."""
    # one row each
    return [(customer_id, grade(total)) for customer_id, total in rows]
'''
GRADES = '''\
def grade(total):
    """What a customer who spent so much is called."""
    return "large" if total > 50 else "small"
'''

BASE = Project(
    datasets={
        "orders": Dataset(kind=Kind.CSV, text=ORDERS, description="Orders as the shop hands them over."),
        "orders_archive": Dataset(kind=Kind.CSV, text=ARCHIVE, description="Orders of the shop that was bought."),
        "customers": Dataset(kind=Kind.CSV, text=CUSTOMERS, description="Customers."),
        "stg_orders": Dataset(text=STG_ORDERS, description="Orders that count, typed."),
        "daily": Dataset(text=DAILY, materialize="incremental", day="day", description="Sales by day and channel."),
        "by_customer": Dataset(text=BY_CUSTOMER, description="What each customer spent."),
        "report": Dataset(
            text=REPORT,
            description="Amounts by day and by country.",
            columns={
                "kind": ("VARCHAR", "What the label is."),
                "label": ("VARCHAR", "A day or a country."),
                "amount": ("DECIMAL(38,2)", "Pounds."),
            },
            required=("kind",),
        ),
        "ranking": Dataset(text=RANKING, description="Customers of a country, two by two."),
        "top": Dataset(text=TOP, description="The three best customers."),
        "score": Dataset(kind=Kind.PYTHON, text=SCORE, description="Grades."),
    },
    module=GRADES,
)
LETTERS = {
    "orders": "o", "orders_archive": "a", "customers": "c", "stg_orders": "S", "daily": "D", "by_customer": "C",
    "report": "R", "ranking": "K", "top": "T", "score": "P", "weekly": "W", "leaderboard": "L",
}  # fmt: skip
"""How the table names datasets; the last two come into being by edits."""


def text(name: str, *changes: tuple[str, str]) -> Edit:
    """Parts of a dataset's text are replaced; each must be there exactly once."""

    def edit(project: Project) -> Project:
        return setting(name, text=_replaced(project.datasets[name].text, changes))(project)

    return edit


def module(*changes: tuple[str, str]) -> Edit:
    """Parts of what Python imports are replaced."""
    return lambda project: replace(project, module=_replaced(project.module, changes))


def whole(name: str, change: Callable[[str], str]) -> Edit:
    """A dataset's whole text is changed."""
    return lambda project: setting(name, text=change(project.datasets[name].text))(project)


def setting(name: str, **values: Any) -> Edit:
    """What stands about a dataset is changed."""
    return lambda project: _with(project, {name: replace(project.datasets[name], **values)})


def about(**values: Any) -> Edit:
    """What stands about the project is changed."""
    return lambda project: replace(project, **values)


def added(name: str, dataset: Dataset) -> Edit:
    """There is another dataset."""
    return lambda project: _with(project, {name: dataset})


def removed(name: str) -> Edit:
    """A dataset is gone."""

    def edit(project: Project) -> Project:
        return replace(project, datasets={each: value for each, value in project.datasets.items() if each != name})

    return edit


def renamed(name: str, other: str) -> Edit:
    """A dataset that nobody reads has another name."""

    def edit(project: Project) -> Project:
        datasets = {other if each == name else each: value for each, value in project.datasets.items()}
        return replace(project, datasets=datasets)

    return edit


def together(*edits: Edit) -> Edit:
    """Several edits at once."""

    def edit(project: Project) -> Project:
        for each in edits:
            project = each(project)
        return project

    return edit


def _with(project: Project, datasets: Mapping[str, Dataset]) -> Project:
    return replace(project, datasets={**project.datasets, **datasets})


def _replaced(before: str, changes: tuple[tuple[str, str], ...]) -> str:
    for old, new in changes:
        if before.count(old) != 1:
            raise ValueError(f"{old!r} is there {before.count(old)} times")
        before = before.replace(old, new)
    return before
