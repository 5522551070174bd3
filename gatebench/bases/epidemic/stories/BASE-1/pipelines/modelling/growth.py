import duckdb
from penstock import task


@task(reads={"cases": "cases.by_country_day"}, materialize="table", memory="1GB", timeout="5m")
def growth(cases):
    """By how much cases grew within seven days, for countries with at least a hundred cases before."""
    return duckdb.sql(
        """
        SELECT later.day, later.country, round(later.confirmed / earlier.confirmed, 4) AS factor
        FROM cases AS later
        JOIN cases AS earlier ON earlier.country = later.country AND earlier.day = later.day - INTERVAL 7 DAY
        WHERE earlier.confirmed >= 100
        """
    )
