/* penstock
description: Each event once, as the last snapshot that listed it told it.
materialize: merge
key: [id]
interval: hour(taken_at)
batch: 168
*/
SELECT
  id,
  time,
  updated,
  magnitude,
  place,
  CASE trim(split_part(coalesce(place, 'unknown'), ',', -1))
    WHEN 'CA' THEN 'California'
    WHEN 'MX' THEN 'Mexico'
    ELSE trim(split_part(coalesce(place, 'unknown'), ',', -1))
  END AS region,
  longitude,
  latitude,
  depth_km,
  taken_at
FROM quakes.sightings
WHERE taken_at >= $interval_start AND taken_at < $interval_end
QUALIFY row_number() OVER (PARTITION BY id ORDER BY taken_at DESC, updated DESC, feed) = 1
