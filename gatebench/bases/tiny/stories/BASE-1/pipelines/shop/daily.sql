/* penstock
description: Paid orders by day.
materialize: incremental
interval: day(day)
*/
SELECT
  CAST(_interval_start AS DATE) AS day,
  count(*) AS orders,
  CAST(sum(CAST(amount AS DECIMAL(12, 2))) AS DECIMAL(18, 2)) AS amount
FROM shop.orders
WHERE _interval_start >= $interval_start AND _interval_start < $interval_end AND status = 'paid'
GROUP BY _interval_start
