import duckdb
from penstock import task


@task(reads={"felt": "alerts.felt"}, materialize="table", memory="1GB", timeout="5m")
def strongest(felt):
    """The strongest quake of each region that has one of magnitude 4.5 or more."""
    return duckdb.sql(
        "SELECT region, id, time, magnitude FROM felt "
        "QUALIFY row_number() OVER (PARTITION BY region ORDER BY magnitude DESC, time, id) = 1"
    )
