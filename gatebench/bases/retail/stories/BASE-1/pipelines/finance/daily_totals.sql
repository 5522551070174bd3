/* penstock
description: Revenue of all countries by day, and since the beginning.
materialize: view
*/
SELECT
  day,
  CAST(sum(gross) AS DECIMAL(18, 2)) AS gross,
  CAST(sum(net) AS DECIMAL(18, 2)) AS net,
  CAST(sum(sum(net)) OVER (ORDER BY day) AS DECIMAL(18, 2)) AS net_so_far
FROM sales.daily_revenue
GROUP BY day
