/* penstock
description: The lines of orders in euros, at the rate of the day of the order.
materialize: incremental
interval: day(file_day)
*/
SELECT
  lines.file_day,
  lines.order_id,
  lines.line_no,
  CAST(orders.ordered_at AS DATE) AS ordered_on,
  orders.customer_id,
  lines.product_id,
  orders.channel,
  orders.currency,
  lines.quantity,
  CAST(lines.quantity * lines.unit_price * (100 - lines.discount_percent) / 100 AS DECIMAL(18, 2)) AS amount,
  CAST(
    lines.quantity * lines.unit_price * (100 - lines.discount_percent) / 100 * coalesce(rates.eur_per_unit, 1)
    AS DECIMAL(18, 2)
  ) AS amount_eur,
  CAST(lines.quantity * products.cost_eur AS DECIMAL(18, 2)) AS cost_eur
FROM shop.stg_lines AS lines
JOIN shop.stg_orders AS orders
  ON orders.order_id = lines.order_id AND orders.file_day = lines.file_day AND orders.status = 'open'
JOIN shop.dim_products AS products ON products.product_id = lines.product_id
LEFT JOIN shop.dim_rates AS rates
  ON rates.currency = orders.currency
  AND CAST(orders.ordered_at AS DATE) >= rates.valid_from
  AND CAST(orders.ordered_at AS DATE) < rates.valid_until
WHERE lines.file_day >= $interval_start AND lines.file_day < $interval_end
  AND orders.file_day >= $interval_start AND orders.file_day < $interval_end
