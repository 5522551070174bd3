/* penstock
description: Revenue and margin by month and category.
materialize: table
*/
SELECT
  CAST(date_trunc('month', day) AS DATE) AS month,
  category,
  CAST(sum(revenue_eur) AS DECIMAL(18, 2)) AS revenue_eur,
  CAST(sum(margin_eur) AS DECIMAL(18, 2)) AS margin_eur,
  round(100 * sum(margin_eur) / nullif(sum(revenue_eur), 0), 2) AS margin_percent
FROM shop.daily_sales
GROUP BY ALL
