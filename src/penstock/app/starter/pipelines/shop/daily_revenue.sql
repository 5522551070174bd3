/* penstock
description: Revenue and orders of each day.
materialize: incremental
interval: day(day)
*/
SELECT
  CAST(ordered_at AS DATE) AS day,
  CAST(sum(quantity * price) AS DECIMAL(18, 2)) AS revenue,
  count(DISTINCT order_id) AS orders
FROM shop.stg_orders
WHERE ordered_at >= $interval_start AND ordered_at < $interval_end
GROUP BY day
