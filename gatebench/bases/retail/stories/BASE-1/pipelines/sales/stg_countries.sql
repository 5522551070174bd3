/* penstock
description: The countries we sell to, typed.
materialize: table
*/
SELECT country, region, CAST(vat_percent AS DECIMAL(5, 2)) AS vat_percent
FROM sales.countries
