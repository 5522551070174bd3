/* penstock
description: The customers; those whose country nobody noted have ZZ.
materialize: table
*/
SELECT
  CAST(customer_id AS BIGINT) AS customer_id,
  name,
  lower(email) AS email,
  coalesce(country, 'ZZ') AS country,
  CAST(born_on AS DATE) AS born_on,
  CAST(signed_up_on AS DATE) AS signed_up_on,
  newsletter = 'yes' AS wants_newsletter
FROM shop.customers_file
