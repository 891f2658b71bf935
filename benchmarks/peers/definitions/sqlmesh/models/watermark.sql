MODEL (
  name published.watermark,
  kind INCREMENTAL_BY_TIME_RANGE (time_column business_date, batch_size 1)
);

SELECT
  business_date, COUNT(*) AS rows, SUM(amount_minor) AS amount_minor
FROM published.card_settlements
WHERE business_date BETWEEN @start_date AND @end_date
GROUP BY business_date;
