/* penstock
description: What each day's file says of orders, typed; a line that was written twice counts once.
materialize: incremental
interval: day(file_day)
*/
SELECT DISTINCT
  CAST(_interval_start AS DATE) AS file_day,
  CAST(order_id AS BIGINT) AS order_id,
  CAST(customer_id AS BIGINT) AS customer_id,
  CAST(replace(ordered_at, 'Z', '') AS TIMESTAMP) AS ordered_at,
  CAST(replace(exported_at, 'Z', '') AS TIMESTAMP) AS exported_at,
  channel,
  currency,
  CAST(shipping AS DECIMAL(8, 2)) AS shipping,
  voucher,
  status
FROM shop.orders_file
WHERE _interval_start >= $interval_start AND _interval_start < $interval_end
