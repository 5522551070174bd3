/* penstock
description: What each product sold on a day, without postage, fees and vouchers.
materialize: incremental
interval: day(day)
*/
SELECT
  CAST(invoiced_at AS DATE) AS day,
  stock_code,
  CAST(sum(quantity) AS BIGINT) AS units,
  CAST(sum(quantity * unit_price) AS DECIMAL(18, 2)) AS gross,
  count(DISTINCT invoice_no) AS orders
FROM sales.stg_invoices
WHERE invoiced_at >= $interval_start AND invoiced_at < $interval_end
  AND is_sale
  AND regexp_matches(stock_code, '^[0-9]{5}')
GROUP BY ALL
