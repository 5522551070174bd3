from penstock import task


@task(reads={"values": "crm.customer_value"}, materialize="table", memory="1GB", timeout="5m")
def segments(values):
    """Customers by what they ordered: A from a thousand euros, B from one hundred, C below, none without an order."""
    segment = "CASE WHEN orders = 0 THEN 'none' WHEN revenue_eur >= 1000 THEN 'A' WHEN revenue_eur >= 100 THEN 'B' ELSE 'C' END"
    return values.project(f"customer_id, {segment} AS segment, revenue_eur")
