/* penstock
description: Cases per hundred thousand people, and deaths per hundred cases.
materialize: table
*/
SELECT
  reported.day,
  reported.country,
  people.continent,
  reported.confirmed,
  round(100000.0 * reported.confirmed / people.population, 3) AS per_100k,
  round(100.0 * reported.deaths / nullif(reported.confirmed, 0), 3) AS fatality_percent
FROM cases.by_country_day AS reported
LEFT JOIN cases.stg_population AS people ON people.country = reported.country
