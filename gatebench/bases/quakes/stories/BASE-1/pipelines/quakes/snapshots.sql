/* penstock
description: Each snapshot of each feed that lists something, and how much.
materialize: incremental
interval: hour(taken_at)
batch: 168
*/
SELECT feed, taken_at, count(*) AS listed, max(magnitude) AS strongest
FROM quakes.sightings
WHERE taken_at >= $interval_start AND taken_at < $interval_end
GROUP BY feed, taken_at
