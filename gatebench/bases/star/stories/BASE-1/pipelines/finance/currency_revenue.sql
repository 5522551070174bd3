/* penstock
description: What was ordered in each currency on a day, in that currency and in euros.
materialize: table
*/
SELECT
  lines.ordered_on AS day,
  lines.currency,
  CAST(sum(lines.amount) AS DECIMAL(18, 2)) AS amount,
  CAST(sum(lines.amount_eur) AS DECIMAL(18, 2)) AS amount_eur
FROM shop.fct_lines AS lines
JOIN shop.orders AS orders ON orders.order_id = lines.order_id
WHERE orders.status <> 'cancelled'
GROUP BY lines.ordered_on, lines.currency
