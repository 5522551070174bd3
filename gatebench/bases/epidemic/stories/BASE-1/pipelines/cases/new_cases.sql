/* penstock
description: What was new on a day, in each country; a country's first day has no new cases.
materialize: table
*/
SELECT
  day,
  country,
  confirmed - lag(confirmed, 1, confirmed) OVER earlier AS new_confirmed,
  deaths - lag(deaths, 1, deaths) OVER earlier AS new_deaths
FROM cases.by_country_day
WINDOW earlier AS (PARTITION BY country ORDER BY day)
