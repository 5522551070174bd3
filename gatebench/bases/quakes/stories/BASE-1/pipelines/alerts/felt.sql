/* penstock
description: Quakes from magnitude 4.5 on, with the energy that they set free.
materialize: table
*/
SELECT
  id,
  time,
  region,
  magnitude,
  depth_km,
  CASE WHEN magnitude >= 6 THEN 'red' WHEN magnitude >= 5 THEN 'orange' ELSE 'yellow' END AS level,
  round(pow(10, 1.5 * magnitude + 4.8) / 1e9, 3) AS energy_gj
FROM quakes.events
WHERE magnitude >= 4.5
