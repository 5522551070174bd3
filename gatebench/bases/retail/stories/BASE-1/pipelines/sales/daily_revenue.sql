/* penstock
description: Revenue in pounds sterling, one row per day and country in which anything was invoiced.
materialize: incremental
interval: day(day)
*/
SELECT
  CAST(invoiced_at AS DATE) AS day,
  country,
  CAST(coalesce(sum(quantity * unit_price) FILTER (WHERE is_sale), 0) AS DECIMAL(18, 2)) AS gross,
  CAST(coalesce(-sum(quantity * unit_price) FILTER (WHERE is_cancelled), 0) AS DECIMAL(18, 2)) AS returns,
  CAST(coalesce(sum(quantity * unit_price) FILTER (WHERE is_sale), 0) AS DECIMAL(18, 2))
    - CAST(coalesce(-sum(quantity * unit_price) FILTER (WHERE is_cancelled), 0) AS DECIMAL(18, 2)) AS net,
  count(DISTINCT invoice_no) FILTER (WHERE is_sale) AS orders,
  count(DISTINCT customer_id) FILTER (WHERE is_sale) AS customers
FROM sales.stg_invoices
WHERE invoiced_at >= $interval_start AND invoiced_at < $interval_end
GROUP BY ALL
