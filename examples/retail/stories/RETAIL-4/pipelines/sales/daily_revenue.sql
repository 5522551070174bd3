/* penstock
description: Revenue in pounds sterling, one row per day and country in which anything was invoiced.
materialize: incremental
interval: day(day)
*/
WITH measured AS (
  SELECT
    CAST(lines.invoiced_at AS DATE) AS day,
    lines.country,
    -- What was sold, in pounds.
    CAST(coalesce(sum(lines.quantity * lines.unit_price) FILTER (WHERE lines.is_sale), 0) AS DECIMAL(18, 2)) AS gross,
    -- What cancellations took back, in pounds; above zero when money flows back.
    CAST(coalesce(-sum(lines.quantity * lines.unit_price) FILTER (WHERE lines.is_cancelled), 0) AS DECIMAL(18, 2)) AS returns,
    -- Invoices that hold a sale.
    count(DISTINCT lines.invoice_no) FILTER (WHERE lines.is_sale) AS orders,
    -- Known customers who bought something.
    count(DISTINCT lines.customer_id) FILTER (WHERE lines.is_sale) AS customers,
    -- What Christmas articles brought in, in pounds; the line's own text may be missing or a note.
    CAST(
      coalesce(
        sum(lines.quantity * lines.unit_price)
          FILTER (WHERE lines.is_sale AND products.description LIKE '%CHRISTMAS%'),
        0
      ) AS DECIMAL(18, 2)
    ) AS christmas
  FROM sales.stg_invoices AS lines
  LEFT JOIN sales.products AS products ON products.stock_code = lines.stock_code
  WHERE lines.invoiced_at >= $interval_start AND lines.invoiced_at < $interval_end
  GROUP BY ALL
)

SELECT
  day,
  country,
  gross,
  returns,
  -- What remains of gross after returns, in pounds.
  CAST(gross - returns AS DECIMAL(18, 2)) AS net,
  orders,
  customers,
  christmas
FROM measured
