/* penstock
description: Every revision of every event that any snapshot listed, from when to when it was what the feed said.
materialize: merge
key: [id, revision]
interval: hour(checked_at)
batch: 168
*/
-- A slice speaks of the events that its snapshots are to list. These are not older than the longest window, 24 hours,
-- so everything ever said of them lies in the slice and in the 24 hours before it; two hours more allow for quakes whose
-- time is revised.
WITH seen AS (
  SELECT feed, taken_at, id, time, updated, magnitude, place, longitude, latitude, depth, revision
  FROM quakes.sightings
  WHERE taken_at >= $interval_start - INTERVAL 26 HOUR AND taken_at < $interval_end
),

looks AS (
  SELECT taken_at, reaches_back_to
  FROM quakes.snapshots
  WHERE taken_at >= $interval_start - INTERVAL 26 HOUR AND taken_at < $interval_end
),

revisions AS (
  SELECT
    id,
    revision,
    time,
    updated,
    magnitude,
    place,
    longitude,
    latitude,
    depth,
    min(taken_at) AS first_seen,
    max(taken_at) AS last_seen,
    count(*) AS snapshots
  FROM seen
  GROUP BY ALL
),

ordered AS (
  SELECT *, row_number() OVER (PARTITION BY id ORDER BY last_seen DESC, updated DESC, revision) = 1 AS is_latest
  FROM revisions
),

-- When an event was looked for after it was last seen, and last of all.
looked_for AS (
  SELECT
    latest.id,
    min(looks.taken_at) FILTER (WHERE looks.taken_at > latest.last_seen) AS left_at,
    max(looks.taken_at) AS checked_at
  FROM ordered AS latest
  JOIN looks ON looks.reaches_back_to <= latest.time OR looks.taken_at = latest.last_seen
  WHERE latest.is_latest
  GROUP BY latest.id
  HAVING max(looks.taken_at) >= $interval_start
),

-- The same quake under another id: within 3 seconds and 25 km, listed when the old id was looked for and not found.
renumbered AS (
  SELECT DISTINCT gone.id
  FROM looked_for AS gone
  JOIN ordered AS old ON old.id = gone.id AND old.is_latest
  JOIN seen AS other
    ON other.id <> gone.id
    AND other.taken_at >= gone.left_at
    AND other.taken_at <= gone.checked_at
    AND other.time >= old.time - INTERVAL 3 SECOND
    AND other.time <= old.time + INTERVAL 3 SECOND
  WHERE 2 * 6371 * asin(sqrt(
      pow(sin(radians(other.latitude - old.latitude) / 2), 2)
      + cos(radians(old.latitude)) * cos(radians(other.latitude))
        * pow(sin(radians(other.longitude - old.longitude) / 2), 2)
    )) <= 25
),

superseded AS (
  SELECT ordered.id, ordered.revision, min(later.taken_at) AS superseded_at
  FROM ordered
  JOIN seen AS later
    ON later.id = ordered.id AND later.revision <> ordered.revision AND later.taken_at >= ordered.last_seen
  WHERE NOT ordered.is_latest
  GROUP BY ordered.id, ordered.revision
)

SELECT
  ordered.id,
  ordered.revision,
  ordered.time,
  ordered.updated,
  ordered.magnitude,
  ordered.place,
  ordered.longitude,
  ordered.latitude,
  ordered.depth,
  ordered.first_seen,
  ordered.last_seen,
  CAST(ordered.snapshots AS BIGINT) AS snapshots,
  coalesce(superseded.superseded_at, looked_for.left_at) AS held_until,
  CASE
    WHEN NOT ordered.is_latest THEN 'revised'
    WHEN looked_for.left_at IS NULL THEN NULL
    WHEN renumbered.id IS NOT NULL THEN 'renumbered'
    ELSE 'deleted'
  END AS ended,
  ordered.is_latest,
  looked_for.checked_at
FROM ordered
JOIN looked_for ON looked_for.id = ordered.id
LEFT JOIN renumbered ON renumbered.id = ordered.id
LEFT JOIN superseded ON superseded.id = ordered.id AND superseded.revision = ordered.revision
