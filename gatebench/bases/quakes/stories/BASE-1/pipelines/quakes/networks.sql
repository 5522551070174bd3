/* penstock
description: How many events each network reports, and how long it revises them.
materialize: table
*/
SELECT
  left(id, 2) AS network,
  count(*) AS events,
  round(median(date_diff('second', time, updated)) / 60.0, 1) AS revised_for_minutes
FROM quakes.events
GROUP BY left(id, 2)
