SELECT
    business_date,
    network,
    currency,
    sum(amount_minor) AS gross_minor,
    sum(fee_minor) AS fee_minor,
    count(*) AS transactions,
    10000 * sum(fee_minor)::DOUBLE / nullif(sum(amount_minor), 0) AS effective_bps
FROM card_settlements
GROUP BY business_date, network, currency
ORDER BY network, currency
