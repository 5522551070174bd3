/* penstock
description: Products and their names; lower-case notes of the warehouse are no names.
materialize: table
*/
SELECT DISTINCT
  stock_code,
  description
FROM sales.stg_invoices
WHERE description = upper(description)
