/* penstock
description: Each country as of the last day.
materialize: view
*/
SELECT country, day, confirmed, deaths, recovered
FROM cases.by_country_day
WHERE day = (SELECT max(day) FROM cases.by_country_day)
