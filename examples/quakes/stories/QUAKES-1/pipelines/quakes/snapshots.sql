/* penstock
description: Each snapshot of each feed, also one that lists nothing, and how far back it reaches.
materialize: incremental
interval: hour(taken_at)
batch: 168
*/
WITH landed AS (
  SELECT 'day' AS feed, make_timestamp(CAST(generated AS BIGINT) * 1000) AS taken_at, url
  FROM quakes.past_day
  WHERE _interval_start >= $interval_start AND _interval_start < $interval_end
  UNION ALL
  SELECT 'hour' AS feed, make_timestamp(CAST(generated AS BIGINT) * 1000) AS taken_at, url
  FROM quakes.past_hour
  WHERE _interval_start >= $interval_start AND _interval_start < $interval_end
)

SELECT
  feed,
  taken_at,
  -- An event that happened since then is to be in the snapshot.
  taken_at - CASE feed WHEN 'day' THEN INTERVAL 24 HOUR ELSE INTERVAL 1 HOUR END AS reaches_back_to,
  -- Counted by id: a snapshot that was delivered twice lists no more than once.
  count(DISTINCT regexp_extract(url, '[^/]+$')) AS listed
FROM landed
GROUP BY feed, taken_at
