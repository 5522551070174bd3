/* penstock
description: What a unit of a currency is worth in euros, from a working day until the next one.
materialize: table
*/
SELECT
  currency,
  CAST(day AS DATE) AS valid_from,
  coalesce(lead(CAST(day AS DATE)) OVER (PARTITION BY currency ORDER BY CAST(day AS DATE)), DATE '9999-12-31') AS valid_until,
  CAST(eur_per_unit AS DECIMAL(18, 6)) AS eur_per_unit
FROM shop.rates_file
