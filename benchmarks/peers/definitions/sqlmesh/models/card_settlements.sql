MODEL (
  name published.card_settlements,
  kind INCREMENTAL_BY_TIME_RANGE (time_column business_date, batch_size 1)
);

SELECT
  transaction_id, network, merchant_id, card_token, currency, amount_minor, fee_minor,
  transaction_type, authorized_at, settled_at, business_date
FROM staging.staged_cards
WHERE business_date BETWEEN @start_date AND @end_date;
