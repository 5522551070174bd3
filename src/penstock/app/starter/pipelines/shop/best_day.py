"""The best day so far: a Python task gets DuckDB relations and returns one."""

from penstock import task


@task(reads={"revenue": "shop.daily_revenue"}, materialize="table")
def best_day(revenue):
    """The day with the highest revenue."""
    return revenue.order("revenue DESC, day").limit(1)
