/* penstock
description: What each place reported up to a day, typed.
materialize: incremental
interval: day(file_day)
*/
SELECT
  CAST(_interval_start AS DATE) AS file_day,
  nullif(trim(county), '') AS county,
  nullif(trim(province), '') AS province,
  trim(country) AS country,
  coalesce(
    try_strptime(last_update, '%Y-%m-%d %H:%M:%S'),
    try_strptime(last_update, '%Y-%m-%dT%H:%M:%S'),
    try_strptime(last_update, '%m/%d/%y %H:%M')
  ) AS reported_at,
  CAST(latitude AS DOUBLE) AS latitude,
  CAST(longitude AS DOUBLE) AS longitude,
  CAST(Confirmed AS INTEGER) AS confirmed,
  CAST(Deaths AS INTEGER) AS deaths,
  CAST(Recovered AS INTEGER) AS recovered
FROM cases.reports
WHERE _interval_start >= $interval_start AND _interval_start < $interval_end
