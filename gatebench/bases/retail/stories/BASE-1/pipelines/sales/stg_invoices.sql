/* penstock
description: Invoice lines, typed; a line that the till wrote twice counts once.
materialize: incremental
interval: day(invoiced_at)
*/
SELECT DISTINCT
  InvoiceNo AS invoice_no,
  StockCode AS stock_code,
  trim(Description) AS description,
  CAST(Quantity AS INTEGER) AS quantity,
  CAST(InvoiceDate AS TIMESTAMP) AS invoiced_at,
  CAST(UnitPrice AS DECIMAL(12, 3)) AS unit_price,
  regexp_replace(CustomerID, '\.0$', '') AS customer_id,
  Country AS country,
  starts_with(InvoiceNo, 'C') AS is_cancelled,
  NOT starts_with(InvoiceNo, 'C') AND CAST(Quantity AS INTEGER) > 0 AND CAST(UnitPrice AS DECIMAL(12, 3)) > 0 AS is_sale
FROM sales.invoices
WHERE _interval_start >= $interval_start AND _interval_start < $interval_end
