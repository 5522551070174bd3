/* penstock
description: The hundred products that sold for most, the best first.
materialize: table
*/
WITH sold AS (
  SELECT stock_code, CAST(sum(gross) AS DECIMAL(18, 2)) AS gross, CAST(sum(units) AS BIGINT) AS units
  FROM sales.product_sales
  GROUP BY stock_code
)

SELECT
  row_number() OVER (ORDER BY sold.gross DESC, sold.stock_code) AS place,
  sold.stock_code,
  products.name,
  sold.gross,
  sold.units
FROM sold
JOIN sales.products AS products ON products.stock_code = sold.stock_code
QUALIFY place <= 100
