MODEL (
  name staging.staged_cards,
  kind INCREMENTAL_BY_TIME_RANGE (time_column business_date, batch_size 1),
  audits (every_row_is_sound, keys_are_unique)
);

SELECT
  transaction_id, network, merchant_id, card_token, currency, amount_minor, fee_minor,
  transaction_type, authorized_at, settled_at, business_date
FROM READ_CSV(
  -- When it creates the table, SQLMesh tries the query on a date for which there are no files.
  @landing || '/' || @IF(@runtime_stage = 'creating', '*', @start_ds) || '/*/cards.csv',
  header = TRUE, auto_detect = FALSE, delim = ',', quote = '"',
  columns = {
    'transaction_id': 'VARCHAR', 'network': 'VARCHAR', 'merchant_id': 'VARCHAR', 'card_token': 'VARCHAR',
    'currency': 'VARCHAR', 'amount_minor': 'BIGINT', 'fee_minor': 'BIGINT', 'transaction_type': 'VARCHAR',
    'authorized_at': 'TIMESTAMPTZ', 'settled_at': 'TIMESTAMPTZ', 'business_date': 'DATE'
  }
)
WHERE business_date BETWEEN @start_date AND @end_date;
