/* penstock
description: Each product once, under the name that most of its lines have.
materialize: table
*/
WITH names AS (
  SELECT stock_code, description, count(*) AS lines
  FROM sales.stg_invoices
  WHERE is_sale AND description IS NOT NULL AND regexp_matches(stock_code, '^[0-9]{5}')
  GROUP BY stock_code, description
)

SELECT stock_code, description AS name
FROM names
QUALIFY row_number() OVER (PARTITION BY stock_code ORDER BY lines DESC, description) = 1
