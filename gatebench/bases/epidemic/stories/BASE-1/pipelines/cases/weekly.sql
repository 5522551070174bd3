/* penstock
description: New cases and deaths by week (from Monday on) and continent; ships have none.
materialize: table
*/
SELECT
  CAST(date_trunc('week', fresh.day) AS DATE) AS week,
  coalesce(people.continent, 'none') AS continent,
  CAST(sum(fresh.new_confirmed) AS BIGINT) AS new_confirmed,
  CAST(sum(fresh.new_deaths) AS BIGINT) AS new_deaths
FROM cases.new_cases AS fresh
LEFT JOIN cases.stg_population AS people ON people.country = fresh.country
GROUP BY ALL
