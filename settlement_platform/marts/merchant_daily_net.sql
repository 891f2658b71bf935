SELECT
    business_date,
    merchant_id,
    currency,
    sum(amount_minor) AS gross_minor,
    sum(fee_minor) AS fee_minor,
    sum(net_minor) AS net_minor,
    count(*) AS transactions
FROM card_settlements
GROUP BY business_date, merchant_id, currency
ORDER BY merchant_id, currency
