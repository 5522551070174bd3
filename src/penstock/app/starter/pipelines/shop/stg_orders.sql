/* penstock
description: Orders with types, each order line once.
materialize: incremental
interval: day(ordered_at)
*/
SELECT
  order_id,
  CAST(ordered_at AS TIMESTAMP) AS ordered_at,
  product,
  CAST(quantity AS INTEGER) AS quantity,
  CAST(price AS DECIMAL(12, 2)) AS price
FROM shop.orders
WHERE _interval_start >= $interval_start AND _interval_start < $interval_end
QUALIFY row_number() OVER (PARTITION BY order_id, product, ordered_at, quantity ORDER BY price) = 1
