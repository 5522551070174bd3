/* penstock
description: Quakes of magnitude 1 or more by day (UTC) and region.
materialize: table
*/
SELECT
  CAST(time AS DATE) AS day,
  region,
  count(*) AS quakes,
  max(magnitude) AS strongest,
  round(avg(depth_km), 2) AS mean_depth_km
FROM quakes.events
WHERE magnitude >= 1
GROUP BY ALL
