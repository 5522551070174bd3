/* penstock
description: Quakes by day and region, of those that still stand and have a magnitude of 1 or more.
materialize: table
*/
-- Made whole: a revision may move a quake to another day, and a deletion takes it from its day, long after that day.
SELECT
  CAST(time AS DATE) AS day,
  region,
  count(*) AS quakes,
  count(*) FILTER (WHERE magnitude >= 4.5) AS felt_by_many,
  max(magnitude) AS strongest,
  max(depth) AS deepest
FROM quakes.current
WHERE status = 'live' AND magnitude >= 1
GROUP BY ALL
