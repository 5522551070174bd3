/* penstock
description: Each order once, in the state that was exported last.
materialize: merge
key: [order_id]
interval: day(file_day)
*/
SELECT file_day, order_id, customer_id, ordered_at, channel, currency, shipping, voucher, status
FROM shop.stg_orders
WHERE file_day >= $interval_start AND file_day < $interval_end
QUALIFY row_number() OVER (PARTITION BY order_id ORDER BY file_day DESC, exported_at DESC) = 1
