/* penstock
description: What a country had reported up to a day, under one name.
materialize: incremental
interval: day(day)
*/
SELECT
  reports.file_day AS day,
  coalesce(names.country, reports.country) AS country,
  CAST(coalesce(sum(reports.confirmed), 0) AS BIGINT) AS confirmed,
  CAST(coalesce(sum(reports.deaths), 0) AS BIGINT) AS deaths,
  CAST(coalesce(sum(reports.recovered), 0) AS BIGINT) AS recovered,
  count(*) AS places
FROM cases.stg_reports AS reports
LEFT JOIN cases.stg_country_names AS names ON names.spelling = reports.country
WHERE reports.file_day >= $interval_start AND reports.file_day < $interval_end
GROUP BY ALL
