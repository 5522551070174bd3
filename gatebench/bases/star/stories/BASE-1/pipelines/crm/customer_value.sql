/* penstock
description: What each customer ordered so far, without cancelled orders.
materialize: table
*/
SELECT
  customers.customer_id,
  customers.country,
  count(DISTINCT orders.order_id) AS orders,
  CAST(coalesce(sum(lines.amount_eur), 0) AS DECIMAL(18, 2)) AS revenue_eur,
  max(lines.ordered_on) AS last_ordered_on
FROM shop.dim_customers AS customers
LEFT JOIN shop.orders AS orders ON orders.customer_id = customers.customer_id AND orders.status <> 'cancelled'
LEFT JOIN shop.fct_lines AS lines ON lines.order_id = orders.order_id
GROUP BY customers.customer_id, customers.country
