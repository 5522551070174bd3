/* penstock
description: The products, with what they cost us.
materialize: table
*/
SELECT
  CAST(product_id AS BIGINT) AS product_id,
  name,
  category,
  CAST(cost_eur AS DECIMAL(12, 2)) AS cost_eur,
  CAST(weight_g AS INTEGER) / 1000 AS weight_kg
FROM shop.products_file
