/* penstock
description: The lines of new orders, typed; a line that was written twice counts once.
materialize: incremental
interval: day(file_day)
*/
SELECT DISTINCT
  CAST(_interval_start AS DATE) AS file_day,
  CAST(order_id AS BIGINT) AS order_id,
  CAST(line_no AS INTEGER) AS line_no,
  CAST(product_id AS BIGINT) AS product_id,
  CAST(quantity AS INTEGER) AS quantity,
  CAST(unit_price AS DECIMAL(12, 2)) AS unit_price,
  CAST(coalesce(discount_percent, '0') AS DECIMAL(5, 2)) AS discount_percent
FROM shop.lines_file
WHERE _interval_start >= $interval_start AND _interval_start < $interval_end
