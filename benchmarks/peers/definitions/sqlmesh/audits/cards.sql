AUDIT (name every_row_is_sound);

SELECT *
FROM @this_model
WHERE business_date BETWEEN @start_date AND @end_date
  AND (
    transaction_id IS NULL OR network IS NULL OR merchant_id IS NULL OR card_token IS NULL OR currency IS NULL
    OR amount_minor IS NULL OR fee_minor IS NULL OR transaction_type IS NULL OR authorized_at IS NULL
    OR settled_at IS NULL
  );

AUDIT (name keys_are_unique);

SELECT transaction_id
FROM @this_model
WHERE business_date BETWEEN @start_date AND @end_date
GROUP BY transaction_id
HAVING COUNT(*) > 1;
