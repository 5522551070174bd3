/* penstock
description: What each snapshot says of each event that it lists, typed; one row for each event and snapshot.
materialize: incremental
interval: hour(taken_at)
batch: 168
*/
WITH landed AS (
  SELECT 'day' AS feed, id, generated, mag, place, time, updated, url, longitude, latitude, depth
  FROM quakes.past_day
  WHERE _interval_start >= $interval_start AND _interval_start < $interval_end
  UNION ALL
  SELECT 'hour' AS feed, id, generated, mag, place, time, updated, url, longitude, latitude, depth
  FROM quakes.past_hour
  WHERE _interval_start >= $interval_start AND _interval_start < $interval_end
)

SELECT DISTINCT
  feed,
  make_timestamp(CAST(generated AS BIGINT) * 1000) AS taken_at,
  -- The first snapshots alone name the id; the address ends in it always.
  coalesce(id, regexp_extract(url, '[^/]+$')) AS id,
  make_timestamp(CAST(time AS BIGINT) * 1000) AS time,
  make_timestamp(CAST(updated AS BIGINT) * 1000) AS updated,
  CAST(mag AS DOUBLE) AS magnitude,
  place,
  CAST(longitude AS DOUBLE) AS longitude,
  CAST(latitude AS DOUBLE) AS latitude,
  CAST(depth AS DOUBLE) AS depth_km
FROM landed
WHERE url IS NOT NULL -- a snapshot that lists nothing has a row without an event
