/* penstock
description: Revenue by region, with the tax that is in it.
materialize: table
*/
SELECT
  coalesce(countries.region, 'Elsewhere') AS region,
  CAST(sum(revenue.gross) AS DECIMAL(18, 2)) AS gross,
  CAST(sum(revenue.net) AS DECIMAL(18, 2)) AS net,
  CAST(sum(revenue.net * coalesce(countries.vat_percent, 0) / (100 + coalesce(countries.vat_percent, 0))) AS DECIMAL(18, 2)) AS vat,
  CAST(sum(revenue.orders) AS BIGINT) AS orders
FROM sales.daily_revenue AS revenue
LEFT JOIN sales.stg_countries AS countries ON countries.country = revenue.country
GROUP BY coalesce(countries.region, 'Elsewhere')
