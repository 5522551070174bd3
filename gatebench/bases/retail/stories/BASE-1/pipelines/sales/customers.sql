/* penstock
description: Each known customer once, with the last invoice.
materialize: merge
key: [customer_id]
interval: day(last_invoiced_at)
*/
SELECT
  customer_id,
  country,
  invoiced_at AS last_invoiced_at,
  invoice_no AS last_invoice_no,
  CAST(sum(quantity * unit_price) AS DECIMAL(18, 2)) AS last_amount
FROM sales.stg_invoices
WHERE invoiced_at >= $interval_start AND invoiced_at < $interval_end
  AND is_sale
  AND customer_id IS NOT NULL
GROUP BY customer_id, country, invoiced_at, invoice_no
QUALIFY row_number() OVER (PARTITION BY customer_id ORDER BY last_invoiced_at DESC, last_invoice_no DESC, country) = 1
