/* penstock
description: Sales in euros by the day of the order, channel and category, without cancelled orders.
materialize: table
*/
SELECT
  lines.ordered_on AS day,
  lines.channel,
  products.category,
  CAST(sum(lines.quantity) AS BIGINT) AS units,
  count(DISTINCT lines.order_id) AS orders,
  CAST(sum(lines.amount_eur) AS DECIMAL(18, 2)) AS revenue_eur,
  CAST(sum(lines.amount_eur - lines.cost_eur) AS DECIMAL(18, 2)) AS margin_eur
FROM shop.fct_lines AS lines
JOIN shop.orders AS orders ON orders.order_id = lines.order_id
JOIN shop.dim_products AS products ON products.product_id = lines.product_id
WHERE orders.status <> 'cancelled'
GROUP BY lines.ordered_on, lines.channel, products.category
