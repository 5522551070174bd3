/* penstock
description: Whom the agency may write to, by a pseudonym, with the segment.
materialize: table
*/
SELECT
  mask_hash(customers.email) AS email_hash,
  customers.country,
  segments.segment
FROM shop.dim_customers AS customers
JOIN crm.segments AS segments ON segments.customer_id = customers.customer_id
WHERE customers.wants_newsletter
