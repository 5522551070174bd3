/* penstock
description: Quakes in cells of five degrees.
materialize: table
*/
SELECT
  CAST(floor(latitude / 5) * 5 AS INTEGER) AS south,
  CAST(floor(longitude / 5) * 5 AS INTEGER) AS west,
  count(*) AS quakes,
  max(magnitude) AS strongest,
  max(time) AS last_at
FROM quakes.events
GROUP BY ALL
