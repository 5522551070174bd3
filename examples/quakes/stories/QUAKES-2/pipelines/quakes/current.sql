/* penstock
description: Each event once, as the last snapshot that listed it told it, and whether it still stands.
materialize: merge
key: [id]
interval: hour(checked_at)
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
  depth,
  coalesce(ended, 'live') AS status,
  checked_at
FROM quakes.history
WHERE is_latest AND checked_at >= $interval_start AND checked_at < $interval_end
