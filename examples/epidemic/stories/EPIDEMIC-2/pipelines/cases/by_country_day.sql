/* penstock
description: What a country had reported up to a day, under one name, one row per country and day with a file.
materialize: incremental
interval: day(day)
*/
SELECT
  reports.file_date AS day,
  coalesce(names.country, reports.country) AS country,
  -- Cases confirmed so far.
  CAST(coalesce(sum(reports.confirmed), 0) AS BIGINT) AS confirmed,
  -- Deaths so far.
  CAST(coalesce(sum(reports.deaths), 0) AS BIGINT) AS deaths,
  -- Recovered so far.
  CAST(coalesce(sum(reports.recovered), 0) AS BIGINT) AS recovered
FROM cases.stg_reports AS reports
LEFT JOIN cases.stg_country_names AS names ON names.spelling = reports.country
WHERE reports.file_date >= $interval_start AND reports.file_date < $interval_end
GROUP BY ALL
